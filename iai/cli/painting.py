"""Lines as a terminal shows them: in colour, and wrapped to its width. Imported only there."""

import re
from collections.abc import Iterable, Iterator
from io import StringIO

from rich.console import Console
from rich.text import Text

from iai.cli.output import Looks
from iai.model.printable import QUOTED

# What a named group in one of those patterns looks like, the same in every command.
STYLES = {
    "head": "bold",
    "number": "cyan",
    "score": "magenta",
    "label": "dim",
    "dim": "dim",
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
    "todo": "cyan",
}
_COLUMN = re.compile(r" *\S+ {2,}(?=\S)|(?:- | )*")  # a word and a gap, or an indentation


def paint(lines: Iterable[str], looks: Looks, columns: int, *, colour: bool) -> str:
    """Return the lines as text for a terminal of so many columns.

    The lines must be free of control characters: this adds the only ones.
    """
    file = StringIO()
    console = Console(
        file=file, width=columns, force_terminal=True, color_system="standard", highlight=False,
        markup=False, emoji=False,
    )  # fmt: skip
    for line in lines:
        styled = _styled(line, looks if colour else ())
        for part in _wrapped(styled, columns, console):
            console.print(part, soft_wrap=True)
    return file.getvalue()


def _styled(line: str, looks: Looks) -> Text:
    text = Text(line)
    for look in looks:
        for found in look.finditer(line):
            for name in found.re.groupindex:
                text.stylize(STYLES[name], *found.span(name))
    return text


def _leading(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _wrapped(line: Text, columns: int, console: Console) -> Iterator[Text]:
    """Yield a line in pieces that fit; each but the first begins below the text of the first."""
    if line.cell_len <= columns:
        yield line
        return
    found = _COLUMN.match(line.plain)
    indent = found.end() if found else 0
    if indent > columns // 2:  # the text below would be too narrow, but is indented all the same
        indent = min(_leading(line.plain), len(QUOTED), columns // 2)
    for number, part in enumerate(line[indent:].wrap(console, columns - indent, tab_size=4)):
        yield Text.assemble(" " * indent if number else line[:indent], part)
