"""Whom a question names as having said something: "what did you suggest", "what did Ada". Pure.

Names are those that a text begins with, as a transcript of several people has them ("Ada: ...").
"""

import re

_SAY = "said|told|asked|wanted|decided|suggested|proposed|recommended|found|chose|warned|explained"
_ROLE = re.compile(rf"\b(?:did|had|have) (i|you)\b|\b(i|you) (?:{_SAY})\b")
_WORD = re.compile(r"[^\W\d_]+")


def roles(question: str) -> set[str]:
    """Return whom the question speaks of: the user ("I"), the assistant ("you"), or none."""
    said = {first or second for first, second in _ROLE.findall(question.lower())}
    return {"user" if word == "i" else "assistant" for word in said}


def names(question: str) -> list[str]:
    """Return the words that may be somebody's name."""
    return sorted({word.lower() for word in _WORD.findall(question)})
