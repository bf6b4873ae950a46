"""Print what the next session in a directory starts with, composed now from the store.

It needs no running group: what was said and not yet taken into the store is read where it waits,
and nothing is changed. The session-start hook calls it where no payload file is current.

example: iai session-start --cwd .
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

import msgspec

from iai.errors import StoreAbsent
from iai.freshness import unread
from iai.freshness.compose import gather, render
from iai.freshness.overlay import Overlaid
from iai.layout import Layout
from iai.projects import identify
from iai.settings import Settings
from iai.spool import HookEvent
from iai.store.records import Records

NOT_WHOLE = "A part of what was said lately could not be read in time and is not in here."


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--cwd", default="", help="the session's directory (default: this one)")
    parser.add_argument(
        "--hook", action="store_true", help="read the host's JSON from standard input for it"
    )


def run(args: Namespace, settings: Settings) -> int:
    cwd = _told(sys.stdin.buffer.read()) if args.hook else args.cwd
    project = identify(os.path.abspath(cwd or "."))  # noqa: PTH100  symlinks are for identify
    layout = Layout(settings.store)
    wall = time.time_ns()
    with ExitStack() as opened:
        records = _records(layout)
        if records is not None:
            opened.callback(records.close)
        waiting = unread.look(layout, records, wall)
        view = opened.enter_context(records.view()) if records is not None else None
        seen = Overlaid(view, waiting, wall)
        if seen.ignored(project.id, project.root, cwd):
            return 0
        material = gather(seen, project.id, project.name)
    print(render(material, wall, "" if waiting.whole else NOT_WHOLE), end="")
    return 0


def _records(layout: Layout) -> Records | None:
    """Open the records; None if no group ever ran: then there may still be hook events."""
    try:
        return Records(layout.records)
    except StoreAbsent:
        return None


def _told(data: bytes) -> str:
    """Return the directory that a host names; "" if it names none."""
    try:
        return msgspec.json.decode(data, type=HookEvent).cwd
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
