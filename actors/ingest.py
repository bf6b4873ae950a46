"""Ingest: the only process that writes records. It reads the spool and the hosts' transcripts.

A hook event only says which transcript to read; what was said comes from the transcript, from the
first byte not read before. Where there is no transcript, the event's own text is stored. Other
programs' events are left alone.
"""

import logging
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import structs

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.cipher import Cipher
from iai.encryption.keys import load_cipher
from iai.errors import BadUsage, IaiError, NotFound, RulesLoading
from iai.hosts import registry
from iai.ingest import edits, redact, redactors, spool, traces, transcripts
from iai.ingest.detectors import Kingfisher
from iai.ingest.follower import deadline
from iai.ingest.idle_jobs import Backing, IdleJobs, Occasion, Purging, Rereading
from iai.ingest.inbox_reader import InboxReader
from iai.ingest.scrub_job import ScrubJob
from iai.ingest.spool import HookEvent, Spooled
from iai.ingest.transcript_reader import TranscriptReader
from iai.ingest.writer import RecordWriter
from iai.model import switch
from iai.model.clock import NS, Now
from iai.model.record import SEEDED, Record, Transcript, session_key
from iai.process import disk_space
from iai.process.disk_space import DiskSpace
from iai.projects.identity import identify
from iai.protocol.behaviour import (
    Answer,
    Caller,
    MoveFile,
    Publish,
    RemoveFile,
    ReplaceFile,
    Steps,
    StepsTo,
)
from iai.protocol.graph_cache import MemoryUsed
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Changed,
    Edit,
    Erase,
    Flush,
    Flushed,
    Forget,
    Import,
    ImportStatus,
    MergeProjects,
    PurgeSecrets,
    PurgeStatus,
    SpoolRejected,
    StoreFull,
    StoreHasRoom,
)
from iai.protocol.lifecycle import Tick
from iai.protocol.message import Actor, Error, ErrorCode, Event, Request, State
from iai.protocol.replicator import ChangesArrived
from iai.redaction.redactor import Redactor
from iai.store.auto_backups import AutoBackups
from iai.store.inbox import Inbox
from iai.store.record_change import RecordChange
from iai.store.records import Records

log = logging.getLogger(__name__)

AWAIT_FILE_S = 60.0  # how long an event waits for its transcript to appear
EVENTS_A_SLICE = 64
FLUSHES = 256  # clients that wait until all is read
MOST_HELD = 256  # requests that wait for the rules for secrets; further ones are refused
LOADING_S = 0.05  # between two looks whether the rules for secrets are loaded
UNTIL_ROOM_S = 60.0  # a full store is measured on every tick, which comes sooner


