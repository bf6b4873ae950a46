"""Lines as Claude Code writes them, and all that a file of them holds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from iai.hosts import claude
from iai.hosts.turn import Item, Turn
from iai.model.action import Action
from iai.model.context import Context


def line(type_: str, second: int, **fields: Any) -> dict[str, Any]:
    at = f"2026-11-20T10:{second // 60:02d}:{second % 60:02d}.000Z"
    return {"type": type_, "uuid": f"u{second}", "sessionId": "s1", "cwd": "/p", "timestamp": at,
            **fields}  # fmt: skip


def prompt(second: int, content: Any, **fields: Any) -> dict[str, Any]:
    return line("user", second, message={"role": "user", "content": content}, **fields)


def answer(second: int, *blocks: Any, **fields: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks]
    return line("assistant", second, message={"role": "assistant", "content": content}, **fields)


def call(call_id: str, name: str, /, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(second: int, call_id: str, content: Any = "ok", **fields: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": call_id, "content": content}
    if fields.pop("is_error", False):
        block["is_error"] = True
    return prompt(second, [block], **fields)


def queue(second: int, operation: str, content: str | None = None) -> dict[str, Any]:
    said = {} if content is None else {"content": content}
    return line("queue-operation", second, operation=operation, **said)


def turn_line(uuid: str, text: str, at: str, role: str = "user", **fields: Any) -> str:
    """Return a turn, said at a time in ISO 8601, as its line in the file."""
    said = {"uuid": uuid, "timestamp": at, "message": {"role": role, "content": text}}
    return json.dumps({**line(role, 0), "sessionId": "s", **said, **fields}) + "\n"


def edited(path: str, asked: str, patch: Any = None) -> list[dict[str, Any]]:
    """Return a session in which a file is edited; `patch` is what its editor reported."""
    done = {"toolUseResult": {"filePath": path, "structuredPatch": [{"lines": patch}]}}
    return [
        prompt(1, asked),
        answer(2, call("c1", "Edit", file_path=path, old_string="a", new_string="b")),
        result(3, "c1", "done", **(done if patch else {})),
        answer(4, "Mended."),
    ]


def of_session(name: str, cwd: Path | str, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    """Return these lines as those of a session in a directory."""
    own = {"sessionId": name, "cwd": str(cwd)}
    return [{**one, **own, "uuid": f"{name}-{one['uuid']}"} for one in lines]


def transcript(lines: Iterable[dict[str, Any]]) -> str:
    """Return the content of a file with these lines."""
    return "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines)


def items(*lines: dict[str, Any], context: Context | None = None) -> list[Item]:
    """Return all that these lines hold, in order."""
    context, found = context or Context(), list[Item]()
    for one in lines:
        context, new = claude.parse(one, context)
        found += new
    return found


def turns(*lines: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the kind, or the role of an ordinary one, and the text of each turn."""
    return [(i.kind or i.role, i.text) for i in items(*lines) if isinstance(i, Turn)]


def actions(*lines: dict[str, Any], context: Context | None = None) -> list[Action]:
    return [i for i in items(*lines, context=context) if isinstance(i, Action)]
