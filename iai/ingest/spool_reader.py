"""Reads the spool: hook events, each of which names the transcript that has grown.

Where there is no transcript, the event's own text is stored. Other programs' events are left alone.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from iai.config.layout import Layout
from iai.encryption.cipher import Cipher
from iai.errors import Tampered, Unsearchable
from iai.hosts import registry
from iai.ingest import redact, spool, transcripts
from iai.ingest.batch import Identify
from iai.ingest.follower import deadline
from iai.ingest.redact import Redact
from iai.ingest.spool import HookEvent, Spooled
from iai.ingest.transcript_reader import TranscriptReader
from iai.ingest.writer import RecordWriter
from iai.model import recording_switch
from iai.model.clock import NS, Now
from iai.model.record import Transcript, session_key
from iai.protocol.behaviour import MoveFile, Publish, RemoveFile, ReplaceFile, Steps, StepsTo
from iai.protocol.ingest import SpoolRejected
from iai.store.record_change import RecordChange
from iai.store.records import Records

log = logging.getLogger(__name__)

AWAIT_FILE_S = 60.0  # how long an event waits for its transcript to appear
EVENTS_A_SLICE = 64
LISTED = 4_096  # events of a kind, the oldest, that are read where the end of a session asks


class SpoolReader:
    """Takes the events in the spool, and has the transcripts that they name followed.

    While the rules for secrets are loaded, what stores text raises RulesLoading, and takes nothing.
    """

    def __init__(
        self,
        layout: Layout,
        records: Records,
        writer: RecordWriter,
        reader: TranscriptReader,
        identify: Identify,
        redact_text: Redact,
        cipher: Cipher | None,
    ) -> None:
        """`cipher`: that of the store, by which events that wait are sealed."""
        self._layout = layout
        self._records = records
        self._writer = writer
        self._transcripts = reader
        self._identify = identify
        self._redact = redact_text
        self._cipher = cipher
        self._listing = spool.Listing()
        self._listed: list[str] = []  # names
        self._stuck: set[str] = set()  # what is no file and cannot be moved
        self._speaking: dict[
            str, str | None
        ] = {}  # by name: the session in which one says something

    def poll(self, now: Now) -> Steps:
        """Take the events in the spool, then look which of the followed files have grown."""
        self._listing = spool.listing(self._layout.spool_new, self._listing)
        awaiting, new = (self._listing.oldest(s, LISTED) for s in (spool.AWAITS, spool.NEW))
        self._listed = [*awaiting, *new]
        stems = {name.rpartition(".")[0] for name in self._listed}
        self._speaking = {s: session for s, session in self._speaking.items() if s in stems}
        yield from self._take_out(self._listing.strays, now)
        found = False
        for name in (*awaiting[:EVENTS_A_SLICE], *new[:EVENTS_A_SLICE]):  # oldest first
            file = self._layout.spool_new / name
            spooled = spool.read(file, self._cipher)
            if spooled is None:
                continue
            try:
                if (yield from self._take_event(spooled, now)):
                    found = True
                    self._speaking[file.stem] = None
            except Unsearchable as error:
                yield from self._set_aside(spooled, str(error))
        for transcript in self._transcripts.follower.expire(now):
            self._writer.required.cancel(transcript.path)
            yield from self._writer.follow(transcript, now)
        self._transcripts.follower.poll(now, found=found, more=len(new) > EVENTS_A_SLICE)

    def _take_out(self, strays: Sequence[str], now: Now) -> Steps:
        """Take out what is no file, such as a pipe: hooks would take it for an event for ever.

        It is never opened. A directory is moved aside; nothing is in the others.
        """
        self._stuck.intersection_update(strays)
        for name in strays:
            path = self._layout.spool_new / name
            kind = spool.kind_of(path)
            if not kind or name in self._stuck:
                continue
            try:
                if kind == "directory":
                    yield MoveFile(path, self._layout.spool_bad / f"{name}.{now.wall}")
                else:
                    yield RemoveFile(path)
            except OSError as error:
                log.warning("%s is a %s and stays: %s", path, kind, error.strerror)
                self._stuck.add(name)
                continue
            log.warning("%s was a %s", path, kind)
            yield Publish(SpoolRejected(file=name, reason=f"is a {kind}"), keep=True)

    def tidy(self, now: Now) -> Steps:
        """Remove what hooks that were killed have left, and seal what was kept in the clear."""
        for path in spool.abandoned(self._layout.spool_tmp, now.wall):
            yield RemoveFile(path)
        if self._cipher is not None:
            for path in spool.unsealed_in(self._layout.spool_bad):
                data = spool.beginning(path, spool.LONGEST_REJECTED)
                yield ReplaceFile(path, spool.sealed(path, data, self._cipher))

    def _take_event(self, spooled: Spooled, now: Now) -> StepsTo[bool]:
        """Deal with an event; return False if it has to wait for its transcript."""
        if spooled.event is None:
            yield from self._reject(spooled)
            return True
        if spooled.event.turns_capture_off:
            yield from self._writer.leave_out(spooled.event.session_id, now)
            yield RemoveFile(spooled.path)
            return True
        if spooled.path.suffix == spool.NEW:  # one that waits said it before
            yield from self._switch_recording(spooled.event, now)
        return (yield from self._take_said(spooled.event, spooled, now))

    def _switch_recording(self, event: HookEvent, now: Now) -> Steps:
        """Do what a prompt says of recording its session."""
        said = recording_switch.recording(event.prompt)
        if said is not None:
            yield from self._writer.switch_recording(event.session_id, on=said, now=now)

    def _take_said(self, event: HookEvent, spooled: Spooled, now: Now) -> StepsTo[bool]:
        """Read what an event's transcript has, or store what it says itself; or let it wait."""
        path = spooled.path
        if event.transcript_path and transcripts.there(event.transcript_path):
            yield from self._follow(event.transcript_path, event, now)
            self._writer.required.cancel(str(path))  # replaced by the transcript
            yield from self._writer.write_required()
            yield RemoveFile(path)
        elif not self._writer.records_event(event):
            self._writer.required.cancel(str(path))  # it may have waited
            yield from self._writer.write_required()
            yield RemoveFile(path)
        elif event.ends_session and path.suffix == spool.NEW and not self._known(event):
            yield RemoveFile(path)  # `claude mcp list` ends a session that never was
        elif not event.transcript_path or not 0 <= now.wall - spooled.arrived < AWAIT_FILE_S * NS:
            yield from self._writer.insert_event(event, spooled.arrived, now)
            if event.ends_session:
                self._writer.session_ending(str(path), event.cwd)
                yield from self._writer.session_ingested(str(path))
            else:
                yield from self._writer.event_ingested(str(path))
            yield RemoveFile(path)
        else:
            awaiting = path.with_suffix(spool.AWAITS)
            if event.ends_session or event.prompt or event.last_assistant_message:
                # A start until then reads the event itself.
                self._writer.session_ending(str(awaiting), event.cwd)
                yield from self._writer.write_required()
            if path != awaiting or (self._cipher is not None and not spooled.sealed):
                yield from self._let_wait(spooled, awaiting)
            return False
        return True

    def _let_wait(self, spooled: Spooled, awaiting: Path) -> Steps:
        """Have an event wait for its transcript, sealed, and without the secrets in it.

        What else the host wrote into it is not searched for any, and goes.
        """
        assert spooled.event is not None  # noqa: S101  for mypy
        try:
            redacted = redact.event(spooled.event, self._redact)
        except Unsearchable:  # its transcript is to be read all the same
            redacted = spooled.event
        data = msgspec.json.encode(redacted)
        yield ReplaceFile(awaiting, spool.sealed(awaiting, data, self._cipher))
        if spooled.path != awaiting:
            yield RemoveFile(spooled.path)

    def _reject(self, spooled: Spooled) -> Steps:
        log.warning("%s %s", spooled.path, spooled.why)
        kept_as = self._layout.spool_bad / spooled.path.name
        if spooled.foreign:
            yield RemoveFile(spooled.path)
        elif spooled.sealed:  # with another key, or damaged
            yield MoveFile(spooled.path, kept_as)
        else:
            kept = redact.rejected(
                spool.beginning(spooled.path, spool.LONGEST_REJECTED),
                redact.or_left_out(self._redact),
            )
            yield ReplaceFile(kept_as, spool.sealed(kept_as, kept, self._cipher))
            yield RemoveFile(spooled.path)
        if not spooled.foreign:
            for surplus in spool.oldest_bad(self._layout.spool_bad):
                yield RemoveFile(surplus)
        yield Publish(SpoolRejected(file=spooled.path.name, reason=spooled.why), keep=True)

    def rejected(self) -> list[Path]:
        """Return the files that were rejected before, and are kept."""
        return spool.rejected(self._layout.spool_bad)

    def redact_rejected(self, path: Path) -> Steps:
        """Redact a file that was rejected before by today's rules."""
        try:
            data = spool.unsealed(path, spool.beginning(path, spool.LONGEST_EVENT), self._cipher)
        except Tampered:  # with another key, or damaged
            return
        kept = redact.rejected(data[: spool.LONGEST_REJECTED], redact.or_left_out(self._redact))
        if kept != data:
            try:
                yield ReplaceFile(path, spool.sealed(path, kept, self._cipher))
            except OSError as error:
                log.warning("%s may still have a secret: %s", path, error)

    def _set_aside(self, spooled: Spooled, why: str) -> Steps:
        """Keep an event whose words cannot be searched for secrets, as the hook wrote it."""
        log.error("%s was set aside: %s", spooled.path, why)
        kept_as = self._layout.spool_bad / f"{spooled.path.stem}{spool.UNSEARCHABLE}"
        if self._cipher is not None and not spooled.sealed:
            data = spool.beginning(spooled.path, spool.LONGEST_EVENT)
            yield ReplaceFile(kept_as, spool.sealed(kept_as, data, self._cipher))
            yield RemoveFile(spooled.path)
        else:
            yield MoveFile(spooled.path, kept_as)
        self._writer.required.cancel(str(spooled.path))
        yield from self._writer.write_required()
        yield Publish(SpoolRejected(file=spooled.path.name, reason=why), keep=True)

    def _known(self, event: HookEvent) -> bool:
        """Has anything been said in the session of an event, in the records or in the spool?"""
        with self._records.view() as view:
            project = view.belongs(self._identify(event.cwd, "").id)
            if view.last_change(project).last_session == event.session_id:
                return True
            keys = (session_key(host.NAME, event.session_id) for host in registry.HOSTS)
            if any(next(view.session(key), None) for key in keys):
                return True
        return event.session_id in self._sessions_waiting()

    def _sessions_waiting(self) -> set[str | None]:
        """Return the sessions that say something in the files listed; each file is read once."""
        for name in self._listed:
            if (stem := name.rpartition(".")[0]) not in self._speaking:
                self._speaking[stem] = self._session_in(self._layout.spool_new / name)
        return set(self._speaking.values())

    def _session_in(self, file: Path) -> str | None:
        spooled = spool.read(file, self._cipher) or (
            spool.read(file.with_suffix(spool.AWAITS), self._cipher)  # since it was listed
        )
        event = spooled.event if spooled is not None else None
        return event.session_id if event is not None and not event.ends_session else None

    def _follow(self, path: str, event: HookEvent, now: Now) -> Steps:
        until = deadline(now, ended=event.ends_session)

        def write(change: RecordChange) -> Transcript:
            known = change.view.transcript(path) or Transcript(path=path, host="", cwd=event.cwd)
            since = known.read_at if known.followed_until > now.wall else now.wall
            followed = structs.replace(
                known, followed_until=until, heard_at=now.wall, read_at=since
            )
            change.transcripts.follow(followed)
            return followed

        lately = self._transcripts.follower.heard_lately(path, now)
        if not lately or self._transcripts.follower.needs_commit(path, until):
            self._transcripts.follower.follow((yield from self._writer.commit(write, now)))
        if event.ends_session:
            began_in = self._transcripts.follower.began_in(path)
            project = self._writer.session_ending(path, event.cwd, began_in)
            self._transcripts.follower.end_session(path, project, until)
        else:
            self._transcripts.follower.resume_session(path)
            self._writer.required.cancel(path)
