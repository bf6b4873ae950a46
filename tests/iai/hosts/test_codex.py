"""Codex's rollouts: what is a turn, and why all other lines are none."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts import codex, registry
from iai.hosts.turn import Item, Skip, Turn
from iai.ingest import json_line, transcripts
from iai.model import framing
from iai.model.context import Context
from tests.iai.hosts.test_claude import JSON, all_items, name

SAMPLES = Path(__file__).parents[2] / "samples" / "codex"
AT = "2026-11-22T17:55:06.211Z"


def envelope(type_: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": AT, "type": type_, "payload": payload}


def message(role: str, *texts: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    return envelope("response_item", type="message", role=role, content=content)


def parse(value: Any, context: Context | None = None) -> Item:
    """Return the one thing that a line holds."""
    (item,) = codex.parse(value, context or Context(session="s1"))[1]
    return item


def test_a_message_is_a_turn() -> None:
    turn = parse(message("user", "why?"))
    assert isinstance(turn, Turn)
    assert (turn.role, turn.text) == ("user", "why?")
    assert turn.key.startswith("codex:s1:1795370106211000000:user:")


@pytest.mark.parametrize("odd", [[], {}, [[]], None, 10**30])
def test_a_type_that_is_no_text_is_none_that_is_known(odd: object) -> None:
    for line in (
        {"timestamp": AT, "type": "event_msg", "payload": {"type": odd}},
        {"timestamp": AT, "type": "response_item", "payload": {"type": odd}},
        {"type": odd, "id": "x"},
    ):
        assert isinstance(parse(line), Skip)


def test_what_is_said_twice_is_taken_once() -> None:
    assert parse(envelope("event_msg", type="user_message", message="why?")) is Skip.NOT_A_TURN


def test_a_session_says_where_it_is_and_from_which_repository() -> None:
    meta = envelope("session_meta", id="s2", cwd="/p", git={"repository_url": "git@h:o/r.git"})
    context, (skipped,) = codex.parse(meta, Context())
    assert (context.session, context.cwd) == ("s2", "/p")
    assert context.remote == "git@h:o/r.git"
    assert skipped is Skip.NOT_A_TURN


def test_a_fork_that_repeats_another_sessions_head_stays_itself() -> None:
    context, _ = codex.parse(envelope("session_meta", id="own", cwd="/p"), Context())
    context, _ = codex.parse(envelope("session_meta", id="other", cwd="/q"), context)
    assert context.session == "own"


def test_a_session_that_was_first_read_without_its_lineage_is_the_first_of_it() -> None:
    context, _ = codex.parse(envelope("session_meta", id="b"), Context(session="a"))
    assert [one.session for one in context.lineage] == ["a", "b"]


def test_a_session_may_move_to_another_directory() -> None:
    context, _ = codex.parse(envelope("turn_context", cwd="/q"), Context(session="s", cwd="/p"))
    assert context.cwd == "/q"


def test_a_sub_agents_rollout_is_left_out_whole() -> None:
    meta = envelope("session_meta", id="s2", cwd="/p", source={"subagent": "review"})
    context, _ = codex.parse(meta, Context())
    assert parse(message("assistant", "found it"), context) is Skip.SIDECHAIN


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (message("developer", "be safe"), Skip.META),
        (message("user", "# AGENTS.md instructions for /p"), Skip.META),
        (message("user", "<environment_context>\n</environment_context>"), Skip.META),
        (message("user"), Skip.EMPTY),
        (message("user", "  "), Skip.EMPTY),
        (message("user", framing.opening(1, "t", "p")), Skip.INJECTED),
        (envelope("response_item", type="reasoning", summary=[]), Skip.TOOL),
        (envelope("response_item", type="function_call", name="shell"), Skip.TOOL),
        (envelope("response_item", type="function_call_output", output="x"), Skip.TOOL),
        (envelope("response_item", type="custom_tool_call"), Skip.TOOL),
        (envelope("response_item", type="web_search_call"), Skip.TOOL),
        (envelope("response_item", type="message", role="user", content=7), Skip.BAD_SHAPE),
        (envelope("compacted", message="summary"), Skip.SUMMARY),
        *(
            (envelope("event_msg", type=type_), Skip.NOT_A_TURN)
            for type_ in ("agent_message", "token_count", "task_started", "task_complete",
                          "turn_aborted", "a-type-of-the-future")
        ),
        (envelope("world_state"), Skip.NOT_A_TURN),
        (envelope("a-type-of-the-future"), Skip.NOT_A_TURN),
        ({"type": "response_item"}, Skip.NOT_A_TURN),
        ({"payload": {}}, Skip.BAD_SHAPE),
        ([], Skip.BAD_SHAPE),
    ],
)  # fmt: skip
def test_what_is_no_turn_is_skipped_for_a_reason(value: Any, why: Skip) -> None:
    assert parse(value) is why


def test_what_a_memory_tool_was_asked_and_answered_is_no_turn() -> None:
    recalled = "<!-- iai revision=3 ...\n> what was said before"
    name = "mcp__iai__memory_recall"
    call = {"type": "function_call", "name": name, "arguments": "{}", "call_id": "c"}
    answer = {"type": "function_call_output", "call_id": "c", "output": recalled}
    assert parse(envelope("response_item", **call)) is Skip.TOOL
    assert parse(envelope("response_item", **answer)) is Skip.TOOL
    told = {"type": "mcp_tool_call_end", "result": {"Ok": {"content": [{"text": recalled}]}}}
    assert parse(envelope("event_msg", **told)) is Skip.NOT_A_TURN


def test_instructions_beside_a_prompt_do_not_cost_the_prompt() -> None:
    turn = parse(message("user", "<environment_context>x</environment_context>", "why?"))
    assert isinstance(turn, Turn)
    assert turn.text == "why?"


@given(st.fixed_dictionaries({"type": JSON, "payload": JSON, "timestamp": JSON}) | JSON)
def test_no_json_whatever_raises(value: object) -> None:
    assert all_items(codex.parse(value, Context(session="s1"))[1])


def test_the_sample_holds_one_question_and_two_answers() -> None:
    (path,) = SAMPLES.glob("*.jsonl")
    context, counts = Context(), Counter[str]()
    for raw in transcripts.read(str(path), transcripts.Mark()).lines:
        assert raw.data is not None
        context, items = codex.parse(json_line.decode(raw.data), context)
        counts.update(name(item) for item in items)
    assert counts == {
        "user": 1, "assistant": 2, "command done": 2, "write done": 1, "edit done": 2,
        "test done": 1, "todo done": 1, Skip.META: 3, Skip.TOOL: 5, Skip.NOT_A_TURN: 7,
    }  # fmt: skip
    assert context.cwd == "/home/dev/ledgerline"


def test_a_file_is_known_by_its_place_or_by_its_lines() -> None:
    claude_line = {"sessionId": "s", "type": "user"}
    assert registry.detect("/h/.claude/projects/p/s.jsonl", None) is registry.named("claude")
    assert registry.detect("/x/export.jsonl", claude_line) is registry.named("claude")
    assert registry.detect("/x/rollout-2026.jsonl", None) is registry.named("codex")
    assert registry.detect("/x/y.jsonl", envelope("session_meta")) is registry.named("codex")
    assert registry.detect("/x/y.jsonl", {"some": "thing"}) is None
    assert registry.detect("/x/y.jsonl", None) is None
