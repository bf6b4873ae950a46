"""Runs of letters and digits that are long enough to be a token: nearly all that has a form is one.

Most texts have none, and one pass over their bytes shows that. So nothing else is asked of those.
"""

import re
from typing import NamedTuple

SHORTEST = 16
_RUN_OF = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_TABLE = bytes(ord("a") if byte in _RUN_OF else ord(" ") for byte in range(256))
_LONG = b"a" * SHORTEST
_DENSE = 10  # letters and digits in a row
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_-]{20,}")


class Run(NamedTuple):
    """A long run: where it is in its text."""

    start: int
    end: int
    word: str


def candidates(text: str) -> list[Run]:
    """Return the long runs of a text, in order."""
    shape = text.encode("latin-1", "replace").translate(_TABLE)  # a byte for each character
    found = []
    start = shape.find(_LONG)
    while start >= 0:
        end = shape.find(b" ", start)
        end = end if end >= 0 else len(shape)
        found.append(Run(start, end, text[start:end]))
        start = shape.find(_LONG, end)
    return found


def is_worth_asking(word: str) -> bool:
    """May a run be a token of a kind that only a library knows, rather than words and numbers?"""
    return not word.isalpha() and any(
        len(part) >= _DENSE and not part.isalpha() and not part.isdigit()
        for part in word.replace("-", "_").split("_")
    )


def is_like_a_token(word: str) -> bool:
    """Does a run look like nothing but a token?"""
    return _MIXED.fullmatch(word) is not None
