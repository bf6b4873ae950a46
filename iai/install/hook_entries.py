"""Which hooks each host is to call, and how they stand in its settings. Pure text in, text out.

Claude Code (`settings.json`, hooks reference of 2.1) and Codex (`hooks.json`, rust-v0.155) share a
shape: {"hooks": {event: [{"matcher": ..., "hooks": [{"type": "command", "command": ...}]}]}}.
Timeouts are seconds. Left out on purpose: SubagentStop, since what sub-agents say is not kept, and
Codex's Interrupt, since ingest follows a transcript for an hour after any event.
"""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from iai.hosts import claude, codex
from iai.install import json_edit
from iai.install.json_edit import Item, NotJson

RECALL, CAPTURE = "iai-mcp-session-recall.sh", "iai-mcp-turn-capture.sh"
SCRIPTS = (RECALL, CAPTURE)

EVENTS: dict[str, tuple[tuple[str, str, int], ...]] = {
    claude.NAME: (
        ("SessionStart", RECALL, 10),
        ("UserPromptSubmit", CAPTURE, 5),
        ("Stop", CAPTURE, 5),
        ("PreCompact", CAPTURE, 5),
        ("SessionEnd", CAPTURE, 1),  # all that run then share 1.5 s
    ),
    codex.NAME: (
        ("SessionStart", RECALL, 10),
        ("UserPromptSubmit", CAPTURE, 5),
        ("Stop", CAPTURE, 5),
        ("PreCompact", CAPTURE, 5),
        ("SessionEnd", CAPTURE, 1),  # 3 at most
    ),
}


class Hook(NamedTuple):
    """One hook of ours: the event, and the handler as the host wants it."""

    event: str
    handler: dict[str, Any]

    @property
    def group(self) -> dict[str, Any]:
        """The handler in a group of its own, without a matcher: every occasion."""
        return {"hooks": [self.handler]}


class Place(NamedTuple):
    """Where a hook of ours stands: which group of its event, which handler of that group."""

    group: int
    handler: int


def wanted(host: str, scripts: Path, store: Path | None) -> tuple[Hook, ...]:
    """Return the hooks of a host. `store` is given where it is not the one that they take anyway.

    Codex trusts a hook by its command line, so nothing in it may change with a version. Claude Code
    is handed a program and its arguments, which needs no shell (2.1.139; an older one takes the
    program for a command line, which comes to the same where no argument is needed).
    """
    own = [str(store)] if store else []
    hooks = []
    for event, script, timeout in EVENTS[host]:
        path = str(scripts / script)
        line: dict[str, Any] = {"command": shlex.join(["bash", path, *own])}
        if host == claude.NAME:
            line = {"command": path, "args": own}
        hooks.append(Hook(event, {"type": "command", **line, "timeout": timeout}))
    return tuple(hooks)


def add(text: str, hooks: Sequence[Hook]) -> str:
    """Return the settings with exactly these hooks of ours, and all else as it was.

    Raises NotJson where the settings are not of the documented shape.
    """
    text = text if text.strip() else "{}\n"
    _check(json_edit.parse(text))
    for hook in hooks:
        text = _settle(text, hook)
    others = set(_events(text)) - {hook.event for hook in hooks}
    return _without(text, others)


def remove(text: str) -> str:
    """Return the settings without any hook of ours. Raises NotJson as `add` does."""
    if not text.strip():
        return text
    _check(json_edit.parse(text))
    return _without(text, set(_events(text)))


def found(text: str) -> list[tuple[str, Place, dict[str, Any]]]:
    """Return the hooks of ours in the settings: event, place and handler."""
    if not text.strip():
        return []
    settings = json_edit.parse(text)
    _check(settings)
    return [
        (event, Place(g, h), handler)
        for event, groups in settings.get("hooks", {}).items()
        for g, group in enumerate(groups)
        for h, handler in enumerate(group.get("hooks", ()))
        if is_ours(handler)
    ]


def is_ours(handler: object) -> bool:
    """Does a handler call one of our scripts, wherever it lies?"""
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
        raise NotJson('has a "hooks" that is no object')
    for event, groups in hooks.items():
        if not isinstance(groups, list) or not all(_is_group(group) for group in groups):
            raise NotJson(f'has hooks for {event} that are no list of {{"hooks": [...]}}')


def _is_group(group: object) -> bool:
    return isinstance(group, dict) and isinstance(group.get("hooks", []), list)


def _settle(text: str, hook: Hook) -> str:
    """Have this hook, and no other of ours, in its event; where it is already, it keeps its place.

    Codex knows the hooks of others by their place, too.
    """
    ours = [place for event, place, _ in found(text) if event == hook.event]
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
    """Take our hooks out of some events, and with them what they leave empty."""
    while ours := [(event, place) for event, place, _ in found(text) if event in events]:
        event, place = ours[-1]
        text = _take_out(text, event, place)
    return text


def _take_out(text: str, event: str, place: Place) -> str:
    at = json_edit.root(text)
    hooks = _member(text, at, "hooks")
    groups = _member(text, hooks.value, event)
    group = json_edit.items(text, groups.value)[place.group]
    handlers = _member(text, group.value, "hooks")
    steps = [  # from the innermost: what holds nothing else goes whole
        (handlers.value, place.handler),
        (groups.value, place.group),
        (hooks.value, _index(text, hooks.value, event)),
        (at, _index(text, at, "hooks")),
    ]
    for inside, index in steps:
        if len(json_edit.items(text, inside)) > 1:
            return json_edit.remove(text, inside, index)
    return json_edit.remove(text, at, 0)


def _events(text: str) -> Iterator[str]:
    return (event for event, _, _ in found(text))


def _groups(text: str, event: str) -> Item:
    return _member(text, _member(text, json_edit.root(text), "hooks").value, event)


def _member(text: str, at: int, key: str) -> Item:
    item = json_edit.member(text, at, key)
    if item is None:
        raise NotJson(f"has no {key!r}")
    return item


def _index(text: str, at: int, key: str) -> int:
    return max(n for n, item in enumerate(json_edit.items(text, at)) if item.key == key)
