"""The ledger: appended to, merged, pruned, and never in the way (SEED R15 to R18)."""

import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iai.model import clock
from iai.process import ledger
from iai.process.ledger import LONGEST_LINE, Ledger, Reader
from iai.protocol.cache_writer import CacheWriteFailed
from iai.protocol.message import Actor
from iai.protocol.supervisor import ActorDown, ActorUp

DAY = 86_400 * 10**9
WALL = 20_000 * DAY


def test_events_of_all_actors_are_merged_by_time(tmp_path: Path) -> None:
    one, two = (Ledger(tmp_path, a, 30) for a in (Actor.INGEST, Actor.EMBEDDING))
    one.write(ActorUp(actor=Actor.INGEST, pid=1), WALL + 2)
    two.write(ActorUp(actor=Actor.INGEST, pid=2), WALL + 1)
    one.write(ActorUp(actor=Actor.INGEST, pid=3), WALL + 3)
    events = list(ledger.read(tmp_path))
    assert [event["pid"] for event in events] == [2, 1, 3]
    assert [event["by"] for event in events] == ["embedding", "ingest", "ingest"]
    assert {event["kind"] for event in events} == {"actor-up"}
    assert [e["pid"] for e in ledger.read(tmp_path, since=WALL + 2)] == [1, 3]


def test_a_failed_refresh_is_a_warning_and_all_else_information(tmp_path: Path) -> None:
    written = Ledger(tmp_path, Actor.CACHE_WRITER, 30)
    failed = CacheWriteFailed(
        trigger="manual", cache_path="/s", reason="OSError", error="e", duration_ms=1
    )
    written.write(failed, WALL)
    written.write(ActorDown(actor=Actor.INGEST, reason="r"), WALL)
    assert [e["severity"] for e in ledger.read(tmp_path)] == ["warning", "info"]


def test_each_day_has_its_file_and_old_ones_go(tmp_path: Path) -> None:
    written = Ledger(tmp_path, Actor.INGEST, keep_days=3)
    for day in range(10):
        written.write(ActorUp(actor=Actor.INGEST, pid=day), WALL + day * DAY)
    assert [event["pid"] for event in ledger.read(tmp_path)] == [6, 7, 8, 9]


def test_only_its_own_old_files_are_deleted(tmp_path: Path) -> None:
    Ledger(tmp_path, Actor.EMBEDDING, 3).write(ActorUp(actor=Actor.INGEST, pid=1), WALL)
    Ledger(tmp_path, Actor.INGEST, 3).write(ActorUp(actor=Actor.INGEST, pid=2), WALL + 9 * DAY)
    assert [event["pid"] for event in ledger.read(tmp_path)] == [1, 2]


def event(number: int = 1) -> ActorUp:
    return ActorUp(actor=Actor.INGEST, pid=number)


def file_of(directory: Path) -> Path:
    """Where the events of the first test day go."""
    return directory / f"{clock.iso(WALL)[:10]}.ingest.jsonl"


