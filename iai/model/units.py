"""Times, spans, counts and sizes: shown to people, and read from them."""

import re
from collections.abc import Mapping

from iai.errors import BadUsage
from iai.model import clock
from iai.model.clock import NS

LONG_S = 10.0  # spans from here on are shown without fractions

_SPAN = re.compile(r"(\d{1,9})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LAST = (1 << 63) - 1
_KB, _MB = 1_000, 1_000_000


def ago(then: int, wall: int) -> str:
    """Return how long ago a time was, in one unit."""
    return span((wall - then) / NS) + " ago"


def count(number: int, what: str) -> str:
    """Return a number of things, with a plural `s` where it is due."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def kinds(counts: Mapping[str, int]) -> str:
    """Return how many there are of each kind, most first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(count(number, kind) for kind, number in ordered)


def span(seconds: float) -> str:
    """Return a duration in one unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.{1 if seconds < LONG_S else 0}f} s"


def excerpt(text: str, limit: int) -> str:
    """Return a text on one line, cut at a word."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " ..."


def when(wall: int) -> str:
    """Return a time for people."""
    return clock.iso(wall).replace("T", " ").replace("Z", " UTC")


def size(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / _MB:.1f} MB" if count >= _MB / 10 else f"{count / _KB:.1f} kB"


def period(since: str, until: str, wall: int) -> tuple[int, int]:
    """Return the start of a period and its end, which is excluded; 0 where it is open.

    Raises BadUsage if either is not a time, or the period is empty.
    """
    first, end = moment("--since", since, wall), moment("--until", until, wall)
    if end and first >= end:
        raise BadUsage(f"the period from {since} to {until} is empty")
    return first, end


def moment(option: str, text: str, wall: int) -> int:
    """Return the time given to an option in UTC nanoseconds; 0 for "".

    A time before 1970 counts as its first nanosecond. Raises BadUsage if it is not a time.
    """
    if not text:
        return 0
    if found := _SPAN.fullmatch(text):
        return max(1, wall - int(found[1]) * _UNITS[found[2]] * NS)
    try:
        return max(1, min(clock.parse_iso(text), _LAST))
    except ValueError:
        problem = f"{option} {text}: give a time like 2026-11-23T10:00, or 90s, 2h, 3d"
        raise BadUsage(problem) from None
