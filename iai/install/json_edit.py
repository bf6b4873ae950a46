"""Edits JSON as text, so that every byte outside the edit stays as it is.

A settings file belongs to its user. Parsed and serialized by a JSON library, it would lose its
indentation, line endings, escapes, and the first of two equal keys.
"""

import json
import re
from typing import Any, NamedTuple

from iai.errors import IaiError

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"[ \t]*")
_OPENING, _CLOSING = "{[", "}]"


class NotJson(IaiError):
    """The text isn't valid JSON, or doesn't have the expected shape."""


class Item(NamedTuple):
    """Where a member of an object, or an element of an array, is in the text."""

    key: str  # "" in an array
    start: int
    value: int  # where its value starts
    end: int


def parse(text: str) -> Any:
    """Parse a text. Raises NotJson."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"is not valid JSON ({error})") from None


def items(text: str, at: int) -> list[Item]:
    """Return the items of the object or array at `at`. The text must be valid JSON."""
    found: list[Item] = []
    position = _skip(text, at + 1)
    while text[position] not in _CLOSING:
        start, key = position, ""
        if text[at] == "{":
            key, position = _DECODER.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
        end = _DECODER.raw_decode(text, position)[1]
        found.append(Item(key, start, position, end))
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def root(text: str) -> int:
    """Return where the top-level value starts."""
    return _skip(text, 0)


def member(text: str, at: int, key: str) -> Item | None:
    """Return a member of the object at `at`; the last if the key is repeated, as parsers do."""
    named = [item for item in items(text, at) if item.key == key]
    return named[-1] if named else None


def append(text: str, at: int, value: object, key: str = "") -> str:
    """Append a value to the object or array at `at`, formatted like its neighbours."""
    before = items(text, at)
    if before:
        last = before[-1]
        gap = text[_skip_back(text, last.start) : last.start]
        inline = "\n" not in gap
        indent = "" if inline else gap.rsplit("\n", 1)[1]
        new = _rendered(text, value, key, indent, inline=inline)
        return text[: last.end] + "," + (gap or " ") + new + text[last.end :]
    unit, newline = _style(text)
    outer = _indent_of_line(text, at)
    new = _rendered(text, value, key, outer + unit, inline=not unit)
    closing = _skip(text, at + 1)
    if not unit:
        return text[: at + 1] + new + text[closing:]
    return f"{text[: at + 1]}{newline}{outer}{unit}{new}{newline}{outer}{text[closing:]}"


def replace(text: str, item: Item, value: object) -> str:
    """Replace the value of an item."""
    inline = "\n" not in text[item.value : item.end]
    new = _rendered(text, value, "", _indent_of_line(text, item.start), inline=inline)
    return text[: item.value] + new + text[item.end :]


def remove(text: str, at: int, index: int) -> str:
    """Remove an item of the object or array at `at`, with its comma."""
    found = items(text, at)
    item = found[index]
    if len(found) == 1:
        return text[: at + 1] + text[_skip(text, item.end) :]
    if index:
        return text[: found[index - 1].end] + text[item.end :]
    return text[: item.start] + text[found[1].start :]


def _rendered(text: str, value: object, key: str, indent: str, *, inline: bool) -> str:
    """Return a value as text, its lines after the first indented by at least `indent`."""
    unit, newline = _style(text)
    name = json.dumps(key, ensure_ascii=False) + ": " if key else ""
    layout = None if inline or not unit else unit
    lines = json.dumps(value, ensure_ascii=False, indent=layout).split("\n")
    return name + (newline + indent).join(lines)


def _style(text: str) -> tuple[str, str]:
    """Return the indentation of one level ("" if all is on one line) and the line ending."""
    newline = "\r\n" if "\r\n" in text else "\n"
    start = root(text)
    first = _skip(text, start + 1)
    gap = text[start + 1 : first]
    if text[first] in _CLOSING:
        return "  ", newline
    return (gap.rsplit("\n", 1)[1] or "  ") if "\n" in gap else "", newline


def _indent_of_line(text: str, at: int) -> str:
    found = _INDENT.match(text, text.rfind("\n", 0, at) + 1)
    return found[0] if found else ""


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _skip_back(text: str, position: int) -> int:
    while text[position - 1] in " \t\r\n":
        position -= 1
    return position
