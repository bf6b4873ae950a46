"""The dates that a question names: "in May 2026", "on 14 August", "yesterday". Pure.

Days are those of UTC.
"""

import re
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from iai.model.clock import NS

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december")  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Only with a capital: "may" and "march" are other words as well.
_MONTH = re.compile(
    r"\b(?:(\d{1,2})(?:st|nd|rd|th)?(?: of)? )?"
    r"(January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b"
    r"(?:\.? (\d{1,2})(?:st|nd|rd|th)?\b(?!:))?"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d\d)(?:-(\d\d))?\b")
_AGO = re.compile(
    rf"\b(today|yesterday|(?:last|this) (?:week|month)|(?:last|on) ({'|'.join(_WEEKDAYS)}))\b"
)


class When(Struct, frozen=True):
    """Days that a question names. A field that is None or empty matches any."""

    year: int | None = None
    months: tuple[int, ...] = ()
    day: int | None = None
    days: tuple[date, date] | None = None  # the first and the last

    def fits(self, said: int) -> float:
        """Return how well a time matches: 1, 0, or 0.5 for the right month on another day."""
        then = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=said // NS)).date()
        if self.days is not None:
            return float(self.days[0] <= then <= self.days[1])
        if self.year not in (None, then.year) or (self.months and then.month not in self.months):
            return 0.0
        return 1.0 if self.day in (None, then.day) else 0.5


def named(question: str, now: int) -> When | None:
    """Return the dates that a question names, if any. `now` is for "yesterday"."""
    iso = _ISO.search(question)
    if iso:
        return When(int(iso[1]), (int(iso[2]),), int(iso[3]) if iso[3] else None)
    months = [m for m in _MONTH.finditer(question) if m.start() or m[2] not in ("May", "March")]
    years = _YEAR.findall(question)
    if months or years:
        numbers = tuple(_month(m[2]) for m in months)
        days = [int(day) for m in months for day in (m[1], m[3]) if day]
        return When(int(years[0]) if years else None, numbers, days[0] if days else None)
    ago = _AGO.search(question.lower())
    if ago is None:
        return None
    today = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now // NS)).date()
    return When(days=_days(ago[1], ago[2], today))


def _month(name: str) -> int:
    return next(n for n, month in enumerate(_MONTHS, 1) if month.startswith(name.lower()[:3]))


def _days(said: str, weekday: str | None, today: date) -> tuple[date, date]:
    day = timedelta(days=1)
    if weekday:
        back = (today.weekday() - _WEEKDAYS.index(weekday) - 1) % 7 + 1
        return today - back * day, today - back * day
    monday, first = today - today.weekday() * day, today.replace(day=1)
    return {
        "today": (today, today),
        "yesterday": (today - day, today - day),
        "this week": (monday, today),
        "last week": (monday - 7 * day, monday - day),
        "this month": (first, today),
        "last month": ((first - day).replace(day=1), first - day),
    }[said]
