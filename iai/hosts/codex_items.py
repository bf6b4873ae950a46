"""Items of Codex's: what newer versions write once a thing is done, as `item_completed` events.

`history_mode: paginated` (0.145 on; TurnItem in codex-rs/protocol/src/items.rs). A call of the
model's own has its id, so that its item is its end. What a script calls has no other line; older
versions write an event about its patches and MCP calls, with an id of that kind. Pure.
"""

import re
from typing import Any
from urllib.parse import unquote

from msgspec import structs

from iai.hosts import codex_calls
from iai.hosts.json_fields import array, flag, identifier, mapping, text
from iai.hosts.turn import Item
from iai.model.action import CHANGES
from iai.model.context import Context

KINDS = frozenset({
    "exec_command_end", "patch_apply_end", "mcp_tool_call_end",  # events of older versions
    "CommandExecution", "FileChange", "McpToolCall", "ImageView", "Extension",
})  # fmt: skip
_OF_A_SCRIPT, _OF_THE_MODEL = "exec-", "call_"  # ids of calls begin so
_NOT_THE_AGENTS = ("user_shell", "unified_exec_interaction")  # `!` at the prompt; keys sent
_DRIVE = re.compile(r"/[A-Za-z]:/")


def completed(
    kind: str, item: dict[str, Any], context: Context, at: int
) -> tuple[Context, tuple[Item, ...]]:
    """Take an item: as the end of the call that waits for it, or as all that is told of one."""
    call_id = identifier(item, "call_id") or identifier(item, "id")
    end = item | {"call_id": call_id, "success": _succeeded(item)}
    if any(call.id == call_id for call in context.calls):
        return codex_calls.resulted(end, context, "", at)
    call = _call(kind, item) if _is_of_a_script(kind, call_id) else None
    if call is None or text(item, "source") in _NOT_THE_AGENTS:
        return context, ()
    context, done = codex_calls.called(
        call | {"call_id": call_id}, _without_scripted(kind, context), at
    )
    context, ended = codex_calls.resulted(end, context, "", at)
    return context, (*done, *ended)


def _is_of_a_script(kind: str, call_id: str) -> bool:
    """Is it what a script called? Then no other line tells of it."""
    if kind.endswith("_end"):
        return call_id.startswith(_OF_A_SCRIPT)
    return bool(call_id) and not call_id.startswith(_OF_THE_MODEL)


def _call(kind: str, item: dict[str, Any]) -> dict[str, Any] | None:
    """Return the call that an item is the end of, as the model would have written it."""
    match kind:
        case "CommandExecution":
            given = {"command": array(item, "command") or text(item, "command")}
            return _of("shell", given | {"workdir": _path(text(item, "cwd"))})
        case "FileChange" | "patch_apply_end":
            return _of("apply_patch", {}) | {"changes": mapping(item, "changes")}
        case "McpToolCall" | "mcp_tool_call_end":
            about = mapping(item, "invocation") or item
            name = f"mcp__{text(about, 'server')}__{text(about, 'tool')}"
            return _of(name, mapping(about, "arguments"))
        case "ImageView":
            return _of("view_image", {"path": _path(text(item, "path"))})
        case "Extension" if text(item, "kind") == "web.search":
            action = {"query": text(item, "query")} | mapping(item, "action")
            return {"type": "web_search_call", "id": identifier(item, "id"), "action": action}
        case _:
            return None


def _succeeded(item: dict[str, Any]) -> bool:
    result = mapping(item, "result")
    failed = text(item, "status") == "failed" or item.get("success") is False or "Err" in result
    return not (failed or flag(result, "isError") or flag(mapping(result, "Ok"), "isError"))


def _of(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function_call", "name": name, "arguments": given}


def _without_scripted(kind: str, context: Context) -> Context:
    """Forget what was read in a script of commands, or of patches: the host tells of it itself."""
    told = {"CommandExecution": ("command",), "FileChange": CHANGES, "patch_apply_end": CHANGES}
    kinds = told.get(kind, ())
    left = tuple(
        call
        for call in context.calls
        if not (codex_calls.is_scripted(call) and call.action.kind in kinds)
    )
    commands_told = context.commands_told or "command" in kinds
    return structs.replace(context, calls=left, commands_told=commands_told)


def _path(uri: str) -> str:
    """Return the path that a `file:` address names; of a path, itself."""
    if not uri.startswith("file://"):
        return uri
    found = unquote(uri.removeprefix("file://").removeprefix("localhost"))
    return found[1:] if _DRIVE.match(found) else found
