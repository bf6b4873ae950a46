"""Compose the session-start text for a directory from the store, and print it.

Works whether or not iai is running, and changes nothing: turns that are not in the store yet are
read from the spool and the transcripts. The session-start hook runs this when no current text is
ready.

example: iai session-start --cwd .
"""

import importlib
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.keys import load_cipher
from iai.errors import StoreAbsent
from iai.freshness.claude_file import encode_claude_file
from iai.ingest.spool import HookEvent, NotAnEvent, OtherProgram, event_in
from iai.model import clock, framing
from iai.payload.compose import render
from iai.payload.material import Material, gather
from iai.payload.message import message
from iai.projects import relocation
from iai.projects.identity import ProjectIdentity, identify
from iai.session_start import capture_watch, given, unread
from iai.session_start.delta_view import DeltaView, read_delta
from iai.session_start.pending_view import PendingView
from iai.session_start.targets import checkout_of
from iai.session_start.unread import Pending
from iai.store.record_view import RecordView
from iai.store.records import Records
from iai.store.topics import read

NOT_WHOLE = "Some of what was said recently could not be read in time and is missing here."
# The hook sets it where its host shows the user a line: see `iai.freshness.claude_file`. An iai of
# another version than the hook's would refuse an option.
WITH_MESSAGE = "IAI_MCP_START_MESSAGE_AS_JSON"
NEW = "Only what is new since this session was last updated."


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
        "--new-to",
        default="",
        metavar="SESSION",
        help="only what is new since this session was last given some of it",
    )
    parser.add_argument(
        "--hook", action="store_true", help="read the host's JSON from standard input"
    )


def run(args: Namespace, settings: Settings) -> int:
    try:
        event = _event(sys.stdin.buffer.read()) if args.hook else HookEvent(cwd=args.cwd)
    except OtherProgram:
        return 0
    compacted = event.source == "compact"  # the host has cut away what the session was given
    cwd = os.path.abspath(event.cwd or ".")  # noqa: PTH100  symlinks are for identify
    project = identify(cwd)
    layout = Layout(settings.store)
    wall = time.time_ns()
    with ExitStack() as opened:
        records = _records(layout)
        if records is not None:
            opened.callback(records.close)
        waiting = _waiting(layout, settings, records, wall)
        view = opened.enter_context(records.view()) if records is not None else None
        source = PendingView(view, waiting, wall)
        since = 0 if compacted else args.since or given.through(layout, args.new_to)
        if view is not None:
            project = relocation.begin_with(project, view)
        if source.ignored(project.id, project.root, cwd):
            return 0
        stalled = ""
        if view is not None and 0 < since <= view.watermark().revision:
            text, material = _delta(
                view, waiting, project, event.session_id, since, wall, settings.here
            )
        else:  # not asked for, or the revision of another store
            topics = read(layout.index, source.belongs(project.id))
            checkout = checkout_of(cwd, project.id, view) if view is not None else None
            material = gather(
                source,
                project.id,
                project.name,
                topics,
                without=event.session_id,
                checkout=checkout,
                compacted=compacted,
                elsewhere=bool(settings.elsewhere),
                here=settings.here,
            )
            stalled = capture_watch.silent_hooks(view, layout) if view is not None else ""
            notes = (stalled, "" if waiting.whole else NOT_WHOLE)
            text = render(material, wall, "; ".join(filter(None, notes)))
        if view is not None and settings.start_message and os.environ.get(WITH_MESSAGE):
            sessions = sum(1 for _ in view.sessions(view.belongs(project.id)))
            said = message(material, sessions, text, stalled) if framing.tokens(text) else ""
            text = encode_claude_file(text, said).decode() if said else text
    print(text, end="")
    return 0


def _waiting(layout: Layout, settings: Settings, records: Records | None, wall: int) -> Pending:
    """Read what is not in the store yet; import what that takes only if there is any."""
    if not unread.anything(layout, records, wall):
        return Pending()
    cipher = load_cipher(layout.root)
    redactors = importlib.import_module("iai.ingest.redactors")
    redactor = redactors.for_session_start(layout, settings, cipher)
    pending = importlib.import_module("iai.session_start.pending")
    found: Pending = pending.read(layout, records, wall, redactor.text, cipher)
    return found


def _delta(
    view: RecordView,
    waiting: Pending,
    project: ProjectIdentity,
    session: str,
    since: int,
    wall: int,
    here: str,
) -> tuple[str, Material]:
    """Return what is new; an empty text still names the revision it is current to."""
    home = view.belongs(project.id)
    delta = read_delta(view, home, since)
    turns = PendingView(view, waiting, wall).pending()
    source = DeltaView(view, delta, turns, home, session)
    note = NEW if waiting.whole and delta.whole else f"{NEW} {NOT_WHOLE}"
    material = gather(source, project.id, project.name, here=here, since=0)
    text = render(material, wall, note)
    revision = view.watermark().revision
    nothing = framing.opening(revision, clock.iso(wall), project.name)
    return text or f"{nothing}\n{framing.CLOSING}\n", material


def _records(layout: Layout) -> Records | None:
    """Open the records; None if no group ever ran, though there may be hook events."""
    try:
        return Records(layout.records)
    except StoreAbsent:
        return None


def _event(data: bytes) -> HookEvent:
    """Return the host's description of a session; an empty one if it cannot be read.

    Raises OtherProgram.
    """
    try:
        return event_in(data)
    except OtherProgram:
        raise
    except NotAnEvent:
        return HookEvent()
