"""Codex's rollouts: `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<uuid>.jsonl`.

Each line is {timestamp, type, payload}. What is said stands twice, as a `response_item` and as an
`event_msg`; the first is taken, for it is what the model saw.
"""

import hashlib
from typing import Any

from msgspec import structs

from iai.hosts.turn import Context, Line, Skip, Turn
from iai.model import clock, framing

NAME = "codex"

_IN_THE_USERS_NAME = (
    "# AGENTS.md instructions for", "<environment_context>", "<user_instructions>",
    "<permissions instructions>", "<turn_aborted>", "<subagent_notification>", "<skill>",
)  # fmt: skip
_TOOLS = frozenset({
    "reasoning", "function_call", "function_call_output", "custom_tool_call",
    "custom_tool_call_output", "local_shell_call", "web_search_call",
})  # fmt: skip


def recognises(path: str, first: object) -> bool:
    """Every line is an envelope with a payload."""
    return path.rsplit("/", 1)[-1].startswith("rollout-") or (
        isinstance(first, dict) and "payload" in first and "type" in first
    )


def parse(line: object, context: Context) -> tuple[Context, Line]:
    """See `Host.parse`."""
    if not isinstance(line, dict) or not isinstance(line.get("type"), str):
        return context, Skip.BAD_SHAPE
    payload = line.get("payload")
    if not isinstance(payload, dict):
        return context, Skip.NOT_A_TURN
    if line["type"] == "session_meta":
        return _session(payload, context), Skip.NOT_A_TURN
    if line["type"] == "turn_context":
        return structs.replace(context, cwd=_text(payload, "cwd") or context.cwd), Skip.NOT_A_TURN
    if line["type"] == "compacted":
        return context, Skip.SUMMARY
    if line["type"] != "response_item":
        return context, Skip.NOT_A_TURN
    return context, Skip(context.skip) if context.skip else _item(line, payload, context)


def _session(payload: dict[str, Any], context: Context) -> Context:
    """What a session says of itself. One that forks another repeats the other's after its own."""
    if context.session:
        return context
    git = payload.get("git")
    source = payload.get("source")
    return Context(
        session=_text(payload, "id"),
        cwd=_text(payload, "cwd") or context.cwd,
        remote=_text(git, "repository_url") if isinstance(git, dict) else "",
        skip=Skip.SIDECHAIN if isinstance(source, dict) and "subagent" in source else "",
    )


def _item(line: dict[str, Any], payload: dict[str, Any], context: Context) -> Line:
    if payload.get("type") in _TOOLS:
        return Skip.TOOL
    role = payload.get("role")
    if payload.get("type") != "message" or role not in ("user", "assistant"):
        return Skip.META if role in ("developer", "system") else Skip.NOT_A_TURN
    text = _said(payload.get("content"))
    if isinstance(text, Skip):
        return text
    own = framing.without(text)
    if not own.strip():
        return Skip.EMPTY if own == text else Skip.INJECTED
    try:
        created_at = clock.parse_iso(_text(line, "timestamp"))
    except ValueError:
        created_at = 0
    uuid = _text(payload, "id")
    # Rollouts number nothing. The session, the moment and the words together do not repeat, unless
    # the same file is read again from another place, which must find the same turn.
    digest = hashlib.blake2b(own.encode("utf-8", "replace"), digest_size=12).hexdigest()
    key = f"{NAME}:{context.session}:{created_at}:{role}:{digest}"
    return Turn(key=key, role=role, text=own, created_at=created_at, uuid=uuid)


def _said(content: object) -> str | Skip:
    """What a message says, without the blocks that the host wrote in the user's name."""
    if not isinstance(content, list):
        return Skip.BAD_SHAPE
    texts = [
        block["text"]
        for block in content
        if isinstance(block, dict)
        and block.get("type") in ("input_text", "output_text")
        and isinstance(block.get("text"), str)
    ]
    own = [text for text in texts if not text.lstrip().startswith(_IN_THE_USERS_NAME)]
    if own:
        return "\n".join(own)
    return Skip.META if texts else Skip.EMPTY


def _text(fields: dict[str, Any], field: str) -> str:
    value = fields.get(field)
    return value if isinstance(value, str) else ""
