"""The history of a file, given before the agent reads or changes it: only if set up, and once."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.group import Group, wait_until

from iai.model import clock, framing
from iai.payload import file_notes
from iai.payload.budget import tokens
from iai.payload.file_notes import Note
from iai.process import files
from iai.session_start import deliveries
from iai.session_start import delivery_notes as of_session

Make = Callable[..., Group]
PATCH = (
    "*** Begin Patch\n*** Update File: src/a.py\n@@\n-1\n+2\n*** Add File: b.py\n+1\n*** End Patch"
)


@pytest.fixture
def store(group: Make) -> Group:
    """A store with notes on the files of the project at /w, and no group."""
    g = group()
    g.layout.create()
    keep(g, "/w", note("/w/src/a.py"), note("/w/b.py", request=8))
    return g


def note(path: str, *, session: str = "old", request: int = 7, text: str = "") -> Note:
    about = text or f'- {Path(path).name}, 2026-11-20: +1; for "a\\b" (#{request})'
    return Note(path, request, session, "/w", request, about)


def keep(store: Group, top: str, *notes: Note) -> None:
    """Write notes where the hook looks for those of a checkout."""
    opening = framing.opening(5, clock.iso(time.time_ns()), top[1:], file_notes.TOKENS)
    link = store.layout.files_link(top)
    assert link is not None
    files.replace(link, file_notes.render(notes, (top,), opening).encode())


def event(path: str, session: str = "s", **fields: Any) -> dict[str, Any]:
    """The event before Claude Code edits a file."""
    about = {
        "session_id": session, "transcript_path": f"/h/.claude/projects/w/{session}.jsonl",
        "cwd": "/w/src", "hook_event_name": "PreToolUse", "tool_name": "Edit",
    }  # fmt: skip
    return about | {"tool_input": {"file_path": path, "old_string": '"', "new_string": ""}} | fields


def patch(session: str, text: str = PATCH) -> dict[str, Any]:
    """The event before Codex applies a patch."""
    return {
        "session_id": session, "turn_id": "1", "transcript_path": None, "cwd": "/w",
        "hook_event_name": "PreToolUse", "tool_name": "apply_patch",
        "tool_input": {"command": text},
    }  # fmt: skip


def called(store: Group, sent: dict[str, Any]) -> str:
    """Call the hook once; return the text that the host adds to the context, if there is any."""
    done = store.hook("session-recall", sent)
    assert (done.returncode, done.stderr) == (0, "")
    if not done.stdout:
        return ""
    (output,) = json.loads(done.stdout).values()
    assert output.keys() == {"hookEventName", "additionalContext"}  # it decides nothing
    assert output["hookEventName"] == "PreToolUse"
    return str(output["additionalContext"])


def given(store: Group, sent: dict[str, Any]) -> str:
    """Return what is given, on a machine that may be too busy for it at first."""
    found: list[str] = []

    def in_time() -> bool:
        found.append(called(store, sent))
        return bool(found[-1])

    wait_until(in_time, "it is given in time")
    return found[-1]


def test_a_file_has_its_history_given_once_in_a_session(store: Group) -> None:
    text = given(store, event("/w/src/a.py"))
    opening, preface, line, closing = text.splitlines()
    assert opening.startswith("<!-- iai revision=5 generated_at=")
    assert opening.endswith(f" project=w tokens={tokens(text)} -->")
    assert preface == file_notes.PREFACE
    assert line == '- a.py, 2026-11-20: +1; for "a\\b" (#7)'
    assert closing == framing.CLOSING
    assert framing.without(text) == ""
    assert called(store, event("/w/src/a.py")) == ""
    assert called(store, event("/w/src/a.py", tool_name="Read")) == ""
    assert given(store, event("/w/src/a.py", session="t")) == text


def test_it_is_recorded_as_given(store: Group) -> None:
    text = given(store, event("/w/b.py"))
    (one,) = deliveries.read(store.layout)
    assert (one.host, one.session, one.source, one.project) == ("claude", "s", "file", "w")
    assert (one.outcome, one.reason, one.tokens) == ("file-history", "/w/b.py", tokens(text))
    assert of_session.delivered(store.layout, "s") == {8}
    assert of_session.through(store.layout, "s") == 0, "it is no start of a session"
    assert not store.layout.recall_log.exists(), "that is the log of session starts"


def test_a_session_is_not_given_its_own_words(store: Group) -> None:
    assert called(store, event("/w/src/a.py", session="old")) == ""
    keep(store, "/w", note("/w/src/a.py"), note("/w/src/a.py", session="s", request=9))
    lines = given(store, event("/w/src/a.py")).splitlines()[2:-1]
    assert [line.split("#")[1] for line in lines] == ["7)"]


def test_it_takes_300_tokens_at_most_and_the_latest_lines(store: Group) -> None:
    notes = [
        note("/w/c.py", session=f"s{n}", request=n, text=f"- {n} " + "word " * 60) for n in range(9)
    ]
    keep(store, "/w", *notes)
    text = given(store, event("/w/c.py"))
    assert tokens(text) <= file_notes.TOKENS
    assert [line[:3] for line in text.splitlines()[2:-1]] == ["- 8", "- 7", "- 6"]


@pytest.mark.parametrize(
    "path",
    ["/w/src/other.py", "/w/a.py", "/x/src/a.py", "/w/src/xa.py", "/w/src", "/w/src/\u00e9\\.py"],
)
def test_a_file_without_a_history_gets_nothing_and_leaves_no_trace(store: Group, path: str) -> None:
    assert called(store, event(path)) == ""
    assert deliveries.read(store.layout) == []
    assert not store.layout.deliveries.exists()


def test_a_file_of_a_nested_project_has_the_history_of_that(store: Group) -> None:
    keep(store, "/w/sub", note("/w/sub/src/a.py", request=11))
    assert "(#11)" in given(store, event("/w/sub/src/a.py"))


@pytest.mark.parametrize(
    "odd",
    [
        {"agent_id": "a1"},
        {"cursor_version": "1"},
        {"sessionId": "s"},
        {"session_id": ""},
        {"session_id": "../s"},
        {"tool_input": None},
    ],
)
def test_sub_agents_other_programs_and_odd_events_get_nothing(
    store: Group, odd: dict[str, Any]
) -> None:
    assert called(store, odd | {k: v for k, v in event("/w/b.py").items() if k not in odd}) == ""
    assert deliveries.read(store.layout) == []


def test_the_notebook_and_the_head_of_a_large_event_are_enough(store: Group) -> None:
    large = {"file_path": "/w/b.py", "content": '"file_path": "/w/src/a.py"\n' * 90_000}
    assert "(#8)" in given(store, event("", tool_input=large))
    keep(store, "/w", note("/w/n.ipynb", request=12))
    sent = event("", session="t", tool_input={"notebook_path": "/w/n.ipynb", "new_source": "1"})
    assert "(#12)" in given(store, sent)


def test_a_patch_of_codex_has_the_history_of_each_of_its_files(store: Group) -> None:
    text = given(store, patch("s"))
    assert [line.split("#")[1] for line in text.splitlines()[2:-1]] == ["7)", "8)"]
    assert called(store, patch("s")) == ""
    one = PATCH.replace("b.py", "new.py")
    assert "(#7)" in given(store, patch("t", one))
    rest = given(store, patch("t"))
    assert "(#8)" in rest
    assert "(#7)" not in rest


def test_damaged_notes_give_nothing(store: Group) -> None:
    link = store.layout.files_link("/w")
    assert link is not None
    whole = link.read_text()
    for damaged in ("", whole.replace("<!-- iai", "<!--"), whole.split("\t", 1)[0]):
        link.write_text(damaged)
        assert called(store, event("/w/b.py")) == ""
    assert deliveries.read(store.layout) == []


def test_what_is_later_than_150_ms_is_not_given(store: Group) -> None:
    slow = store.work / "bin" / "grep"
    slow.parent.mkdir()
    path = os.environ["PATH"]
    slow.write_text(f'#!/bin/sh\nexport PATH="{path}"\nsleep 0.2\nexec grep "$@"\n')
    slow.chmod(0o700)
    store.environment["PATH"] = f"{slow.parent}:{path}"
    assert called(store, event("/w/b.py")) == ""
    assert deliveries.read(store.layout) == []
    assert not store.layout.deliveries.exists()
