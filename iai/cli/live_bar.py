"""A progress bar on a terminal. Imported only there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from iai.model.printable import printable


class LiveBar:
    """See `iai.cli.progress.Bar`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def reach(self, done: int, note: str = "", total: int | None = None) -> None:
        """See `Bar`."""
        self._progress.update(self._task, completed=done, total=total, note=printable(note))


@contextmanager
def shown(what: str, total: int | None, terminal: TextIO) -> Iterator[LiveBar]:
    """Show a bar until the end of the block, and leave nothing of it behind."""
    console = Console(file=terminal, no_color="NO_COLOR" in os.environ)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *((TextColumn("{task.percentage:>3.0f} %"),) if total is not None else ()),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as progress:
        yield LiveBar(progress, progress.add_task(what, total=total, note=""))
