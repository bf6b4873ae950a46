"""Scrubs: nothing that was deleted is left in the file, whoever reads and whenever it is killed."""

import multiprocessing
import re
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import lmdb
import pytest
from lmdb.verify import verify

from iai.errors import StoreWriteFailed
from iai.store import connection, copying, environment, lmdb_file
from iai.store.copying import Copy, renumber
from iai.store.environment import Environment, Tables
from tests.iai.store.kills import kill_after, killed

SPAWN = multiprocessing.get_context("spawn")
MAP_SIZE = 1 << 24
CODE = {connection.__file__, copying.__file__, environment.__file__, lmdb_file.__file__}
# Where it is killed: at each line of what can be seen from outside, and of the rest at some.
LATER = {
    "scrub",
    "step",
    "put",
    "_replace_file",
    "finish",
    "close",
    "renumber",
    "sync",
    "_connect",
    "_open",
}
SIZES = (10, 300, 3_000, 9_000)  # bytes: several in a page, one, and a few pages
WORD = re.compile(rb"SECRET(\d{5})-")


def open_things(path: Path, *, writer: bool = True, map_size: int = MAP_SIZE) -> Environment:
    return Environment(
        path, ("things",), schema=1, writer=writer, map_size=map_size, sets=("holders",)
    )


def put(store: Environment, numbers: range, size: int = 100) -> None:
    def change(transaction: Any) -> None:
        for number in numbers:
            value = b"SECRET%05d-" % number + bytes(size)
            transaction.put(b"%05d" % number, value, db=store.db["things"])
            with transaction.members(store.db["holders"]) as members:
                members.put(b"%03d" % (number % 7), b"SECRET%05d-" % number)

    store.write(change)


def delete(store: Environment, numbers: set[int]) -> None:
    def change(transaction: Any) -> None:
        for number in numbers:
            transaction.delete(b"%05d" % number, db=store.db["things"])
            key, value = b"%03d" % (number % 7), b"SECRET%05d-" % number
            with transaction.members(store.db["holders"]) as members:
                if members.set_key_dup(key, value):
                    members.delete()

    store.write(change)


def numbers(store: Environment) -> list[int]:
    """Return the numbers of all things, once each of them was found whole."""
    with store.read() as transaction:
        found = [(int(key), value) for key, value in transaction.entries(store.db["things"])]
    assert all(value.startswith(b"SECRET%05d-" % number) for number, value in found)
    return [number for number, _ in found]


def words_in(path: Path) -> set[int]:
    return {int(word) for word in WORD.findall((path / "data.mdb").read_bytes())}


def mark(store: Environment) -> int:
    with store.read() as transaction:
        return Tables(store, transaction).scrubbed()


def scrub(store: Environment, through: int = 1) -> None:
    while not store.scrub(through, 0.005):
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "things"


@pytest.fixture
def store(path: Path) -> Iterator[Environment]:
    store = open_things(path)
    yield store
    store.close()


def test_no_deleted_value_is_left_in_the_file(path: Path, store: Environment) -> None:
    for batch in range(40):
        put(store, range(batch * 50, batch * 50 + 50), SIZES[batch % 4])
    gone = set(range(0, 2_000, 3))
    delete(store, gone)
    assert words_in(path) & gone
    scrub(store)
    assert words_in(path) == set(range(2_000)) - gone == set(numbers(store))
    assert verify(str(path)) == []  # type: ignore[no-untyped-call]
    assert not (path / "scrubbed").exists()


def test_the_copy_of_lmdb_would_leave_deleted_values_in_its_pages(
    store: Environment, tmp_path: Path
) -> None:
    """Why entries are copied one by one. If this fails, LMDB's faster copy may do."""
    for batch in range(40):
        put(store, range(batch * 50, batch * 50 + 50), SIZES[batch % 4])
    gone = set(range(0, 2_000, 3))
    delete(store, gone)
    store.write(
        lambda transaction: transaction.drop(store.db["holders"], delete=False)
    )  # it may crash
    copied, ours = tmp_path / "copied", tmp_path / "ours"
    copied.mkdir()
    store._connection.env.copy(str(copied), compact=True)
    store.copy(ours)
    assert words_in(copied) & gone
    assert not words_in(ours) & gone


def test_what_is_written_after_a_scrub_brings_nothing_back(path: Path, store: Environment) -> None:
    put(store, range(1_000))
    delete(store, set(range(0, 1_000, 2)))
    scrub(store)
    for batch in range(1_000, 1_500, 10):
        put(store, range(batch, batch + 10), 500)
    assert not words_in(path) & set(range(0, 1_000, 2))


def test_a_write_has_a_scrub_start_over(path: Path, store: Environment) -> None:
    put(store, range(2_000))
    delete(store, {7})
    assert not store.scrub(1, 0.0)
    put(store, range(2_000, 2_010))
    delete(store, {8})
    scrub(store)
    assert words_in(path) == set(range(2_010)) - {7, 8}
    assert numbers(store) == sorted(words_in(path))


def test_a_scrub_notes_what_it_covers_and_is_kept_by_later_writes(store: Environment) -> None:
    assert mark(store) == 0
    put(store, range(10))
    scrub(store, through=5)
    put(store, range(10, 20))
    assert mark(store) == 5


def test_a_view_that_is_open_keeps_its_file_and_puts_the_scrub_off(store: Environment) -> None:
    put(store, range(10))
    with store.read() as outer:
        assert not store.scrub(1, 1.0)
        with store.read():
            assert outer.get(b"00003", db=store.db["things"])
    assert store.scrub(1, 1.0)


