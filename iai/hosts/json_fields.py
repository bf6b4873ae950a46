"""Typed access to JSON of unknown shape: a field of the wrong type is an absent field."""

import json
import re
from collections.abc import Container
from functools import lru_cache
from typing import Any

from iai.model import clock
from iai.model.clock import NS

_EARLIEST_S = 1_000_000_000  # 2001: an earlier number is no time
_DIGITS = 24  # characters; a longer number is no time
_LATEST_S = 100_000_000_000  # larger numbers count milliseconds, or smaller parts of a second
_LARGEST = (1 << 63) - 1
_LONGEST_TIME = 80  # characters, with the name of a zone
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 2822, "Thu, 20 Nov 2025 01:04:25 +0000"; JavaScript, "Thu Nov 20 2025 01:04:25 GMT+0100";
# C, "Thu Nov 20 01:04:25 2025".
_IN_WORDS = re.compile(
    r"(?:[A-Z]{3,9},?\s+)?(?:(?P<day>\d{1,2})[\s-](?P<month>[A-Z]{3})[A-Z]*"
    r"|(?P<month2>[A-Z]{3})[A-Z]*\s+(?P<day2>\d{1,2})),?"
    r"(?:[\s-](?P<year>\d{4}))?,?\s+(?P<time>\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?)(?P<zone>[^(]*?)"
    r"(?:\s+(?P<year2>\d{4}))?(?:\s*\(.*\))?"
)
_ZONE_NAME = re.compile(r"(?<=[Z\d])\[[A-Z/_+-]+\]$")  # Java, "...Z[UTC]"
_SLASHES = re.compile(r"^(\d{4})/(\d\d)/(\d\d)(?=[T ])")
_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)?\s*(?P<offset>[+-]\d\d:?\d\d)?")


def text(fields: object, name: str) -> str:
    """Return a field that is a string, else ""."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else ""


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
    return value / per_second if 0 <= value < _LATEST_S else 0.0


def moment(value: object) -> int:
    """Return a time in nanoseconds: ISO 8601, as in mail, or a number of seconds, ms or less.

    MongoDB's JSON has it in an object, {"$date": ...}; protocol buffers in one with seconds.
    0 if it cannot be read, or is after 2262, when the nanoseconds need more than 63 bits.
    """
    at = _time(value)
    return at if at <= _LARGEST else 0


def _time(value: object) -> int:
    if isinstance(value, str):
        return _written(value)
    if isinstance(value, dict):
        inner = value.get("$date", value.get("seconds"))
        inner = inner.get("$numberLong") if isinstance(inner, dict) else inner
        return 0 if isinstance(inner, dict) else _time(inner)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    for unit in (NS, 1_000_000, 1_000, 1):
        if value < _LATEST_S * (NS // unit):
            return int(value * unit) if value >= _EARLIEST_S * (NS // unit) else 0
    return 0


@lru_cache(maxsize=64)  # a line's time is asked for more than once
def _written(value: str) -> int:
    text = value.strip().upper()
    for read in (_iso, _in_words, _number, _in_other_signs):
        if found := read(text):
            return found
    return 0


def _iso(text: str) -> int:
    try:
        return max(0, clock.parse_iso(text))
    except (ValueError, OverflowError):
        return 0


def _in_other_signs(text: str) -> int:
    """Read ISO 8601 with the name of its zone behind it, or with slashes in the date."""
    return _iso(_SLASHES.sub(r"\1-\2-\3", _ZONE_NAME.sub("", text)))


def _in_words(text: str) -> int:
    """Read a time with the name of its month, or one in ISO 8601 with its zone set apart."""
    if found := _IN_WORDS.fullmatch(text[:_LONGEST_TIME]):
        day, month = found["day"] or found["day2"], found["month"] or found["month2"]
        year = found["year"] or found["year2"]
        zone = _ZONE.fullmatch(found["zone"])
        if not year or zone is None or month.lower() not in _MONTHS:
            return 0
        date = f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{int(day):02}"
        return _iso(f"{date}T{found['time']:0>5}{zone['offset'] or ''}")
    date, _, rest = text.partition(" ")
    time, _, zone_name = rest.partition(" ")
    zone = _ZONE.fullmatch(zone_name) if time else None
    return _iso(f"{date}T{time}{zone['offset'] or ''}") if zone else 0


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or len(text) >= _DIGITS:
        return 0
    return _time(int(text) if text.isdecimal() else float(text))
