"""Markdown as statements: paragraphs, items and rows, each with what announces it. Pure."""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

NAMES = re.compile(r"[`/]|\w\.\w|\w_\w|\w\(|[a-z][A-Z]")  # something of the code

_LONGEST_READ = 20_000  # characters at each end of a text

_FENCE = re.compile(r"\s*(?:```|~~~)")
_RULE = re.compile(r"\s*+[|:\-=*_+\u2500-\u257f ]{3,}$")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ x]\]\s+)?")
_HEADING = re.compile(r"\s*#{1,6}\s+(?:\d{1,2}[.)]\s+)?")
_EMPHASIS = re.compile(r"(?<!\w)\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?!\w)")  # no power: 2**3
_TITLE = re.compile(r"\*\*(?P<number>\d{1,2}[.)] )?(?P<title>[^*\n]+?):?\*\*")
_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\([^)\s]{0,2000}\)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'(\d])")
_COURTESY = re.compile(
    r"(?:(?:Excellent|Perfect|Great|Good|Sure|Right|Okay|OK|Thanks|You'?re (?:absolutely )?right"
    r"|Good (?:catch|point|question)|Great (?:catch|point|question))\s*[!.,]\s+"
    r"|(?:In )?[Ss]ummary:\s+)+"
)
_ANNOUNCEMENT = re.compile(  # of what comes next, saying nothing itself
    r"(?:^|[,.;\u2013\u2014-] (?:and )?)"
    r"(?:here(?:'s| is| are)|below (?:is|are)|let me (?:summari[sz]e|explain|show)|in )?\s*"
    r"(?:a |an |the )?(?:\w+ )?(?:summary|overview|result|change|fix|what)\w*\b[^.]{0,80}:?$",
    re.IGNORECASE,
)


class Statement(Struct, frozen=True, kw_only=True):
    """What one block says, on one line."""

    text: str  # "" of what announces code, or nothing
    above: "tuple[Statement, ...]" = ()  # headings and announcements that it is below
    title: str = ""  # what it begins with in bold
    heading: bool = False
    item: bool = False  # of a list
    row: bool = False  # of a table
    detail: bool = False  # an item below another one

    @property
    def whole(self) -> str:
        """The statement with what announces it; "" if that is all there is."""
        return " ".join(one.text for one in (*self.above, self)) if self.text else ""


def statements(text: str) -> Iterator[Statement]:
    """Yield what a text says; of one that is very long, its beginning and its end."""
    if len(text) > 2 * _LONGEST_READ:
        text = f"{text[:_LONGEST_READ]}\n\n{text[-_LONGEST_READ:]}"
    above: list[Statement] = []
    for block in _blocks(text.splitlines()):
        if block is None:  # what is left out
            yield from _announcing(above)
            above = []
            continue
        own = _plain(block.text)
        if own.endswith(":") and not block.row:
            *before, last = sentences(own)
            if before:
                yield structs.replace(block, text=" ".join(before), above=tuple(above))
                above = []
            if not _ANNOUNCEMENT.search(last):
                above.append(structs.replace(block, text=last))
        elif own:
            detail = block.detail and not above
            yield structs.replace(block, text=own, above=tuple(above), detail=detail)
            above = []
    yield from _announcing(above)


def sentences(text: str) -> list[str]:
    """Return the sentences of a line."""
    return _SENTENCE.split(text)


def without_emphasis(text: str) -> str:
    """Return a text without the marks of what is bold."""
    return _EMPHASIS.sub(r"\1", text)


def _announcing(above: list[Statement]) -> Iterator[Statement]:
    if above:
        yield Statement(text="", above=tuple(above))


def _plain(text: str) -> str:
    """Return a block on one line without marks, courtesies and announcements."""
    line = _LINK.sub(r"\1", without_emphasis(" ".join(text.split())))
    line = _COURTESY.sub("", line, count=1)
    every = sentences(line)
    if len(every) > 1 and every[-1].endswith(":") and _ANNOUNCEMENT.search(every[-1]):
        every.pop()
    return " ".join(every)


def _blocks(lines: Iterable[str]) -> Iterator[Statement | None]:
    """Yield the blocks of Markdown, each with its marks and line ends; None for code."""
    paragraph: list[str] = []
    item = detail = False  # is the paragraph an item, and below another one?
    fenced = columns = False  # in code; below the names of a table's columns
    for line in lines:
        fence = _FENCE.match(line) is not None
        if (fence or fenced or _begins(line)) and paragraph:
            yield _block(paragraph, item=item, detail=detail)
            paragraph = []
        if fence and not fenced:
            yield None
        fenced = fenced != fence
        row = line.lstrip().startswith("|")
        if row and columns and not _RULE.match(line):
            cells = (cell.strip() for cell in line.strip(" |\t").split("|"))
            yield Statement(text=", ".join(cells), row=True)
        elif heading := _HEADING.match(line):
            title = f"{line[heading.end() :].rstrip(' #:')}:"
            yield None if fenced else Statement(text=title, heading=True)
        elif not (fence or fenced or row or _RULE.match(line)):
            if not paragraph:
                item = _ITEM.match(line) is not None
                detail = item and line[:2].isspace()
            paragraph += [_ITEM.sub("", line, count=1)] if line.strip() else []
        columns = row and (columns or _RULE.match(line) is not None)
    if paragraph:
        yield _block(paragraph, item=item, detail=detail)


def _block(lines: list[str], *, item: bool, detail: bool) -> Statement:
    text = "\n".join(lines)
    bold = _TITLE.match(text)
    numbered = bold is not None and bold["number"] is not None  # "**1. What was done** - how"
    if bold is not None and numbered:
        text = text.replace(bold["number"], "", 1)
    title = bold["title"] if bold else ""
    return Statement(text=text, title=title, item=item or numbered, detail=detail)


def _begins(line: str) -> bool:
    """Return whether a line is not of the paragraph above it."""
    apart = _ITEM.match(line) or _HEADING.match(line) or _RULE.match(line)
    return apart is not None or not line.strip() or line.lstrip().startswith("|")
