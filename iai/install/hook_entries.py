"""The hooks that hosts should call, and their form in a host's settings. Text in, text out.

Claude Code (`settings.json`, hooks reference of 2.1) and Codex (`hooks.json`, rust-v0.155) share a
shape: {"hooks": {event: [{"matcher": ..., "hooks": [{"type": "command", "command": ...}]}]}}.
Left out on purpose: SubagentStop, because sub-agents' words aren't kept, and Codex's Interrupt,
because ingest follows a transcript for an hour after any event.
"""

import shlex
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from iai.hosts import claude, codex
from iai.install import json_edit
from iai.install.json_edit import Item, NotJson

RECALL, CAPTURE = "iai-mcp-session-recall.sh", "iai-mcp-turn-capture.sh"
SCRIPTS = (RECALL, CAPTURE)

EVENTS = (  # event, script, timeout in seconds; the same for both hosts
    ("SessionStart", RECALL, 10),
    ("UserPromptSubmit", CAPTURE, 5),
    ("Stop", CAPTURE, 5),
    ("PreCompact", CAPTURE, 5),
    ("SessionEnd", CAPTURE, 1),  # Claude Code's hooks share 1.5 s here; Codex allows 3 s
)
FILE_EVENT, FILE_TIMEOUT_S = "PreToolUse", 5  # only where file histories are asked for
FILE_TOOLS = {  # that read or change a file
    claude.NAME: "Read|Edit|Write|MultiEdit|NotebookEdit",
    codex.NAME: "apply_patch",  # it reads files with shell commands
}


class Hook(NamedTuple):
    """One of our hooks: its event, and the handler in the host's form."""

    event: str
    handler: dict[str, Any]
    matcher: str = ""  # names of the tools before which it is called; "": always

    @property
    def group(self) -> dict[str, Any]:
        """The handler in its own group."""
        return ({"matcher": self.matcher} if self.matcher else {}) | {"hooks": [self.handler]}


class Position(NamedTuple):
    """The index of a hook's group in its event, and of its handler in that group."""

    group: int
    handler: int


def hooks_for(
    host: str, scripts: Path, store: Path | None, *, file_history: bool = False
) -> tuple[Hook, ...]:
    """Return the hooks of a host. `store` is None if the scripts use that store by default.

    `file_history`: also the one that is called before the agent reads or changes a file.

    Codex trusts a hook by its command line, so that must not change between versions. Claude Code
    gets a program and its arguments, so no shell is started (since 2.1.139; older versions run the
    program as a command line, which is the same if there are no arguments).
    """
    own = [str(store)] if store else []

    def handler(script: str, timeout: int) -> dict[str, Any]:
        path = str(scripts / script)
        line: dict[str, Any] = {"command": shlex.join(["bash", path, *own])}
        if host == claude.NAME:
            line = {"command": path, "args": own}
        return {"type": "command", **line, "timeout": timeout}

    hooks = [Hook(event, handler(script, timeout)) for event, script, timeout in EVENTS]
    if file_history:
        hooks.append(Hook(FILE_EVENT, handler(RECALL, FILE_TIMEOUT_S), FILE_TOOLS[host]))
    return tuple(hooks)


def add(text: str, hooks: Sequence[Hook]) -> str:
    """Return the settings with exactly these hooks of ours, and everything else unchanged.

    Raises NotJson if the settings don't have the documented shape.
    """
    text = text if text.strip() else "{}\n"
    for hook in hooks:
        text = _put(text, hook)
    others = set(_events(text)) - {hook.event for hook in hooks}
    return _without(text, others)


def remove(text: str) -> str:
    """Return the settings without our hooks. Raises NotJson like `add`."""
    return _without(text, set(_events(text)))


@lru_cache(maxsize=4)  # asked for each hook, and between edits
def installed(text: str) -> tuple[tuple[str, Position, dict[str, Any]], ...]:
    """Return our hooks in the settings: event, position and handler. Raises NotJson."""
    if not text.strip():
        return ()
    settings = json_edit.parse(text)
    _check(settings)
    return tuple(
        (event, Position(g, h), handler)
        for event, groups in settings.get("hooks", {}).items()
        for g, group in enumerate(groups)
        for h, handler in enumerate(group.get("hooks", ()))
        if is_ours(handler)
    )


def is_ours(handler: object) -> bool:
    """Does a handler call one of our scripts, at whatever path?"""
    if not isinstance(handler, dict):
        return False
    args = handler.get("args")
    words = [handler.get("command"), *(args if isinstance(args, list) else ())]
    return any(name in word for word in words if isinstance(word, str) for name in SCRIPTS)


def _check(settings: object) -> None:
    if not isinstance(settings, dict):
        raise NotJson("is not a JSON object")
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict):
        raise NotJson('has a "hooks" that is not an object')
    for event, groups in hooks.items():
        if not isinstance(groups, list) or not all(_is_group(group) for group in groups):
            raise NotJson(f'has hooks for {event} that are not a list of {{"hooks": [...]}}')


def _is_group(group: object) -> bool:
    return isinstance(group, dict) and isinstance(group.get("hooks", []), list)


def _put(text: str, hook: Hook) -> str:
    """Make this our only hook for its event. If it is there already, it keeps its position.

    Codex identifies everybody's hooks by position.
    """
    ours = [position for event, position, _ in installed(text) if event == hook.event]
    if len(ours) == 1:
        group = json_edit.items(text, _groups(text, hook.event).value)[ours[0].group]
        current = json_edit.parse(text[group.value : group.end])
        if current == hook.group:
            return text
        if len(current["hooks"]) == 1:
            return json_edit.replace(text, group, hook.group)
    text = _without(text, {hook.event})
    at = json_edit.root(text)
    if (hooks := json_edit.member(text, at, "hooks")) is None:
        return json_edit.append(text, at, {hook.event: [hook.group]}, "hooks")
    if (groups := json_edit.member(text, hooks.value, hook.event)) is None:
        return json_edit.append(text, hooks.value, [hook.group], hook.event)
    return json_edit.append(text, groups.value, hook.group)


def _without(text: str, events: set[str]) -> str:
    """Remove our hooks from some events, and the groups and events that this leaves empty."""
    while ours := [(event, position) for event, position, _ in installed(text) if event in events]:
        event, position = ours[-1]
        text = _cut(text, event, position)
    return text


def _cut(text: str, event: str, position: Position) -> str:
    at = json_edit.root(text)
    hooks = _member(text, at, "hooks")
    groups = _member(text, hooks.value, event)
    group = json_edit.items(text, groups.value)[position.group]
    handlers = _member(text, group.value, "hooks")
    steps = [  # innermost first: remove the largest part that holds nothing else
        (handlers.value, position.handler),
        (groups.value, position.group),
        (hooks.value, _index(text, hooks.value, event)),
        (at, _index(text, at, "hooks")),
    ]
    for inside, index in steps:
        if not json_edit.alone(text, inside, index):
            return json_edit.remove(text, inside, index)
    return json_edit.remove(text, at, 0)


def _events(text: str) -> Iterator[str]:
    return (event for event, _, _ in installed(text))


def _groups(text: str, event: str) -> Item:
    return _member(text, _member(text, json_edit.root(text), "hooks").value, event)


def _member(text: str, at: int, key: str) -> Item:
    item = json_edit.member(text, at, key)
    if item is None:
        raise NotJson(f"has no {key!r}")
    return item


def _index(text: str, at: int, key: str) -> int:
    return max(n for n, item in enumerate(json_edit.items(text, at)) if item.key == key)
