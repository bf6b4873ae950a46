"""Typed access to JSON of unknown shape: a field of the wrong type is an absent field."""

import re
from functools import lru_cache
from typing import Any

from iai.model import clock
from iai.model.clock import NS

_EARLIEST_S = 1_000_000_000  # 2001: an earlier number is no time
_DIGITS = 24  # characters; a longer number is no time
_LATEST_S = 100_000_000_000  # larger numbers count milliseconds, or smaller parts of a second
_LARGEST = (1 << 63) - 1
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def text(fields: object, name: str) -> str:
    """Return a field that is a string, else ""."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, str) else ""


def mapping(fields: object, name: str) -> dict[str, Any]:
    """Return a field that is an object, else an empty one."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, dict) else {}


def array(fields: object, name: str) -> list[Any]:
    """Return a field that is an array, else an empty one."""
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, list) else []


def whole(fields: object, name: str) -> int | None:
    """Return a field that is a whole number, and one that the store can hold."""
    value = fields.get(name) if isinstance(fields, dict) else None
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
    """Return a time in nanoseconds: ISO 8601, or a number of seconds, milliseconds or less.

    0 if it cannot be read, or is after 2262, when the nanoseconds need more than 63 bits.
    """
    at = _time(value)
    return at if at <= _LARGEST else 0


def _time(value: object) -> int:
    if isinstance(value, str):
        return _iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    for unit in (NS, 1_000_000, 1_000, 1):
        if value < _LATEST_S * (NS // unit):
            return int(value * unit) if value >= _EARLIEST_S * (NS // unit) else 0
    return 0


@lru_cache(maxsize=64)  # a line's time is asked for more than once
def _iso(value: str) -> int:
    try:
        return max(0, clock.parse_iso(value.strip().upper()))
    except (ValueError, OverflowError):
        if not _NUMBER.fullmatch(value) or len(value) >= _DIGITS:
            return 0
        return _time(int(value) if value.isdecimal() else float(value))
