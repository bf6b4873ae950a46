"""When capture has stalled, and when it only seems so."""

import os
from pathlib import Path

import pytest

from iai.config.layout import Layout
from iai.ingest import transcripts
from iai.model.clock import NS, Now, iso
from iai.model.record import Source, Transcript
from iai.session_start.capture_watch import SILENT_S, UNREAD_S, silent_hooks, unread
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record, put

LATE = NOW.wall + int((SILENT_S + 60) * NS)
PATH = "/t.jsonl"


@pytest.fixture
def records(layout: Layout) -> Records:
    return Records(layout.records, writer=True)


def hear(
    records: Records,
    path: str = PATH,
    at: int = NOW.wall,
    host: str = "claude",
    read_at: int = 0,
    until: int = LATE,
) -> None:
    """Note a hook event of a session."""
    known = Transcript(path=path, host=host, followed_until=until, heard_at=at, read_at=read_at)

    def change(unit: RecordChange) -> None:
        unit.transcripts.follow(known)

    records.commit(change, NOW)


def prompt(records: Records, at: int, path: str = PATH, kind: str = "") -> None:
    source = Source(transcript=path)
    key = f"{path} {at} {kind}"
    put(records, new_record(key, created_at=at, source=source, kind=kind), now=Now(at, NOW.mono))


def said(records: Records, layout: Layout) -> str:
    with records.view() as view:
        return silent_hooks(view, layout)


def test_hooks_that_miss_two_prompts_of_a_session_no_longer_come(
    records: Records, layout: Layout
) -> None:
    hear(records)
    prompt(records, LATE)
    assert said(records, layout) == "", "one prompt may have waited for a long turn to end"
    prompt(records, LATE + NS)
    assert "the hooks of Claude Code no longer reach iai: the last one did at" in said(
        records, layout
    )


def test_a_hook_of_any_session_since_then_shows_that_they_come(
    records: Records, layout: Layout
) -> None:
    hear(records)
    for at in (LATE, LATE + NS):
        prompt(records, at)
    hear(records, path="/codex.jsonl", at=LATE, host="codex")
    assert said(records, layout) != "", "of another host, they show nothing"
    hear(records, path="/other.jsonl", at=LATE)
    assert said(records, layout) == ""


@pytest.mark.parametrize("why", ["imported", "soon", "queued", "waiting"])
def test_what_has_another_reason_is_no_alarm(records: Records, layout: Layout, why: str) -> None:
    hear(records, at=0 if why == "imported" else NOW.wall)
    at = NOW.wall + NS if why == "soon" else LATE
    for number in range(4):
        prompt(records, at + number * NS, kind="queued" if why == "queued" else "")
    if why == "waiting":
        assert said(records, layout) != ""
        (layout.spool_new / "1.json").write_text("{}")
    assert said(records, layout) == ""


def grown(path: Path, text: str, age_s: float) -> None:
    path.write_text(text)
    then = LATE - int(age_s * NS)
    os.utime(path, ns=(then, then))


def turn(age_s: float) -> str:
    at = iso(LATE - int(age_s * NS))
    return (
        f'{{"type":"user","uuid":"u","sessionId":"s","cwd":"/p","timestamp":"{at}",'
        '"message":{"role":"user","content":"hello"}}\n'
    )


@pytest.mark.parametrize(
    ("text", "alarm"),
    [
        (turn(UNREAD_S + 60), True),
        (turn(UNREAD_S - 60), False),
        (turn(UNREAD_S + 60)[:-20], False),
        ('{"type":"summary"}\n', False),
    ],
    ids=["a turn", "a new turn", "a line that never ended", "no turn"],
)
def test_a_followed_transcript_with_an_old_turn_is_not_being_read(
    records: Records, tmp_path: Path, text: str, *, alarm: bool
) -> None:
    path = tmp_path / "t.jsonl"
    grown(path, text, UNREAD_S + 60)
    hear(records, path=str(path))
    with records.view() as view:
        assert unread(view, LATE - 1).startswith("a session has not been read since") is alarm
        assert unread(view, LATE + 1) == "", "it is followed no longer"


@pytest.mark.parametrize("how", ["read", "followed", "copied"])
def test_what_is_old_and_came_just_now_is_no_alarm(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = tmp_path / "t.jsonl"
    grown(path, turn(UNREAD_S + 60), UNREAD_S + 60)
    since = {"read": LATE - NS, "followed": LATE - NS, "copied": NOW.wall}[how]
    # No hook came after the turn was said: it may be of another machine.
    heard = LATE if how == "followed" else LATE - int((UNREAD_S + 90) * NS)
    hear(records, path=str(path), at=heard, read_at=since)
    changed = LATE - (NS if how == "copied" else int((UNREAD_S + 60) * NS))
    monkeypatch.setattr(transcripts, "changed_at", lambda _: changed)
    with records.view() as view:
        assert unread(view, LATE - 1) == ""
        after = LATE - 1 + int(UNREAD_S * NS)
    hear(records, path=str(path), at=heard, read_at=since, until=after + 1)
    with records.view() as view:
        assert unread(view, after) != "", "it is, once it has been there for long"


def test_a_transcript_that_cannot_be_opened_is_not_being_read_and_one_that_is_gone_is_not(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.jsonl"
    grown(path, turn(0), UNREAD_S + 60)
    hear(records, path=str(path))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch, records.view() as view:
        patch.setattr(transcripts, "read", refuse)
        patch.setattr(transcripts, "changed_at", transcripts.written_at)
        assert unread(view, LATE - 1) != ""
    path.unlink()
    with records.view() as view:
        assert unread(view, LATE - 1) == ""
