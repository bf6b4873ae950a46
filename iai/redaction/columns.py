"""Values below the name of their column: in tables, CSV, and rows that SQL inserts."""

import re
from collections.abc import Callable, Iterator

from iai.redaction.randomness import is_password, is_random

Fits = Callable[[str], bool]
_COLUMNS = 2  # at least
_ROWS, _FEW = 100, 20  # that are looked at, and in a table without separators
_NAMES = re.compile(r"""[\s"'`*]{0,40}[\w. -]{1,40}[\s"'`*]{0,40}""")  # a cell of a header
_RULE = re.compile(r"[\s|:+=-]+")  # the line below a header
_UNDERLINE = re.compile(r"\n[ ]?-{4,}\r?\n")
_WIDEST = 400  # characters of a header without separators
_SPACED = re.compile(  # USER    PASSWORD
    r"[ ]{0,8}[\w-]{1,30}(?:[ ][\w-]{1,30})?"
    r"(?:[ ]{2,60}[\w-]{1,30}(?:[ ][\w-]{1,30})?){1,20}[ \r]{0,60}"
)
_WORD = re.compile(r"\S+")
_CELL = re.compile(r"""[\s"'`]*(?P<value>[^\s"'`]+)[\s"'`]*""")
_VALUES = re.compile(r"[^()]{0,400}\)\s{0,20}values\s{0,20}(?=\()", re.IGNORECASE)
_ROW = re.compile(r"""\s{0,20},?\s{0,20}\((?:'(?:[^'\\]|''|\\.){0,500}'|[^'()]){1,100}\)""")
_FIELD = re.compile(r"""\s*(?:'(?P<value>(?:[^'\\]|''|\\.)*)'|[^,']*)\s*(?:,|\)|$)""")


def find(text: str, start: int, end: int, *, password: bool) -> Iterator[tuple[int, int]]:
    """Yield where secrets are in the column whose name is at `start` to `end`."""
    fits = is_password if password else is_random
    if (values := _VALUES.match(text, end)) is not None:
        names = text[text.rfind("(", 0, start) + 1 : start]
        yield from _inserted(text, values.end(), names.count(","), fits)
        return
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    header = text[first:last] if last >= 0 else ""
    separator = next((one for one in "|\t,;" if one in header), "")
    only = not separator and _UNDERLINE.match(text, last) is not None  # column of a table
    separator = "|" if only else separator
    if not separator and len(header) <= _WIDEST and _SPACED.fullmatch(header):
        yield from _at(text, last + 1, start - first, fits)
        return
    if not separator or not all(
        not cell or _NAMES.fullmatch(cell) for cell in header.split(separator)
    ):
        return
    if separator == "," and sum(map(bool, map(str.strip, header.split(",")))) < _COLUMNS:
        return  # an argument of a call, a line each
    separators = header.count(separator)
    above = text[text.rfind("\n", 0, max(0, first - 1)) + 1 : max(0, first - 1)]
    if only or above.count(separator) != separators:  # else it is a row itself
        column = text.count(separator, first, start)
        yield from _below(text, last + 1, separator, column, separators, fits)


def _below(
    text: str, at: int, separator: str, column: int, separators: int, fits: Fits
) -> Iterator[tuple[int, int]]:
    for _ in range(_ROWS):
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)]
        if not _RULE.fullmatch(line):
            cells = line.split(separator)
            if len(cells) != separators + 1:
                return
            before = at + sum(len(cell) + 1 for cell in cells[:column])
            cell = _CELL.fullmatch(cells[column])
            if cell is not None and fits(cell["value"]):
                yield before + cell.start("value"), before + cell.end("value")
        if end < 0:
            return
        at = end + 1


def _at(text: str, at: int, column: int, fits: Fits) -> Iterator[tuple[int, int]]:
    """Yield what begins where the name of its column does, in a table without separators."""
    for _ in range(_FEW):
        end = text.find("\n", at)
        end = end if end >= 0 else len(text)
        cell = _WORD.match(text, at + column, end) if at + column < end else None
        if cell is None or text[cell.start() - 1] not in " \n":
            return
        if fits(cell[0]):
            yield cell.span()
        at = end + 1


def _inserted(text: str, at: int, column: int, fits: Fits) -> Iterator[tuple[int, int]]:
    for _ in range(_ROWS):
        row = _ROW.match(text, at)
        if row is None:
            return
        place = text.index("(", at) + 1
        for number in range(column + 1):
            field = _FIELD.match(text, place, row.end())
            if field is None:
                break
            value = field["value"]
            if number == column and value and fits(value):
                yield field.span("value")
            place = field.end()
        at = row.end()
