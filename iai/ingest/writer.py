"""Commits of ingest, with all that each entails: events to publish, and lines for the hooks."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from msgspec import structs

from iai.config.layout import Layout
from iai.errors import StoreCorrupt
from iai.freshness.required_revision import RequiredRevision
from iai.ingest import admission, captured, edits, insertion, redact, replicated, rereading
from iai.ingest.batch import Batch, Identify, new_project
from iai.ingest.insertion import Inserted
from iai.ingest.redact import Redact, or_left_out
from iai.ingest.replicated import Arrived, Read
from iai.ingest.spool import HookEvent
from iai.model.clock import Now
from iai.model.context import without_words
from iai.model.record import LastChange, Project, Record, Transcript, Watermark
from iai.model.remote import without_credentials
from iai.model.rereading import Rereading
from iai.projects import relocation
from iai.protocol.behaviour import Publish, RemoveFile, ReplaceFile, Steps, StepsTo
from iai.protocol.ingest import (
    CapturedTurn,
    ChangeSkipped,
    LineSkipped,
    ProjectMoved,
    RecordsCommitted,
    SessionEnded,
)
from iai.protocol.message import Request
from iai.store.inbox import Batch as Entries
from iai.store.inbox import Mark
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView
from iai.store.records import Records
from iai.store.replica_change import ReplicaChange

log = logging.getLogger(__name__)
T = TypeVar("T")

_UNFIT = (StoreCorrupt, ValueError, ArithmeticError, LookupError)  # what a bad change may lead to
MOVES_A_SLICE = 100  # records of a merged project: about 20 ms


class RecordWriter:
    """Changes the records; yields the effects of each change after its commit.

    What it inserts is redacted first. While the rules for that are loaded, it raises RulesLoading,
    and stores nothing. What clients and events say raises Unsearchable if it cannot be redacted.
    It assumes that nobody else writes: `mark` is the watermark of its own last commit.
    """

    def __init__(
        self, layout: Layout, records: Records, identify: Identify, redact: Redact
    ) -> None:
        self._layout = layout
        self._redact = redact
        self._redact_or_leave_out = or_left_out(redact)
        self._records = records
        self._identify = identify
        self.mark = Watermark()
        self.required = RequiredRevision({}, {})
        self.reassigning = False  # are there records that a merge has yet to move?

    def start(self) -> Steps:
        """Take up where the last process stopped, whatever it was doing."""
        with self._records.view() as view:
            self.mark = view.watermark()
            self.reassigning = any(True for _ in view.misfiled())
            changes = {project.id: view.last_change(project.id) for project in view.projects()}
        written = {path.name: path.read_bytes() for path in self._layout.news.glob("[!.]*")}
        self.required = RequiredRevision(changes, written)
        yield from self.write_required()

    def upgrade(self, now: Now) -> Steps:
        """Bring what earlier versions stored up to date.

        They took spellings of one remote for several projects, kept passwords in remotes, left what
        was forgotten in free pages, and told nobody of pins of one's own.
        """
        with self._records.view() as view:
            known = [project for project in view.projects() if not project.into]
            forgot = view.watermark().records_count < view.watermark().max_vec_label
            scrub = forgot and not view.erased_through()
            unstamped = any(True for _ in view.unstamped_pins())
            secret = [t for t in view.transcripts() if t.remote != without_credentials(t.remote)]
        for transcript in secret:
            yield from self._follow(
                structs.replace(transcript, remote=without_credentials(transcript.remote)), now
            )
        if scrub:
            yield from self.commit(lambda change: change.log.demand_scrub(), now)
        if unstamped:
            yield from self.commit(lambda change: change.edits.stamp_pins(), now)
        found = [self._identify(project.root, "") for project in known]
        yield from self._merge_predecessors(
            ((new_project(identity), "") for identity in found if identity.former), now
        )

    def commit(
        self, write: Callable[[RecordChange], T], now: Now, *, live: bool = True
    ) -> StepsTo[T]:
        """Make what `write` changes durable, then announce it if it moved the revision."""
        before = self.mark
        (result, touched, acted), self.mark = self._records.commit(
            lambda change: (write(change), change.log.touched_projects, change.work.acted),
            now,
            live=live,
        )
        yield from self._announce(before, touched, acted, now, local=True)
        return result

    def _announce(
        self,
        before: Watermark,
        touched: Mapping[str, LastChange],
        acted: int,
        now: Now,
        *,
        local: bool,
    ) -> StepsTo[Now]:
        """Announce a commit, if it moved the revision; return the time after it, or `now`."""
        revision = self.mark.revision
        if revision > before.revision:
            ingested = self.mark.max_vec_label - before.max_vec_label + acted
            event = RecordsCommitted(revision=revision, ingested=ingested, local=local)
            now = yield Publish(event)
            # A pin, edit or forget bypasses the interval: nobody may see the record as it was.
            self.required.committed(touched, can_wait=ingested > 0)
            yield from self.write_required()
        return now

    def read(self, batch: Entries) -> Read:
        """Return what other machines said, from entries of the inbox."""
        return replicated.read(batch, self._redact_or_leave_out)

    def take(self, read: Read, mark: Mark, own: str, now: Now) -> StepsTo[Now]:
        """Apply what other machines said, up to a mark; return the time after that.

        `own` is the id of this machine.

        If the transaction fails, all is applied one by one, so that only what is at fault is left
        out.
        """
        arrived, faults = read
        try:
            now = yield from self._apply(arrived, mark, own, now)
        except _UNFIT as error:
            log.warning("some of %d changes cannot be applied: %s", len(arrived), error)
            for one in arrived:
                try:
                    yield from self._apply([one], Mark(mark.stream, one[0]), own, now)
                except _UNFIT as reason:
                    faults.append((one[0], one[1], str(reason)))
            yield from self._apply([], mark, own, now)
        for sequence, machine, why in sorted(faults):
            skipped = ChangeSkipped(sequence=sequence, machine=machine, reason=why)
            yield Publish(skipped, keep=True)
        return now

    def _apply(self, arrived: list[Arrived], mark: Mark, own: str, now: Now) -> StepsTo[Now]:
        def write(change: ReplicaChange) -> tuple[Mapping[str, LastChange], int]:
            replicated.apply(change, arrived, mark)
            return change.log.touched_projects, change.work.acted

        before = self.mark
        (touched, acted), self.mark = self._records.apply(write, now, own)
        return (yield from self._announce(before, touched, acted, now, local=False))

    def insert_turns(
        self, turns: tuple[CapturedTurn, ...], now: Now, *, live: bool = True
    ) -> StepsTo[list[tuple[str, bool]]]:
        """Store turns that clients captured; return the id of each and whether it is new."""

        def write(change: RecordChange) -> list[tuple[str, bool]]:
            return [captured.insert_turn(change, turn, self._identify, now.wall) for turn in turns]

        turns = redact.turns(turns, self._redact)
        places = [(new_project(self._identify(turn.cwd, "")), turn.cwd) for turn in turns]
        yield from self._merge_predecessors(places, now)
        return (yield from self.commit(write, now, live=live))

    def insert_event(self, event: HookEvent, arrived: int, now: Now) -> Steps:
        """Store the turns in a hook event whose transcript cannot be read."""
        event = redact.event(event, self._redact)
        turns = captured.turns_in_event(event, arrived, self._identify)
        if turns and self.records_session(event.session_id):
            places = [(project, event.cwd) for _, project in turns]
            yield from self._merge_predecessors(places, now)
            insert = partial(
                captured.insert_event, event=event, arrived=arrived, identify=self._identify
            )
            yield from self.commit(insert, now)

    def insert_batch(self, batch: Batch, now: Now, *, live: bool) -> StepsTo[Inserted]:
        """Store a slice of a transcript."""
        inserted = yield from self.insert_batches([batch], now, live=live)
        return inserted[0]

    def insert_batches(
        self, batches: Sequence[Batch], now: Now, *, live: bool
    ) -> StepsTo[list[Inserted]]:
        """Store slices of several transcripts in one commit, as if one after the other.

        Returns what was inserted of the first ones, one at least: a slice before which projects
        have to be merged, and all after it, are left out.
        """
        with self._records.view() as view:
            first = self._kept(batches[0], view)
        yield from self._merge_predecessors(_directories(first), now)

        def write(change: RecordChange) -> list[Inserted]:
            inserted: list[Inserted] = []
            for batch in batches:
                kept = self._kept(batch, change.view) if inserted else first
                news = (relocation.has_news(p, change.view, cwd) for p, cwd in _directories(kept))
                if inserted and any(news):
                    break
                one = insertion.insert_batch(change, kept)
                left_out = len(batch.records) - len(kept.records)
                inserted.append(one._replace(ignored=one.ignored + left_out))
            return inserted

        inserted = yield from self.commit(write, now, live=live)
        for batch, _ in zip(batches, inserted, strict=False):
            for fault in batch.faults:
                path = batch.transcript.path
                skipped = LineSkipped(transcript=path, offset=fault.offset, reason=fault.reason)
                yield Publish(skipped, keep=True)
        return inserted

    def insert_again(
        self, batch: Batch, again: Rereading, now: Now, *, live: bool
    ) -> StepsTo[tuple[Rereading, Inserted]]:
        """Store what a slice gives of a transcript that is read again."""
        with self._records.view() as view:
            kept = self._kept(batch, view)
        yield from self._merge_predecessors(_directories(kept), now)
        write = partial(rereading.insert_again, batch=kept, rereading=again)
        after, inserted = yield from self.commit(write, now, live=live)
        left_out = len(batch.records) - len(kept.records)
        return after, inserted._replace(ignored=inserted.ignored + left_out)

    def _kept(self, batch: Batch, view: RecordView) -> Batch:
        """Return what is to be stored of a slice of a transcript, without secrets.

        What is left out need not be redacted, which is a seventh of the work.
        """
        wanted = admission.unignored(admission.wanted(batch, view), view)
        return redact.batch(wanted, self._redact_or_leave_out)

    def follow(self, transcript: Transcript, now: Now) -> Steps:
        """Store how far a transcript was read, and what its next lines need."""
        with self._records.view() as view:
            if view.not_recorded(transcript.session, transcript.forked_from):
                transcript = without_words(transcript)
        yield from self._follow(redact.transcript(transcript, self._redact_or_leave_out), now)

    def _follow(self, transcript: Transcript, now: Now) -> Steps:
        yield from self.commit(lambda change: change.transcripts.follow(transcript), now)

    def leave_out(self, session: str, now: Now) -> Steps:
        """Stop recording a session, by the host's id."""
        with self._records.view() as view:
            known = view.not_recorded(session)
        if session and not known:
            yield from self.commit(lambda change: change.transcripts.leave_out(session), now)

    def switch_recording(self, session: str, *, on: bool, now: Now) -> Steps:
        """Record a session or pause that, as its user says; by the host's id."""
        if session and on != self.records_session(session):
            yield from self.commit(
                lambda change: change.transcripts.switch_recording(session, on=on), now
            )

    def records_session(self, session: str) -> bool:
        """Is a session recorded at present? It is, unless its user does not want that."""
        with self._records.view() as view:
            return not (view.not_recorded(session) or view.switched_off(session))

    def records_event(self, event: HookEvent) -> bool:
        """Is its session recorded at present, and is its project not ignored?"""
        project = new_project(self._identify(event.cwd, ""))
        with self._records.view() as view:
            ignored = view.ignored(project.id, project.root, event.cwd)
        return not ignored and self.records_session(event.session_id)

    def apply(self, request: Request, forgotten: Sequence[Record], now: Now) -> StepsTo[int]:
        """Do what a request asks for; see `edits.apply`."""
        write = partial(edits.apply, redact.request(request, self._redact), forgotten=forgotten)
        return (yield from self.commit(write, now))

    def reassign(self, now: Now) -> Steps:
        """Move some of the records that a merge has yet to move."""
        moved = yield from self.commit(
            lambda change: change.projects.reassign(MOVES_A_SLICE), now, live=False
        )
        self.reassigning = moved == MOVES_A_SLICE

    def session_ending(self, source: str, cwd: str, began_in: str = "") -> str:
        """Note that a session ended, or an event waits for its transcript; return its project.

        `source` is the file that is still to be read.
        """
        home = new_project(self._identify(began_in, "")) if began_in else None
        with self._records.view() as view:
            own = new_project(relocation.resolve(self._identify(cwd, ""), view))
            project = view.belongs(relocation.owner(own, cwd, home, view).id)
        self.required.session_ending(source, project)
        return project

    def session_ingested(self, source: str) -> Steps:
        """Announce the end of a session of which everything is committed."""
        project = self.required.session_ingested(source)
        yield from self.write_required()
        yield Publish(SessionEnded(revision=self.mark.revision, project=project))

    def event_ingested(self, source: str) -> Steps:
        """Require what an event said whose transcript never came."""
        if source in self.required.ending:
            self.required.session_ingested(source)
            yield from self.write_required()

    def write_required(self) -> Steps:
        """Write the lines that have changed, for the hooks."""
        for project, line in self.required.changed_lines():
            path = self._layout.project_news(project)
            try:
                yield ReplaceFile(path, line, durable=False)
            except OSError as error:
                log.warning("%s is not written: %s", path, error)
                self.required.invalidate(project)
                yield RemoveFile(path)  # no line is better than a wrong one

    def _merge_predecessors(self, places: Iterable[tuple[Project, str]], now: Now) -> Steps:
        """Give projects the memory they had elsewhere or under another id."""
        with self._records.view() as view:
            new = {p.id: (p, cwd) for p, cwd in places if relocation.has_news(p, view, cwd)}
        for project, cwd in new.values():
            merge = partial(relocation.merge_predecessors, project, cwd=cwd)
            for old in (yield from self.commit(merge, now)):
                self.reassigning = True
                log.info("%s is %s now, and its memory belongs to that", old.root, project.root)
                moved = ProjectMoved(
                    project=old.id, into=project.id, was=old.root, now=project.root
                )
                yield Publish(moved, keep=True)


def _directories(batch: Batch) -> list[tuple[Project, str]]:
    """Return the projects of a batch, each with a directory that it was worked on in."""
    return [(place.project, place.directory) for place in batch.places]
