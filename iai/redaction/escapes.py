r"""Escapes as blanks: what stands beside one is a word of its own, as a reader sees it.

Without that, a token in colour begins with `33m`, one on a new line of JSON in JSON with `n`, and
one in a URL with the digits of `%3D`, so that nothing knows it.
"""

import re

_COLOUR = re.compile(r"(?:\x1b|\\{1,4}(?:u001b|x1b|033|e))\[[0-9;?]{0,20}[A-Za-z]", re.IGNORECASE)
_ESCAPES = (  # apart: that each begins with one character makes them fast
    ("\\", re.compile(r"\\{1,4}(?:[nrtbf]|u00[0-9A-Fa-f]{2}|x[0-9A-Fa-f]{2})")),
    ("%", re.compile(r"%(?:25)?[0-9A-Fa-f]{2}")),
    ("=3D", re.compile("=3D")),
)


def without_colours(text: str, lowered: str) -> str:
    """Return a text of equal length in which colours, and all that a terminal obeys, are blank."""
    if "\x1b[" in text or "1b[" in lowered or "033[" in text or "\\e[" in lowered:
        return _COLOUR.sub(_blank, text)
    return text


def without(text: str) -> str:
    """Return a text of equal length in which the escapes of JSON, URLs and mails are blank."""
    for sign, escape in _ESCAPES:
        if sign in text:
            text = escape.sub(_blank, text)
    return text


def _blank(found: re.Match[str]) -> str:
    return " " * (found.end() - found.start())
