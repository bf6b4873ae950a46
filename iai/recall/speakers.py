"""The speakers that a question names: "what did you suggest", "what did Ada". Pure.

Names are matched against the one that a text begins with, as in transcripts of several people
("Ada: ...").
"""

import re

_SAY = "said|told|asked|wanted|decided|suggested|proposed|recommended|found|chose|warned|explained"
_ROLE = re.compile(rf"\b(?:did|had|have) (i|you)\b|\b(i|you) (?:{_SAY})\b")
_WORD = re.compile(r"[^\W\d_]+")


def roles(question: str) -> set[str]:
    """Return the roles that a question names: user ("I"), assistant ("you")."""
    said = {first or second for first, second in _ROLE.findall(question.lower())}
    return {"user" if word == "i" else "assistant" for word in said}


def names(question: str) -> list[str]:
    """Return the words of a question that may be a name."""
    return sorted({word.lower() for word in _WORD.findall(question)})
