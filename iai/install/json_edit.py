"""Edits JSON as text, so that every byte outside the edit stays as it is.

A settings file belongs to its user. Parsed and serialized by a JSON library, it would lose its
indentation, line endings, comments, escapes, and the first of two equal keys.

Comments (`//` to the end of the line, `/* */`) and a comma after the last item are taken as well,
as in JSONC. Positions are looked up in a copy of the text in which those are blanks: it is plain
JSON, and the same place is at the same position in both.
"""

import json
import re
from functools import lru_cache
from typing import Any, NamedTuple

from iai.errors import IaiError

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"[ \t]*")
_CLOSING = "}]"
_WHITE = " \t\r\n"
# A string, which is passed over, or else a comment, or a comma before a closing bracket. Commas
# with nothing before them are passed over, too: they are as wrong here as in JSON.
_STRING = r'"(?:[^"\\]|\\.)*+"'
_COMMENT = re.compile(rf"{_STRING}|(?P<comment>//[^\r\n]*|/\*.*?\*/)", re.DOTALL)
_ON_LINE = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[^\n]*?\*/)")
_TRAILING = re.compile(
    rf"{_STRING}|[\[{{:,][ \t\r\n]*,|(?P<comma>,)(?=[ \t\r\n]*[}}\]])", re.DOTALL
)
_MAY_TRAIL = re.compile(r",[ \t\r\n]*[}\]]")  # quick, and in strings too
_NOT_A_LINE_END = re.compile(r"[^\r\n]")


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
        return json.loads(_plain(text))
    except (ValueError, RecursionError) as error:
        raise NotJson(f"is not valid JSON ({error})") from None


def has_comments(text: str) -> bool:
    """Is there anything in the text that JSON has not, and JSONC has?"""
    return _plain(text) != text


def alone(text: str, at: int, index: int) -> bool:
    """Is this item all that there is in the object or array at `at`, comments included?"""
    found = items(text, at)
    if len(found) > 1:
        return False
    closing = _skip(_plain(text), found[index].end)
    around = text[at + 1 : found[index].start] + text[found[index].end : closing]
    return not around.replace(",", "").strip()


@lru_cache(maxsize=16)  # an edit asks for the same ones several times
def items(text: str, at: int) -> tuple[Item, ...]:
    """Return the items of the object or array at `at`. The text must be valid."""
    plain = _plain(text)
    found: list[Item] = []
    position = _skip(plain, at + 1)
    while plain[position] not in _CLOSING:
        start, key = position, ""
        if plain[at] == "{":
            key, position = _DECODER.raw_decode(plain, position)
            position = _skip(plain, _skip(plain, position) + 1)
        end = _DECODER.raw_decode(plain, position)[1]
        found.append(Item(key, start, position, end))
        position = _skip(plain, end)
        if plain[position] == ",":
            position = _skip(plain, position + 1)
    return tuple(found)


def root(text: str) -> int:
    """Return where the top-level value starts."""
    return _skip(_plain(text), 0)


def member(text: str, at: int, key: str) -> Item | None:
    """Return a member of the object at `at`; the last if the key is repeated, as parsers do."""
    named = [item for item in items(text, at) if item.key == key]
    return named[-1] if named else None


def append(text: str, at: int, value: object, key: str = "") -> str:
    """Append a value to the object or array at `at`, formatted like its neighbours."""
    before = items(text, at)
    if before:
        return _append_after(text, before[-1], value, key)
    unit, newline = _style(text)
    outer = _indent_of_line(text, at)
    closing = _skip(_plain(text), at + 1)
    inside = text[at + 1 : closing].rstrip()  # only comments
    if not unit and not inside:
        return text[: at + 1] + _rendered(text, value, key, outer, inline=True) + text[closing:]
    unit = unit or "  "
    new = _rendered(text, value, key, outer + unit, inline=False)
    end = f"{newline}{outer}{text[closing:]}"
    return f"{text[: at + 1]}{inside}{newline}{outer}{unit}{new}{end}"


