"""Whether a text says what a user types or copies, however its lines break and accents are made.

A session start shows a text on one line, and some systems write a name with its accents apart.
"""

import re
import unicodedata

_SPACE = re.compile(r"\s+")


def says(text: str, phrase: str) -> bool:
    """Does a text have these words in it, in the same capitals?"""
    return phrase in text or (not _is_plain(phrase, text) and _plain(phrase) in _plain(text))


def _is_plain(phrase: str, text: str) -> bool:
    """Can it be told from the characters as they are? Of nearly every search this is so."""
    return (phrase.isascii() or text.isascii()) and not any(map(str.isspace, phrase))


def _plain(text: str) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text))
