"""How commands print: one JSON document, or lines for people."""

import json
import sys
from typing import Any

import msgspec

from iai import clock
from iai.clock import NS

LONG_S = 10.0  # from here on no fractions


def as_json(value: Any, *, line: bool = False) -> None:
    """Print one JSON document and nothing else; on one line where it is one of many."""
    plain = msgspec.to_builtins(value)
    indent = 2 if sys.stdout.isatty() and not line else None
    json.dump(plain, sys.stdout, ensure_ascii=False, indent=indent)
    print()


def ago(then: int, wall: int) -> str:
    """How long ago something was, in one unit."""
    return span((wall - then) / NS) + " ago"


def count(number: int, what: str) -> str:
    """Return how many there are of something."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def span(seconds: float) -> str:
    """Return a length of time in one unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.{1 if seconds < LONG_S else 0}f} s"


def excerpt(text: str, limit: int) -> str:
    """A text on one line, cut at a word."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " ..."


def when(wall: int) -> str:
    """Return a time for people."""
    return clock.iso(wall).replace("T", " ").replace("Z", " UTC")


def size(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 1e6:.1f} MB"
