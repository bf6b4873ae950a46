"""The time that a transcript's line takes grows with its length, whatever it holds."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from iai.hosts import claude, codex, patches
from iai.hosts.json_fields import LONGEST_NAME
from iai.hosts.turn import Turn
from iai.model.context import Context
from iai.payload import abridge, choices, cues, headline
from tests.iai.hosts.claude_lines import answer, call, prompt, result

LENGTH = 60_000  # characters, for which what grows with their square takes many seconds
PIECES = (
    "<h1", "<command-args>", "<command-name>x</command-name>", "<system-reminder>",
    "<pasted_content>", "<send_user_message_question_reply>", "<bash-input>", "<a b='", "<!-- ",
    "[", "[{", "\x1b[31m", "[main abc1234] x\n", " ", "\n", "`", "```\n", '"', "\\", "$(",
    "<<EOF\n", "cd a && ", "git commit -m 'x' && ", "bash -c '", "*** Update File: a\n",
    "@@ -1 +1 @@\n", "1 passed, ", "--- FAIL: x (0.0s)\n", "- [ ] x\n", "**x** ", "| a | b |\n",
    'tools.exec_command({cmd: ["a" ', '"a" ', 'const a = "b"; ', '"step": "a", "status": "b", ',
    "Options:\n", "Option 1: ", "1. ", "yes, ", "<<-\t", "a <<'x' ",
)  # fmt: skip


def of_codex(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-11-20T10:00:00.000Z", "type": kind, "payload": payload}


def said_to_codex(role: str, text: str) -> dict[str, Any]:
    block = {"type": "input_text" if role == "user" else "output_text", "text": text}
    return of_codex("response_item", type="message", role=role, content=[block])


def lines_of_claude(text: str) -> Iterator[dict[str, Any]]:
    yield prompt(1, text)
    yield answer(2, text, call("c1", "Bash", command=text), call("c2", "Bash", command="go test"))
    yield result(3, "c1", text)
    yield result(4, "c2", text, is_error=True)
    yield answer(5, call("c3", "ExitPlanMode", plan=text), call("c4", "AskUserQuestion"))
    yield result(6, "c3", f"## Approved Plan:\n{text}")
    yield result(7, "c4", text)


def lines_of_codex(text: str) -> Iterator[dict[str, Any]]:
    yield of_codex("session_meta", id="s1", cwd="/p")
    yield said_to_codex("user", text)
    yield said_to_codex("assistant", text)
    scripts = (text, f"tools.exec_command({{cmd: [{text}")
    shell = json.dumps({"command": ["bash", "-lc", text]})
    calls = [
        {"type": "function_call", "name": "shell", "arguments": shell},
        {"type": "custom_tool_call", "name": "apply_patch", "input": text},
        *({"type": "custom_tool_call", "name": "exec", "input": script} for script in scripts),
    ]
    for number, one in enumerate(calls):
        yield of_codex("response_item", call_id=f"c{number}", **one)
        done = {"type": f"{one['type']}_output", "call_id": f"c{number}", "output": text}
        yield of_codex("response_item", **done)


@pytest.mark.timeout(60)  # each takes far less than a second
@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize(("host", "lines"), [(claude, lines_of_claude), (codex, lines_of_codex)])
def test_a_hostile_line_is_read_in_time(host: Any, lines: Any, piece: str) -> None:
    context = host.begin("/h/.claude/projects/p/s1.jsonl")
    for line in lines(piece * (LENGTH // len(piece))):
        context = host.parse(line, context)[0]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_text_is_shown_in_time(piece: str) -> None:
    text = piece * (LENGTH // len(piece))
    for shown in (text, f"<!DOCTYPE html>\n<p>\n{text}"):
        cues.typed(shown)
        cues.decided(shown)
        choices.chosen("option 1", shown)
        choices.chosen(shown, "**Option 1**: a")
        headline.done(shown, 110)
        headline.verdict(shown, 110)
        abridge.abridge(shown, 280)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", PIECES)
def test_patches_are_left_out_of_a_hostile_line_in_time(piece: str) -> None:
    patches.left_out(piece * (10 * LENGTH // len(piece)))


@pytest.mark.parametrize("host", [claude, codex])
def test_what_names_a_session_or_a_place_is_kept_only_as_far_as_a_name_can_go(host: Any) -> None:
    long = "name/" * LENGTH
    names = ("sessionId", "uuid", "gitBranch", "cwd")
    lines = {
        claude: [prompt(1, "why?") | dict.fromkeys(names, long)],
        codex: [of_codex("session_meta", id=long, cwd=long, git={"branch": long}),
                said_to_codex("user", "why?")],
    }  # fmt: skip
    context, turns = Context(), []
    for line in lines[host]:
        context, found = host.parse(line, context)
        turns += [one for one in found if isinstance(one, Turn)]
    assert context.cwd == ""
    assert context.session == context.branch == long[:LONGEST_NAME]
    assert len(turns[0].key) + len(turns[0].uuid) < 3 * LONGEST_NAME
