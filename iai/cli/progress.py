"""Progress of what takes over a second: a bar on a terminal, and nothing in a pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from iai.cli.output import unfiltered
from iai.model.printable import printable


class Bar(Protocol):
    """What is done so far is reported to it."""

    def reach(self, done: int, note: str = "", total: int | None = None) -> None:
        """Show that so much is done; `total`: of how much, if that is known only now."""


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Bar]:
    """Show how much of `total` is done; without one, that something goes on, and for how long."""
    if not sys.stderr.isatty():
        yield Hidden()
        return
    from iai.cli import live_bar  # noqa: PLC0415  rich is only for terminals

    with live_bar.shown(printable(what), total, unfiltered(sys.stderr)) as shown:
        yield shown


class Hidden:
    """A bar that shows nothing."""

    def reach(self, done: int, note: str = "", total: int | None = None) -> None:
        """Do nothing."""