class Ingest:
    """See `Behaviour`."""

    subscriptions: tuple[Actor, ...] = (Actor.LIFECYCLE, Actor.GRAPH_CACHE)

    def __init__(
        self,
        layout: Layout,
        records: Records,
        backups: AutoBackups,
        redactor: Redactor,
        library: Kingfisher | None = None,
        max_gb: float = 0.0,
        cipher: Cipher | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        """`library` is the detector of the redactor, if it has one; `cipher` that of the store.

        `inbox` is opened as soon as there is one, if it is not given.
        """
        if layout.team_file.exists():
            self.subscriptions = (*self.subscriptions, Actor.REPLICATOR)
        self._cipher = cipher
        self._layout = layout
        self._max_gb = max_gb
        self._space = DiskSpace(0, sys.maxsize)
        self._records = records
        self._redact = redactor.text
        self._library = library
        self._held: deque[tuple[Request, Caller]] = deque()  # until the rules are loaded
        self._identify = lru_cache(maxsize=1_024)(identify)
        self._writer = RecordWriter(layout, records, self._identify, self._redact)
        self._reader = TranscriptReader(records, self._writer, self._identify)
        self._inbox = InboxReader(layout, records, self._writer, cipher, inbox)
        self._scrub = ScrubJob(records)
        self._backups = backups
        self._purging = Purging(records, self._writer, self._redact, self._reader.pace)
        backing = Backing(backups, self._scrub, self._writer)
        self._idle_jobs = IdleJobs((backing, self._purging, Rereading(self._reader)))
        self._state = State.WAKE  # of the group, as last heard
        self._flushes: list[Caller] = []

    def start(self, now: Now) -> Steps:
        self._reader.start(now)
        self._backups.start()
        yield from self._tidy_spool(now)
        yield from self._writer.start()
        yield from self._writer.upgrade(now)
        yield from self._measure_space()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        try:
            yield from self._answer(request, caller, now)
        except RulesLoading as error:
            if len(self._held) < MOST_HELD:
                self._held.append((request, caller))
            else:
                yield Answer(caller, Error(code=ErrorCode.BUSY, detail=str(error)))
        except BadUsage as error:
            yield Answer(caller, Error(code=ErrorCode.BAD_REQUEST, detail=str(error)))
        except NotFound as error:
            yield Answer(caller, Error(code=ErrorCode.NOT_FOUND, detail=str(error)))

    def on_event(self, event: Event, now: Now) -> Steps:
        if isinstance(event, ChangesArrived):
            self._inbox.look()
        elif isinstance(event, Tick):
            self._inbox.look()
            self._records.forget_dead_readers()
            self._state = event.state
            yield from self._measure_space()
            self._identify.cache_clear()  # a remote may have been set, or a checkout moved
            with suppress(RulesLoading):  # then at the next tick
                yield from self._follow_regrown(now)
        elif isinstance(event, MemoryUsed):
            self._reader.pace.asked(now)

    def due_s(self, now: Now) -> float:
        if self._scrub.busy:
            return 0.0
        if self._library is not None and self._library.loading:
            return LOADING_S
        if self._held or (self._writer.reassigning and not self._space.full):
            return 0.0
        due_s = UNTIL_ROOM_S
        if not self._space.full:
            due_s = min(self._reader.due_s(now), self._inbox.due_s)
        return min(due_s, self._idle_jobs.due_s(now, self._occasion(now)))

    def work(self, now: Now) -> Steps:
        """Scrub; else answer what waits, read a slice, and do a slice of an idle-time job.

        A purge demands a scrub at each slice, and is over before one is done for it.
        """
        if (self._scrub.busy or not self._purging.busy) and self._scrub.due(
            self._writer.mark.revision, now
        ):
            self._backups.close()
            self._scrub.step(now)  # a write would have it start over
            return
        try:
            yield from self._answer_held(now)
            if not self._space.full:
                yield from self._read(now)
            yield from self._idle_jobs.step(now, self._occasion(now))
        except RulesLoading:
            log.info("loading the rules by which secrets are found")

    def _answer_held(self, now: Now) -> Steps:
        """Answer the requests that waited for the rules; one that fails leaves the others."""
        for _ in range(len(self._held)):
            request, caller = self._held.popleft()
            try:
                yield from self.receive(request, caller, now)
            except (IaiError, OSError) as error:
                yield Answer(caller, Error(code=ErrorCode.FAILED, detail=str(error)))
                raise

    def _read(self, now: Now) -> Steps:
        """Do a slice of what is to be read."""
        follower = self._reader.follower
        if follower.poll_due(now):
            yield from self._poll(now)
        yield from self._reader.read_followed(now)
        for path in self._writer.required.ending:
            if follower.fully_read(path):  # the next session may start at any moment
                yield from self._writer.session_ingested(path)
        if follower.idle(now):
            for caller in self._flushes:
                yield Answer(caller, Flushed(revision=self._writer.mark.revision))
            self._flushes.clear()
        if self._writer.reassigning:
            yield from self._writer.reassign(now)
        yield from self._reader.read_imported(now)
        if (yield from self._inbox.take(now)):
            self._reader.reload()
            self._scrub.demand()

    def _occasion(self, now: Now) -> Occasion:
        quiet = self._reader.quiet(now)
        asleep = self._state is not State.WAKE
        unattended = quiet and asleep and not self._reader.left_to_reread
        return Occasion(full=self._space.full, quiet=quiet, unattended=unattended)

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._backups.close()
        self._inbox.close()
        self._records.close()

    def _answer(self, request: Request, caller: Caller, now: Now) -> Steps:
        """Raises BadUsage or NotFound for what is refused."""
        match request:
            case Capture() | Import() | ImportStatus() | Flush() if self._space.full:
                detail = f"{self._space.summary}; {self._space.todo}"
                yield Answer(caller, Error(code=ErrorCode.FULL, detail=detail))
            case Capture(turns=turns):
                yield Answer(caller, (yield from self._capture(turns, now)))
            case Flush():
                yield from self._flush(caller, now)
            case Import(paths=paths):
                job = self._reader.imports.begin(paths, now.wall)
                yield Answer(caller, job.progress(self._writer.mark.revision))
            case ImportStatus(job=name):
                job = self._reader.imports.get(name)
                yield Answer(caller, job.progress(self._writer.mark.revision))
            case PurgeSecrets(dry_run=dry_run):
                yield Answer(caller, self._purging.begin(dry_run=dry_run))
            case PurgeStatus():
                yield Answer(caller, self._purging.progress())
            case _:
                with self._records.view() as view:
                    forgotten = edits.named(request, view)
                for path in self._traces(request, forgotten):  # first: later nobody knows of them
                    yield RemoveFile(path)
                count = yield from self._writer.apply(request, forgotten, now)
                self._writer.reassigning |= isinstance(request, MergeProjects)
                if isinstance(request, Edit | Forget | Erase):
                    self._reader.reload()
                    self._scrub.demand()
                yield Answer(caller, Changed(count=count, revision=self._writer.mark.revision))

    def _flush(self, caller: Caller, now: Now) -> Steps:
        """Look at once what there is to read, and answer when it is read."""
        self._reader.follower.poll_now(now)
        if len(self._flushes) >= FLUSHES:
            detail = f"{FLUSHES} clients wait for this already; try again"
            yield Answer(caller, Error(code=ErrorCode.BUSY, detail=detail))
        elif caller.identity:  # else it is the wake-up pipe: nobody waits
            self._flushes.append(caller)

    def _traces(self, request: Request, forgotten: list[Record]) -> Iterator[Path]:
        """Yield the files of the spool with what is to be forgotten."""
        match request:
            case Forget(whole_sessions=whole_sessions):
                ids = {record.session for record in forgotten} if whole_sessions else set[str]()
                yield from traces.find(self._layout, forgotten, ids, "", self._cipher)
            case Erase(text=phrase):
                yield from traces.find(self._layout, forgotten, (), phrase, self._cipher)
            case _:
                pass

    def _measure_space(self) -> Steps:
        """Stop storing before the disk is full, and go on as soon as there is room."""
        was_full = self._space.full
        try:
            self._space = disk_space.measure(self._layout.root, self._max_gb)
        except OSError as error:  # then the next commit finds out
            log.warning("the store cannot be measured: %s", error)
        if self._space.full != was_full:
            event = StoreFull if self._space.full else StoreHasRoom
            log.warning("%s", self._space.summary)
            yield Publish(event(**structs.asdict(self._space)), keep=True)

    def _capture(self, turns: tuple[CapturedTurn, ...], now: Now) -> StepsTo[Captured]:
        with self._records.view() as view:
            edits.check(turns, self._identify, view)
        live = any(turn.host != SEEDED for turn in turns)
        inserted = yield from self._writer.insert_turns(turns, now, live=live)
        added = sum(new for _, new in inserted)
        return Captured(
            ids=tuple(record_id for record_id, _ in inserted),
            added=added,
            duplicates=len(inserted) - added,
            revision=self._writer.mark.revision,
        )

    # --- the spool, and the transcripts that it names -----------------------------------------

    def _poll(self, now: Now) -> Steps:
        """Take the events in the spool, then look which of the followed files have grown."""
        waiting = spool.waiting(self._layout.spool_new)
        new = [file for file in waiting if file.suffix == spool.NEW]
        awaiting = [file for file in waiting if file.suffix == spool.AWAITS]
        found = False
        for file in (*awaiting[:EVENTS_A_SLICE], *new[:EVENTS_A_SLICE]):  # oldest first
            spooled = spool.read(file, self._cipher)
            if spooled is not None and (yield from self._take_event(spooled, now)):
                found = True
        for transcript in self._reader.follower.expire(now):
            self._writer.required.cancel(transcript.path)
            yield from self._writer.follow(transcript, now)
        self._reader.follower.poll(now, found=found, more=len(new) > EVENTS_A_SLICE)

    def _tidy_spool(self, now: Now) -> Steps:
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
        said = switch.recording(event.prompt)
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
        elif not self._writer.records_session(event.session_id):
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
        """Have an event wait for its transcript, sealed, and without the secrets in it."""
        assert spooled.event is not None  # noqa: S101  for mypy
        redacted = redact.event(spooled.event, self._redact)
        if redacted == spooled.event and self._cipher is None:
            yield MoveFile(spooled.path, awaiting)
            return
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
                spool.beginning(spooled.path, spool.LONGEST_REJECTED), self._redact
            )
            yield ReplaceFile(kept_as, spool.sealed(kept_as, kept, self._cipher))
            yield RemoveFile(spooled.path)
        if not spooled.foreign:
            for surplus in spool.oldest_bad(self._layout.spool_bad):
                yield RemoveFile(surplus)
        yield Publish(SpoolRejected(file=spooled.path.name, reason=spooled.why), keep=True)

    def _known(self, event: HookEvent) -> bool:
        """Has anything been said in the session of an event, in the records or in the spool?"""
        with self._records.view() as view:
            project = view.belongs(self._identify(event.cwd, "").id)
            if view.last_change(project).last_session == event.session_id:
                return True
            keys = (session_key(host.NAME, event.session_id) for host in registry.HOSTS)
            if any(next(view.session(key), None) for key in keys):
                return True
        waiting = (spool.read(file, self._cipher) for file in spool.waiting(self._layout.spool_new))
        events = (spooled.event for spooled in waiting if spooled is not None)
        return any(
            e is not None and e.session_id == event.session_id and not e.ends_session
            for e in events
        )

    def _follow(self, path: str, event: HookEvent, now: Now) -> Steps:
        until = deadline(now, ended=event.ends_session)

        def change(unit: RecordChange) -> Transcript:
            known = unit.view.transcript(path) or Transcript(path=path, host="", cwd=event.cwd)
            followed = structs.replace(known, followed_until=until, heard_at=now.wall)
            unit.transcripts.follow(followed)
            return followed

        lately = self._reader.follower.heard_lately(path, now)
        if not lately or self._reader.follower.needs_commit(path, until):
            self._reader.follower.follow((yield from self._writer.commit(change, now)))
        if event.ends_session:
            began_in = self._reader.follower.began_in(path)
            project = self._writer.session_ending(path, event.cwd, began_in)
            self._reader.follower.end_session(path, project, until)
        else:
            self._reader.follower.resume_session(path)
            self._writer.required.cancel(path)

    def _follow_regrown(self, now: Now) -> Steps:
        """Follow files that have grown though no event says so: it may have found the disk full."""
        until = deadline(now, ended=False)
        for transcript in self._reader.follower.regrown(now):
            log.info("%s has grown, and no hook said so", transcript.path)
            followed = structs.replace(transcript, followed_until=until)
            yield from self._writer.follow(followed, now)
            self._reader.follower.follow(followed)


def make(settings: Settings) -> Ingest:
    """Return the behaviour of the ingest process."""
    layout = Layout(settings.store)
    library = Kingfisher(layout.redaction_rules)
    cipher = load_cipher(layout.root)
    redactor = redactors.for_ingest(layout, settings, library, cipher)
    records = Records(layout.records, writer=True)
    backups = AutoBackups(layout, records, settings.backups, settings.store_max_gb)
    return Ingest(layout, records, backups, redactor, library, settings.store_max_gb, cipher)
