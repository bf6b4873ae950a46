"""Ingest: the only process that writes records. It reads the spool and the hosts' transcripts.

A hook event only says which transcript to read; what was said comes from the transcript, from the
first byte not read before. Where there is no transcript, the event's own text is stored. Other
programs' events are left alone.
"""

import logging
import sys
from contextlib import suppress
from functools import lru_cache
from operator import methodcaller
from pathlib import Path

import msgspec
from msgspec import structs

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, NotFound, RulesLoading
from iai.hosts import registry
from iai.ingest import edits, parse, redact, redactors, spool, traces, transcripts
from iai.ingest.detectors import Kingfisher
from iai.ingest.follower import Follower, deadline
from iai.ingest.import_job import ImportJob, ImportQueue
from iai.ingest.parse import Batch, Inserted
from iai.ingest.purge import PurgeJob
from iai.ingest.rereading import Rereader
from iai.ingest.spool import HookEvent, Spooled
from iai.ingest.writer import RecordWriter
from iai.lifecycle.pace import Pace
from iai.model.clock import NS, Now
from iai.model.record import SEEDED, Transcript, session_key
from iai.model.rereading import Rereading
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
    PurgeProgress,
    PurgeSecrets,
    PurgeStatus,
    SpoolRejected,
    StoreFull,
    StoreHasRoom,
)
from iai.protocol.lifecycle import Tick
from iai.protocol.message import Actor, Error, ErrorCode, Event, Request, State
from iai.redaction.redactor import Redactor
from iai.store.auto_backups import AutoBackups
from iai.store.record_change import RecordChange
from iai.store.records import Records
from iai.store.scrubber import Scrubber

log = logging.getLogger(__name__)

AWAIT_FILE_S = 60.0  # how long an event waits for its transcript to appear
EVENTS_A_SLICE = 64
FLUSHES = 256  # clients that wait until all is read
LOADING_S = 0.05  # between two looks whether the rules for secrets are loaded
UNTIL_ROOM_S = 60.0  # a full store is measured on every tick, which comes sooner


