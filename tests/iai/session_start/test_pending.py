"""Pending turns: what is read before ingest, and that a payload shows the same afterwards."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from simulation.world import World

from iai.config.layout import Layout
from iai.model import clock, framing
from iai.model.clock import NS
from iai.model.record import session_key
from iai.payload.compose import render
from iai.payload.material import gather
from iai.projects.identity import identify
from iai.protocol.ingest import Forget
from iai.protocol.message import Actor
from iai.session_start import pending, unread
from iai.session_start.pending_view import PendingView
from iai.session_start.unread import Pending
from tests.iai.hosts.claude_lines import answer, call, prompt, result, turn_line
from tests.iai.store.builders import NOW

WALL = NOW.wall


def spool(layout: Layout, name: str, *, at: int = WALL, **event: Any) -> Path:
    path = layout.spool_new / f"{name}.json"
    path.write_text(json.dumps({"session_id": "s", "cwd": "/p", **event}))
    os.utime(path, ns=(at, at))
    return path


def claude_line(
    uuid: str, text: str, *, at: int = WALL, cwd: str = "/p", session: str = "s"
) -> str:
    role = "user" if len(uuid) % 2 else "assistant"
    return turn_line(uuid, text, clock.iso(at), role, cwd=cwd, sessionId=session)


def codex_head(session: str, cwd: str) -> str:
    meta = {"id": session, "cwd": cwd, "source": "cli"}
    return (
        json.dumps({"timestamp": clock.iso(WALL), "type": "session_meta", "payload": meta}) + "\n"
    )


def codex_line(text: str, *, at: int = WALL) -> str:
    content = [{"type": "input_text", "text": text}]
    return json.dumps({
        "timestamp": clock.iso(at), "type": "response_item",
        "payload": {"type": "message", "role": "user", "content": content},
    }) + "\n"  # fmt: skip


def texts(found: Pending) -> list[str]:
    return [turn.text for turn in found.turns]


def composed(world: World, cwd: str, wall: int, *, overlaid: bool) -> str:
    project = identify(cwd) if cwd else None
    waiting = pending.read(world.layout, world.records, wall, str) if overlaid else Pending()
    with world.records.view() as view:
        source = PendingView(view, waiting, wall) if overlaid else view
        material = gather(source, project.id if project else "", project.name if project else "")
    return render(material, wall)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "store")
    yield world
    world.close()


def test_a_start_with_nothing_to_read_imports_nothing_that_would_read_it(tmp_path: Path) -> None:
    script = (
        "import sys; from iai.cli import main; main(['session-start']);"
        "print(sorted({'iai.ingest.parse', 'iai.redaction.redactor', 'iai.process.ledger'}"
        " & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"IAI_MCP_STORE": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("spooled", [True, False])
def test_there_is_something_to_read_as_long_as_ingest_has_not_read_it(
    world: World, tmp_path: Path, *, spooled: bool
) -> None:
    def anything() -> bool:
        return unread.anything(world.layout, world.records, world.now.wall)

    transcript = tmp_path / "s.jsonl"
    transcript.write_text(claude_line("u-1", "what was asked", at=world.now.wall))
    spool(world.layout, "a", prompt="what was asked", transcript_path=str(transcript))
    assert anything()
    world.run(10.0, until=lambda: not anything())
    if spooled:
        spool(world.layout, "b", prompt="why?", prompt_id="1", transcript_path=str(transcript))
    else:
        with transcript.open("a") as file:
            file.write(claude_line("u-2-", "what was answered", at=world.now.wall))
    assert anything()


def test_without_a_store_only_the_events_are_pending(layout: Layout) -> None:
    spool(layout, "a", prompt="why does it fail?", prompt_id="1")
    spool(layout, "b", last_assistant_message="the lock is taken twice", prompt_id="1")
    found = pending.read(layout, None, WALL, str)
    assert texts(found) == ["why does it fail?", "the lock is taken twice"]
    project = identify("/p")
    text = render(gather(PendingView(None, found, WALL), project.id, project.name), WALL)
    assert "Asked: why does it fail? (not indexed yet)\n" in text
    assert "Answer: the lock is taken twice (not indexed yet)\n" in text
    assert "#" not in text.replace("##", "").replace("#N", "")


def test_with_neither_store_nor_spool_nothing_is_pending(tmp_path: Path) -> None:
    found = pending.read(Layout(tmp_path / "none"), None, WALL, str)
    assert found == Pending()
    assert render(gather(PendingView(None, found, WALL), "0" * 16, "p"), WALL) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_transcript_is_read_where_the_event_names_one(layout: Layout) -> None:
    path = layout.root / "t.jsonl"
    path.write_text(claude_line("u", "from the transcript"))
    spool(layout, "a", prompt="from the event", transcript_path=str(path))
    spool(layout, "b", prompt="its file is late", transcript_path=str(path) + "x", prompt_id="2")
    found = pending.read(layout, None, WALL, str)
    assert sorted(texts(found)) == ["from the transcript", "its file is late"]


def test_reading_changes_nothing(layout: Layout) -> None:
    path = layout.root / "t.jsonl"
    path.write_text(claude_line("u", "text"))
    spool(layout, "a", transcript_path=str(path))
    (layout.spool_new / "bad.json").write_text("{")
    before = {p: p.stat().st_mtime_ns for p in layout.root.rglob("*")}
    assert pending.read(layout, None, WALL, str) == pending.read(layout, None, WALL, str)
    assert {p: p.stat().st_mtime_ns for p in layout.root.rglob("*")} == before


def test_injected_text_does_not_come_back_from_the_spool(layout: Layout) -> None:
    own = f"{framing.opening(1, clock.iso(WALL), 'p')}\nsecret\n{framing.CLOSING}\n"
    path = layout.root / "t.jsonl"
    path.write_text(claude_line("u", own + "my question"))
    spool(layout, "a", transcript_path=str(path))
    spool(layout, "b", prompt=own)
    assert texts(pending.read(layout, None, WALL, str)) == ["my question"]


@pytest.mark.parametrize("bad", ["{", "[]", '{"transcript_path": "/' + "x" * 5_000 + '"}', "\0"])
def test_an_unreadable_spool_file_loses_only_itself(layout: Layout, bad: str) -> None:
    (layout.spool_new / "bad.json").write_text(bad)
    spool(layout, "good", prompt="why?")
    assert texts(pending.read(layout, None, WALL, str)) == ["why?"]


def test_a_followed_transcript_is_read_from_where_ingest_stopped(world: World) -> None:
    path = world.layout.root / "t.jsonl"
    path.write_text(claude_line("u", "old"))
    spool(world.layout, "a", transcript_path=str(path))
    world.run(2.0)
    assert texts(pending.read(world.layout, world.records, world.now.wall, str)) == []
    with path.open("a") as file:
        file.write(claude_line("uu", "new"))
    assert texts(pending.read(world.layout, world.records, world.now.wall, str)) == ["new"]


def test_a_forgotten_turn_stays_out_though_its_line_is_still_there(world: World) -> None:
    path = world.layout.root / "t.jsonl"
    path.write_text(claude_line("u", "the secret"))
    spool(world.layout, "a", transcript_path=str(path))
    world.run(2.0)
    world.answer(Actor.INGEST, Forget(refs=("#1",)))
    copied = world.layout.root / "resumed.jsonl"  # a resumed session repeats what came before it
    copied.write_text(claude_line("u", "the secret") + claude_line("uu", "go on"))
    spool(world.layout, "b", transcript_path=str(copied))
    text = composed(world, "/p", world.now.wall, overlaid=True)
    assert "the secret" not in text
    assert "go on (not indexed yet)\n" in text


def test_a_long_rollout_is_identified_by_its_start_and_read_at_its_end(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "TAIL", 600_000)
    path = layout.root / "rollout-x.jsonl"
    lines = [codex_line(f"turn {n} " + "x" * 1_000, at=WALL + n * NS) for n in range(3_000)]
    path.write_text(codex_head("session", "/codex") + "".join(lines))
    spool(layout, "a", transcript_path=str(path))
    found = pending.read(layout, None, WALL, str)
    assert found.turns[0].text.startswith("turn 0 ")
    assert found.turns[-1].text.startswith("turn 2999 ")
    assert {(turn.session, turn.cwd) for turn in found.turns} == {("session", "/codex")}
    assert len(found.turns) < 1_500
    assert not found.whole


def test_reading_is_bounded_and_starts_with_the_latest(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "ALL", 100)
    for age, name in enumerate(("late", "early")):
        path = layout.root / f"{name}.jsonl"
        path.write_text(claude_line(name, name))
        os.utime(path, ns=(WALL - age, WALL - age))
        spool(layout, name, transcript_path=str(path))
    found = pending.read(layout, None, WALL, str)
    assert (texts(found), found.whole) == (["late"], False)


def test_only_the_latest_of_very_many_events_are_read(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "EVENTS", 3)
    for number in range(5):
        spool(layout, str(number), at=WALL + number, prompt=str(number), prompt_id=str(number))
    found = pending.read(layout, None, WALL, str)
    assert (texts(found), found.whole) == (["2", "3", "4"], False)


class Said(Struct, frozen=True):
    """One turn of a made-up story."""

    where: int  # which transcript; the last stands for an event without one
    cwd: str
    minutes_ago: int
    kept: bool  # has ingest read it already?


TRANSCRIPTS = ("a.jsonl", "b.jsonl", "rollout-c.jsonl")
STORY = st.lists(
    st.builds(
        Said,
        where=st.integers(0, len(TRANSCRIPTS)),
        cwd=st.sampled_from(["/p", "/q", "/r"]),
        minutes_ago=st.integers(0, 3),
        kept=st.booleans(),
    ),
    max_size=14,
)


def write(world: World, number: int, said: Said) -> None:
    """Have a host and the hook write down one turn."""
    at = WALL - said.minutes_ago * 60 * NS
    if said.where == len(TRANSCRIPTS):
        event = {"prompt": f"text {number}", "prompt_id": str(number), "cwd": said.cwd}
        spool(world.layout, str(number), at=at, **event)
        return
    path = world.layout.root / TRANSCRIPTS[said.where]
    text = f"text {number}"
    with path.open("a") as file:
        if path.name.startswith("rollout"):
            if not file.tell():
                file.write(codex_head("codex", said.cwd))
            file.write(codex_line(text, at=at))
        else:
            uuid = "u" * (number + 1)
            file.write(claude_line(uuid, text, at=at, cwd=said.cwd, session=path.stem))
    spool(world.layout, f"{number}", at=world.now.wall, transcript_path=str(path), cwd=said.cwd)


def plain(text: str) -> str:
    """Without what distinguishes a stored turn from a pending one."""
    text = re.sub(r"(revision|tokens)=\d+", "", text)
    return re.sub(r" \((#\d+|not indexed yet)\)", "", text)


def test_what_was_done_for_it_counts_only_if_it_outlasts_the_rewind(world: World) -> None:
    path = world.layout.root / "s.jsonl"
    wall = world.now.wall
    lines = [
        prompt(1, "build the calendar", parentUuid="u0"),
        answer(2, "Built.", parentUuid="u1"),
        prompt(3, "show a pie chart", parentUuid="u2"),
        answer(4, call("a", "Edit", file_path="/p/pie.py", old_string="1", new_string="2")),
        result(5, "a"),
        answer(6, call("b", "Bash", command="pytest -q")),
        result(7, "b", "Exit code 1\n1 failed, 2 passed in 0.1s", is_error=True),
        answer(8, call("c", "Bash", command="git commit -m 'Add a pie'")),
        result(9, "c", "[main abc1234] Add a pie\n 1 file changed"),
        prompt(10, "show a gantt chart", parentUuid="u2"),
        answer(11, call("d", "Edit", file_path="/p/gantt.py", old_string="1", new_string="2")),
        result(12, "d"),
        answer(13, "Gantt it is."),
    ]
    for second, line in enumerate(lines):
        line["timestamp"] = clock.iso(wall - (60 - second) * NS)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = spool(world.layout, "a", at=wall, transcript_path=str(path))
    before = composed(world, "/p", wall, overlaid=True)
    world.run(3.0)
    assert not file.exists()
    for text in (before, composed(world, "/p", world.now.wall, overlaid=False)):
        assert "Files: gantt.py +1 -1\n" in text
        assert 'Commits: abc1234 "Add a pie"\n' in text
        assert "pie.py" not in text
        assert "pytest" not in text


@settings(max_examples=40)
@given(STORY)
def test_pending_turns_show_the_same_as_once_ingest_has_read_them(story: list[Said]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory) / "store")
        for kept in (True, False):
            for number, said in enumerate(story):
                if said.kept is kept:
                    write(world, number, said)
            if kept:
                world.run(3.0)
        wall = world.now.wall
        places = ("/p", "/q", "/r", "/elsewhere", "")
        before = [plain(composed(world, cwd, wall, overlaid=True)) for cwd in places]
        world.run(3.0)
        after = [plain(composed(world, cwd, wall, overlaid=False)) for cwd in places]
        world.close()
    assert before == after


def said_in(view: PendingView) -> list[str]:
    session = session_key("claude", "s")
    return [turn.text for turn in view.session(session)]


def test_an_event_and_its_transcript_are_one_pending_turn(layout: Layout) -> None:
    path = layout.root / "s.jsonl"
    path.write_text(claude_line("u", "why?"))
    spool(layout, "a", prompt="why?")
    spool(layout, "b", prompt="why?")
    assert said_in(PendingView(None, pending.read(layout, None, WALL, str), WALL)) == ["why?"]
    spool(layout, "c", transcript_path=str(path))
    assert said_in(PendingView(None, pending.read(layout, None, WALL, str), WALL)) == ["why?"]


def test_what_was_taken_back_a_second_ago_is_left_out(layout: Layout) -> None:
    path = layout.root / "s.jsonl"
    lines = [json.loads(claude_line(u, t)) for u, t in (("u", "a pie"), ("uu", "yes"), ("n", "no"))]
    for line in (lines[0], lines[2]):
        line["parentUuid"] = "root"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    spool(layout, "a", transcript_path=str(path))
    assert said_in(PendingView(None, pending.read(layout, None, WALL, str), WALL)) == ["no"]
