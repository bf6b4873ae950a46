"""One LMDB environment between processes: growing, versions, damage, and the one writer."""

import errno
import mmap
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from iai.errors import (
    StoreAbsent,
    StoreBusy,
    StoreCorrupt,
    StoreOutdated,
    StoreTooNew,
    StoreWriteFailed,
)
from iai.store import environment, lmdb_file
from iai.store.environment import Environment
from iai.store.lmdb_file import check
from iai.store.migrations import Step
from iai.store.schema import COPIES_KEPT
from iai.store.transaction import Transaction

SPAWN = multiprocessing.get_context("spawn")
SMALL = 1 << 18  # bytes: full after a few writes


def fill(environment: Environment, first: int, count: int) -> None:
    def change(transaction: object) -> None:
        for number in range(first, first + count):
            transaction.put(b"%06d" % number, b"x" * 500, db=environment.db["things"])  # type: ignore[attr-defined]

    environment.write(change)


def count(environment: Environment) -> int:
    with environment.read() as transaction:
        return transaction.count(environment.db["things"])


def open_things(path: Path, *, writer: bool, map_size: int = SMALL, schema: int = 1) -> Environment:
    return Environment(path, ("things",), schema=schema, writer=writer, map_size=map_size)


def count_on_request(path: Path, connection: Connection) -> None:
    """A reader in another process that stays open: answers each message with what it counts."""
    environment = open_things(path, writer=False)
    while connection.recv():
        connection.send(count(environment))


def write_until_killed(path: Path, connection: Connection) -> None:
    environment = open_things(path, writer=True)
    number = 0
    while True:
        fill(environment, number, 10)
        number += 10
        connection.send(number)


def try_to_write(path: Path, connection: Connection) -> None:
    try:
        open_things(path, writer=True)
    except StoreBusy as error:
        connection.send(str(error))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "environment"


@pytest.fixture
def writer(path: Path) -> Iterator[Environment]:
    environment = open_things(path, writer=True)
    yield environment
    environment.close()


def test_a_full_map_grows_while_readers_in_other_processes_stay_open(
    path: Path, writer: Environment
) -> None:
    ours, theirs = SPAWN.Pipe()
    reader = SPAWN.Process(target=count_on_request, args=(path, theirs))
    fill(writer, 0, 10)
    reader.start()
    for step in range(1, 20):
        fill(writer, step * 100, 100)
        ours.send(True)  # noqa: FBT003
        assert ours.recv() == 10 + step * 100
    ours.send(False)  # noqa: FBT003
    reader.join()
    assert (path / "data.mdb").stat().st_size > SMALL


def test_one_reader_too_many_is_refused_and_the_next_can_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmdb_file, "MAX_READERS", 4)
    store = open_things(path, writer=True)
    with ExitStack() as opened:
        for _ in range(4):
            opened.enter_context(store.read())
        with pytest.raises(StoreWriteFailed, match="4 read it at once; try again"):
            opened.enter_context(store.read())
    assert count(store) == 0
    store.close()


def test_a_change_that_fills_the_map_is_kept_whole(writer: Environment) -> None:
    fill(writer, 0, 5_000)
    assert count(writer) == 5_000


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_acknowledged(path: Path) -> None:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=write_until_killed, args=(path, theirs))
    process.start()
    theirs.close()
    acknowledged = [ours.recv() for _ in range(30)][-1]
    process.kill()
    process.join()
    while ours.poll():
        try:
            acknowledged = ours.recv()
        except EOFError:
            break
    environment = open_things(path, writer=True)
    kept = count(environment)
    environment.close()
    assert kept in (acknowledged, acknowledged + 10)


def test_there_is_one_writer_at_a_time(path: Path, writer: Environment) -> None:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=try_to_write, args=(path, theirs))
    process.start()
    assert ours.recv() == f"another process writes {path}"
    process.join()
    assert count(writer) == 0


def test_a_reader_without_a_writer_yet_finds_it_absent(path: Path) -> None:
    with pytest.raises(StoreAbsent, match="does not exist yet"):
        open_things(path, writer=False)


def test_a_newer_store_is_refused_with_what_to_do(path: Path) -> None:
    open_things(path, writer=True, schema=2).close()
    for as_writer in (True, False):
        with pytest.raises(StoreTooNew, match=r"schema 2, this one knows up to 1\); upgrade iai"):
            open_things(path, writer=as_writer, schema=1)


def test_a_newer_store_with_other_databases_counts_as_newer_and_stays_as_it_is(
    path: Path,
) -> None:
    Environment(path, ("others",), schema=2, writer=True).close()
    before = (path / "data.mdb").read_bytes()
    for as_writer in (True, False):
        with pytest.raises(StoreTooNew):
            open_things(path, writer=as_writer, schema=1)
    assert (path / "data.mdb").read_bytes() == before