class Ingest:
    """See `Behaviour`."""

    subscriptions = (Actor.LIFECYCLE, Actor.GRAPH_CACHE)

    def __init__(
        self,
        layout: Layout,
        records: Records,
        backups: AutoBackups,
        redactor: Redactor,
        library: Kingfisher | None = None,
        max_gb: float = 0.0,
    ) -> None:
        """`library` is the detector of the redactor, if it has one."""
        self._layout = layout
        self._max_gb = max_gb
        self._space = DiskSpace(0, sys.maxsize)
        self._records = records
        self._redact = redactor.text
        self._library = library
        self._held: list[tuple[Request, Caller]] = []  # that wait for the rules to be loaded
        self._identify = lru_cache(maxsize=1_024)(identify)
        self._writer = RecordWriter(layout, records, self._identify, self._redact)
        self._follower = Follower((), 0)
        self._imports = ImportQueue()
        self._rereader = Rereader(())
        self._purge: PurgeJob | None = None
        self._import_pace = Pace()
        with records.view() as view:
            self._scrubber = Scrubber(records, view.scrubbed())
        self._scrubbing = False
        self._looked_at = -1  # revision at which it was last looked whether a scrub is due
        self._erased = 0  # revision of the last change that called for one
        self._backups = backups
        self._backing_up = False
        self._state = State.WAKE  # of the group, as last heard
        self._flushes: list[Caller] = []

    def start(self, now: Now) -> Steps:
        with self._records.view() as view:
            self._follower = Follower(view.transcripts(), now.wall)
            self._rereader = Rereader(view.rereading())
        self._backups.start()
        yield from self._writer.start()
        yield from self._writer.upgrade(now)
        yield from self._measure_space()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        try:
            yield from self._answer(request, caller, now)
        except RulesLoading:
            self._held.append((request, caller))
        except BadUsage as error:
            yield Answer(caller, Error(code=ErrorCode.BAD_REQUEST, detail=str(error)))
        except NotFound as error:
            yield Answer(caller, Error(code=ErrorCode.NOT_FOUND, detail=str(error)))

    def on_event(self, event: Event, now: Now) -> Steps:
        if isinstance(event, Tick):
            self._records.forget_dead_readers()
            self._state = event.state
            yield from self._measure_space()
            self._identify.cache_clear()  # a remote may have been set, or a checkout moved
            with suppress(RulesLoading):  # then at the next tick
                yield from self._follow_regrown(now)
        elif isinstance(event, MemoryUsed):
            self._import_pace.asked(now)

    def due_s(self, now: Now) -> float:
        if self._scrubbing or self._backing_up:
            return 0.0
        if self._space.full:
            return UNTIL_ROOM_S
        if self._library is not None and self._library.loading:
            return LOADING_S
        if self._writer.reassigning or self._held:
            return 0.0
        due_s = self._follower.due_s(now)
        busy = self._imports.current or self._rereader.current or self._purging
        return min(due_s, self._import_pace.due_s(now)) if busy else due_s

    def work(self, now: Now) -> Steps:
        if not self._scrub(now):  # a write would have it start over
            if not self._space.full:
                yield from self._read_unless_loading(now)
            self._back_up(now)  # once it was looked whether anything is to be read

    def _read_unless_loading(self, now: Now) -> Steps:
        """Do a slice of what is to be read, unless the rules for that are being loaded."""
        held, self._held = self._held, []
        for request, caller in held:
            yield from self.receive(request, caller, now)
        try:
            yield from self._read(now)
        except RulesLoading:
            log.info("loading the rules by which secrets are found")

    def _read(self, now: Now) -> Steps:
        """Do a slice of what is to be read."""
        if self._follower.poll_due(now):
            yield from self._poll(now)
        yield from self._read_followed(now)
        for path in self._writer.required.ending:
            if self._follower.fully_read(path):  # the next session may start at any moment
                yield from self._writer.session_ingested(path)
        if self._follower.idle(now):
            for caller in self._flushes:
                yield Answer(caller, Flushed(revision=self._writer.mark.revision))
            self._flushes.clear()
        if self._writer.reassigning:
            yield from self._writer.reassign(now)
        job = self._imports.current
        if job is not None and not self._import_pace.due_s(now):
            yield from self._read_import(job, now)
            self._import_pace.looked(now, more=True)
        elif job is None and self._purging and not self._import_pace.due_s(now):
            yield from self._purge_a_slice(now)
        elif job is None and not self._import_pace.due_s(now) and self._follower.idle(now):
            yield from self._read_in_idle_time(now)

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._backups.close()
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
                job = self._imports.begin(paths, now.wall)
                yield Answer(caller, job.progress(self._writer.mark.revision))
            case ImportStatus(job=name):
                yield Answer(caller, self._imports.get(name).progress(self._writer.mark.revision))
            case PurgeSecrets() | PurgeStatus():
                yield Answer(caller, self._purged(request))
            case _:
                for path in self._traces(request):  # first: nobody would know of them later
                    yield RemoveFile(path)
                count = yield from self._writer.apply(request, now)
                self._writer.reassigning |= isinstance(request, MergeProjects)
                if isinstance(request, Edit | Forget | Erase):
                    self._reload_half_read()
                    self._scrubbing = True
                yield Answer(caller, Changed(count=count, revision=self._writer.mark.revision))

    def _flush(self, caller: Caller, now: Now) -> Steps:
        """Look at once what there is to read, and answer when it is read."""
        self._follower.poll_now(now)
        if len(self._flushes) >= FLUSHES:
            detail = f"{FLUSHES} clients wait for this already; try again"
            yield Answer(caller, Error(code=ErrorCode.BUSY, detail=detail))
        elif caller.identity:  # else it is the wake-up pipe: nobody waits
            self._flushes.append(caller)

    def _traces(self, request: Request) -> list[Path]:
        """Return the files of the spool with what is to be forgotten."""
        if not isinstance(request, Forget | Erase):
            return []
        with self._records.view() as view:
            records = edits.named(request, view)
        sessions = isinstance(request, Forget) and request.whole_sessions
        phrase = request.text if isinstance(request, Erase) else ""
        ids = {record.session for record in records} if sessions else set[str]()
        return list(traces.find(self._layout, records, ids, phrase))

    def _back_up(self, now: Now) -> None:
        """Do a slice of a backup, if one is due."""
        idle = self._state is not State.WAKE and self._follower.idle(now)
        quiet = idle and not self._imports.current and not self._rereader.current
        mark = self._writer.mark
        self._backing_up = self._backups.due(mark, self._erased, now, idle=quiet)
        if self._backing_up:
            self._backups.step(self._erased, now)

    def _reload_half_read(self) -> None:
        """Take up what a change has left of what was read, but not stored yet."""
        with self._records.view() as view:
            self._follower.reload(view.transcripts())
            self._rereader = Rereader(view.rereading())

    def _scrub(self, now: Now) -> bool:
        """Do a slice of a scrub, if one is due."""
        revision = self._writer.mark.revision
        if not self._scrubbing and self._looked_at == revision and not self._scrubber.failed:
            return False
        with self._records.view() as view:
            self._erased = view.erased_through()
            pending = self._scrubber.pending(view, now)
        self._looked_at = revision
        self._scrubbing = bool(pending.ranges)
        if self._scrubbing:
            self._backups.close()
            self._scrubber.step(pending, now)
        return self._scrubbing

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
            spooled = spool.read(file)
            if spooled is not None and (yield from self._take_event(spooled, now)):
                found = True
        for transcript in self._follower.expire(now):
            self._writer.required.cancel(transcript.path)
            yield from self._writer.follow(transcript, now)
        self._follower.poll(now, found=found, more=len(new) > EVENTS_A_SLICE)

    def _take_event(self, spooled: Spooled, now: Now) -> StepsTo[bool]:
        """Deal with an event; return False if it has to wait for its transcript."""
        event, path = spooled.event, spooled.path
        if event is None:
            yield from self._reject(spooled)
        elif event.turns_capture_off:
            yield from self._writer.leave_out(event.session_id, now)
            yield RemoveFile(path)
        elif event.transcript_path and transcripts.there(event.transcript_path):
            yield from self._follow(event.transcript_path, event, now)
            self._writer.required.cancel(str(path))  # replaced by the transcript
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
            if path != awaiting:
                yield from self._let_wait(spooled, awaiting)
            return False
        return True

    def _let_wait(self, spooled: Spooled, awaiting: Path) -> Steps:
        """Have an event wait for its transcript, without the secrets in it."""
        assert spooled.event is not None  # noqa: S101  for mypy
        redacted = redact.event(spooled.event, self._redact)
        if redacted == spooled.event:
            yield MoveFile(spooled.path, awaiting)
        else:
            yield ReplaceFile(awaiting, msgspec.json.encode(redacted))
            yield RemoveFile(spooled.path)

    def _reject(self, spooled: Spooled) -> Steps:
        log.warning("%s %s", spooled.path, spooled.why)
        if spooled.foreign:
            yield RemoveFile(spooled.path)
        else:
            kept = redact.rejected(spool.beginning(spooled.path), self._redact)
            yield ReplaceFile(self._layout.spool_bad / spooled.path.name, kept)
            yield RemoveFile(spooled.path)
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
        waiting = (spool.read(file) for file in spool.waiting(self._layout.spool_new))
        events = (spooled.event for spooled in waiting if spooled is not None)
        return any(
            e is not None and e.session_id == event.session_id and not e.ends_session
            for e in events
        )

    def _follow(self, path: str, event: HookEvent, now: Now) -> Steps:
        until = deadline(now, ended=event.ends_session)

        def change(unit: RecordChange) -> Transcript:
            known = unit.transcript(path) or Transcript(path=path, host="", cwd=event.cwd)
            followed = structs.replace(known, followed_until=until, heard_at=now.wall)
            unit.follow(followed)
            return followed

        lately = self._follower.heard_lately(path, now)
        if not lately or self._follower.needs_commit(path, until):
            self._follower.follow((yield from self._writer.commit(change, now)))
        if event.ends_session:
            began_in = self._follower.began_in(path)
            project = self._writer.session_ending(path, event.cwd, began_in)
            self._follower.end_session(path, project, until)
        else:
            self._follower.resume_session(path)
            self._writer.required.cancel(path)

    def _follow_regrown(self, now: Now) -> Steps:
        """Follow files that have grown though no event says so: it may have found the disk full."""
        until = deadline(now, ended=False)
        for transcript in self._follower.regrown(now):
            log.info("%s has grown, and no hook said so", transcript.path)
            followed = structs.replace(transcript, followed_until=until)
            yield from self._writer.follow(followed, now)
            self._follower.follow(followed)

    def _read_followed(self, now: Now) -> Steps:
        """Read a slice of a followed file that has grown, if there is one."""
        transcript = self._follower.next_unread()
        if transcript is None:
            return
        path = transcript.path
        try:
            if again := self._rereader.instead(transcript):
                yield from self._read_again(again, now, live=True)
                return
            batch = parse.read(transcript, self._identify, now.wall)
        except OSError as error:
            log.warning("cannot read %s: %s", path, error.strerror)
            self._follower.skip(path)
            return
        if project := self._follower.ended_in(path):  # hosts may write its last lines late
            self._writer.required.session_ending(path, project)
        yield from self._writer.insert_batch(batch, now, live=True)
        self._follower.advance(batch.transcript, more=batch.more)

    def _read_import(self, job: ImportJob, now: Now) -> Steps:
        """Read a slice of the file that an import has come to."""
        path = str(job.current)
        with self._records.view() as view:
            transcript = view.transcript(path) or Transcript(path=path, host="")
        most = transcripts.SLICE // self._import_pace.part(now)
        try:
            if again := self._rereader.instead(transcript):
                batch, inserted = yield from self._read_again(again, now, live=False)
            else:
                batch = parse.read(transcript, self._identify, now.wall, most)
                inserted = yield from self._writer.insert_batch(batch, now, live=False)
                self._follower.advance(batch.transcript, more=batch.more)
        except OSError as error:
            job.file_done(f"cannot be read: {error.strerror}")
            return
        job.slice_read(batch, inserted)
        if not batch.more:
            job.file_done("" if batch.transcript.host else "not a transcript of a known host")

    def _read_again(
        self, again: Rereading, now: Now, *, live: bool
    ) -> StepsTo[tuple[Batch, Inserted]]:
        """Read a slice of a file that an earlier version read. Raises OSError if it is gone."""
        most = transcripts.SLICE // self._import_pace.part(now)
        batch = parse.read(again.transcript, self._identify, now.wall, most)
        after, inserted = yield from self._writer.insert_again(batch, again, now, live=live)
        self._rereader.advance(after, more=batch.more)
        with self._records.view() as view:
            known = view.transcript(batch.transcript.path)
        if not batch.more and known is not None:
            self._follower.advance(known, more=False)
        return batch, inserted

    def _purged(self, request: PurgeSecrets | PurgeStatus) -> PurgeProgress:
        """Begin to redact what was stored before, unless that has begun; return the progress.

        Raises BadUsage or NotFound.
        """
        if isinstance(request, PurgeSecrets) and not self._purging:
            self._purge = PurgeJob(dry_run=request.dry_run)
        if self._purge is None:
            raise NotFound("ingest was restarted: start `iai purge-secrets` again")
        if isinstance(request, PurgeSecrets) and self._purge.dry_run != request.dry_run:
            raise BadUsage("the records are being gone through already; try again later")
        return self._purge.progress(self._writer.mark)

    @property
    def _purging(self) -> bool:
        return self._purge is not None and not self._purge.done

    def _purge_a_slice(self, now: Now) -> Steps:
        """Redact some of what was stored before."""
        assert self._purge is not None  # noqa: S101  for mypy
        with self._records.view() as view:
            change = self._purge.look(view, self._redact)
        if change is not None:
            yield from self._writer.commit(change, now, live=False)
        self._import_pace.looked(now, more=True)

    def _read_in_idle_time(self, now: Now) -> Steps:
        """Read a slice of a file again, if one is left."""
        again = self._rereader.current
        if again is None:
            return
        try:
            yield from self._read_again(again, now, live=False)
        except OSError:  # what is stored of it stays as it is
            yield from self._writer.commit(methodcaller("reread", again, more=False), now)
            self._rereader.advance(again, more=False)
        self._import_pace.looked(now, more=True)


def make(settings: Settings) -> Ingest:
    """Return the behaviour of the ingest process."""
    layout = Layout(settings.store)
    library = Kingfisher(layout.redaction_rules)
    redactor = redactors.for_ingest(layout, settings, library)
    records = Records(layout.records, writer=True)
    backups = AutoBackups(layout, records, settings.backups, settings.store_max_gb)
    return Ingest(layout, records, backups, redactor, library, settings.store_max_gb)
