"""The JSON of one line of a transcript, also where it is broken, or has half a character in it."""

import json
import re
from typing import NamedTuple

import msgspec

_RESCUED_LINE = 8 * 1024 * 1024  # bytes of a broken line in which whole records are looked for
_STARTS_TRIED = 2_000
_CHARACTERS_TRIED = 8 * _RESCUED_LINE  # in all, a second or two: each start may read to the end
_BLANK = re.compile(r"[\0\s\ufeff]*")
_START = re.compile(r'\{\s*"')
_BEHIND_A_RECORD = re.compile(r"[\0\s]*(?:\{|\Z)")
_BEFORE_A_RECORD = re.compile(r"[\0\s\ufeff\[\],]*")  # where a line is part of a JSON array
_BETWEEN_RECORDS = re.compile(r"[\0\s]*[,\]][\0\s,\]]*(?:\{|\Z)")
_INSIDE_ANOTHER = re.compile(r"[\0\s]*[,}\]]")
# Windows PowerShell writes files so, and other programs of that system: little-endian mostly, with
# a byte order mark in the first line.
_UTF16 = re.compile(rb'(?P<little>(?:\xff\xfe)?[{\[]\0[{"\s]\0)|(?:\xfe\xff)?\0[{\[]\0[{"\s]')


class Located(NamedTuple):
    """A JSON value and where it starts in its line; in an array, which one it is."""

    position: int
    value: object


class Rescued(NamedTuple):
    """The records of a broken line, and whether they are all of it."""

    records: list[Located]
    whole: bool


def decode(data: bytes) -> object:
    """Return the JSON of a line.

    Raises ValueError if it is not JSON. Half a character, which hosts write where they cut a text,
    is replaced and does not cost the line; nor does a byte order mark, UTF-16, or a tab in a text.
    """
    try:
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _repaired(json.loads(_text(data), strict=False))
    except RecursionError:
        raise ValueError("nested too deep") from None


def encoding(start: bytes) -> str:
    """Return the encoding of a line of JSON that starts with these bytes."""
    found = _UTF16.match(start)
    return "utf-8" if found is None else "utf-16-le" if found["little"] else "utf-16-be"


def records(data: bytes) -> Rescued:
    """Return the record of a line, those of an array on it, or what is whole in a broken line."""
    try:
        value = decode(data)
    except ValueError:
        return rescued(data)
    found = [Located(0, value)]
    if isinstance(value, list):
        each = [Located(place, one) for place, one in enumerate(value) if isinstance(one, dict)]
        found = each or found
    return Rescued(found, whole=True)


def is_whole(data: bytes) -> bool:
    """Is this JSON from its beginning to its end?"""
    try:
        decode(data)
    except ValueError:
        return False
    return True


def rescued(data: bytes) -> Rescued:
    """Return the whole records of a line that is no JSON: glued to one another, or to half of one.

    A record that was cut off ends wherever another begins, so only what reaches to the next record
    or to the end of the line is taken for one, never an object inside another. Where the line, or a
    whole record before it, shows where a record begins, anything may follow but the rest of one
    around it.
    """
    if len(data) > _RESCUED_LINE:
        return Rescued([], whole=False)
    text, found = _text(data), list[Located]()
    tried, scanned, decoder = 0, 0, json.JSONDecoder(strict=False)
    before = _BEFORE_A_RECORD.match(text)
    position = before.end() if before else 0
    begins = True  # does a record begin here, if it is one?
    while (position := _skip_blank(text, position)) < len(text):
        if tried >= _STARTS_TRIED or scanned >= _CHARACTERS_TRIED:
            break
        try:
            value, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            value, end = None, _read_up_to(error)
        except (ValueError, RecursionError):  # they do not say how far it came
            value, end = None, len(text)
        scanned += end - position
        ends = _BEHIND_A_RECORD.match(text, end) or (
            begins and (_BETWEEN_RECORDS.match(text, end) or not _INSIDE_ANOTHER.match(text, end))
        )
        if isinstance(value, dict) and ends:
            found.append(Located(len(text[:position].encode()), _repaired(value)))
            between = _BEFORE_A_RECORD.match(text, end)
            position, begins = between.end() if between else end, True
        else:
            tried, begins = tried + 1, False
            start = _START.search(text, position + 1)
            position = start.start() if start else len(text)
    return Rescued(found, whole=not tried)


def _text(data: bytes) -> str:
    return data.decode(encoding(data[:6]), "replace").removeprefix("\ufeff")


def _read_up_to(error: json.JSONDecodeError) -> int:
    """Return where reading ended. An unterminated string is reported where it starts."""
    return len(error.doc) if error.msg.startswith("Unterminated") else error.pos


def _skip_blank(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _repaired(value: object) -> object:
    """The same JSON with every lone surrogate replaced by U+FFFD."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_repaired(item) for item in value]
        case dict():
            return {str(_repaired(key)): _repaired(item) for key, item in value.items()}
        case _:
            return value
