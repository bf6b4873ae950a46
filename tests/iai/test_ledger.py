"""The ledger: appended to, merged, pruned, and never in the way (SEED R15 to R18)."""

from pathlib import Path

import pytest

from iai import ledger
from iai.ledger import Ledger
from iai.messages import Actor, ActorDown, ActorUp, CacheWriteFailed

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


def test_a_ledger_that_cannot_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    written = Ledger(blocked, Actor.INGEST, 30)
    written.write(ActorUp(actor=Actor.INGEST, pid=1), WALL)
    assert written.lost == 1
    assert "lost an event" in caplog.text


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    Ledger(tmp_path, Actor.INGEST, 30).write(ActorUp(actor=Actor.INGEST, pid=1), WALL)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + b'\xff\n{"half": \n[]\n{"at_ns": "x"}\n')
    assert [event["pid"] for event in ledger.read(tmp_path)] == [1]


def test_its_files_can_be_read_by_their_user_alone(tmp_path: Path) -> None:
    Ledger(tmp_path, Actor.INGEST, 30).write(ActorUp(actor=Actor.INGEST, pid=1), WALL)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