@pytest.mark.parametrize("pages", [1, 3, 50, 100])
def test_a_truncated_file_is_detected_before_it_kills_the_process(path: Path, pages: int) -> None:
    environment = open_things(path, writer=True)
    fill(environment, 0, 1_000)
    environment.close()
    size = (path / "data.mdb").stat().st_size
    os.truncate(path / "data.mdb", size - pages * 4_096)
    with pytest.raises(StoreCorrupt, match="beyond EOF"):
        open_things(path, writer=True)


def test_a_reader_rejects_a_file_under_a_quarter_of_its_size(path: Path) -> None:
    environment = open_things(path, writer=True)
    fill(environment, 0, 1_000)
    environment.close()
    os.truncate(path / "data.mdb", 20_000)
    with pytest.raises(StoreCorrupt, match="bytes of"):
        open_things(path, writer=False)


def test_a_file_whose_last_pages_were_never_written_is_intact(path: Path) -> None:
    """LMDB does not write pages that a transaction took and gave back."""
    environment = open_things(path, writer=True)

    def take_and_give_back(transaction: Any) -> None:
        things = environment.db["things"]
        for number in range(300):
            transaction.put(b"big%03d" % number, b"x" * 3_000, db=things)
        assert transaction.count(things) == 300  # and no longer held back
        for number in range(1, 300):
            transaction.delete(b"big%03d" % number, db=things)

    environment.write(take_and_give_back)
    needed = (environment._connection.env.info()["last_pgno"] + 1) * 4_096
    environment.close()
    assert (path / "data.mdb").stat().st_size < needed
    environment = open_things(path, writer=True)
    assert count(environment) == 1
    environment.close()
    assert (path / "data.mdb").stat().st_size == needed


def test_a_long_value_with_a_truncated_end_does_not_kill_the_process(path: Path) -> None:
    environment = open_things(path, writer=True)
    environment.write(lambda t: t.put(b"long", b"x" * 200_000, db=environment.db["things"]))
    environment.close()
    size = (path / "data.mdb").stat().st_size
    os.truncate(path / "data.mdb", size - 5 * 4_096)
    try:
        environment = open_things(path, writer=True)
    except StoreCorrupt:
        return
    with environment.read() as transaction:
        value = transaction.get(b"long", db=environment.db["things"])
    environment.close()
    assert value is not None
    assert value.startswith(b"xxx")


