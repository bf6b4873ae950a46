"""Composes a session-start text from the store, now: where no current one is kept ready.

It needs no group, and changes nothing. Turns that are not in the store yet are read from the spool
and the transcripts.
"""

import importlib
import os
from contextlib import nullcontext

from msgspec import Struct

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.keys import load_cipher
from iai.errors import StoreAbsent
from iai.freshness.claude_file import encode_claude_file
from iai.ingest.spool import HookEvent
from iai.model import clock, framing
from iai.payload.compose import render
from iai.payload.material import Material, gather
from iai.payload.sessions import Memo
from iai.payload.system_message import system_message
from iai.projects import relocation
from iai.projects.identity import ProjectIdentity, identify
from iai.session_start import capture_watch, delivery_notes, unread
from iai.session_start.delta_view import DeltaView, read_delta
from iai.session_start.pending_view import PendingView
from iai.session_start.targets import checkout_of
from iai.session_start.unread import Pending
from iai.store.record_view import RecordView
from iai.store.records import Records
from iai.store.topics import read

NOT_WHOLE = "Some of what was said recently could not be read in time and is missing here."
NEW = "Only what is new since this session was last updated."


class Start(Struct, frozen=True, kw_only=True):
    """A session that begins, or goes on."""

    event: HookEvent
    since: int = 0  # only what is new since this revision
    new_to: str = ""  # only what is new since this session was last given some of it
    with_message: bool = False  # as JSON, with the line that the user sees


def compose(start: Start, settings: Settings, wall: int, memo: Memo | None = None) -> str:
    """Return the text for a session; "" for one that is not to have any.

    `memo` keeps sessions that were read from one time to the next, for a process that lives on.
    Raises StoreError if the store cannot be read, or is encrypted and the key is not there.
    """
    records = _records(Layout(settings.store))
    try:
        return compose_from(records, start, settings, wall, memo)
    finally:
        if records is not None:
            records.close()


def compose_from(
    records: Records | None, start: Start, settings: Settings, wall: int, memo: Memo | None = None
) -> str:
    """Return the text for a session, see `compose`, from records that are open."""
    event = start.event
    cwd = os.path.abspath(event.cwd or ".")  # noqa: PTH100  symlinks are for identify
    project = identify(cwd)
    layout = Layout(settings.store)
    compacted = event.source == "compact"  # the host has cut away what the session was given
    waiting = _waiting(layout, settings, records, wall)
    with records.view() if records is not None else nullcontext() as view:
        source = PendingView(view, waiting, wall)
        since = 0 if compacted else start.since or delivery_notes.through(layout, start.new_to)
        if view is not None:
            project = relocation.begin_with(project, view)
        if source.ignored(project.id, project.root, cwd):
            return ""
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
                memo=memo,
            )
            stalled = capture_watch.silent_hooks(view, layout) if view is not None else ""
            notes = (stalled, "" if waiting.whole else NOT_WHOLE)
            text = render(material, wall, "; ".join(filter(None, notes)))
        if view is not None and settings.start_message and start.with_message:
            sessions = sum(1 for _ in view.sessions(view.belongs(project.id)))
            said = system_message(material, sessions, text, stalled) if framing.tokens(text) else ""
            text = encode_claude_file(text, said).decode() if said else text
    return text


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
