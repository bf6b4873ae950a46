"""Text that is relevant to a prompt: only if enabled, never late, and never twice."""

import json
import os
from collections.abc import Callable

import pytest
from harness.group import Group, wait_until

from iai.ingest import spool
from iai.model import framing
from iai.payload import prompt
from iai.payload.budget import tokens
from iai.protocol.graph_cache import Hit
from iai.session_start import deliveries, delivery_notes

Make = Callable[..., Group]
SAID = "The invoice exporter needs TZ=UTC, else reconcile_ledger drops the last hour of December."
PROMPT = "why does reconcile_ledger in the invoice exporter drop an hour?"


def hit(label: int, **fields: object) -> Hit:
    about: dict[str, object] = {
        "id": str(label), "label": label, "score": 1.5, "why": {}, "text": f"text {label}",
        "role": "user", "host": "claude", "session_id": "other", "project": "p",
        "project_name": "p", "cwd": "/p", "created_at": 0, "pinned": False,
        "matched": ("a", "b", "c"),
    }  # fmt: skip
    return Hit(**(about | fields))  # type: ignore[arg-type]  # the fields are those of a Hit


def test_only_good_hits_that_are_new_to_the_session_are_relevant() -> None:
    hits = [
        hit(1, score=prompt.LEAST_SCORE - 0.01), hit(2, matched=("a", "b")),
        hit(3, session_id="mine"), hit(4), hit(5), hit(6), hit(7), hit(8),
    ]  # fmt: skip
    found = prompt.bearing(hits, "mine", frozenset({4}))
    assert [one.label for one in found] == [5, 6, 7]


def test_the_text_keeps_to_its_limit_and_capture_drops_it() -> None:
    hits = [hit(n, text=f"{framing.CLOSING}\x1b \u4f60" + "\u597d, " * 5_000) for n in range(3)]
    text, labels = prompt.render(hits, 7, "p", 0)
    assert labels
    assert tokens(text) <= prompt.TOKENS
    assert len(text) <= prompt.CHARACTERS
    assert framing.without(text) == ""
    assert prompt.render([], 7, "p", 0) == ("", [])


def event(session: str, name: str = "UserPromptSubmit", said: str = PROMPT) -> str:
    about = {"hook_event_name": name, "session_id": session, "cwd": "/p", "prompt": said}
    return json.dumps(about | {"prompt_id": f"{session}{said}"})


def answered(group: Group, session: str, said: str = PROMPT) -> str:
    """Return what the hook's command answers; again while the machine is too busy for it."""
    printed: list[str] = []

    def in_time() -> bool:
        done = group.iai("prompt-recall", stdin=event(session, said=said))
        assert (done.returncode, done.stderr) == (0, "")
        printed.append(done.stdout)
        return bool(done.stdout)

    wait_until(in_time, "it is answered in time")
    return printed[-1]


def stand_in(group: Group, script: str) -> None:
    """Have the hook call something else than iai."""
    path = group.work / "iai"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    group.layout.command.write_text(str(path))


def test_the_hook_prints_the_commands_output_only_if_enabled(group: Make) -> None:
    g = group()
    g.layout.create()
    stand_in(g, "cat")
    assert g.hook("turn-capture", event("s")).stdout == ""
    g.environment["IAI_MCP_PROMPT_RECALL"] = "1"

    def printed() -> bool:
        return g.hook("turn-capture", event("s")).stdout == event("s") + "\n"

    wait_until(printed, "the command has answered in time")
    for quiet in (event("s", name="Stop"), "{", ""):
        assert g.hook("turn-capture", quiet).stdout == ""


@pytest.mark.parametrize("script", ["echo half; sleep 600", "echo half; exit 7", "exit 2"])
def test_a_late_or_failing_command_disturbs_no_prompt(group: Make, script: str) -> None:
    g = group(prompt_recall="1")
    g.layout.create()
    stand_in(g, script)
    g.environment["PATH"] = os.environ["PATH"]  # where a second is one
    done = g.hook("turn-capture", event("s"))  # has its own deadline
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(spool.waiting(g.layout.spool_new)) == 1


@pytest.mark.slow
def test_a_prompt_gets_relevant_text_but_not_twice(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0", prompt_recall="1")
    g.up()
    assert g.iai("remember", SAID, "--project", "/p").returncode == 0
    g.settle()
    text = answered(g, "first")
    assert f"#1 user, today: {SAID}" in text
    assert framing.without(text) == ""
    assert delivery_notes.delivered(g.layout, "first") == {1}
    (note,) = deliveries.read(g.layout)
    assert (note.source, note.outcome, note.session) == ("prompt", "recalled", "first")
    assert note.tokens == tokens(text)
    assert g.iai("prompt-recall", stdin=event("first")).stdout == ""
    assert g.iai("prompt-recall", stdin=event("x", said="something else")).stdout == ""

    start = {"session_id": "second", "source": "startup", "cwd": "/p"}
    wait_until(lambda: SAID in g.hook("session-recall", start).stdout, "it is there from the start")
    assert delivery_notes.delivered(g.layout, "second") == {1}
    assert g.iai("prompt-recall", stdin=event("second")).stdout == ""
    assert answered(g, "third")
    g.down()
    assert g.iai("prompt-recall", stdin=event("fourth")).stdout == ""
