"""Claude Code's transcripts: `~/.claude/projects/<cwd>/<session>.jsonl`, one JSON object a line.

The format is internal to the host and grows; a line of an unknown type is no turn, never an error.
"""

import re
from typing import Any

from msgspec import structs

from iai.hosts.turn import Context, Line, Skip, Turn
from iai.model import clock, framing

NAME = "claude"

_FLAGS = (
    ("isSidechain", Skip.SIDECHAIN),
    ("isCompactSummary", Skip.SUMMARY),
    ("isMeta", Skip.META),
)
_COMMAND = (
    "<command-name>", "<command-message>", "<local-command-", "<bash-input>", "<bash-stdout>",
    "<bash-stderr>", "<task-notification>", "[Request interrupted by user",
)  # fmt: skip
_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>\n?", re.DOTALL)


def recognises(path: str, first: object) -> bool:
    """Every line of the conversation names its session; the others have a `type` all the same."""
    return ".claude" in path.split("/") or (
        isinstance(first, dict) and ("sessionId" in first or first.get("type") == "summary")
    )


def parse(line: object, context: Context) -> tuple[Context, Line]:
    """See `Host.parse`."""
    if not isinstance(line, dict):
        return context, Skip.BAD_SHAPE
    context = structs.replace(
        context,
        session=_text(line, "sessionId") or context.session,
        cwd=_text(line, "cwd") or context.cwd,
    )
    role = line.get("type")
    if role not in ("user", "assistant"):
        return context, Skip.NOT_A_TURN if isinstance(role, str) else Skip.BAD_SHAPE
    for flag, why in _FLAGS:
        if line.get(flag):
            return context, why
    message = line.get("message")
    if not isinstance(message, dict):
        return context, Skip.BAD_SHAPE
    if line.get("isApiErrorMessage") or message.get("model") == "<synthetic>":
        return context, Skip.SYNTHETIC
    text = _said(message.get("content"))
    if isinstance(text, Skip):
        return context, text
    return context, _turn(line, role, text, context)


def _turn(line: dict[str, Any], role: Any, text: str, context: Context) -> Line:
    if role == "user":
        text = _REMINDER.sub("", text)
        if text.lstrip().startswith(_COMMAND):
            return Skip.COMMAND
    own = framing.without(text)
    if not own.strip():
        return Skip.EMPTY if own == text else Skip.INJECTED
    uuid = _text(line, "uuid")
    try:
        created_at = clock.parse_iso(_text(line, "timestamp"))
    except ValueError:
        created_at = 0
    # A resumed or forked session repeats earlier lines under their old uuid: still one turn.
    key = f"{NAME}:{uuid}" if uuid else f"{NAME}:{context.session}:{created_at}:{role}:{own}"
    return Turn(key=key, role=role, text=own, created_at=created_at, uuid=uuid)


def _said(content: object) -> str | Skip:
    """What a message says in words, without calls, results and thinking."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return Skip.BAD_SHAPE
    texts = [
        block["text"]
        for block in content
        if isinstance(block, dict)
        and block.get("type") == "text"
        and isinstance(block.get("text"), str)
    ]
    return "\n".join(texts) if texts else Skip.TOOL


def _text(line: dict[str, Any], field: str) -> str:
    value = line.get(field)
    return value if isinstance(value, str) else ""
