"""Ingest: spool, transcripts, imports and requests. Everything is stored once, nothing is lost."""

import os
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from fuzzing import decoders
from msgspec import structs
from simulation.world import Chances, World

from actors import ingest
from actors.ingest import FLUSHES
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.cipher import KEY, Cipher
from iai.freshness.required_revision import UNKNOWN
from iai.ingest import spool as spool_files
from iai.ingest import spool_reader, transcripts
from iai.ingest.follower import FOLLOW_ENDED_S, FOLLOW_S
from iai.ingest.spool import BAD_KEPT, Spooled
from iai.ingest.spool_reader import EVENTS_A_SLICE
from iai.ingest.transcript_reader import ITEMS
from iai.lifecycle.pace import APART_S
from iai.model import framing
from iai.model.clock import Now, iso
from iai.process import disk_space
from iai.process.disk_space import DiskSpace
from iai.projects.identity import identify
from iai.protocol.behaviour import NO_CALLER, ReplaceFile
from iai.protocol.graph_cache import MemoryUsed
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Changed,
    Edit,
    Flush,
    Flushed,
    Forget,
    Import,
    ImportProgress,
    ImportStatus,
    LineSkipped,
    Mark,
    Pin,
    RecordsCommitted,
    SessionEnded,
    SpoolRejected,
    StoreFull,
    StoreHasRoom,
)
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Request,
)
from iai.session_start import pending
from tests.simulation.stories import (
    capture,
    events,
    once,
    revision,
    said,
    spool,
    texts,
    transcript_line,
)

Make = Callable[..., World]


def transcript(world: World, *said_: str, name: str = "s1") -> Any:
    path = world.layout.root / f"{name}.jsonl"
    path.write_text("".join(transcript_line(n, t, world) for n, t in enumerate(said_)))
    return path


def do_import(world: World, *paths: Any) -> ImportProgress:
    started = world.answer(Actor.INGEST, Import(paths=tuple(map(str, paths))))
    assert isinstance(started, ImportProgress)
    while True:
        progress = world.answer(Actor.INGEST, ImportStatus(job=started.job))
        assert isinstance(progress, ImportProgress)
        if progress.done:
            return progress
        world.run(0.1)


def test_the_search_of_a_long_text_for_secrets_shows_that_ingest_runs(
    layout: Layout,
) -> None:
    behaviour, goes_on = ingest.make(Settings(store=layout.root)), Mock()
    behaviour.call_meanwhile(goes_on)
    turn = CapturedTurn(
        key="k", host="claude", role="user", text="all is well. " * 20_000, cwd="/p"
    )
    now = Now(decoders.WALL, 1)
    for steps in (behaviour.start(now), behaviour.receive(Capture((turn,)), NO_CALLER, now)):
        decoders.perform(steps, now)
    behaviour.close()
    assert goes_on.call_count >= 3


def test_a_hook_event_has_its_transcript_read(world: Make) -> None:
    w = world()
    path = transcript(w, "why?", "because")
    event = spool(w, "e", hook_event_name="Stop", transcript_path=str(path))
    w.run(2.0)
    assert texts(w) == ["why?", "because"]
    assert not event.exists()
    with w.records.view() as view:
        record = view.get(1)
    assert record is not None
    assert (record.role, record.host, record.session, record.cwd) == ("user", "claude", "s1", "/p")
    assert record.source.transcript == str(path)
    assert record.source.uuid == "u0"


def test_a_transcript_is_followed_without_further_events(world: Make) -> None:
    w = world()
    path = transcript(w, "why?")
    spool(w, "e", transcript_path=str(path))
    w.run(2.0)
    with path.open("a") as file:
        file.write(transcript_line(1, "because", w))
    w.run(2.0)
    assert texts(w) == ["why?", "because"]