def _append_after(text: str, last: Item, value: object, key: str) -> str:
    """Append a value behind the last item, and behind what is said about that on its line."""
    gap = text[_skip_back(text, last.start) : last.start]
    inline = "\n" not in gap
    indent = "" if inline else gap.rsplit("\n", 1)[1]
    new = _rendered(text, value, key, indent, inline=inline)
    comma = _comma_after(text, last.end)
    rest = comma + 1 if comma is not None else last.end
    found = _ON_LINE.match(text, rest)
    about = found[0] if found else ""
    if "//" in about and inline:
        gap = _style(text)[1] + _indent_of_line(text, last.start)
    added = f"{text[rest : rest + len(about)]}{gap or ' '}{new}{',' if comma is not None else ''}"
    head = text[:rest] if comma is not None else text[: last.end] + ","
    return head + added + text[rest + len(about) :]


def replace(text: str, item: Item, value: object) -> str:
    """Replace the value of an item."""
    inline = "\n" not in text[item.value : item.end]
    new = _rendered(text, value, "", _indent_of_line(text, item.start), inline=inline)
    return text[: item.value] + new + text[item.end :]


def remove(text: str, at: int, index: int) -> str:
    """Remove an item of the object or array at `at`, with its comma, and no comment."""
    found = items(text, at)
    item = found[index]
    comma = _comma_after(text, item.end)
    rest = text[item.end :] if comma is None else text[item.end : comma] + text[comma + 1 :]
    start = _skip_back(text, item.start)
    if len(found) == 1:
        if not alone(text, at, index):
            return _joined(text[:start], rest)
        return text[: at + 1] + text[_skip(_plain(text), item.end) :]
    if index and comma is not None:
        return _joined(text[:start], rest)
    if index:
        last = found[index - 1].end
        before = _comma_after(text, last) or last
        said = text[last:before] if text[last:before].strip() else ""
        return _joined(text[:last] + said + text[before + 1 : start], rest)
    between = rest[: found[1].start - item.end - 1]  # without the comma
    return text[: item.start] + between.lstrip() + text[found[1].start :]


def _joined(head: str, rest: str) -> str:
    """Return both parts; what follows a comment that ends with its line begins on another."""
    line = head.rsplit("\n", 1)[-1]
    open_ended = "//" in line and "//" not in _uncommented(line)
    on_another = rest.lstrip(" \t").startswith(("\n", "\r"))
    return f"{head}\n{rest}" if open_ended and not on_another else head + rest


def _comma_after(text: str, end: int) -> int | None:
    """Return where the comma behind an item is; None if there is none."""
    code = _uncommented(text)
    at = _skip(code, end)
    return at if code[at : at + 1] == "," else None


def _rendered(text: str, value: object, key: str, indent: str, *, inline: bool) -> str:
    """Return a value as text, its lines after the first indented by at least `indent`."""
    unit, newline = _style(text)
    name = json.dumps(key, ensure_ascii=False) + ": " if key else ""
    layout = None if inline else unit or "  "
    lines = json.dumps(value, ensure_ascii=False, indent=layout).split("\n")
    return name + (newline + indent).join(lines)


def _style(text: str) -> tuple[str, str]:
    """Return the indentation of one level ("" if all is on one line) and the line ending."""
    newline = "\r\n" if "\r\n" in text else "\n"
    start, plain = root(text), _plain(text)
    first = _skip(plain, start + 1)
    gap = text[start + 1 : first]
    if plain[first] in _CLOSING:
        return "  ", newline
    if "\n" not in gap:
        return "", newline
    return _leading(gap.rsplit("\n", 1)[1]) or "  ", newline


def _indent_of_line(text: str, at: int) -> str:
    return _leading(text[text.rfind("\n", 0, at) + 1 : at])


def _leading(line: str) -> str:
    found = _INDENT.match(line)
    return found[0] if found else ""


def _skip(text: str, position: int) -> int:
    if text[position : position + 1] not in _WHITE:
        return position
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _skip_back(text: str, position: int) -> int:
    while text[position - 1] in " \t\r\n":
        position -= 1
    return position


@lru_cache(maxsize=4)
def _plain(text: str) -> str:
    """Return a text of the same length that is plain JSON."""
    text = _uncommented(text)
    return _blanked(_TRAILING, "comma", text) if _MAY_TRAIL.search(text) else text


@lru_cache(maxsize=4)
def _uncommented(text: str) -> str:
    return _blanked(_COMMENT, "comment", text) if "//" in text or "/*" in text else text


def _blanked(pattern: re.Pattern[str], group: str, text: str) -> str:
    """Return a text with blanks in place of what a group matches."""
    return pattern.sub(
        lambda found: _NOT_A_LINE_END.sub(" ", found[0]) if found[group] else found[0], text
    )
