"""Times as hosts, and the programs that convert their files, write them: from JSON to nanoseconds.

What may mean two times, as 05/11/2026 does, is none: a wrong one is worse than that of the line
before.
"""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from iai.model import clock
from iai.model.clock import NS

_LARGEST = (1 << 63) - 1
_EARLIEST_S = 1_000_000_000  # 2001: an earlier number is no time
_LATEST_S = 100_000_000_000  # larger numbers count milliseconds, or smaller parts of a second
_DIGITS = 24  # characters; a longer number is no time
_LONGEST = 80  # characters, with the name of a zone
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_DOT_NET = re.compile(r"/Date\((\d+)(?:[+-]\d{4})?\)/")
# What is no part of a time: a comment (RFC 2822, JavaScript), and Go's monotonic clock.
_ASIDE = re.compile(r"\(.*?\)|\bm=[+-][\d.]+")
_DASHED = re.compile(r"\b(\d{1,2})-([A-Za-z]{3,9})-(?=\d{4}\b)")  # 20-Nov-2026
_TOKEN = re.compile(
    r"""
      (?P<date>(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?!\d))
    | (?P<clock>\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s*[AP]\.?M\b\.?)?)
    | (?P<offset>Z\b|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d\d)?\b)
    | (?P<year>\d{4}\b)
    | (?P<day>\d{1,2}(?:ST|ND|RD|TH)?\b)
    | (?P<word>[A-Z][A-Z_]*(?:/[A-Z_+-]+)*)
    | (?P<blank>[\s,.\[\]]+)
    | (?P<rest>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER",
    "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_ABBREVIATED = 3  # letters of the name of a month or a day, at least
_BETWEEN = frozenset({"T", "AT", "ON"})  # a date and a time of the day
# Hours ahead of UTC: of RFC 2822, section 4.3, and of others that mean one zone only.
_ZONES = {
    "UT": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7,
    "MDT": -6, "PST": -8, "PDT": -7, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip


def moment(value: object) -> int:
    """Return a time in nanoseconds: ISO 8601, as people and mail write it, or seconds, ms or less.

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
    text = value.strip().replace("\u2212", "-")
    for read in (_iso, _number, _in_words):
        try:
            return max(0, read(text))
        except (ValueError, OverflowError):
            continue
    return 0


def _iso(text: str) -> int:
    return clock.parse_iso(text.upper())


def _number(text: str) -> int:
    found = _DOT_NET.fullmatch(text)
    digits = found[1] if found else text
    if not _NUMBER.fullmatch(digits) or len(digits) >= _DIGITS:
        raise ValueError(text)
    return _time(int(digits) if digits.isdecimal() else float(digits))


def _in_words(text: str) -> int:
    """Read a date, a time of the day and a zone in any order.

    Raises ValueError if one is doubtful, or if anything else is there.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    if len(text) > _LONGEST:
        raise ValueError(text)
    for token in _TOKEN.finditer(_DASHED.sub(r"\1 \2 ", _ASIDE.sub("", text))):
        parts[token.lastgroup or ""].append(token[0])
    for word in parts.pop("word", ()):
        kind = "month" if _is(word, _MONTHS) else "zone"
        if not _is(word, _DAYS) and word.upper() not in _BETWEEN:
            parts[kind].append(word)
    if parts["rest"]:
        raise ValueError(text)
    (time,) = parts["clock"]
    year, month, day = _date(parts)
    hour, minute, second = (
        *(float(part) for part in re.findall(r"\d+(?:\.\d+)?", time.replace(",", "."))),
        0.0,
    )[:3]
    if half := re.search("[AP]", time.upper()):
        hour = (hour % 12 if hour <= 12 else hour) + 12 * (half[0] == "P")  # noqa: PLR2004
    at = datetime(year, month, day, int(hour), int(minute), tzinfo=_zone(parts))
    return _iso(at.isoformat()) + round(second * 1_000_000) * 1_000


def _date(parts: dict[str, list[str]]) -> tuple[int, int, int]:
    if parts["month"]:
        (month,), (year,), (day,) = parts["month"], parts["year"], parts["day"]
        number = next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(month.upper()))
        return int(year), number, int(day.rstrip("stndrhSTNDRH"))
    (date,) = parts["date"]
    first, second, third = (int(part) for part in re.split("[-/.]", date))
    if date[:4].isdecimal():
        return first, second, third
    if first > 12 or "." in date or first == second:  # noqa: PLR2004  no month
        return third, second, first
    if second > 12:  # noqa: PLR2004
        return third, first, second
    raise ValueError(date)


def _zone(parts: dict[str, list[str]]) -> tzinfo:
    """Return the zone; UTC if none is named. A name beside an offset says the same."""
    if parts["offset"]:
        (offset,) = parts["offset"]
        if offset.upper() == "Z":
            return UTC
        sign, hours, minutes = re.findall(r"([+-])(\d\d?):?(\d\d)?$", offset)[0]
        ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return timezone(-ahead if sign == "-" else ahead)
    if not parts["zone"]:
        return UTC
    (name,) = parts["zone"]
    if "/" in name:
        return _of_region(name)
    if name.upper() not in _ZONES:
        raise ValueError(name)
    return timezone(timedelta(hours=_ZONES[name.upper()]))


def _of_region(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  3 ms that hardly any start needs

    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:  # KeyError: there is none of that name here
        raise ValueError(name) from error


def _is(word: str, names: tuple[str, ...]) -> bool:
    return len(word) >= _ABBREVIATED and any(name.startswith(word.upper()) for name in names)
