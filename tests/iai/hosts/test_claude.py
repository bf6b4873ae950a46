"""Claude Code's lines: what is a turn, and why all others are none."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts import claude
from iai.hosts.turn import Item, Rewound, Skip, Turn
from iai.ingest import json_line, transcripts
from iai.model import framing
from iai.model.action import Action
from iai.model.context import Context

SAMPLES = Path(__file__).parents[2] / "samples" / "claude"


def line(role: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {
        "type": role,
        "uuid": "u1",
        "sessionId": "s1",
        "cwd": "/p",
        "timestamp": "2026-11-20T10:00:00.250Z",
        "message": {"role": role, "content": content},
        **fields,
    }


def parse(value: Any) -> Item:
    """Return the one thing that a line holds."""
    (item,) = claude.parse(value, Context())[1]
    return item


def test_a_prompt_is_a_turn_with_its_own_time_and_id() -> None:
    context, (turn,) = claude.parse(line("user", "why?"), Context())
    assert turn == Turn(
        key="claude:u1", role="user", text="why?", created_at=1_795_168_800_250_000_000, uuid="u1"
    )
    assert (context.session, context.cwd) == ("s1", "/p")


def test_an_answer_is_its_texts_without_calls_and_thinking() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "one"},
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {}},
        {"type": "text", "text": "two"},
    ]
    turn = parse(line("assistant", blocks))
    assert isinstance(turn, Turn)
    assert turn.text == "one\ntwo"


def test_text_is_verbatim() -> None:
    text = "  keep\tthis \r\n exactly \U0001f9e0\n"
    turn = parse(line("user", text))
    assert isinstance(turn, Turn)
    assert turn.text == text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (line("user", [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]), Skip.TOOL),
        (line("assistant", [{"type": "thinking", "thinking": "hm"}]), Skip.TOOL),
        (line("user", [{"type": "image", "source": {}}]), Skip.TOOL),
        (line("user", "x", isMeta=True), Skip.META),
        (line("assistant", "x", isSidechain=True), Skip.SIDECHAIN),
        (line("user", "x", isCompactSummary=True), Skip.SUMMARY),
        (line("user", "<command-name>/clear</command-name>"), Skip.COMMAND),
        (line("user", "<local-command-stdout>ok</local-command-stdout>"), Skip.COMMAND),
        (line("user", "<bash-input>ls</bash-input>"), Skip.COMMAND),
        (line("user", "[Request interrupted by user for tool use]"), Skip.COMMAND),
        (line("user", "<system-reminder>be nice</system-reminder>"), Skip.EMPTY),
        (line("user", " \n"), Skip.EMPTY),
        (line("assistant", "API Error", isApiErrorMessage=True), Skip.SYNTHETIC),
        (line("user", 7), Skip.BAD_SHAPE),
        (line("user", "x", message=["y"]), Skip.BAD_SHAPE),
        ({"no": "type"}, Skip.BAD_SHAPE),
        ([], Skip.BAD_SHAPE),
        (None, Skip.BAD_SHAPE),
        *(
            ({"type": type_, "sessionId": "s1"}, Skip.NOT_A_TURN)
            for type_ in (
                "system", "summary", "attachment", "file-history-snapshot", "queue-operation",
                "mode", "last-prompt", "ai-title", "a-type-of-the-future",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_turn_is_skipped_for_a_reason(value: Any, why: Skip) -> None:
    assert parse(value) is why


def test_what_a_memory_tool_was_asked_and_answered_is_no_turn() -> None:
    name, recalled = "mcp__iai__memory_recall", "<!-- iai revision=3 ...\n> what was said before"
    call = {"type": "tool_use", "id": "t", "name": name, "input": {"query": "retries"}}
    answer = {"type": "text", "text": recalled}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [answer]}
    beside = {"content": recalled, "structuredContent": {"note": recalled}}
    assert parse(line("assistant", [call])) is Skip.TOOL
    assert parse(line("user", [result], toolUseResult=beside)) is Skip.TOOL


def test_our_own_text_is_left_out_and_the_words_around_it_are_kept() -> None:
    block = f"{framing.opening(3, '2026-11-20T10:00:00Z', 'p')}\n> old\n{framing.CLOSING}\n"
    assert parse(line("user", block)) is Skip.INJECTED
    turn = parse(line("user", block + "my question"))
    assert isinstance(turn, Turn)
    assert turn.text == "my question"


def test_a_line_repeated_in_a_forked_session_has_the_same_key() -> None:
    one, other = parse(line("user", "x")), parse(line("user", "x", sessionId="s2"))
    assert isinstance(one, Turn)
    assert isinstance(other, Turn)
    assert one.key == other.key


def test_a_turn_without_a_readable_time_is_a_turn_all_the_same() -> None:
    for broken in ("", "yesterday", None, 5):
        turn = parse(line("user", "x", timestamp=broken))
        assert isinstance(turn, Turn)
        assert turn.created_at == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([
    "type", "uuid", "sessionId", "cwd", "timestamp", "message", "isMeta", "isSidechain",
])  # fmt: skip


def all_items(items: tuple[Item, ...]) -> bool:
    """Does a line give something, and nothing but what a line can hold?"""
    return bool(items) and all(isinstance(i, Turn | Action | Rewound | Skip) for i in items)


@given(JSON | st.dictionaries(FIELDS, JSON))
def test_no_json_whatever_raises(value: object) -> None:
    assert all_items(claude.parse(value, Context())[1])


@given(st.sampled_from(["user", "assistant"]), JSON)
def test_no_content_whatever_raises(role: str, content: object) -> None:
    assert all_items(claude.parse(line(role, content), Context())[1])


def test_the_samples_hold_the_turns_that_people_and_agents_said() -> None:
    counts: Counter[str] = Counter()
    for path in sorted(SAMPLES.glob("*.jsonl")):
        context = Context()
        for raw in transcripts.read(str(path), transcripts.Mark()).lines:
            assert raw.data is not None
            context, items = claude.parse(json_line.decode(raw.data), context)
            counts.update(name(item) for item in items)
    assert counts == {
        "user": 6, "assistant": 10, Skip.NOT_A_TURN: 4, Skip.META: 1, Skip.COMMAND: 2,
        Skip.TOOL: 9, Skip.SIDECHAIN: 1, Skip.SUMMARY: 1, Skip.SYNTHETIC: 1,
        "command done": 5, "test done": 3, "edit done": 2, "read done": 1, "commit done": 1,
        "tool done": 1,  # an interruption
    }  # fmt: skip


def name(item: Item) -> str:
    if isinstance(item, Turn):
        return item.role
    return f"{item.kind} done" if isinstance(item, Action) else str(item)
