"""What an answer says that was done, in one line. Pure.

Agents report in one of a few forms: a sentence that sums it up; headings or items that each say
what was done, often a file and a dash before it; and, after any work, that the tests pass.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from iai.payload.abridge import cut
from iai.payload.statements import NAMES, Statement, sentences, statements

SHORT = 40  # characters of a sentence that names nothing, as "All tests pass."
SHORTEST = 20  # of what begins with what was done, as "Fixed the tests."
_REMEMBERED = 256  # answers: each refresh reads those of the same sessions for several texts

_ROUTINE = re.compile(  # what is said after any work, or before it
    r"(?:(?:all|the|both) )?(?:\w+ ){0,3}(?:tests?|checks?|linter|linting|lint|build|code)\b"
    r"[^.]{0,40}\b(?:pass|passed|passing|clean|formatted)\b"
    r"|(?:now )?(?:let me|i'll|i will|i have|here(?:'s| is| are)) "
    r"|(?:try|run|the output|you (?:can|should|may)|(?:would|do) you|want me|(?:shall|should) i"
    r"|let me know)\b "
    r"|all (?:green|done|set)\b|(?:but|and|however|because|only|except)\b "
    r"|(?:why|how|logic|before|note|background|(?:the )?problem|root cause|files?)\b[^:.]{0,30}:",
    re.IGNORECASE,
)
_NOTHING_NAMED = re.compile(  # after any work, too: of a whole sentence, without a name of code
    r"(?:i(?:'ve| have)? )?(?:successfully |now )?(?:fixed|addressed|completed|resolved|refactored"
    r"|implemented|made|approved) (?:the|all|both|these|your)\b[^`]*\b(?:issues?|changes|tasks?"
    r"|code|comments|feedback|findings|improvements?)\b[^`]*"
    r"|(?:the review(?:er| agent)?s? (?:has|have) approved"
    r"|(?:all|both|the) [\w ]{0,30}(?:issues|comments|findings) (?:have been|are) )\b[^`]*",
    re.IGNORECASE,
)
_VERBS = (
    r"(?:fixed|added|removed|updated|moved|renamed|replaced|created|implemented|reverted|changed"
    r"|switched|extracted|refactored|rewrote|simplified|increased|reduced|deleted|flattened|merged)"
)
_BEGINS = re.compile(  # a sentence, or what it says of a name before it, with what was done
    r"^new (?=`)|(?:^|[:\u2013\u2014-] )(?:now (?=[a-z]+s\b)"
    r"|the (?:\w+ )?fix (?=[a-z])(?!is (?:in|on|at|complete))"
    rf"|(?:i(?:'ve| have)? )?(?:(?:also|now|successfully|completely) )*{_VERBS}\b(?! in `))",
    re.IGNORECASE,
)
_SAYS = re.compile(r"\b(?:has|have) been\b|\bnow\b(?! ?[(:])", re.IGNORECASE)  # that it is done
_VERDICT = re.compile(
    r"(?:\w+ )?(?:verdict|conclusion|recommendation|bottom line|root cause|short answer)\b[: ]|"
    r"(?:the |both |all )?(?:review|reviewers|agents)\b.*\b(?:recommends?|approves?|found)\b",
    re.IGNORECASE,
)
_MADE = re.compile(r"(?:\w+ )*(?:added|created|implemented):?$", re.IGNORECASE)  # "Files Created"
_REFERS = re.compile(
    r"(?:now )?(?:it|this|that|they|these|those)\b", re.IGNORECASE
)  # to what is above
_PLACE = re.compile(r"`?[\w./-]+`?(?:\s*\([^)]*\))?:?")  # a file, and how much of it
_VALUE = re.compile(
    r"`[^`]*`\s*(?:\u2192|[-=]>|=|:)\s*(?:`[^`]*`|[\w.-]+)"
)  # a name, and its value
_FILE = re.compile(r"^`[^`]*`(?: and `[^`]*`)?(?: \([^)]*\))?(?: ?[:\u2013\u2014-]) (?=\w)")
_ASIDE = re.compile(r"\s*\((?:both |lines? |[+-]|`)[^)]*\)")  # "(lines 3-9)", "(`quay.py`)"
_I = re.compile(  # what a sentence in brief does without
    r"^(?:done[^\w`]+|(?:(?:changes?|fix|result)[^\w`]+)?(?:(?:i|we)(?:'ve| have)? )?"
    rf"(?:(?:also|now|successfully|completely) )*(?={_VERBS}\b))",
    re.IGNORECASE,
)
_REST = re.compile(r"(?: [\u2013\u2014-]|[.:;]) .*", re.DOTALL)  # of an item after what it says
_DIRECTORY = re.compile(r"(?<=`)/?(?:[\w.-]+/)+(?=[\w.-]+\.\w+(?::[\d-]+)?`)")  # before a file
_ENDS_OPEN = re.compile(  # before what is left out
    r"\b(?:to|that|with|by|for|which|and|is|are|shows?|includes?|covering|now both \w+"
    r"|(?:the )?following(?: \w+){0,2})$"
)
_COMMIT = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b")  # commits are shown as such
_WORD = re.compile(r"(?:[^\W\d_]|['\u2019-])+[,;:.!?)]*(?!\S)")  # no name of code, no path
_CODE = re.compile(r"`[^`\n]+`")


@lru_cache(maxsize=_REMEMBERED)
def done(text: str, limit: int) -> str:
    """Return what an answer says that was done, in so many characters; "" if it does not.

    That is the first sentence above any list that says it, else the headings or the items of a
    list that do, in brief; else any sentence.
    """
    parts = list(_parts(text))
    listed = next((place for place, part in enumerate(parts) if part.item), len(parts))
    items = [_brief(part) for part in parts if part.item and not part.detail]
    after = (part for part in parts[listed:] if not part.item)
    for told in (
        list(filter(_says_done, _sentences(parts[:listed])))[:1],
        list(filter(_begins, _headings(parts))),
        list(filter(_begins, items)),
        list(filter(_says_done, _sentences(after)))[:1],
    ):
        if told:
            return _joined(told, limit)
    return ""


@lru_cache(maxsize=_REMEMBERED)
def verdict(text: str, limit: int) -> str:
    """Return what an answer came to where nothing was done, or the first that it says; or "".

    The items of a list, and sentences that name nothing, only where it says nothing else.
    """
    parts = sorted(_parts(text), key=lambda part: part.item)
    every = [one for one in _sentences(parts) if not _REFERS.match(one) and one[-1:] not in "?:"]
    for least in (SHORT, SHORTEST):
        told = [one for one in every if _says_something(one, least)]
        if told:
            return _joined([next(filter(_VERDICT.match, told), told[0])], limit)
    return ""


def _parts(text: str) -> Iterator[Statement]:
    """Yield statements, and each of the headings and announcements above them, but no rows."""
    for statement in statements(text):
        yield from statement.above
        if statement.text and not statement.row:
            yield statement


def _sentences(parts: Iterable[Statement]) -> Iterator[str]:
    """Yield sentences, each without a file that it begins with."""
    for part in parts:
        if not part.heading:
            yield from (_FILE.sub("", one, count=1) for one in sentences(part.text))


def _says_done(sentence: str) -> bool:
    if _begins(sentence):
        return True
    says = _SAYS.search(_CODE.sub("`", sentence)) is not None
    return says and not _REFERS.match(sentence) and _says_something(sentence)


def _begins(told: str) -> bool:
    """Return whether a text begins with what was done, and says of what."""
    found = _BEGINS.search(_CODE.sub("`", told))
    return found is not None and _says_something(told, SHORTEST if found.start() == 0 else SHORT)


def _headings(parts: Sequence[Statement]) -> Iterator[str]:
    """Yield headings, but in place of "Files created" the first that was."""
    for part, below in pairwise([*parts, Statement(text="")]):
        if part.heading and _MADE.fullmatch(part.text) and below.text.startswith("`"):
            yield f"Added {below.text}"
        elif part.heading:
            yield _ASIDE.sub("", _FILE.sub("", part.text, count=1))


def _brief(item: Statement) -> str:
    """Return what an item says first: its title, or what it says of a file, without reasons."""
    if item.title and _BEGINS.match(item.title):
        return _ASIDE.sub("", item.title)
    text = _ASIDE.sub("", _FILE.sub("", item.text, count=1))
    first = _REST.sub("", text)
    return first if len(first) >= SHORTEST and _BEGINS.match(first) else text


def _says_something(sentence: str, least: int = SHORT) -> bool:
    """Return whether a sentence is more than what is said after any work."""
    sentence = _I.sub("", sentence.rstrip(" :"))
    enough = len(sentence) >= least or NAMES.search(sentence) is not None
    routine = _ROUTINE.match(sentence) or _ENDS_OPEN.search(sentence) or _COMMIT.search(sentence)
    empty = (pattern.fullmatch(sentence) for pattern in (_NOTHING_NAMED, _PLACE, _VALUE))
    return enough and routine is None and not any(empty)


def _joined(told: Sequence[str], limit: int) -> str:
    """Return as many as find room whole, at least the first; files by their names alone."""
    first, *others = dict.fromkeys(map(_in_brief, told))
    line = cut(first, limit)
    for other in others:
        if len(line) + len(other) + 2 > limit:
            break
        line = f"{line}; {other}"
    return line


def _in_brief(told: str) -> str:
    told = _I.sub("", _DIRECTORY.sub("", told)).rstrip(" .:✅✓")
    return told[:1].upper() + told[1:] if _WORD.match(told) else told
