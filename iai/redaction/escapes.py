r"""Escapes as blanks: what stands beside one is a word of its own, as a reader sees it.

Without that, a token in colour begins with `33m`, one on a new line of JSON in JSON with `n`, and
one in a URL with the digits of `%3D`, so that nothing knows it.
"""

import re

_COLOUR = re.compile(r"(?:\x1b|\\{1,4}(?:u001b|x1b|033|e))\[[0-9;?]{0,20}[A-Za-z]", re.IGNORECASE)
_COLOURS = ("\x1b[", "1b[", "033[", "\\e[")  # one is in each such text, in lower case
_ESCAPE = re.compile(
    r"\\{1,4}(?:u00[0-9a-f]{2}|x[0-9a-f]{2}|[nrtbf])|%(?:25)?[0-9a-f]{2}|=3D", re.IGNORECASE
)


def without_colours(text: str, lowered: str) -> str:
    """Return a text of equal length in which colours, and all that a terminal obeys, are blank."""
    if any(sign in lowered for sign in _COLOURS):
        return _COLOUR.sub(_blank, text)
    return text


def without(text: str) -> str:
    """Return a text of equal length in which the escapes of JSON, URLs and mails are blank."""
    if "\\" in text or "%" in text or "=3" in text:
        return _ESCAPE.sub(_blank, text)
    return text


def _blank(found: re.Match[str]) -> str:
    return " " * (found.end() - found.start())
