"""Cues in a text: that something is open or was decided, and the files and names it mentions.

They are matched, not understood: a sentence with a cue is worth a line in its own words.
"""

import re
from functools import lru_cache

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_OPEN = re.compile(
    r"\b(?:not (?:done|yet|implemented|tested|fixed|finished)|to-?do\b|left open|open question"
    r"|still (?:fails?|failing|missing|open|to do|needs?|shows?|broken)|next steps?|remaining"
    r"|remains|follow-?up|unresolved|blocked (?:on|by)|(?:have|has)n't yet)\b",
    re.IGNORECASE,
)
_DECIDED = re.compile(
    r"\b(?:we (?:have )?(?:decided|agreed|settled|chose|never|always)|decided (?:to|on|against)"
    r"|from now on|going forward|no longer|(?:let's|let us) (?:go with|stick|keep|use)"
    r"|(?:must|should|do|will) (?:never|always|not)|don't ever|always use|never use|we use)\b",
    re.IGNORECASE,
)
# A path, a file, snake_case, camelCase or a call.
_NAME = re.compile(
    r"(?<![\w/.-])(?:[\w.-]*/[\w./-]+\w|\w+\.[a-z]{1,4}\b|\w+_\w+|[a-z]+[A-Z]\w+|\w+(?=\(\)))"
)


def left_open(text: str) -> str:
    """Return a question at the end, or the last sentence that says something is open; else ""."""
    sentences = [s.strip() for s in _SENTENCE.split(text) if s.strip()]
    if sentences and sentences[-1].endswith("?"):
        return sentences[-1]
    return next((s for s in reversed(sentences) if _OPEN.search(s)), "")


@lru_cache(maxsize=2_048)
def decided(text: str) -> str:
    """Return the first sentence that states a decision or a rule; else ""."""
    sentences = (s.strip() for s in _SENTENCE.split(text))
    return next((s for s in sentences if _DECIDED.search(s) and not s.endswith("?")), "")


@lru_cache(maxsize=2_048)
def names(text: str) -> frozenset[str]:
    """Return the files and identifiers that a text names; a path also by its file name."""
    found = set(_NAME.findall(text))
    return frozenset(found | {name.rsplit("/", 1)[-1] for name in found if "/" in name})
