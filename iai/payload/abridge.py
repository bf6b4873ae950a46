"""The part of a long text that says the most, on one line. Pure.

An answer says at its beginning what was done and at its end what is left; between them are code,
tables and lists. A request says at either end what is wanted; between them is what was pasted. So
the first and the last statement come first, then those between that say what was changed or is
left, then what else fits, and code is left out. On one line the first alone is better than two
halves.
"""

import re

from msgspec import structs

from iai.model import framing
from iai.payload.statements import NAMES, Statement, sentences, statements, without_emphasis

_LAST = 0.4  # of the room, at most, for the last statement
_LEAST = 60  # characters; a shorter part of a statement is not worth its place
_ONE_LINE = 200  # characters
_CUT = " ... "  # between statements that do not follow one another
_SHORT = 30  # characters of what says little by itself
_CLAUSE = 0.6  # of the room, at least, that is filled if a statement is cut after a clause

_DONE = re.compile(  # says what was changed, or what is left
    r"\b(?:fix(?:ed|es)?|solution|chang(?:ed|es)|add(?:ed|s)|remov(?:ed|es)|updat(?:ed|es)|mov(?:ed|es)"
    r"|renam(?:ed|es)|replac(?:ed|es)|creat(?:ed|es)|implement(?:ed|s)|revert(?:ed|s)|decided"
    r"|now|instead|result|remain(?:s|ing)|left|open|next|not yet|still|todo|fail(?:s|ed|ing))\b",
    re.IGNORECASE,
)
_CHECKED = re.compile(  # how it was checked: the last test run is shown as such
    r"\W*(?:verification|verified|test results?|tests?|testing|checks?|status)\W*:", re.IGNORECASE
)
_SEVERITY = re.compile(r"(?:low|medium|high|critical) severity", re.IGNORECASE)  # of a finding
_OF_A_PLAN = re.compile(  # what stands above what it says
    r"^(?:implement the following plan:|plan: |(?:context|summary|overview|background|goal):$)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[,;:](?= )|[.!?](?= [A-Z`])| (?=[\u2013\u2014(-]"
    r"|(?:and|but|so|because|since|when|which|while|or|if|where)\b )"
)


def abridge(text: str, limit: int) -> str:
    """Return a text on one line, harmless, with what matters most of it in so many characters."""
    line = framing.inline(without_emphasis(text), limit)
    if len(text) <= limit and "```" not in text:
        return line
    said = [one for one in statements(text) if one.text and not _SEVERITY.fullmatch(one.text)]
    if sum(len(one.whole) for one in said) < _LEAST:  # nearly all of it is code
        return line
    if limit <= _ONE_LINE and len(said[0].whole) > limit:
        said[0] = _request(said[0])
    if len(said) == 1 and len(said[0].whole) > limit:
        said = [Statement(text=one) for one in sentences(said[0].whole)]
    if limit <= _ONE_LINE and len(said[0].whole) > limit / 2:
        return cut(said[0].whole, limit)
    return _joined(said, limit)


def opening(text: str) -> str:
    """Return how a plan begins, on one line: its title, and the first that it says."""
    first = next((one for one in statements(text) if one.text), None)
    if first is None:
        return text
    titles = [_OF_A_PLAN.sub("", one.text) for one in first.above]
    return " ".join([*filter(None, titles), first.text])


def _request(first: Statement) -> Statement:
    """Return how a request begins: with what it announces alone, if only that names anything."""
    announced = " ".join(one.text for one in first.above)
    if NAMES.search(announced) or len(first.text) < _SHORT:
        return first
    return structs.replace(first, above=())


def _joined(said: list[Statement], limit: int) -> str:
    """Return the first, the last, and those between that find room, in their order."""
    last = len(said) - 1
    kept: dict[int, str] = {}
    room = limit
    if last and not said[last].row:
        kept[last] = cut(said[last].whole, round(limit * _LAST))
        room -= len(kept[last])
    between = sorted(range(last + 1), key=lambda place: _priority(said[place], place))
    for place in between:
        if place not in kept:
            room -= len(_CUT)
            if room < min(_LEAST, len(said[place].whole)):
                break
            kept[place] = cut(said[place].whole, room)
            room -= len(kept[place])
    text = ""
    for place in sorted(kept):
        text += (_after(text, gap=place - 1 not in kept) if place else "") + kept[place]
    return text.lstrip()


def cut(statement: str, limit: int) -> str:
    """Return a statement in so many characters, cut after a clause if one ends late enough."""
    line = framing.inline(statement, limit)
    if not line.endswith(" ...") or len(statement) <= limit:
        return line
    clauses = (line[: end.start()] for end in _CLAUSE_END.finditer(line))
    whole = [one for one in clauses if one.count("(") <= one.count(")")]
    if not whole or len(whole[-1]) < _CLAUSE * limit:
        return line
    return f"{whole[-1].rstrip(' ,;:')} ..."


def _priority(statement: Statement, place: int) -> tuple[bool, bool, bool, int]:
    """Sort the first statement first, then what was done or is left; details and rows last."""
    checked = _CHECKED.match(statement.whole) is not None
    says_less = place > 0 and _DONE.search(statement.whole) is None
    return statement.row or checked, statement.detail, says_less, place


def _after(text: str, *, gap: bool) -> str:
    """Return what separates a statement from the text before it."""
    if text.endswith("..."):
        return " "
    if gap:
        return _CUT
    return " " if text.endswith((".", "!", "?", ":", ";", ",")) else "; "