def test_garbage_in_the_middle_is_found_by_a_check(path: Path) -> None:
    environment = open_things(path, writer=True)
    fill(environment, 0, 1_000)
    environment.close()
    check(path)
    data = path / "data.mdb"
    with data.open("r+b") as file:
        file.seek(data.stat().st_size // 2)
        file.write(b"\xff" * 8_192)
    with pytest.raises(StoreCorrupt, match=str(path)):
        check(path)


def test_a_missing_file_counts_as_intact(path: Path) -> None:
    check(path)
    check(None)


def test_another_kind_of_file_counts_as_damage(path: Path) -> None:
    path.mkdir()
    (path / "data.mdb").write_bytes(b"not a database" * 1_000)
    with pytest.raises(StoreCorrupt, match=str(path)):
        open_things(path, writer=True)


def test_a_reader_follows_when_the_files_are_replaced(path: Path) -> None:
    first = open_things(path, writer=True)
    fill(first, 0, 7)
    first.close()
    reader = open_things(path, writer=False)
    assert count(reader) == 7
    for name in ("data.mdb", "lock.mdb"):
        (path / name).unlink()
    with pytest.raises(StoreAbsent):
        count(reader)
    # Another process, as in life: LMDB refuses one environment twice in one process.
    process = SPAWN.Process(target=make_again, args=(path,))
    process.start()
    process.join()
    assert count(reader) == 3
    reader.close()


def make_again(path: Path) -> None:
    environment = open_things(path, writer=True)
    fill(environment, 0, 3)
    environment.close()


def test_only_their_user_can_read_the_files(path: Path, writer: Environment) -> None:
    assert path.stat().st_mode & 0o777 == 0o700
    for file in path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    assert count(writer) == 0


# --- a store of an earlier version ---------------------------------------------------------------


def rename_things(transaction: Any, db: Any) -> None:
    for key, value in list(transaction.entries(db["things"])):
        transaction.delete(key, db=db["things"])
        transaction.put(b"v2-" + key, value, db=db["things"])


def upgraded(path: Path, schema: int, steps: dict[int, Step] | None) -> Environment:
    return Environment(path, ("things",), schema=schema, writer=True, steps=steps)


def first_key(environment: Environment) -> bytes:
    with environment.read() as transaction:
        return next(transaction.entries(environment.db["things"]))[0]


def test_an_earlier_schema_is_migrated_step_by_step_and_a_copy_is_kept(path: Path) -> None:
    old = open_things(path, writer=True)
    fill(old, 0, 3)
    old.close()
    with pytest.raises(StoreOutdated, match=r"earlier iai \(schema 1\); `iai up`"):
        open_things(path, writer=False, schema=3)
    new = upgraded(path, 3, {1: rename_things, 2: lambda *_: None})
    assert (first_key(new), count(new)) == (b"v2-000000", 3)
    new.close()
    (copy,) = (path.parent / "backups").iterdir()
    kept = open_things(copy, writer=False)
    assert (first_key(kept), count(kept)) == (b"000000", 3)
    kept.close()
    again = upgraded(path, 3, {})
    assert count(again) == 3
    again.close()
    assert len(list((path.parent / "backups").iterdir())) == 1


def test_a_failed_step_leaves_everything_as_it_was(path: Path) -> None:
    old = open_things(path, writer=True)
    fill(old, 0, 3)
    old.close()

    def fails(transaction: Any, db: Any) -> None:
        rename_things(transaction, db)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        upgraded(path, 2, {1: fails})
    same = open_things(path, writer=True)
    assert first_key(same) == b"000000"
    same.close()


def test_only_the_latest_copies_are_kept(path: Path) -> None:
    for number in range(COPIES_KEPT + 2):
        (path.parent / "backups" / f"environment-schema-0-{number}").mkdir(parents=True)
    (path.parent / "backups" / "before-restore-1").mkdir()
    open_things(path, writer=True).close()
    upgraded(path, 2, {1: lambda *_: None}).close()
    names = sorted(copy.name for copy in (path.parent / "backups").iterdir())
    assert names[0] == "before-restore-1", "it is not ours to delete"
    assert len(names) == COPIES_KEPT + 1


def test_derived_data_is_not_migrated_but_rebuilt(path: Path) -> None:
    open_things(path, writer=True).close()
    with pytest.raises(StoreCorrupt, match="earlier iai") as raised:
        upgraded(path, 2, None)
    assert raised.value.path == path


def resident(path: Path) -> int:
    """Kilobytes of a file that this process has mapped and looked at (proc(5))."""
    kilobytes, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            ours = line.endswith(str(path))
        elif ours and line.startswith("Rss:"):
            kilobytes += int(line.split()[1])
    return kilobytes


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells it, others do not")
@pytest.mark.parametrize("as_writer", [True, False])
def test_pages_that_were_read_are_released_before_they_are_many(
    path: Path, writer: Environment, monkeypatch: pytest.MonkeyPatch, *, as_writer: bool
) -> None:
    fill(writer, 0, 20_000)
    if not as_writer:
        writer.close()
    one = writer if as_writer else open_things(path, writer=False)
    with one.read() as transaction:
        assert sum(len(data) for _, data in transaction.entries(one.db["things"])) == 10_000_000
    before = resident(path / "data.mdb")
    monkeypatch.setattr(environment, "MANY_FAULTS", -1)
    assert count(one) == 20_000
    assert resident(path / "data.mdb") < before / 2
    one.close()


def test_all_entries_are_checked_though_the_file_is_opened_again_between_two_slices(
    writer: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(writer, 0, 2 * environment.SLICE + 1)
    monkeypatch.setattr(environment, "MANY_FAULTS", -1)
    assert sum(writer.check_entries()) == writer.count_entries() > 2 * environment.SLICE


def test_it_stays_open_while_anything_reads_it(
    writer: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "MANY_FAULTS", -1)
    fill(writer, 0, 10)
    with writer.read() as transaction:
        assert count(writer) == 10
        fill(writer, 10, 10)
        assert transaction.get(b"000003", db=writer.db["things"]) == b"x" * 500
    assert count(writer) == 20


def test_damage_is_that_of_the_environment_that_was_read_not_of_a_view_within(
    tmp_path: Path,
) -> None:
    environments = []
    for name in ("outer", "inner"):
        opened = Environment(tmp_path / name, ("things",), schema=1, writer=True)
        things = opened.db["things"]
        opened.write(partial(Transaction.put, key=b"key", value=b"a value to be found", db=things))
        environments.append(opened)
    outer, inner = environments
    file = tmp_path / "outer" / "data.mdb"
    page = file.read_bytes().index(b"a value to be found") // mmap.PAGESIZE * mmap.PAGESIZE
    with file.open("r+b") as data:
        data.seek(page)
        data.write(bytes(mmap.PAGESIZE))
    with outer.read() as one, inner.read():
        with pytest.raises(StoreCorrupt) as damage:
            one.get(b"key", db=outer.db["things"])
        assert damage.value.path == tmp_path / "outer"
    with pytest.raises(StoreCorrupt) as damage, outer.read() as one, inner.read():
        one.getmulti([b"key"], db=outer.db["things"])
    assert damage.value.path == tmp_path / "outer"
    outer.close()
    inner.close()


def test_no_part_of_a_lock_file_is_missing_on_disk(tmp_path: Path) -> None:
    """To touch one on a full disk ended the process with SIGBUS: `iai crypto init` did."""
    with closing(open_things(tmp_path, writer=True)) as environment:
        status = (tmp_path / "lock.mdb").stat()
        assert status.st_blocks * 512 >= status.st_size >= 1_024 * 64
        copy = environment.begin_copy(tmp_path / "copy")
        assert not (tmp_path / "copy" / "lock.mdb").exists()
        copy.close()


def test_no_room_for_the_lock_file_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(StoreWriteFailed, match="No space left"):
        open_things(tmp_path, writer=True)
