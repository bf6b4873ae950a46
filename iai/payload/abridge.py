"""The part of a long text that says the most, on one line. Pure.

An answer says at its beginning what was done and at its end what is left; between them are code,
tables and lists. A request says at either end what is wanted; between them is what was pasted. So
the first and the last statement come first, then those between that say what was changed or is
left, then what else fits, and code is left out.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from iai.model import framing

SHORT = 40  # characters of a sentence that names nothing, as "All tests pass."

_LONGEST_READ = 20_000  # characters at each end of a text
_LAST = 0.4  # of the room, at most, for the last statement
_LEAST = 60  # characters; a shorter part of a statement is not worth its place
_ONE_LINE = 200  # characters; in less room two statements cut each other short
_CUT = " ... "  # between statements that do not follow one another

_FENCE = re.compile(r"\s*(?:```|~~~)")
_RULE = re.compile(r"\s*[|:\-=*_+\u2500-\u257f ]{3,}$")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ x]\]\s+)?")
_HEADING = re.compile(r"\s*#{1,6}\s+")
_EMPHASIS = re.compile(r"\*\*([^*\n]+)\*\*")
_LINK = re.compile(r"\[([^\]\n]+)\]\([^)\s]*\)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'(\d])")
_COURTESY = re.compile(
    r"(?:(?:Excellent|Perfect|Great|Good|Sure|Right|Okay|OK|Thanks|You'?re (?:absolutely )?right"
    r"|Good (?:catch|point|question)|Great (?:catch|point|question))\s*[!.,]\s+"
    r"|(?:In )?[Ss]ummary:\s+)+"
)
_ANNOUNCEMENT = re.compile(  # of what comes next, saying nothing itself
    r"(?:here(?:'s| is| are)|below (?:is|are)|let me (?:summari[sz]e|explain|show)|in )?\s*"
    r"(?:a |an |the )?(?:\w+ )?(?:summary|overview|result|change|fix|what)\w*\b[^.]{0,80}:?$",
    re.IGNORECASE,
)
_DONE = re.compile(  # says what was changed, or what is left
    r"\b(?:fix(?:ed|es)?|solution|chang(?:ed|es)|add(?:ed|s)|remov(?:ed|es)|updat(?:ed|es)|mov(?:ed|es)"
    r"|renam(?:ed|es)|replac(?:ed|es)|creat(?:ed|es)|implement(?:ed|s)|revert(?:ed|s)|decided"
    r"|now|instead|result|remain(?:s|ing)|left|open|next|not yet|still|todo|fail(?:s|ed|ing))\b",
    re.IGNORECASE,
)
_ROUTINE = re.compile(  # what is said after any work, or before it
    r"(?:(?:all|the|both) )?(?:\w+ ){0,3}(?:tests?|checks?|linter|linting|lint|build|code)\b"
    r"[^.]{0,40}\b(?:pass|passed|passing|clean|formatted)\b"
    r"|(?:now )?(?:let me|i'll|i will|i have) "
    r"|all (?:green|done|set)\b|(?:but|and|however|because|only|except)\b "
    r"|(?:why|how|logic|before|note|background|(?:the )?problem|root cause|files?)\b[^:.]{0,30}:",
    re.IGNORECASE,
)
_NOTHING_NAMED = re.compile(  # after any work, too: of a whole sentence, without a name of code
    r"(?:i(?:'ve| have)? )?(?:successfully |now )?(?:fixed|addressed|completed|resolved|refactored"
    r"|implemented|made|approved) (?:the|all|both|these|your)\b[^`]*\b(?:issues?|changes|tasks?"
    r"|code|comments?|feedback|findings|improvements?)\b[^`]*"
    r"|the review(?:er| agent)?s? (?:has|have) approved\b[^`]*",
    re.IGNORECASE,
)
_CHECKED = re.compile(  # how it was checked: the last test run is shown as such
    r"\W*(?:verification|verified|test results?|tests?|testing|checks?|status)\W*:", re.IGNORECASE
)
_PLACE = re.compile(r"`?[\w./-]+`?(?:\s*\([^)]*\))?:?")  # a file, and how much of it
_DID = re.compile(  # a sentence, or what it says of a name before it, begins with what was done
    r"(?:^|[:\u2013\u2014-] )(?:the fix\b|(?:i(?:'ve| have)? )?(?:(?:also|now|successfully"
    r"|completely) )*(?:fixed|added|removed|updated|moved|renamed|replaced|created|implemented"
    r"|reverted|changed|switched|extracted|refactored|rewrote|simplified|increased|reduced)\b)"
    r"|\b(?:has|have) been\b|\bnow\b",
    re.IGNORECASE,
)
_TYPED = re.compile(  # how a person begins, and a log does not
    r"(?:(?:ok|okay|and|so|now|hi|hmm?)\b[,; ]*)*"
    r"(?:(?:can|could|would|should) (?:you|we|i)|i(?:'d|'m)?|we|let'?s|please|what|how|why|when"
    r"|where|is|are|does|do)\b ",
    re.IGNORECASE,
)
_CODE = re.compile(r"`[^`\n]+`")
_NAMES = re.compile(r"[`/]|\w\.\w|\w_\w|\w\(|[a-z][A-Z]")  # something of the code


class _Statement(Struct, frozen=True):
    text: str
    row: bool = False  # of a table
    detail: bool = False  # an item below another one


def abridge(text: str, limit: int) -> str:
    """Return a text on one line, harmless, with what matters most of it in so many characters."""
    line = framing.inline(_EMPHASIS.sub(r"\1", text), limit)
    if len(text) <= limit and "```" not in text:
        return line
    said = list(_statements(_ends(text)))
    if sum(len(one.text) for one in said) < _LEAST:  # nearly all of it is code
        return line
    if len(said) == 1 and len(said[0].text) > limit:
        said = [_Statement(one) for one in _SENTENCE.split(said[0].text)]
    if said and limit <= _ONE_LINE and _TYPED.match(said[0].text) and len(said[0].text) > limit / 2:
        return framing.inline(said[0].text, limit)
    return _joined(said, limit)


def opening(text: str) -> str:
    """Return the first statement of a text, with the headings above it, on one line."""
    return next((one.text for one in _statements(_ends(text))), text)


def headline(text: str, limit: int) -> str:
    """Return the first sentence that says what was done, on one line.

    Where none does, the first that says anything; "" where none does that either.
    """
    told = [
        sentence
        for statement in _statements(_ends(text))
        if not statement.row
        for sentence in _SENTENCE.split(statement.text)
        if _says_something(sentence)
    ]
    done = (sentence for sentence in told if _DID.search(_CODE.sub("`", sentence)))
    return framing.inline(next(done, told[0] if told else ""), limit)


def _says_something(sentence: str) -> bool:
    """Return whether a sentence is more than what is said after any work."""
    enough = len(sentence) >= SHORT or _NAMES.search(sentence) is not None
    empty = (_NOTHING_NAMED, _PLACE)
    return (
        enough
        and _ROUTINE.match(sentence) is None
        and not any(pattern.fullmatch(sentence) for pattern in empty)
    )


def _joined(said: list[_Statement], limit: int) -> str:
    """Return the first, the last, and those between that find room, in their order."""
    last = len(said) - 1
    kept: dict[int, str] = {}
    room = limit
    if last and not said[last].row:
        kept[last] = framing.inline(said[last].text, round(limit * _LAST))
        room -= len(kept[last])
    between = sorted(range(last + 1), key=lambda place: _priority(said[place], place))
    for place in between:
        if place not in kept:
            room -= len(_CUT)
            if room < min(_LEAST, len(said[place].text)):
                break
            kept[place] = framing.inline(said[place].text, room)
            room -= len(kept[place])
    text = ""
    for place in sorted(kept):
        text += (_after(text, gap=place - 1 not in kept) if place else "") + kept[place]
    return text.lstrip()


def _priority(statement: _Statement, place: int) -> tuple[bool, bool, bool, int]:
    """Sort the first statement first, then what was done or is left; details and rows last."""
    checked = _CHECKED.match(statement.text) is not None
    says_less = place > 0 and _DONE.search(statement.text) is None
    return statement.row or checked, statement.detail, says_less, place


def _after(text: str, *, gap: bool) -> str:
    """Return what separates a statement from the text before it."""
    if text.endswith("..."):
        return " "
    if gap:
        return _CUT
    return " " if text.endswith((".", "!", "?", ":", ";", ",")) else "; "


def _ends(text: str) -> str:
    if len(text) <= 2 * _LONGEST_READ:
        return text
    return f"{text[:_LONGEST_READ]}\n\n{text[-_LONGEST_READ:]}"


def _statements(text: str) -> Iterator[_Statement]:
    """Yield paragraphs, items and rows; each heading and announcement with what it is above."""
    leading: list[str] = []
    for block in _blocks(text.splitlines()):
        if block is None:
            leading = []  # it was above what is left out
            continue
        own = _plain(block.text)
        if own.endswith(":") and not block.row:
            *before, last = _SENTENCE.split(own)
            if before:
                yield _Statement(" ".join([*leading, *before]), detail=block.detail)
                leading = []
            leading = [*leading, last] if not _ANNOUNCEMENT.search(last) else leading
            continue
        if own:
            yield _Statement(" ".join([*leading, own]), block.row, block.detail and not leading)
            leading = []


def _plain(text: str) -> str:
    """Return a block on one line without marks, courtesies and announcements."""
    line = _LINK.sub(r"\1", _EMPHASIS.sub(r"\1", " ".join(text.split())))
    line = _COURTESY.sub("", line, count=1)
    sentences = _SENTENCE.split(line)
    if len(sentences) > 1 and sentences[-1].endswith(":") and _ANNOUNCEMENT.search(sentences[-1]):
        sentences.pop()
    return " ".join(sentences)


def _blocks(lines: Iterable[str]) -> Iterator[_Statement | None]:
    """Yield the blocks of Markdown; None for code."""
    paragraph: list[str] = []
    detail = False  # is the paragraph an item below another one?
    fenced = columns = False  # in code; below the names of a table's columns
    for line in lines:
        fence = _FENCE.match(line) is not None
        if (fence or fenced or _begins(line)) and paragraph:
            yield _Statement("\n".join(paragraph), detail=detail)
            paragraph = []
        if fence and not fenced:
            yield None
        fenced = fenced != fence
        row = line.lstrip().startswith("|")
        if row and columns and not _RULE.match(line):
            yield _Statement(", ".join(c.strip() for c in line.strip(" |\t").split("|")), row=True)
        elif heading := _HEADING.match(line):
            yield None if fenced else _Statement(f"{line[heading.end() :].rstrip(' #:')}:")
        elif not (fence or fenced or row or _RULE.match(line)):
            detail = (
                line[:2].isspace() and _ITEM.match(line) is not None if not paragraph else detail
            )
            paragraph += [_ITEM.sub("", line, count=1)] if line.strip() else []
        columns = row and (columns or _RULE.match(line) is not None)
    if paragraph:
        yield _Statement("\n".join(paragraph), detail=detail)


def _begins(line: str) -> bool:
    """Return whether a line is not of the paragraph above it."""
    apart = _ITEM.match(line) or _HEADING.match(line) or _RULE.match(line)
    return apart is not None or not line.strip() or line.lstrip().startswith("|")
