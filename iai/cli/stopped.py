"""Stopping iai for a change that it must not see half done, and starting it again."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from iai.cli import command
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreBusy
from iai.process import lock
from iai.process.client import Client

_PATIENCE_S = 70.0  # see `down`


@contextmanager
def stopped(layout: Layout, settings: Settings) -> Iterator[bool]:
    """Stop iai if it runs, hold its lease, and start it again. Yields whether it ran.

    What those commands print goes to standard error. Raises StoreBusy if somebody else starts it.
    """
    layout.create()
    with Client(layout) as client:
        running = client.running()
    if running:
        with redirect_stdout(sys.stderr):
            command("down").run(Namespace(timeout=_PATIENCE_S, json=False), settings)
    lease = lock.take(layout.lease, lock.GLANCE_S)
    if lease is None:
        raise StoreBusy(f"iai was started on {layout.root} meanwhile; try again")
    try:
        yield running
    finally:
        lease.release()
        if running:
            with redirect_stdout(sys.stderr):
                command("up").run(Namespace(detach=True, json=False), settings)