def test_databases_of_other_versions_are_kept(store: Environment) -> None:
    put(store, range(10))
    later = store._connection.env.open_db(b"later", dupsort=True)
    with store._connection.env.begin(write=True) as raw:
        raw.put(b"key", b"value", db=later)
    scrub(store)
    database = store._connection.env.open_db(b"later", create=False)
    with store._connection.env.begin() as raw:
        assert raw.get(b"key", db=database) == b"value"
        assert database.flags(raw)["dupsort"]  # type: ignore[call-arg]


def test_a_disk_that_fails_leaves_the_old_file(
    store: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, range(10))

    def refuse(_file: Path, _number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(environment, "renumber", refuse)
    with pytest.raises(StoreWriteFailed, match="No space"):
        scrub(store)
    assert numbers(store) == list(range(10))
    monkeypatch.undo()
    scrub(store)
    assert numbers(store) == list(range(10))
    assert mark(store) == 1


def test_a_copy_is_read_back_and_a_difference_is_found(store: Environment, tmp_path: Path) -> None:
    put(store, range(500))
    copy = store.begin_copy(tmp_path / "copy")
    put(store, range(500, 600))  # after the moment that it is a copy of
    while not copy.step(0.001):
        pass
    while not copy.compare(0.001):
        pass
    copy.close()
    copy = Copy(store._connection.env, tmp_path / "copy")
    while not copy.step(0.001):
        pass
    copy.put(b"things", b"00007", b"flipped")
    with pytest.raises(lmdb.CorruptedError, match="differs"):
        copy.compare(60.0)
    copy.close()


def test_a_number_that_readers_would_look_for_elsewhere_is_refused(
    store: Environment, tmp_path: Path
) -> None:
    put(store, range(5))
    store.copy(tmp_path / "copy")
    data = tmp_path / "copy" / "data.mdb"
    with pytest.raises(ValueError, match="cannot follow"):
        renumber(data, 0)


# --- other processes --------------------------------------------------------------------------


def read_on(path: Path, connection: Connection) -> None:
    """Read until told to stop: what was there once must be there ever after."""
    store = open_things(path, writer=False)
    reads, latest, seen = 0, -1, 0
    while not connection.poll():
        found = numbers(store)
        assert found[-1] >= latest, f"{found[-1]} after {latest}"
        marked = mark(store)
        assert marked >= seen, f"mark {marked} after {seen}"
        latest, seen, reads = found[-1], marked, reads + 1
        if reads == 1:
            connection.send("reading")
    connection.send((reads, latest, seen))


def start_readers(path: Path, count: int) -> list[tuple[Any, Connection]]:
    readers = []
    for _ in range(count):
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=read_on, args=(path, theirs))
        process.start()
        theirs.close()
        readers.append((process, ours))
    for _, pipe in readers:
        assert pipe.recv() == "reading"
    return readers


def end_readers(readers: list[tuple[Any, Connection]], latest: int, through: int) -> None:
    for process, pipe in readers:
        pipe.send("stop")
        reads, last, marked = pipe.recv()
        assert reads > 1
        assert (last, marked) <= (latest, through)
        process.join()
        assert process.exitcode == 0


def test_readers_in_other_processes_follow_through_many_scrubs(
    path: Path, store: Environment
) -> None:
    put(store, range(300))
    readers = start_readers(path, 2)
    latest = 300
    for through in range(1, 41):
        put(store, range(latest, latest + 3))
        delete(store, set(range(latest - 300, latest - 297)))
        latest += 3
        scrub(store, through)
    late = start_readers(path, 1)
    end_readers(readers + late, latest - 1, 40)
    assert numbers(store) == sorted(words_in(path)) == list(range(latest - 300, latest))


def change_and_scrub(path: Path, number: int, lines: int) -> None:
    """Change a store and scrub it; be killed after so many lines of the scrub."""
    store = open_things(path)
    put(store, range(number, number + 1))
    delete(store, {number - 900})
    kill_after(lines, CODE, LATER)
    scrub(store, number)


def kill_everywhere(path: Path, connection: Connection) -> None:
    """Scrub again and again, killed a little later each time, until one is not killed."""
    lines, number, early = 0, 1_000, True
    while early:
        early = killed(partial(change_and_scrub, path, number, lines))
        store = open_things(path)
        there = numbers(store)
        assert there == list(range(number - 899, number + 1))
        if mark(store) == number:
            assert words_in(path) == set(there)
        else:
            assert early
        assert not (path / "scrubbed").exists()
        store.close()
        number, lines = number + 1, lines + 1
    connection.send(lines)


def test_a_writer_killed_at_any_line_of_a_scrub_loses_nothing(path: Path) -> None:
    first = open_things(path)
    put(first, range(101, 1_000), 20)
    delete(first, set(range(101)))
    first.close()
    readers = start_readers(path, 1)
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=kill_everywhere, args=(path, theirs))
    process.start()
    theirs.close()
    assert ours.recv() > 50
    process.join()
    last = open_things(path)
    end_readers(readers, numbers(last)[-1], mark(last))
    last.close()


def test_scrubs_follow_each_other_while_a_reader_has_the_file_open(
    path: Path, store: Environment
) -> None:
    for number in range(300):
        put(store, range(number, number + 1))
    readers = start_readers(path, 1)
    for through in (1, 2, 3):
        scrub(store, through)
    end_readers(readers, 299, 3)
