"""Cache-writer: the only process that writes session-start payloads.

Everything that waits in its mailbox becomes one decision, and one refresh runs at a time: a single
process does one thing after another. `iai.freshness` decides whether to write, from what
`iai.session_start` reads on disk; `iai.payload` says what.
"""

import logging
from pathlib import Path

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.freshness.claude_file import claude_path, encode_claude_file
from iai.freshness.decide import Decision, Skipped, Write, decide
from iai.freshness.inputs import Snapshot
from iai.freshness.mailbox import Mailbox
from iai.freshness.refresh import RefreshJob
from iai.freshness.sidecar import encode_sidecar, sidecar_path
from iai.freshness.skips import Skips
from iai.freshness.target import Target
from iai.freshness.timers import RefreshTimers
from iai.model import clock
from iai.model.clock import NS, Now
from iai.protocol.behaviour import Answer, Caller, LinkFile, Publish, RemoveFile, ReplaceFile, Steps
from iai.protocol.cache_writer import (
    CacheWriteSkipped,
    Reason,
    RebuildWanted,
    Refresh,
    RefreshOutcome,
    Trigger,
)
from iai.protocol.embedding import VectorsCommitted
from iai.protocol.graph_cache import GraphUpdated, SleepFinished
from iai.protocol.ingest import RecordsCommitted, SessionEnded
from iai.protocol.lifecycle import Tick
from iai.protocol.message import Actor, Error, ErrorCode, Event, Request, State
from iai.session_start import deliveries
from iai.session_start.composer import Composer
from iai.session_start.manifest import Manifest
from iai.session_start.payload_files import files_of, leftovers, links
from iai.session_start.snapshot import SnapshotReader
from iai.session_start.status_line import StatusLine
from iai.store.payload_readers import PayloadReaders

log = logging.getLogger(__name__)