def a_full_disk(path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has a device that is always full")
    path.symlink_to("/dev/full")


def a_read_only_file(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes into read-only files")
    path.touch(mode=0o400)


def a_missing_directory(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "at-all")


def a_full_day(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(ledger.LARGEST_FILE)


FAULTS = [Path.mkdir, a_full_disk, a_read_only_file, a_missing_directory, a_full_day]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_a_file_that_cannot_be_written_costs_the_event_and_says_which(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Callable[[Path], None]
) -> None:
    fault(file_of(tmp_path))
    written = Ledger(tmp_path, Actor.INGEST, 30)
    written.write(event(4711), WALL)
    written.write(event(4712), WALL + DAY)
    assert written.lost == 1
    assert "lost an event (1 so far)" in caplog.text
    assert '"kind": "actor-up", "actor": "ingest", "pid": 4711' in caplog.text
    assert [e["pid"] for e in ledger.read(tmp_path)] == [4712]


def test_a_file_in_the_place_of_the_directory_costs_the_events_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    written = Ledger(blocked, Actor.INGEST, 30)
    written.write(event(), WALL)
    assert written.lost == 1
    assert "lost an event" in caplog.text
    assert ledger.read(blocked) == []


def test_a_directory_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    directory = tmp_path / "ledger"
    written = Ledger(directory, Actor.INGEST, 30)
    written.write(event(1), WALL)
    shutil.rmtree(directory)
    written.write(event(2), WALL)
    assert [e["pid"] for e in ledger.read(directory)] == [2]
    assert directory.stat().st_mode & 0o777 == 0o700


def test_an_old_file_that_cannot_be_deleted_costs_no_event(tmp_path: Path) -> None:
    (tmp_path / "2000-01-01.ingest.jsonl").mkdir()
    written = Ledger(tmp_path, Actor.INGEST, 30)
    written.write(event(), WALL)
    assert written.lost == 0
    assert [e["pid"] for e in ledger.read(tmp_path)] == [1]


def test_a_short_write_is_a_lost_event_and_spoils_no_other(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: it, too, cuts a write short."""
    written = Ledger(tmp_path, Actor.INGEST, 30)
    written.write(event(1), WALL)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = file_of(tmp_path).stat().st_size + 20
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
    try:
        written.write(event(2), WALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    written.write(event(3), WALL)
    assert written.lost == 1
    assert len(file_of(tmp_path).read_bytes().splitlines()) == 3
    assert [e["pid"] for e in ledger.read(tmp_path)] == [1, 3]


GARBAGE = {
    "no JSON": b'{"half": ',
    "no UTF-8": b"\xff\xfe",
    "half a character": b'{"at_ns": 1, "kind": "\xc3"}',
    "half a surrogate pair": b'{"at_ns": 1, "kind": "\\ud800"}',
    "no object": b"[1]",
    "no time": b'{"kind": "actor-up"}',
    "a time that is none": b'{"at_ns": true, "kind": "actor-up"}',
    "no kind": b'{"at_ns": 1}',
    "nested deep": b"[" * 200_000,
    "a huge line": b"x" * (3 * LONGEST_LINE + 5),
    "a huge number": b'{"at_ns": ' + b"9" * 5_000 + b', "kind": "actor-up"}',
    "NULs": b"\0" * 5_000,
    "an empty line": b"\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["cut off", "whole line"])
def test_garbage_is_passed_over_and_what_is_whole_is_read(
    tmp_path: Path, garbage: bytes, end: bytes
) -> None:
    written = Ledger(tmp_path, Actor.INGEST, 30)
    written.write(event(1), WALL)
    with file_of(tmp_path).open("ab") as file:
        file.write(garbage + end)
    assert [e["pid"] for e in ledger.read(tmp_path)] == [1]
    written.write(event(2), WALL + 1)
    assert [e["pid"] for e in ledger.read(tmp_path)] == [1, 2]


def test_an_event_behind_nuls_is_read(tmp_path: Path) -> None:
    """A crash may leave them where the file had grown and the bytes were not yet on disk."""
    Ledger(tmp_path, Actor.INGEST, 30).write(event(), WALL)
    file_of(tmp_path).write_bytes(b"\0" * 100 + file_of(tmp_path).read_bytes())
    assert [e["pid"] for e in ledger.read(tmp_path)] == [1]


def test_a_reader_returns_each_event_once_and_late_ones_too(tmp_path: Path) -> None:
    one, two = (Ledger(tmp_path, a, 30) for a in (Actor.INGEST, Actor.EMBEDDING))
    reader = Reader(tmp_path)
    assert reader.new() == []
    one.write(event(1), WALL)
    one.write(event(1), WALL)  # the same in every field
    assert [e["pid"] for e in reader.new()] == [1, 1]
    two.write(event(2), WALL - 3_600 * 10**9)  # the clock was set back
    one.write(event(3), WALL + DAY)
    assert [e["pid"] for e in reader.new()] == [2, 3]
    assert reader.new() == []


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    Ledger(tmp_path, Actor.INGEST, 30).write(event(), WALL)
    line = file_of(tmp_path).read_bytes()
    file_of(tmp_path).write_bytes(line[:30])
    reader = Reader(tmp_path)
    assert reader.new() == []
    file_of(tmp_path).write_bytes(line)
    assert [e["pid"] for e in reader.new()] == [1]


def test_a_file_that_was_replaced_by_a_shorter_one_is_read_from_its_start(tmp_path: Path) -> None:
    written = Ledger(tmp_path, Actor.INGEST, 30)
    written.write(event(1), WALL)
    written.write(event(2), WALL)
    reader = Reader(tmp_path)
    assert len(reader.new()) == 2
    file_of(tmp_path).unlink()
    written.write(event(3), WALL)
    assert [e["pid"] for e in reader.new()] == [3]


def test_its_files_can_be_read_by_their_user_alone(tmp_path: Path) -> None:
    Ledger(tmp_path, Actor.INGEST, 30).write(ActorUp(actor=Actor.INGEST, pid=1), WALL)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
