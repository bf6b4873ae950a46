"""Times that a user gives on the command line, and the period between two of them."""

import re
from argparse import ArgumentParser

from iai import clock
from iai.clock import NS
from iai.errors import BadUsage

FORMS = "a time (ISO 8601, UTC unless it says otherwise), or how long ago: 90s, 2h, 3d"

_SPAN = re.compile(r"(\d{1,9})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LAST = (1 << 63) - 1


def add_period(parser: ArgumentParser) -> None:
    """Declare the options whose values `period` reads."""
    parser.add_argument("--since", default="", metavar="T", help=f"not before {FORMS}")
    parser.add_argument("--until", default="", metavar="T", help="before such a time")


def period(since: str, until: str, wall: int) -> tuple[int, int]:
    """Return the first moment of the period and the first after it; 0 where it is open.

    Raises BadUsage if one is no time, or nothing can lie between them.
    """
    first, end = moment("--since", since, wall), moment("--until", until, wall)
    if end and first >= end:
        raise BadUsage(f"nothing can be since {since} and until {until}")
    return first, end


def moment(option: str, text: str, wall: int) -> int:
    """Return the time that an option names in nanoseconds UTC; 0 for "".

    Nothing was said before 1970, so a time before it is as good as its first moment.
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
