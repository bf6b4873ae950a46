"""Ingest: the only process that writes records. It reads the spool and the hosts' transcripts.

A hook event only says which transcript to read; what was said comes from the transcript, from the
first byte not read before.
"""

import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from msgspec import structs

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.cipher import Cipher
from iai.encryption.keys import load_cipher
from iai.errors import BadUsage, IaiError, NotFound, RulesLoading
from iai.ingest import edits, redactors, traces
from iai.ingest.hook_notes import HookNotes
from iai.ingest.idle_jobs import BackupJob, IdleJobs, Occasion, PurgeJob, RereadJob
from iai.ingest.inbox_reader import InboxReader
from iai.ingest.scrub_job import ScrubJob
from iai.ingest.secret_scanner import Kingfisher
from iai.ingest.spool_reader import SpoolReader
from iai.ingest.transcript_reader import TranscriptReader
from iai.ingest.writer import RecordWriter
from iai.model.clock import Now
from iai.model.record import SEEDED, Record
from iai.process import disk_space
from iai.process.disk_space import DiskSpace
from iai.projects.identity import identify
from iai.protocol.behaviour import (
    Answer,
    Caller,
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
    StoreFull,
    StoreHasRoom,
)
from iai.protocol.lifecycle import Tick
from iai.protocol.message import Actor, Error, ErrorCode, Event, Request, State
from iai.protocol.replicator import ChangesArrived
from iai.redaction.redactor import Redactor
from iai.store.auto_backups import AutoBackups
from iai.store.inbox import Inbox
from iai.store.records import Records

log = logging.getLogger(__name__)

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
        self._redactor = redactor
        self._redact = redactor.text
        self._library = library
        self._held: deque[tuple[Request, Caller]] = deque()  # until the rules are loaded
        self._identify = lru_cache(maxsize=1_024)(identify)
        self._writer = RecordWriter(layout, records, self._identify, self._redact)
        self._reader = TranscriptReader(records, self._writer, self._identify)
        self._spool = SpoolReader(
            layout, records, self._writer, self._reader, self._identify, self._redact, cipher
        )
        self._inbox = InboxReader(layout, records, self._writer, cipher, inbox)
        self._scrub = ScrubJob(records)
        self._notes_cleared = 0  # revision through which hooks' notes have nothing forgotten
        self._backups = backups
        self._purging = PurgeJob(
            records, self._writer, self._spool, self._redact, self._reader.pace
        )
        backup = BackupJob(backups, self._scrub, self._writer)
        self._idle_jobs = IdleJobs((backup, self._purging, RereadJob(self._reader)))
        self._state = State.WAKE  # of the group, as last heard
        self._flushes: list[Caller] = []

    def call_meanwhile(self, goes_on: Callable[[], None]) -> None:
        """See `Lengthy`. To search megabytes of hostile text for secrets takes a minute."""
        self._redactor.goes_on = goes_on

    def start(self, now: Now) -> Steps:
        self._reader.start(now)
        self._backups.start()
        yield from self._spool.tidy(now)
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
                yield from self._reader.follow_regrown(now)
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
            if self._scrub.erased_through > self._notes_cleared:
                yield from self._clear_hook_notes()
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

    def _clear_hook_notes(self) -> Steps:
        """Take what is forgotten out of what hooks have noted."""
        with self._records.view() as view:
            outdated = list(HookNotes(self._layout, view).outdated())
        for path, kept in outdated:
            try:
                yield ReplaceFile(path, kept, durable=False) if kept else RemoveFile(path)
            except OSError as error:
                log.warning("%s may still name what is forgotten: %s", path, error)
        self._notes_cleared = self._scrub.erased_through

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
            yield from self._spool.poll(now)
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


def make(settings: Settings) -> Ingest:
    """Return the behaviour of the ingest process."""
    layout = Layout(settings.store)
    library = Kingfisher(layout.redaction_rules)
    cipher = load_cipher(layout.root)
    redactor = redactors.for_ingest(layout, settings, library, cipher)
    records = Records(layout.records, writer=True)
    backups = AutoBackups(layout, records, settings.backups, settings.store_max_gb)
    return Ingest(layout, records, backups, redactor, library, settings.store_max_gb, cipher)
