"""Compose the session-start text for a directory from the store, and print it.

Works whether or not iai is running: turns that are not in the store yet are read from the spool.
Nothing is changed. The session-start hook runs this when no current text is ready.

example: iai session-start --cwd .
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

import msgspec

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreAbsent
from iai.ingest.spool import HookEvent
from iai.model import clock, framing
from iai.payload.compose import render
from iai.payload.material import gather
from iai.projects import relocation
from iai.projects.identity import ProjectIdentity, identify
from iai.session_start import pending
from iai.session_start.delta_view import Changed, New, changed
from iai.session_start.pending import Unread
from iai.session_start.pending_view import Overlaid
from iai.store.records import Records, View
from iai.store.topics import read

NOT_WHOLE = "A part of what was said lately could not be read in time and is not in here."
NEW = "Only what is new since this session was last given some of it."


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--cwd", default="", help="the session's directory (default: this one)")
    parser.add_argument(
        "--since",
        type=int,
        default=0,
        metavar="REVISION",
        help="only what is new since this revision",
    )
    parser.add_argument(
        "--hook", action="store_true", help="read the host's JSON from standard input"
    )


def run(args: Namespace, settings: Settings) -> int:
    told = _told(sys.stdin.buffer.read()) if args.hook else HookEvent(cwd=args.cwd)
    cwd = os.path.abspath(told.cwd or ".")  # noqa: PTH100  symlinks are for identify
    project = identify(cwd)
    layout = Layout(settings.store)
    wall = time.time_ns()
    with ExitStack() as opened:
        records = _records(layout)
        if records is not None:
            opened.callback(records.close)
        waiting = pending.look(layout, records, wall)
        view = opened.enter_context(records.view()) if records is not None else None
        seen = Overlaid(view, waiting, wall)
        if view is not None:
            project = relocation.resolve(project, view)
        if seen.ignored(project.id, project.root, cwd):
            return 0
        if view is not None and 0 < args.since <= view.watermark().revision:
            text = _difference(view, waiting, project, told.session_id, args.since, wall)
        else:  # a revision that this store never had is that of another
            topics = read(layout.index, seen.belongs(project.id))
            material = gather(seen, project.id, project.name, topics)
            text = render(material, wall, "" if waiting.whole else NOT_WHOLE)
    print(text, end="")
    return 0


def _difference(
    view: View, waiting: Unread, project: ProjectIdentity, session: str, since: int, wall: int
) -> str:
    """Return what is new; a text with nothing in it still says up to which revision that holds."""
    home = view.belongs(project.id)
    new: Changed = changed(view, home, since)
    turns = Overlaid(view, waiting, wall).unread()
    seen = New(view, new, turns, home, session)
    note = NEW if waiting.whole and new.whole else f"{NEW} {NOT_WHOLE}"
    text = render(gather(seen, project.id, project.name), wall, note)
    revision = view.watermark().revision
    nothing = framing.opening(revision, clock.iso(wall), project.name)
    return text or f"{nothing}\n{framing.CLOSING}\n"


def _records(layout: Layout) -> Records | None:
    """Open the records; None if no group ever ran: then there may still be hook events."""
    try:
        return Records(layout.records)
    except StoreAbsent:
        return None


def _told(data: bytes) -> HookEvent:
    """Return what a host says of a session; nothing if it cannot be read."""
    try:
        return msgspec.json.decode(data, type=HookEvent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return HookEvent()
