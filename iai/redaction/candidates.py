"""Runs of letters and digits that are long enough to be a token: nearly all that has a form is one.

Most texts have none, and one pass over their bytes shows that. So nothing else is asked of those.
"""

import re

SHORTEST = 16
_RUN_OF = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_TABLE = bytes(ord("a") if byte in _RUN_OF else ord(" ") for byte in range(256))
_LONG = b"a" * SHORTEST
_RUN = re.compile(rf"[A-Za-z0-9_-]{{{SHORTEST},}}")
_DENSE = re.compile(r"(?=[A-Za-z]{0,60}[0-9])(?=[0-9]{0,60}[A-Za-z])[A-Za-z0-9]{10}")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_-]{20,}")


def candidates(text: str) -> list[re.Match[str]]:
    """Return the long runs of a text, in order."""
    if _LONG not in text.encode("utf-8", "replace").translate(_TABLE):
        return []
    return list(_RUN.finditer(text))


def is_worth_asking(run: str) -> bool:
    """May a run be a token of a kind that only a library knows, rather than words and numbers?"""
    return _DENSE.search(run) is not None


def is_like_a_token(run: str) -> bool:
    """Does a run look like nothing but a token?"""
    return _MIXED.fullmatch(run) is not None