class CacheWriter:
    """See `Behaviour`."""

    subscriptions = (Actor.INGEST, Actor.EMBEDDING, Actor.GRAPH_CACHE, Actor.LIFECYCLE)

    def __init__(self, layout: Layout, readers: PayloadReaders, settings: Settings) -> None:
        self._layout = layout
        self._readers = readers
        self._ledger_days = settings.ledger_days
        self._manifest = Manifest()
        self._snapshots = SnapshotReader(layout, readers, settings, self._manifest)
        self._composer = Composer(
            readers,
            settings.payload_projects,
            elsewhere=bool(settings.elsewhere),
            here=settings.here,
            with_message=bool(settings.start_message),
            on_disk=settings.payload_on_disk,
        )
        self._status_line = StatusLine(
            layout, readers, settings.refresh_min_s, settings.store_max_gb
        )
        self._mailbox = Mailbox()
        self._timers = RefreshTimers(settings.refresh_min_s)
        self._skips = Skips()
        self._job: RefreshJob | None = None
        self._hastened: dict[str, None] = {}  # projects in which a session is about to start
        self._tidied = ""  # the day on which the hooks' old files were last looked for

    def start(self, now: Now) -> Steps:
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        match request:
            case Refresh() if self._covered():
                skipped = Skipped(Reason.REFRESH_IN_PROGRESS)
                yield from self._report_skip("manual", skipped, now)
                yield Answer(caller, RefreshOutcome(outcome="skipped", reason=skipped.reason))
            case Refresh():
                self._mailbox.ask(caller, request)
            case _:
                pass

    def on_event(self, event: Event, now: Now) -> Steps:
        match event:
            case SessionEnded(project=project):
                # The next session is about to start there, and must not see an old payload.
                self._timers.bypass_interval()
                self._mailbox.hint("wake_sequence", now)
                if project:
                    self._hastened[project] = None
                    if self._job is not None:
                        self._job.hasten(project)
            case RecordsCommitted(ingested=0):  # somebody pinned, edited or forgot something
                self._timers.bypass_interval()
                self._mailbox.hint("wake_sequence", now)
            case VectorsCommitted(embedded=0, reembedded=0):  # nothing that a text shows
                pass
            case RecordsCommitted() | GraphUpdated() | VectorsCommitted():
                self._timers.changed(now)
                self._mailbox.hint("wake_sequence", now)
            case Tick(state=state):
                self._manifest.expire()
                if state in (State.WAKE, State.DROWSY):
                    self._mailbox.hint("periodic_wake", now)
            case SleepFinished():
                self._mailbox.hint("sleep_pipeline", now)
            case _:
                pass
        yield from ()

    def due_s(self, now: Now) -> float:
        if self._job or self._mailbox.asked:
            return 0.0
        due_s = self._timers.due_s(now)
        return due_s if self._mailbox.empty else min(due_s, self._timers.hint_due_s(now))

    def work(self, now: Now) -> Steps:
        if self._job is not None:
            yield from self._continue(self._job, now)
        elif self._mailbox.empty and (target := self._timers.to_prepare(now)):
            self._composer.prepare(target)
        else:
            yield from self._consider(now)

    def stop(self, now: Now) -> Steps:
        """Leave a current payload behind: nobody knows when the group will start again."""
        batch = self._mailbox.take(now)
        for caller in [*batch.callers, *(caller for caller, _ in batch.dry_runs)]:
            error = Error(code=ErrorCode.STOPPING, detail="the cache-writer is stopping")
            yield Answer(caller, error)
        yield from self._finish(now)
        snapshot = self._observe(now)
        decision = decide(self._timers.inputs(snapshot, now, last_chance=True))
        if snapshot.live is not None and isinstance(decision, Write):
            targets = snapshot.targets
            yield from self._begin(
                RefreshJob(decision, "periodic_wake", snapshot.live, targets, [], now)
            )
            yield from self._finish(now)
        for event in self._skips.drain(now.mono / NS, force=True):
            yield Publish(event, keep=True)

    def close(self) -> None:
        self._readers.close()

    # --- whether to write ---------------------------------------------------------------------

    def _observe(self, now: Now) -> Snapshot:
        snapshot = self._snapshots.read(now.wall)
        self._timers.observe(snapshot, now)
        return snapshot

    def _consider(self, now: Now) -> Steps:
        """Make one decision of everything that waits."""
        batch = self._mailbox.take(now)
        for event in self._skips.drain(now.mono / NS):
            yield Publish(event, keep=True)
        snapshot = self._observe(now)
        for caller, force in batch.dry_runs:
            decision = decide(self._timers.inputs(snapshot, now, "manual", force=force))
            yield Answer(caller, _outcome(decision, snapshot))
        if batch.expired:
            decision = Skipped(Reason.REFRESH_IN_PROGRESS)
        else:
            decision = decide(self._timers.inputs(snapshot, now, batch.trigger, force=batch.force))
        if snapshot.live is not None and isinstance(decision, Write):
            trigger, targets = batch.trigger or "periodic_wake", snapshot.targets
            yield from self._begin(
                RefreshJob(decision, trigger, snapshot.live, targets, batch.callers, now)
            )
            return
        if isinstance(decision, Skipped):
            yield from self._skip(decision, batch.trigger, snapshot, now)
        yield from _answer(batch.callers, _outcome(decision, snapshot))
        yield from self._show_status(snapshot, now)

    def _show_status(self, snapshot: Snapshot, now: Now) -> Steps:
        """Write the file of the status line, if one is shown and it changes."""
        if not self._status_line.wanted:
            return
        if text := self._status_line.changed(snapshot, self._snapshots.stalled, now):
            try:
                yield ReplaceFile(self._layout.status_line, text.encode(), durable=False)
            except OSError as error:
                log.warning("the status line could not be written: %s", error)

    def _skip(
        self, skipped: Skipped, trigger: Trigger | None, snapshot: Snapshot, now: Now
    ) -> Steps:
        self._timers.skipped(skipped, snapshot, now)
        if skipped.reason is Reason.EMPTY_RENDER:
            last = filter(Path.exists, files_of(self._layout.payload))
            for path in [*leftovers(snapshot.targets, self._layout), *last]:  # of what is gone
                try:
                    yield RemoveFile(path)
                except OSError as error:  # the callers are answered all the same
                    log.warning("%s could not be removed; will try again: %s", path, error)
        if trigger is not None:
            yield from self._report_skip(trigger, skipped, now)

    def _report_skip(self, trigger: Trigger, skipped: Skipped, now: Now) -> Steps:
        event = CacheWriteSkipped(
            trigger=trigger,
            cache_path=str(self._layout.payload),
            reason=skipped.reason,
            wanted=skipped.wanted,
        )
        for due in self._skips.add(event, now.mono / NS):
            yield Publish(due, keep=True)

    def _covered(self) -> bool:
        """Does the refresh in progress include every change so far?"""
        return self._job is not None and self._snapshots.watermark() == self._job.watermark

    # --- writing ------------------------------------------------------------------------------

    def _begin(self, job: RefreshJob) -> Steps:
        self._timers.began()
        self._job = job
        hastened, self._hastened = self._hastened, {}
        for project in hastened:
            job.hasten(project)
        yield Publish(job.started(), keep=True)
        if job.decision.reason is Reason.FORCED:
            yield Publish(RebuildWanted())

    def _finish(self, now: Now) -> Steps:
        while self._job is not None:
            yield from self._continue(self._job, now)

    def _continue(self, job: RefreshJob, now: Now) -> Steps:
        """Write one payload, or complete the job once all are written.

        Completing takes a turn of its own, so that requests received by then are answered
        `refresh_in_progress`.
        """
        try:
            if job.left:
                if (
                    len(job.left) == 1
                ):  # the global one, whose sidecar vouches for all that is there
                    yield from self._tidy(job, now)
                yield from self._write(job, job.left[0])
                job.left.popleft()
                return
        except (OSError, StoreError) as error:
            yield from self._fail(job, error, now)
            return
        yield from self._complete(job, now)

    def _write(self, job: RefreshJob, target: Target) -> Steps:
        """Write a payload, then its sidecar: a crash in between costs one more refresh."""
        text, message = self._composer.compose(
            target,
            job.began.wall,
            with_graph=job.decision.with_graph,
            stalled=self._snapshots.stalled,
        )
        if not text:
            for path in files_of(target.path):
                yield RemoveFile(path)
            return
        if target.tops:  # first, so that a crash after it costs one more refresh, too
            notes = self._composer.file_notes(target, job.began.wall)
            yield ReplaceFile(
                self._layout.project_files(target.project), notes.encode(), durable=False
            )
        if message:
            shown = encode_claude_file(text, message)
            yield ReplaceFile(claude_path(target.path), shown, durable=False)
        elif claude_path(target.path).exists():
            yield RemoveFile(claude_path(target.path))
        yield ReplaceFile(target.path, text.encode())
        sidecar = job.sidecar(text, message)
        yield ReplaceFile(sidecar_path(target.path), encode_sidecar(sidecar), durable=False)
        self._manifest.wrote(target.path, text, sidecar)
        job.written += 1
        job.rendered_chars = len(text)
        for link, to in links(target, self._layout).items():
            yield LinkFile(link, to)

    def _tidy(self, job: RefreshJob, now: Now) -> Steps:
        """Remove files that no payload needs, and once a day the hooks' old ones."""
        for path in leftovers(job.targets, self._layout):
            yield RemoveFile(path)
        today = clock.iso(now.wall)[:10]
        if today != self._tidied:
            self._tidied = today
            for path in deliveries.outdated(self._layout, now.wall, self._ledger_days):
                yield RemoveFile(path)

    def _complete(self, job: RefreshJob, now: Now) -> Steps:
        self._job = None
        if job.rendered_chars:
            self._timers.succeeded(job.watermark, job.began_s)
            yield Publish(job.success(now), keep=True)
            yield from self._show_status(self._snapshots.read(now.wall), now)
            outcome = RefreshOutcome(
                outcome="written", reason=job.decision.reason, revision=job.watermark.revision
            )
        else:
            self._timers.failed(Reason.EMPTY_RENDER, job.watermark, job.began_s)
            skipped = Skipped(Reason.EMPTY_RENDER, job.decision.reason)
            yield from self._report_skip(job.trigger, skipped, now)
            outcome = RefreshOutcome(outcome="skipped", reason=skipped.reason)
        yield from _answer(job.callers, outcome)

    def _fail(self, job: RefreshJob, error: Exception, now: Now) -> Steps:
        self._job = None
        self._timers.failed(None, job.watermark, job.began_s)
        log.warning("the payload was not written: %s", error)
        yield Publish(job.failed(error, now), keep=True)
        name = type(error).__name__
        outcome = RefreshOutcome(outcome="failed", reason=name, detail=str(error))
        yield from _answer(job.callers, outcome)


def make(settings: Settings) -> CacheWriter:
    """Return the behaviour of the cache-writer process."""
    layout = Layout(settings.store)
    return CacheWriter(layout, PayloadReaders(layout), settings)


def _answer(callers: list[Caller], outcome: RefreshOutcome) -> Steps:
    for caller in callers:
        yield Answer(caller, outcome)


def _outcome(decision: Decision, snapshot: Snapshot) -> RefreshOutcome:
    """Return what a caller is answered when nothing is written."""
    if isinstance(decision, Skipped):
        return RefreshOutcome(
            outcome="skipped",
            reason=decision.reason,
            wanted=decision.wanted or "",
            revision=snapshot.revision,
        )
    return RefreshOutcome(outcome="would_write", reason=decision.reason, revision=snapshot.revision)
