"""Valid inputs to begin with: transcripts of each form, hook events, and messages of every kind."""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec import inspect

from iai.protocol.message import Message
from iai.protocol.registry import FEED, INBOX, REPLIES

_SAMPLES = Path(__file__).resolve().parents[2] / "tests" / "samples"
_LINES = 8  # of a transcript; a short one takes less time, and as many of its lines are broken
_AT = "2026-11-20T10:00:{:02d}.000Z"
_KINDS = sorted(
    {kind for group in (*INBOX.values(), *FEED.values(), REPLIES) for kind in group},
    key=lambda kind: kind.__name__,
)


_SIMPLE: dict[type, tuple[Any, ...]] = {
    inspect.StrType: ("", "x", "\u00e9\n", "{}", "a" * 40),
    inspect.IntType: (0, 1, -1, 255, 1 << 31, (1 << 63) - 1),
    inspect.FloatType: (0.0, 1.5, -2.0, 1e300),
    inspect.BoolType: (True, False),
    inspect.BytesType: (b"", b"\0\xff" * 9),
    inspect.NoneType: (None,),
}


def _encoded(lines: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"


def _pieces(directory: str) -> list[bytes]:
    """Return the sample transcripts in pieces, each with the line that begins the file."""
    found = []
    for path in sorted((_SAMPLES / directory).glob("*.jsonl")):
        first, *rest = path.read_bytes().splitlines()
        starts = range(0, len(rest), _LINES - 1)
        found += [b"\n".join([first, *rest[at : at + _LINES - 1]]) + b"\n" for at in starts]
    return found


def _claude(type_: str, second: int, **fields: Any) -> dict[str, Any]:
    return {"type": type_, "uuid": f"u{second}", "parentUuid": f"u{second - 1}", "sessionId": "s1",
            "cwd": "/p", "gitBranch": "main", "version": "2.1.240", "isSidechain": False,
            "timestamp": _AT.format(second), **fields}  # fmt: skip


def _said(role: str, second: int, content: Any, **fields: Any) -> dict[str, Any]:
    return _claude(role, second, message={"role": role, "content": content}, **fields)


def _used(second: int, name: str, **given: Any) -> dict[str, Any]:
    block = {"type": "tool_use", "id": f"t{second}", "name": name, "input": given}
    return _said("assistant", second, [{"type": "text", "text": "Next."}, block])


def _result(second: int, call: int, content: Any, beside: Any = None) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": f"t{call}", "content": content}
    return _said("user", second, [block], toolUseResult=beside)


_PATCH = [{"oldStart": 1, "oldLines": 1, "newStart": 1, "newLines": 2, "lines": ["-a", "+b", "+c"]}]
_QUESTION = {"question": "Which port?", "header": "Port", "options": [{"label": "80"}]}
CLAUDE = [
    *_pieces("claude"),
    _encoded([
        _said("user", 1, "mend the tide"),
        _used(2, "Bash", command="git commit -m x && pytest -q", description="d"),
        _result(3, 2, "[main a1b2c3d] x\n1 failed, 2 passed", {"stdout": "x", "stderr": ""}),
        _used(4, "Edit", file_path="/p/a.py", old_string="a", new_string="b"),
        _result(5, 4, "ok", {"filePath": "/p/a.py", "structuredPatch": _PATCH}),
        _used(6, "TodoWrite", todos=[{"content": "x", "status": "pending", "activeForm": "x"}]),
        _result(7, 6, "ok", {"oldTodos": [], "newTodos": []}),
        _said("assistant", 8, [{"type": "text", "text": "Mended."}]),
    ]),
    _encoded([
        _claude("queue-operation", 1, operation="enqueue", content="use the lock"),
        _claude("queue-operation", 2, operation="remove"),
        _claude("attachment", 3, attachment={"type": "queued_command", "prompt": "use the lock",
                "commandMode": "prompt", "origin": {"kind": "human"}}),
        _used(4, "AskUserQuestion", questions=[_QUESTION]),
        _result(5, 4, "answered", {"questions": [_QUESTION], "answers": {"Which port?": "80"}}),
        _used(6, "ExitPlanMode", plan="1. x\n2. y"),
        _result(7, 6, "The user doesn't want to proceed with this tool use. The tool use was"
                " rejected. the user said:\nno"),
        {"type": "summary", "summary": "Tide", "leafUuid": "u7"},
        {"type": "ai-title", "aiTitle": "Tide", "sessionId": "s1"},
    ]),
    _encoded([
        _said("user", 1, "<command-name>/x</command-name><command-args>y</command-args>"),
        _said("user", 2, [{"type": "image", "source": {"type": "base64", "data": "AA"}},
                          {"type": "text", "text": "see"}], isMeta=True),
        _said("user", 3, "go on", isCompactSummary=True),
        _used(4, "Task", prompt="x", subagent_type="y"),
        _result(5, 4, [{"type": "text", "text": "done"}], {"status": "completed"}),
        _used(6, "TaskCreate", subject="x"),
        _result(7, 6, "Task #1 created successfully: x", {"task": {"id": "1", "subject": "x"}}),
        _claude("system", 8, subtype="compact_boundary", content="x"),
        _said("user", 9, "[Request interrupted by user]", isSidechain=True, agentId="a1"),
    ]),
]  # fmt: skip


def _codex(second: int, type_: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": _AT.format(second), "type": type_, "payload": payload}


_META = _codex(0, "session_meta", id="1a0e1c56-6ea0-7afa-a413-abba1f58a227",
               timestamp=_AT.format(0), cwd="/p", originator="codex_cli", cli_version="0.155.1",
               instructions=None, source="cli",
               git={"branch": "main", "repository_url": "https://a:b@example.org/x"})  # fmt: skip
_PATCHED = "*** Begin Patch\n*** Update File: a.py\n@@\n-a\n+b\n*** Move to: b.py\n*** End Patch"
CODEX = [
    *_pieces("codex"),
    _encoded([
        _META,
        _codex(1, "turn_context", cwd="/p", model="m", approval_policy="never"),
        _codex(2, "response_item", type="message", role="user",
               content=[{"type": "input_text", "text": "mend the tide"}]),
        _codex(3, "response_item", type="function_call", name="exec_command", call_id="c1",
               arguments=json.dumps({"cmd": "pytest -q", "workdir": "/p"})),
        _codex(4, "response_item", type="function_call_output", call_id="c1",
               output="Exit code: 1\nWall time: 0.5 seconds\nOutput:\n1 failed, 2 passed"),
        _codex(5, "response_item", type="custom_tool_call", name="apply_patch", call_id="c2",
               input=_PATCHED, status="completed"),
        _codex(6, "response_item", type="custom_tool_call_output", call_id="c2", output="Success"),
        _codex(7, "response_item", type="message", role="assistant",
               content=[{"type": "output_text", "text": "Mended."}]),
    ]),
    _encoded([
        _META,
        _codex(1, "event_msg", type="user_message", message="mend it", images=[]),
        _codex(2, "event_msg", type="turn_aborted", reason="interrupted"),
        _codex(3, "event_msg", type="thread_rolled_back", num_turns=1),
        _codex(4, "response_item", type="function_call", name="update_plan", call_id="c3",
               arguments=json.dumps({"plan": [{"step": "x", "status": "pending"}]})),
        _codex(5, "response_item", type="function_call_output", call_id="c3", output="updated"),
        _codex(6, "compacted", message="x", replacement_history=[]),
        _codex(7, "event_msg", type="thread_name_updated", thread_name="Tide"),
        _codex(8, "response_item", type="local_shell_call", call_id="c4", status="completed",
               action={"type": "exec", "command": ["bash", "-lc", "git status"]}),
    ]),
]  # fmt: skip
CODEX_LEGACY = [
    _encoded([
        {"id": "1a0e1c56-6ea0-4afa-a413-abba1f58a227", "timestamp": _AT.format(0),
         "instructions": None, "git": {"branch": "main"}},
        {"record_type": "state"},
        {"type": "message", "role": "user", "id": None,
         "content": [{"type": "input_text", "text": "mend the tide"}]},
        {"type": "function_call", "name": "shell", "call_id": "c1",
         "arguments": json.dumps({"command": ["bash", "-lc", "ls"], "workdir": "/p"})},
        {"type": "function_call_output", "call_id": "c1",
         "output": json.dumps({"output": "a", "metadata": {"exit_code": 0}})},
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": "Mended."}]},
    ]),
]  # fmt: skip
EVENTS = [
    json.dumps(event).encode()
    for event in (
        {"session_id": "s", "transcript_path": "/nowhere/.claude/projects/p/s.jsonl", "cwd": "/p",
         "hook_event_name": "UserPromptSubmit", "prompt": "mend the tide", "prompt_id": "p1"},
        {"session_id": "s", "cwd": "/p", "hook_event_name": "Stop",
         "last_assistant_message": "Mended.", "stop_hook_active": False},
        {"session_id": "s", "transcript_path": "", "cwd": "/p", "hook_event_name": "SessionEnd",
         "reason": "exit"},
        {"session_id": "1a0e1c56-6ea0-7afa-a413-abba1f58a227", "turn_id": "t", "cwd": "/p",
         "hook_event_name": "UserPromptSubmit", "prompt": "x", "model": "m"},
        {"session_id": "s", "cwd": "/p", "hook_event_name": "SessionStart", "source": "resume",
         "agent_id": "a"},
        {"session_id": "s", "cwd": "/p", "hook_event_name": "SessionStart", "source": "startup"},
    )
]  # fmt: skip


def message(random: Random) -> Message:
    """Return a message of any kind, with any values that its type allows."""
    kind = random.choice(_KINDS)
    fields = {
        field.name: _value(random, field.type)
        for field in _fields(kind)
        if field.required or random.randrange(2)
    }
    return msgspec.convert(fields | {"kind": kind.__struct_config__.tag}, kind)


@cache
def _fields(kind: type[Message]) -> tuple[inspect.Field, ...]:
    """Return the fields of a kind; asking for them takes longer than decoding a message."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101  for mypy
    return described.fields


def _value(random: Random, type_: inspect.Type) -> Any:
    """Return plain data of a type."""
    match type_:
        case inspect.LiteralType(values=values):
            return random.choice(values)
        case inspect.EnumType(cls=cls):
            return random.choice(list(cls)).value
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return [_value(random, item) for _ in range(random.randrange(3))]
        case inspect.DictType(key_type=key, value_type=item):
            return {_value(random, key): _value(random, item) for _ in range(random.randrange(3))}
        case inspect.UnionType(types=types):
            return _value(random, random.choice(types))
        case inspect.StructType(fields=fields):
            return {
                field.encode_name: _value(random, field.type)
                for field in fields
                if field.required or random.randrange(2)
            }
        case info:
            return random.choice(_SIMPLE[type(info)])