def test_a_long_spool_is_read_in_steps_that_do_not_grow_with_it(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    read = spool_files.read

    def counted(path: Path, cipher: Cipher | None = None) -> Spooled | None:
        nonlocal reads
        reads += 1
        return read(path, cipher)

    monkeypatch.setattr(spool_files, "read", counted)
    monkeypatch.setattr(spool_reader, "LISTED", 100, raising=False)
    w = world()
    for number in range(150):
        for name in ("Stop", "SessionEnd"):
            gone = w.layout.root / f"{number}.jsonl"
            spool(w, f"{name}{number}", session_id=f"s{number}", hook_event_name=name,
                  transcript_path=str(gone), prompt="")  # fmt: skip
    spool(w, "never was", session_id="x", hook_event_name="SessionEnd",
          transcript_path=str(w.layout.root / "x.jsonl"))  # fmt: skip
    w.run(3.0)
    assert not [name for name in spooled_files(w) if name.endswith(".json")]
    assert "never was.awaits" not in spooled_files(w)
    assert reads < 5_000


def test_lines_written_after_the_end_of_a_session_are_read(world: Make) -> None:
    w = world()
    path = transcript(w, "why?")
    spool(w, "e", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(30.0)
    with path.open("a") as file:
        file.write(transcript_line(1, "because", w))
    w.run(2.0)
    assert texts(w) == ["why?", "because"]


def test_the_end_of_a_session_is_announced_once_and_after_all_of_it_is_stored(world: Make) -> None:
    w = world()
    long = "x" * (transcripts.SLICE // 5)  # so that one slice is not all
    path = transcript(w, *(f"turn {number} {long}" for number in range(20)))
    spool(w, "e", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(20.0)
    (ended,) = events(w, SessionEnded)
    assert ended.revision == revision(w) == 20
    spool(w, "without a transcript", hook_event_name="SessionEnd")
    w.run(2.0)
    assert len(events(w, SessionEnded)) == 2
    spool(w, "it goes on", transcript_path=str(path), hook_event_name="Stop")
    w.run(2.0)
    assert len(events(w, SessionEnded)) == 2


def test_the_end_of_an_import_is_announced_once_if_it_brought_anything(world: Make) -> None:
    w = world()
    path = transcript(w, "why?", "because")
    do_import(w, path, w.layout.root / "nowhere")
    (ended,) = events(w, SessionEnded)
    assert ended.revision == revision(w)
    do_import(w, path)
    assert len(events(w, SessionEnded)) == 1


def test_a_clock_jump_past_the_deadline_does_not_cut_a_transcript_short(
    world: Make,
) -> None:
    w = world()
    path = transcript(w, *(f"turn {n} {'x' * (transcripts.SLICE // 5)}" for n in range(20)))
    spool(w, "e", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(1.0, until=lambda: bool(texts(w)))
    assert len(texts(w)) < 20
    w.now = w.now._replace(wall=w.now.later(FOLLOW_S).wall)  # the machine was suspended
    w.answer(Actor.INGEST, Flush())
    assert len(texts(w)) == 20


def test_an_event_waits_for_a_transcript_that_is_written_late(world: Make) -> None:
    w = world()
    path = w.layout.root / "late.jsonl"
    spool(w, "e", transcript_path=str(path), prompt="why?")
    w.run(10.0)
    (awaiting,) = w.layout.spool_new.iterdir()
    assert awaiting.name == "e.awaits"  # not `.json`: a starting session does not wait for it
    path.write_text(transcript_line(0, "why?", w))
    w.run(2.0)
    assert texts(w) == ["why?"]
    assert not awaiting.exists()


def test_of_an_encrypted_store_what_waits_and_what_is_no_event_is_sealed(world: Make) -> None:
    w = world()
    w.cipher = Cipher({1: bytes(KEY)}, 1, b"w" * KEY)
    w.stop(Actor.INGEST)
    path, bad = w.layout.root / "late.jsonl", w.layout.spool_bad
    bad.mkdir()
    (bad / "before.json").write_text("zqwords, from before")
    spool(w, "old", transcript_path=str(path), prompt="zqwords").rename(
        w.layout.spool_new / "old.awaits"
    )
    w.start(Actor.INGEST)
    spool(w, "e", transcript_path=str(path), prompt="zqwords of today")
    (w.layout.spool_new / "bad.json").write_text('{"prompt": "zqwords, cut')
    w.run(10.0)
    kept = {file.name: file.read_bytes() for file in w.layout.spool_new.parent.rglob("*.*")}
    assert set(kept) == {"old.awaits", "e.awaits", "bad.json", "before.json"}
    assert [name for name, data in kept.items() if b"zqwords" in data] == []
    found = pending.read(w.layout, w.records, w.now.wall, str, w.cipher)
    assert {turn.text for turn in found.turns} == {"zqwords", "zqwords of today"}
    assert w.cipher.open_file("spool/bad", kept["bad.json"]) == b'{"prompt": "zqwords, cut'
    path.write_text(transcript_line(0, "zqwords of today", w))
    w.run(2.0)
    assert texts(w) == ["zqwords of today"]
    assert spooled_files(w) == []
    # Without its transcript it is stored as it came.
    spool(w, "f", transcript_path="/nowhere.jsonl", prompt="zqwords alone", prompt_id="9")
    w.run(65.0)
    assert texts(w)[1:] == ["zqwords alone"]


def test_what_a_killed_hook_has_left_is_removed(world: Make) -> None:
    w = world()
    old, new = (w.layout.spool_tmp / name for name in ("old.json", "new.json"))
    for file, age_s in ((old, 3_700.0), (new, 5.0)):
        file.write_text("half an ev")
        then = w.now.later(-age_s).wall
        os.utime(file, ns=(then, then))
    w.stop(Actor.INGEST)
    w.start(Actor.INGEST)
    assert (old.exists(), new.exists()) == (False, True)


def spooled_files(world: World) -> list[str]:
    """The names of the events that wait."""
    return [path.name for path in world.layout.spool_new.iterdir()]


def required_line(world: World, cwd: str = "/p") -> str:
    """The line with the required revision of a directory's project; "" if there is none."""
    path = world.layout.project_news(identify(cwd).id)
    return path.read_text() if path.exists() else ""


def test_hooks_can_read_the_last_session_and_the_last_foreign_revision_of_a_project(
    world: Make,
) -> None:
    w = world()
    capture(w, "one", session="a")
    assert required_line(w) == "0 0 a\n"
    capture(w, "two", session="a")
    capture(w, "elsewhere", session="b", cwd="/q")
    assert (required_line(w), required_line(w, "/q")) == ("0 0 a\n", "0 0 b\n")
    capture(w, "three", session="b")
    assert required_line(w) == "0 2 b\n"
    capture(w, "a fact", session="b", tier="semantic")
    assert required_line(w) == "0 5 b\n"


@pytest.mark.parametrize(
    "change",
    [Pin(ref="#1"), Edit(ref="#1", text="2"), Forget(refs=("#1",)), Mark(ref="#1", mark="done")],
)
def test_a_pin_edit_forget_or_mark_is_required_in_the_next_payload(
    world: Make, change: Request
) -> None:
    w = world()
    capture(w, "one", session="a")
    w.answer(Actor.INGEST, change)
    assert required_line(w) == "2 2 a\n"


def test_an_ended_session_is_required_from_the_moment_its_event_leaves_the_spool(
    world: Make,
) -> None:
    w = world()
    path = transcript(w, "why?", "because")
    spool(w, "e", transcript_path=str(path), hook_event_name="Stop")
    w.run(2.0)
    assert required_line(w) == "0 0 s1\n"
    with path.open("a") as file:
        file.write(transcript_line(2, "one more", w))
    event = spool(w, "f", transcript_path=str(path), hook_event_name="SessionEnd")
    lines: list[str] = []

    def look() -> None:
        if not event.exists():
            lines.append(required_line(w))

    w.after_effect = look
    w.run(2.0)
    assert set(lines) == {f"{UNKNOWN} 0 s1\n", "3 0 s1\n"}
    assert lines == sorted(lines, reverse=True)  # never a revision that lacks the last turn
    assert revision(w) == 3


def test_an_ended_session_without_a_transcript_is_required_once_its_event_is_stored(
    world: Make,
) -> None:
    w = world()
    capture(w, "one", session="s1")
    path = w.layout.root / "late.jsonl"
    spool(w, "e", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(10.0)
    assert required_line(w) == f"{UNKNOWN} 0 s1\n"
    w.run(60.0)
    assert required_line(w) == "1 0 s1\n"
    spool(w, "f", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(2.0)
    path.write_text(transcript_line(0, "why?", w))  # here it comes after all
    w.run(2.0)
    assert required_line(w) == "2 0 s1\n"


def test_after_a_crash_everything_is_required_and_unchanged_lines_are_not_rewritten(
    world: Make,
) -> None:
    w = world()
    capture(w, "one", session="a")
    capture(w, "two", session="a", cwd="/q")
    w.crash(Actor.INGEST)
    w.run(1.0)
    assert (required_line(w), required_line(w, "/q")) == ("1 0 a\n", "2 0 a\n")
    w.crash(Actor.INGEST)
    w.effects.clear()
    w.run(1.0)
    written = [e.path for _, e in w.effects if isinstance(e, ReplaceFile)]
    assert not [path for path in written if path.parent == w.layout.news]


def test_a_required_revision_that_cannot_be_written_is_removed_until_the_next_change(
    world: Make, caplog: pytest.LogCaptureFixture
) -> None:
    w = world()
    capture(w, "one", session="a")
    w.disk_full = True
    capture(w, "two", session="b")
    assert required_line(w) == ""
    assert "is not written" in caplog.text
    w.disk_full = False
    capture(w, "three", session="b")
    assert required_line(w) == "0 1 b\n"


def test_many_events_awaiting_their_transcripts_do_not_delay_others(world: Make) -> None:
    w = world()
    for number in range(2 * EVENTS_A_SLICE):
        spool(w, f"{number}", transcript_path=f"/nowhere/{number}", prompt="never read")
    w.run(5.0)
    spool(w, "new", transcript_path=str(transcript(w, "why?")), hook_event_name="Stop")
    w.run(1.0)
    assert texts(w) == ["why?"]


def test_the_events_of_a_session_share_commits_and_its_deadline_survives_a_crash(
    world: Make,
) -> None:
    w = world()
    path = transcript(w, "why?")
    commit = w.records.commit
    commits: list[Any] = []

    def counted(*args: Any, **fields: Any) -> Any:
        commits.append(args)
        return commit(*args, **fields)

    w.records.commit = counted  # type: ignore[method-assign]
    for number in range(90):
        spool(w, f"{number}", transcript_path=str(path), hook_event_name="Stop")
        w.run(10.0)
    assert len(commits) < 20
    w.crash(Actor.INGEST)
    w.run(FOLLOW_S - 120.0)
    with path.open("a") as file:
        file.write(transcript_line(1, "an hour later", w))
    w.run(2.0)
    assert texts(w)[-1] == "an hour later"


def test_the_stored_deadline_of_an_ended_session_has_passed(
    world: Make,
) -> None:
    w = world()
    path = transcript(w, "why?")
    spool(w, "a", transcript_path=str(path), hook_event_name="Stop")
    w.run(2.0)
    spool(w, "b", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(FOLLOW_ENDED_S + 5.0)
    with w.records.view() as view:
        (followed,) = view.transcripts()
    assert followed.followed_until < w.now.wall


@pytest.mark.parametrize("restarted", [False, True])
def test_a_known_session_that_goes_on_without_an_event_is_read(
    world: Make, *, restarted: bool
) -> None:
    """A full disk takes the events of a session, but not its transcript."""
    w = world()
    path = transcript(w, "why?")
    spool(w, "a", transcript_path=str(path), hook_event_name="SessionEnd")
    w.run(FOLLOW_ENDED_S + 60.0)
    with path.open("a") as file:
        file.write(transcript_line(1, "resumed, on a full disk", w))
    if restarted:
        w.crash(Actor.INGEST)
    w.run(120.0)
    assert texts(w) == ["why?", "resumed, on a full disk"]


FULL = DiskSpace(used=900, free=disk_space.RESERVE, limit=1_000)
ROOM = structs.replace(FULL, free=1 << 40)


def test_while_there_is_no_room_everything_waits_where_it_is(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world()
    w.run(1.0)
    monkeypatch.setattr(disk_space, "measure", lambda *_: FULL)
    w.run(60.0)
    path = transcript(w, "why?", "because")
    event = spool(w, "e", hook_event_name="Stop", transcript_path=str(path))
    w.run(60.0)
    assert texts(w) == []
    assert event.exists()
    for request in (Capture(turns=(CapturedTurn(text="a note"),)), Import(paths=(str(path),))):
        refused = w.answer(Actor.INGEST, request)
        assert isinstance(refused, Error)
        assert refused.code is ErrorCode.FULL
        assert "free some space" in refused.detail
    (told,) = events(w, StoreFull)
    assert (told.used, told.free, told.limit) == (900, disk_space.RESERVE, 1_000)
    monkeypatch.setattr(disk_space, "measure", lambda *_: ROOM)
    w.run(60.0)
    assert texts(w) == ["why?", "because"]
    assert not event.exists()
    assert len(events(w, StoreHasRoom)) == 1


def test_a_full_store_can_still_forget(world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    w = world()
    w.answer(Actor.INGEST, Capture(turns=(CapturedTurn(text="a note"),)))
    monkeypatch.setattr(disk_space, "measure", lambda *_: FULL)
    w.run(60.0)
    assert isinstance(w.answer(Actor.INGEST, Forget(refs=("#1",))), Changed)
    assert texts(w) == []


def test_the_oldest_of_many_files_that_are_no_events_are_deleted(world: Make) -> None:
    w = world()
    for number in range(BAD_KEPT + 5):
        (w.layout.spool_new / f"{number:04}.json").write_text("no event")
        os.utime(w.layout.spool_new / f"{number:04}.json", (number + 1, number + 1))
    w.run(30.0)
    left = sorted(file.name for file in w.layout.spool_bad.iterdir())
    assert left == [f"{number:04}.json" for number in range(5, BAD_KEPT + 5)]


def test_without_a_transcript_the_text_of_the_event_is_stored(world: Make) -> None:
    w = world()
    spool(w, "a", transcript_path="/nowhere.jsonl", prompt="why?", prompt_id="1")
    spool(w, "b", transcript_path=None, last_assistant_message="because", turn_id="1")
    own = f"{framing.opening(1, iso(0), 'p')}\n{framing.CLOSING}\n"
    spool(w, "c", transcript_path=None, prompt=own)
    w.run(65.0)
    assert sorted(texts(w)) == ["because", "why?"]
    assert list(w.layout.spool_new.iterdir()) == []


def test_the_same_event_twice_is_stored_once(world: Make) -> None:
    w = world()
    for name in "ab":
        spool(w, name, prompt="why?", prompt_id="1")
    w.run(2.0)
    assert texts(w) == ["why?"]


def test_an_impossible_transcript_path_does_not_block_the_spool(world: Make) -> None:
    w = world()
    spool(w, "a", transcript_path="/x" * 5_000, prompt="why?", prompt_id="1")
    spool(w, "b", prompt="and now?", prompt_id="2")
    w.run(65.0)
    assert sorted(texts(w)) == ["and now?", "why?"]


def test_a_file_that_is_not_an_event_is_moved_aside_and_reported(world: Make) -> None:
    w = world()
    (w.layout.spool_new / "bad.json").write_text("{")
    spool(w, "good", prompt="why?")
    w.run(2.0)
    assert texts(w) == ["why?"]
    assert (w.layout.spool_bad / "bad.json").read_text() == "{"
    (rejected,) = events(w, SpoolRejected)
    assert rejected.file == "bad.json"


def plant_strays(directory: Path, target: Path) -> dict[str, str]:
    """Put what is no file where events lie; return what each of them is."""
    os.mkfifo(directory / "a.json")
    with closing(socket.socket(socket.AF_UNIX)) as bound:
        bound.bind(str(directory / "b.json"))
    (directory / "c.json").symlink_to(target)
    (directory / "d.json").symlink_to("/nowhere")
    (directory / "e.json").mkdir()
    (directory / "e.json" / "own words").write_text("kept")
    kinds = ("pipe", "socket", "symbolic link", "symbolic link", "directory")
    return dict(zip(("a.json", "b.json", "c.json", "d.json", "e.json"), kinds, strict=True))


def test_what_is_no_file_is_taken_out_of_the_spool_unopened_and_reported(
    world: Make, tmp_path: Path
) -> None:
    """It stayed, and every session start took it for an event that waits."""
    w = world()
    target = tmp_path / "target"
    target.write_text("not ours")
    planted = plant_strays(w.layout.spool_new, target)
    spool(w, "good", prompt="why?")
    w.run(2.0)
    assert texts(w) == ["why?"]
    assert spooled_files(w) == []
    assert {one.file: one.reason for one in events(w, SpoolRejected)} == {
        name: f"is a {kind}" for name, kind in planted.items()
    }
    assert target.read_text() == "not ours"
    (aside,) = w.layout.spool_bad.iterdir()
    assert aside.name.startswith("e.json.")
    assert (aside / "own words").read_text() == "kept"


def test_directories_beside_what_is_no_event_or_unfinished_stay_and_disturb_nothing(
    world: Make,
) -> None:
    w = world()
    w.stop(Actor.INGEST)
    w.cipher = Cipher({1: bytes(KEY)}, 1, b"w" * KEY)
    w.layout.spool_bad.mkdir()
    for parent in (w.layout.spool_bad, w.layout.spool_tmp):
        (parent / "0").mkdir()
        os.utime(parent / "0", (1, 1))
    w.start(Actor.INGEST)
    for number in range(BAD_KEPT + 1):
        (w.layout.spool_new / f"{number:04}.json").write_text("no event")
        os.utime(w.layout.spool_new / f"{number:04}.json", (number + 1, number + 1))
    spool(w, "good", prompt="why?")
    w.run(30.0)
    assert texts(w) == ["why?"]
    assert (w.layout.spool_bad / "0").is_dir()
    assert len(list(w.layout.spool_bad.iterdir())) == BAD_KEPT + 1


def test_of_more_events_than_a_poll_looks_at_the_oldest_are_taken_first(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a prompt that turns the recording off holds for all that was said after it."""
    monkeypatch.setattr(spool_reader, "LISTED", 20)
    monkeypatch.setattr(spool_reader, "EVENTS_A_SLICE", 2)
    w = world()
    w.stop(Actor.INGEST)
    for number in range(200):
        event = spool(w, f"{number * 77 % 200}", session_id=f"s{number}", prompt=f"{number}")
        then = w.now.later(number - 300.0).wall
        os.utime(event, ns=(then, then))
    w.start(Actor.INGEST)
    w.run(30.0)
    with w.records.view() as view:
        stored = [record.text for label in range(1, 201) if (record := view.get(label))]
    assert stored == [str(number) for number in range(200)]


def test_another_programs_event_is_left_alone_and_reported(world: Make) -> None:
    w = world()
    spool(w, "grok", hookEventName="user_prompt_submit", sessionId="g", prompt="not for us")
    w.run(2.0)
    assert texts(w) == []
    assert list(w.layout.spool_new.iterdir()) == []
    assert not w.layout.spool_bad.exists() or not list(w.layout.spool_bad.iterdir())
    (rejected,) = events(w, SpoolRejected)
    assert "Grok Build" in rejected.reason


def test_the_end_of_a_session_that_never_was_has_no_effect(world: Make) -> None:
    w = world()
    capture(w, "one", session="s1")
    spool(w, "e", session_id="phantom", transcript_path="/none", hook_event_name="SessionEnd")
    w.run(2.0)
    assert list(w.layout.spool_new.iterdir()) == []
    assert required_line(w) == "0 0 s1\n"
    assert events(w, SessionEnded) == []


def test_an_event_that_both_of_two_hooks_left_is_stored_once(world: Make) -> None:
    w = world()
    for name in ("a", "b"):
        spool(w, name, prompt="how deep is it?")
        w.run(1.0)
    for name in ("c", "d"):
        spool(w, name, last_assistant_message="nine metres")
        w.run(1.0)
    spool(w, "e", prompt="how deep is it?")  # asked again, after an answer
    w.run(1.0)
    assert texts(w) == ["how deep is it?", "nine metres", "how deep is it?"]


def test_a_transcript_that_turns_up_later_confirms_what_its_events_said(world: Make) -> None:
    w = world()
    spool(w, "a", transcript_path="/none", prompt="again", prompt_id="1")
    spool(w, "b", transcript_path="/none", last_assistant_message="done", prompt_id="1")
    w.run(65.0)
    with w.records.view() as view:
        before = [record.id for record in view.after(0)]
    path = transcript(w, "again", "done", "again")
    do_import(w, path)
    assert texts(w) == ["again", "done", "again"]
    with w.records.view() as view:
        records = list(view.after(0))
    assert [record.id for record in records[:2]] == before
    assert {record.source.transcript for record in records} == {str(path)}
    spool(w, "late", prompt="again")  # the copy of an event, after that of the transcript
    w.run(2.0)
    assert len(texts(w)) == 3


def test_a_forgotten_turn_of_an_event_does_not_come_back_with_its_transcript(world: Make) -> None:
    w = world()
    spool(w, "a", prompt="my secret")
    w.run(2.0)
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    do_import(w, transcript(w, "my secret", "noted"))
    assert texts(w) == ["noted"]


def test_a_start_does_not_miss_what_an_event_says_that_waits_for_its_transcript(
    world: Make,
) -> None:
    w = world()
    capture(w, "one", session="a")
    spool(w, "e", transcript_path="/none", prompt="why?")
    w.run(10.0)
    assert required_line(w) == f"{UNKNOWN} 0 a\n"  # composed live, from the event
    w.run(60.0)
    assert required_line(w) == "2 1 s1\n"


def test_an_unreadable_line_is_skipped_and_reported_with_its_offset(world: Make) -> None:
    w = world()
    path = transcript(w, "why?")
    with path.open("a") as file:
        file.write("{broken\n" + transcript_line(1, "because", w))
    progress = do_import(w, path)
    assert texts(w) == ["why?", "because"]
    assert progress.skipped == {"bad_json": 1}
    (skipped,) = events(w, LineSkipped)
    assert (skipped.transcript, skipped.reason) == (str(path), "bad_json")
    assert path.read_bytes()[skipped.offset :].startswith(b"{broken")


def test_an_import_counts_what_it_reads_and_reads_it_once(world: Make) -> None:
    w = world()
    one = transcript(w, "a", "b", name="one")
    first = do_import(w, one)
    assert (first.files, first.turns_read, first.records_added, first.duplicates) == (1, 2, 2, 0)
    copy = transcript(w, "a", "b", "c", name="copy")  # a resumed session repeats its head
    second = do_import(w, one, copy)
    assert (second.files, second.turns_read, second.records_added) == (2, 3, 1)
    assert second.duplicates == 2
    assert texts(w) == ["a", "b", "c"]


def test_small_files_of_an_import_are_stored_together_up_to_a_slice(world: Make) -> None:
    w = world()

    def session(name: str, turns: int, text: str = "a") -> Any:
        path = w.layout.root / f"{name}.jsonl"
        ids = ({"sessionId": name, "uuid": f"{name}-{number}"} for number in range(turns))
        path.write_text("".join(transcript_line(0, text + name, w, **own) for own in ids))
        return path

    half = ITEMS // 2
    paths = [session(f"s{number}", half, f"a{number}") for number in range(3)]
    paths += [session("large", 3, "a" * (transcripts.SLICE // 2)), session("last", 1)]
    for place, path in enumerate(paths):  # in which order they are read: the latest first
        os.utime(path, (2_000_000_000 - place, 2_000_000_000 - place))
    progress = do_import(w, *paths)
    assert (progress.files_done, progress.records_added) == (5, 3 * half + 4)
    stored = [event.ingested for event in events(w, RecordsCommitted)]
    assert stored == [2 * half, half, 1, 1, 1 + 1]  # a line of the large one is a slice


def test_an_import_lists_the_files_it_could_not_read(world: Make) -> None:
    w = world()
    other = w.layout.root / "other.jsonl"
    other.write_text('{"some": "thing"}\n')
    progress = do_import(w, "/nowhere.jsonl", other, transcript(w, "a"))
    assert texts(w) == ["a"]
    assert progress.unreadable == (
        "/nowhere.jsonl: there is no such file",
        f"{other}: not a transcript of a known host",
    )


def test_an_unknown_import_is_not_found(world: Make) -> None:
    reply = world().answer(Actor.INGEST, ImportStatus(job="no"))
    assert isinstance(reply, Error)
    assert reply.code is ErrorCode.NOT_FOUND


def test_a_rewritten_transcript_is_read_again_and_its_turns_are_stored_once(world: Make) -> None:
    w = world()
    path = transcript(w, "a", "b", "c")
    spool(w, "e", transcript_path=str(path))
    w.run(2.0)
    transcript(w, "a")
    w.run(2.0)
    transcript(w, "a", "b", "c", "d")
    w.run(2.0)
    assert texts(w) == ["a", "b", "c", "d"]


def test_a_turn_captured_twice_is_stored_once_and_has_one_id(world: Make) -> None:
    w = world()
    one, two = capture(w, "a"), capture(w, "a", "b")
    assert (one.added, two.added, two.duplicates) == (1, 1, 1)
    assert two.ids[0] == one.ids[0]
    assert texts(w) == ["a", "b"]


def test_capturing_a_turn_again_with_a_pin_pins_it(world: Make) -> None:
    w = world()
    capture(w, "a")
    w.answer(Actor.INGEST, Capture(turns=(said("a", pinned=True),)))
    with w.records.view() as view:
        assert view.watermark().records_count == 1
        record = view.get(1)
    assert record is not None
    assert record.pinned


def test_an_empty_turn_is_refused(world: Make) -> None:
    w = world()
    reply = w.answer(Actor.INGEST, Capture(turns=(said("a"), CapturedTurn(text=" "))))
    assert isinstance(reply, Error)
    assert reply.code is ErrorCode.BAD_REQUEST
    assert texts(w) == []


def test_forgetting_is_all_or_nothing(world: Make) -> None:
    w = world()
    capture(w, "a", "b")
    reply = w.answer(Actor.INGEST, Forget(refs=("#1", "#9")))
    assert isinstance(reply, Error)
    assert reply.detail == "there is no record #9; nothing was forgotten"
    assert texts(w) == ["a", "b"]
    assert w.answer(Actor.INGEST, Forget(refs=("#1",))) == Changed(count=1, revision=3)
    assert texts(w) == ["b"]


def test_a_whole_session_can_be_forgotten(world: Make) -> None:
    w = world()
    capture(w, "a", "b")
    capture(w, "c", session="other")
    assert w.answer(Actor.INGEST, Forget(refs=("#2",), whole_sessions=True)) == Changed(
        count=2, revision=5
    )
    assert texts(w) == ["c"]


def test_a_forgotten_record_is_not_imported_again(world: Make) -> None:
    w = world()
    path = transcript(w, "a", "b")
    do_import(w, path)
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    progress = do_import(w, transcript(w, "a", "b", name="copy"))
    assert progress.records_added == 0
    assert texts(w) == ["b"]


def test_pinning_an_unknown_record_is_not_found(world: Make) -> None:
    reply = world().answer(Actor.INGEST, Pin(ref="#1"))
    assert isinstance(reply, Error)
    assert reply.code is ErrorCode.NOT_FOUND


def test_a_flush_is_answered_when_everything_has_been_read(world: Make) -> None:
    w = world()
    w.run(120.0)
    for number in range(200):
        spool(w, f"{number:03}", prompt=f"turn {number}", prompt_id=str(number))
    reply = w.answer(Actor.INGEST, Flush())
    assert reply == Flushed(revision=200)


def test_so_many_wait_for_a_flush_and_the_bell_is_none_of_them(world: Make) -> None:
    w = world()
    ingest = w.actors[Actor.INGEST]
    for _ in range(FLUSHES + 1):
        assert list(ingest.receive(Flush(), NO_CALLER, w.now)) == []
    waiting = [w.ask(Actor.INGEST, Flush()) for _ in range(FLUSHES)]
    refused = w.replies[w.ask(Actor.INGEST, Flush())]
    assert isinstance(refused, Error)
    assert refused.code is ErrorCode.BUSY
    w.run(5.0)
    assert {w.replies[request_id] for request_id in waiting} == {Flushed(revision=0)}


def test_a_change_is_announced_after_it_is_durable(world: Make) -> None:
    w = world()
    seen: list[tuple[int, int]] = []

    def look() -> None:
        announced = events(w, RecordsCommitted)
        if announced:
            seen.append((announced[-1].revision, revision(w)))

    w.after_effect = look
    capture(w, "a", "b")
    capture(w, "c")
    assert seen
    assert all(announced <= durable for announced, durable in seen)


@pytest.mark.parametrize("seed", range(12))
def test_a_crash_at_any_point_loses_nothing_and_doubles_nothing(world: Make, seed: int) -> None:
    w = world(seed=seed, chances=Chances(crash=0.15))
    path = w.layout.root / "s1.jsonl"
    path.touch()
    acknowledged: list[str] = []
    for number in range(30):
        line = transcript_line(number, f"line {number}", w)
        cut = w.chance.randint(0, len(line))
        for part in (line[:cut], line[cut:]):  # the host writes in pieces
            with path.open("a") as file:
                file.write(part)
            w.run(w.chance.uniform(0, 0.5))
        spool(w, f"{number:02}", transcript_path=str(path), hook_event_name="Stop")
        spool(w, f"own{number:02}", prompt=f"event {number}", prompt_id=str(number))
        asked = w.ask(Actor.INGEST, Capture(turns=(said(f"client {number}"),)))
        w.run(w.chance.uniform(0, 1.0))
        if isinstance(w.replies.get(asked), Captured):
            acknowledged.append(f"client {number}")
    w.run(30.0)
    kept = texts(w)
    assert once(kept)
    assert {f"line {n}" for n in range(30)} <= set(kept)
    assert {f"event {n}" for n in range(30)} <= set(kept)
    assert set(acknowledged) <= set(kept)
    assert list(w.layout.spool_new.iterdir()) == []


def test_an_import_gives_way_to_queries_and_still_finishes(world: Make) -> None:
    w = world()
    path = transcript(w, *(f"text {n} {'x' * 2_000}" for n in range(300)))
    w.answer(Actor.INGEST, Import(paths=(str(path),)))
    ingest, read = w.actors[Actor.INGEST], []
    while len(texts(w)) < 300:
        for _ in ingest.on_event(MemoryUsed(), w.now):
            raise AssertionError("hearing of a query has no effects")
        before = len(texts(w))
        w.run(APART_S)
        read.append(len(texts(w)) - before)
    assert max(read) * 2_000 < transcripts.SLICE / 4
    assert len(read) > 4


def test_a_capture_waits_for_neither_queries_nor_imports(world: Make) -> None:
    w = world()
    ingest = w.actors[Actor.INGEST]
    path = transcript(w, *(f"text {n} {'x' * 2_000}" for n in range(300)))
    w.answer(Actor.INGEST, Import(paths=(str(path),)))
    for _ in ingest.on_event(MemoryUsed(), w.now):
        raise AssertionError("hearing of a query has no effects")
    capture(w, "said now")
    assert "said now" in texts(w)
    assert len(texts(w)) < 300


def test_a_refused_forget_leaves_the_spool_as_it_is(world: Make) -> None:
    w = world()
    capture(w, "mend the pump")
    spool(w, "e", transcript_path=str(w.layout.root / "later.jsonl"), prompt="mend the pump")
    w.run(1.0)
    answer = w.answer(Actor.INGEST, Forget(refs=("#1", "#99")))
    assert isinstance(answer, Error)
    assert (answer.code, answer.detail) == (
        ErrorCode.NOT_FOUND,
        "there is no record #99; nothing was forgotten",
    )
    assert len(list(w.layout.spool_new.iterdir())) == 1
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    assert list(w.layout.spool_new.iterdir()) == []
