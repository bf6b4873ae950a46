"""Typed access to JSON of unknown shape: a field of the wrong type is an absent field."""

import json
import re
from collections.abc import Container
from typing import Any

LONGEST_NAME = 512  # characters of an id or the name of a branch; those of hosts have some 40
LONGEST_PATH = 4_096  # characters, as in Linux
_LARGEST = (1 << 63) - 1
_LONGEST_S = 100_000_000_000  # a longer duration is none
_OF_WINDOWS = re.compile(r"[A-Za-z]:\\|\\\\\w")  # C:\quay, \\server\quay
_WHOLE = re.compile(r"-?[0-9]{1,19}")


def text(fields: object, name: str) -> str:
    """Return a field that is a string, else ""."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else ""


def identifier(fields: object, name: str) -> str:
    """Return a field that names something, an id or a branch, as far as a name can go.

    It is kept with every turn, so one of megabytes would fill the disk.
    """
    return text(fields, name)[:LONGEST_NAME]


def path(fields: object, name: str) -> str:
    """Return a field that is a path; "" if it is too long for one."""
    value = text(fields, name)
    return slashed(value) if len(value) <= LONGEST_PATH else ""


def slashed(path: str) -> str:
    """Return a path with slashes, if it is one of Windows that begins at a drive or a server."""
    return path.replace("\\", "/") if _OF_WINDOWS.match(path) else path


def flag(fields: object, name: str) -> bool:
    """Return whether a field says yes; some tools write "false" and 0 where hosts write false."""
    value = fields.get(name) if isinstance(fields, dict) else None
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "1")
    return isinstance(value, int | float) and bool(value)


def mapping(fields: object, name: str) -> dict[str, Any]:
    """Return a field that is an object, else an empty one."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, dict) else {}


def arguments(fields: object, name: str) -> dict[str, Any]:
    """Return a field that is an object, or one in a string of JSON; else an empty one."""
    value = text(fields, name)
    try:
        found = json.loads(value) if value else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else mapping(fields, name)


def array(fields: object, name: str) -> list[Any]:
    """Return a field that is an array, else an empty one."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, list) else []


def texts(content: object, types: Container[str]) -> list[str] | None:
    """Return the texts in a message's content: one text, a block, or a list of either.

    Of blocks, those of these types. None if it is nothing of that.
    """
    parts = content if isinstance(content, list) else [content]
    found, readable = [], not parts
    for part in parts:
        if isinstance(part, str):
            found.append(part)
            readable = True
        elif isinstance(part, dict):
            if part.get("type") in types and text(part, "text"):
                found.append(part["text"])
            readable = True
    return found if readable else None


def whole(fields: object, name: str) -> int | None:
    """Return a field that is a whole number, and one that the store can hold."""
    value = fields.get(name) if isinstance(fields, dict) else None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def seconds(fields: object, name: str, per_second: float = 1.0) -> float:
    """Return a duration in seconds, 0 if absent; the field has `per_second` units a second."""
    value = fields.get(name) if isinstance(fields, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return value / per_second if 0 <= value < _LONGEST_S else 0.0
