"""The mark in the place of a secret: `[redacted: aws-key #3f9a]`.

The four digits are a keyed hash of what was there: equal secrets of one store have equal marks, and
without the key no guess can be checked. What the user marked as private has no digits, nor has a
whole text that could not be searched for secrets.
"""

import hashlib
import re
from collections import Counter

PRIVATE = "private"
UNSEARCHABLE = "unsearchable"
OPENING = "[redacted: "
_LONGEST_KIND = 48
_MARK = re.compile(
    rf"\[redacted: ([a-z0-9][a-z0-9-]{{0,{_LONGEST_KIND - 1}}})(?: #[0-9a-f]{{4}})?\]"
)
_NOT_IN_A_KIND = re.compile(r"[^a-z0-9]+")


def mark(kind: str, secret: str, key: bytes) -> str:
    """Return the mark for a secret; `key` has at most 64 bytes."""
    hashed = hashlib.blake2b(secret.encode("utf-8", "replace"), digest_size=2, key=key)
    return f"{OPENING}{kind} #{hashed.hexdigest()}]"


def private() -> str:
    """Return the mark for what the user left out."""
    return f"{OPENING}{PRIVATE}]"


def unsearchable() -> str:
    """Return the mark for a text that could not be searched for secrets."""
    return f"{OPENING}{UNSEARCHABLE}]"


def kind_named(name: str) -> str:
    """Return a name in the form that a kind has in a mark."""
    return _NOT_IN_A_KIND.sub("-", name.lower()).strip("-")[:_LONGEST_KIND].strip("-") or "secret"


def spans(text: str) -> list[tuple[int, int]]:
    """Return where the marks of a text are."""
    return [found.span() for found in _MARK.finditer(text)] if OPENING in text else []


def kinds(*texts: str) -> Counter[str]:
    """Count the marks in some texts by kind."""
    found = (_MARK.findall(text) for text in texts if OPENING in text)
    return Counter(kind for kinds in found for kind in kinds)
