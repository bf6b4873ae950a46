"""How commands go on printing: again and again, until nobody wants to see more."""

import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress


def repeat(show: Callable[[], None], every_s: float) -> int:
    """Call `show` every so often, until Ctrl-C or until nobody reads what it prints.

    Both are how it is meant to end, so the exit code is 0.
    """
    with suppress(KeyboardInterrupt):
        while True:
            show()
            sys.stdout.flush()
            _wait(every_s)
    return 0


def redraw(text: str) -> None:
    """Print a text in the place of the last one on a terminal, and below it anywhere else.

    On a terminal it is one write that clears nothing before it is written over: no flicker.
    """
    if sys.stdout.isatty():
        lines = "".join(f"{line}\x1b[K\n" for line in text.splitlines())
        sys.stdout.write(f"\x1b[H{lines}\x1b[J")
    else:
        print(text, end="\n\n")


def _wait(seconds: float) -> None:
    """Wait; raise BrokenPipeError as soon as the reader of a pipe has gone.

    Writing would tell, too, but only with the next line, which may never come.
    """
    if sys.stdout.isatty():  # ended by a signal; and some systems cannot poll one
        time.sleep(seconds)
        return
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # 0: ask for nothing but errors
    if reader.poll(seconds * 1_000):
        raise BrokenPipeError
