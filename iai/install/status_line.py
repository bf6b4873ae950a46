"""The status line in Claude Code's settings. Text in, text out.

The settings have one: {"statusLine": {"type": "command", "command": ...}}, a shell command (status
line reference of 2.1). If there is one already, ours runs it and shows both. Its command is the
last argument of ours, so that removing ours restores it.
"""

import shlex
from pathlib import Path
from typing import Any

from iai.install import json_edit
from iai.install.json_edit import Item, NotJson

SCRIPT = "iai-mcp-status-line.sh"
_KEY = "statusLine"
_WORDS = 3  # of our command with another status line: the script, a store or "", that one


def add(text: str, script: Path, store: Path | None) -> str:
    """Return the settings with our status line. `store` is None if the script uses it by default.

    Raises NotJson if there is one that is not a command.
    """
    text = text if text.strip() else "{}\n"
    settings = _settings(text)
    if _KEY not in settings:
        new = {"type": "command", "command": _command(script, store, "")}
        return json_edit.append(text, json_edit.root(text), new, _KEY)
    command = _at(text)
    now = json_edit.parse(text[command.value : command.end])
    wanted = _command(script, store, _other(now) if is_ours(now) else now)
    return text if now == wanted else json_edit.replace(text, command, wanted)


def remove(text: str) -> str:
    """Return the settings with the status line that was there before ours, if there was one."""
    if not text.strip() or not installed(text):
        return text
    command = _at(text)
    if other := _other(json_edit.parse(text[command.value : command.end])):
        return json_edit.replace(text, command, other)
    at = json_edit.root(text)
    keys = [item.key for item in json_edit.items(text, at)]
    return json_edit.remove(text, at, len(keys) - 1 - keys[::-1].index(_KEY))


def installed(text: str) -> bool:
    """Do the settings have our status line? Raises NotJson."""
    line = _settings(text).get(_KEY) if text.strip() else None
    return isinstance(line, dict) and is_ours(line.get("command"))


def is_ours(command: object) -> bool:
    """Does a command run our script, at whatever path?"""
    return isinstance(command, str) and SCRIPT in command


def _settings(text: str) -> dict[str, Any]:
    settings = json_edit.parse(text)
    if not isinstance(settings, dict):
        raise NotJson("is not a JSON object")
    return settings


def _at(text: str) -> Item:
    """Return where the command of the status line is. Raises NotJson if there is none."""
    line = json_edit.member(text, json_edit.root(text), _KEY)
    inside = line is not None and text[line.value] == "{"
    command = json_edit.member(text, line.value, "command") if line and inside else None
    if command is None or text[command.value] != '"':
        raise NotJson(f'has a "{_KEY}" that is not a command')
    return command


def _command(script: Path, store: Path | None, other: str) -> str:
    words = [str(script)]
    if store is not None or other:
        words.append(str(store) if store is not None else "")
    return shlex.join([*words, other] if other else words)


def _other(command: str) -> str:
    """Return the status line that ours shows as well; "" for none."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    return words[_WORDS - 1] if len(words) == _WORDS else ""
