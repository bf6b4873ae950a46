"""Progress of what takes over a second: a bar on a terminal, and nothing in a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from iai.cli.output import unfiltered
from iai.model.printable import printable

Update: TypeAlias = Callable[[int, str, int | None], None]  # done, note, total


class Bar:
    """What is done so far is reported to it. Without an `update`, it shows nothing."""

    def __init__(self, update: Update | None = None) -> None:
        self._update = update

    def reach(self, done: int, note: str = "", total: int | None = None) -> None:
        """Show that so much is done; `total`: of how much, if that is known only now."""
        if self._update is not None:
            self._update(done, printable(note), total)


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Bar]:
    """Show how much of `total` is done; without one, that something goes on, and for how long."""
    if not sys.stderr.isatty():
        yield Bar()
        return
    from iai.cli import live_bar  # noqa: PLC0415  rich is only for terminals

    with live_bar.shown(printable(what), total, unfiltered(sys.stderr)) as update:
        yield Bar(update)
