"""A progress bar on a terminal. Imported only there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from iai.cli.progress import Update


@contextmanager
def shown(what: str, total: int | None, terminal: TextIO) -> Iterator[Update]:
    """Show a bar until the end of the block, and leave nothing of it behind; yield its update."""
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
        task = progress.add_task(what, total=total, note="")
        yield lambda done, note, total: progress.update(
            task, completed=done, total=total, note=note
        )
