"""What commands print. Every command prints through `plain_streams`, so none can forget it."""

import json
import os
import re
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import TracebackType
from typing import Any, TextIO, cast

import msgspec

from iai.model.printable import escaped, printable

Looks = tuple[re.Pattern[str], ...]


class PlainStream:
    """A text stream that drops control, escape and direction characters from what is written."""

    def __init__(self, stream: TextIO) -> None:
        self.unfiltered = stream

    def write(self, text: str) -> int:
        """Write a text without those characters."""
        self.unfiltered.write(printable(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unfiltered, name)


@contextmanager
def plain_streams() -> Iterator[None]:
    """Have standard output and standard error drop what could control a terminal."""
    out, error = (cast("TextIO", PlainStream(stream)) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(error):
        yield


def print_fault(
    kind: type[BaseException], fault: BaseException, where: TracebackType | None
) -> None:
    """Print a fault that nobody expected. What is stored may be part of its message."""
    from traceback import print_exception  # noqa: PLC0415  only then

    with plain_streams():
        print_exception(kind, fault, where)


def unfiltered(stream: TextIO) -> TextIO:
    """Return the stream that control sequences of our own go to, such as those of a progress bar.

    Nothing that is stored, or that a user named, may be written to it.
    """
    raw: TextIO = getattr(stream, "unfiltered", stream)
    return raw


def show(lines: Iterable[str], looks: Looks = ()) -> None:
    """Print lines: on a terminal in colour and wrapped to its width, elsewhere as they are.

    `looks` are the patterns of what is coloured, each with groups named as in `painting.STYLES`.
    """
    if sys.stdout.isatty():
        unfiltered(sys.stdout).write(painted(lines, looks))
    else:
        for line in lines:
            print(line)


def painted(lines: Iterable[str], looks: Looks) -> str:
    """Return lines for the terminal, without the control characters of others in them."""
    from iai.cli.painting import paint  # noqa: PLC0415  rich is only for terminals

    whole = (part for line in lines for part in printable(line).split("\n"))
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return paint(whole, looks, shutil.get_terminal_size().columns, colour=not plain)


def print_json(value: Any, *, line: bool = False) -> None:
    """Print one JSON document; on a single line if it is one of many."""
    plain = msgspec.to_builtins(value)
    indent = 2 if sys.stdout.isatty() and not line else None
    print(json_text(plain, indent))


def answer(args: Namespace, document: Any, lines: Iterable[str]) -> None:
    """Print one JSON document if --json is given, else the lines."""
    if args.json:
        print_json(document)
        return
    for line in lines:
        print(line)


def json_text(plain: Any, indent: int | None = None) -> str:
    """Return the JSON of plain data, in which control characters are escaped."""
    return escaped(json.dumps(plain, ensure_ascii=False, indent=indent))
