"""Repeated output: --watch and --follow."""

import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from iai.cli.output import Looks, painted, unfiltered


def repeat(show: Callable[[], None], every_s: float) -> int:
    """Call `show` every `every_s` seconds, until Ctrl-C or until the reader of a pipe leaves.

    Both are normal ends, so the exit code is 0.
    """
    with suppress(KeyboardInterrupt):
        while True:
            show()
            sys.stdout.flush()
            _wait(every_s)
    return 0


def redraw(text: str, looks: Looks = ()) -> None:
    """Print a text over the last one on a terminal, or below it elsewhere; `looks`: see `show`.

    On a terminal this is one write, which erases only what it doesn't overwrite: no flicker.
    """
    if sys.stdout.isatty():
        drawn = painted(text.split("\n"), looks).split("\n")[:-1]
        lines = "".join(f"{line}\x1b[K\n" for line in drawn)
        unfiltered(sys.stdout).write(f"\x1b[H{lines}\x1b[J")
    else:
        print(text, end="\n\n")


def _wait(seconds: float) -> None:
    """Wait; raise BrokenPipeError as soon as the reader of a pipe has left.

    Writing would fail too, but only with the next line, which may never come.
    """
    if sys.stdout.isatty():  # ends by a signal, and some systems cannot poll a terminal
        time.sleep(seconds)
        return
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # 0: report only errors
    if reader.poll(seconds * 1_000):
        raise BrokenPipeError
