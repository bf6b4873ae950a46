"""Commits of ingest, with all that each entails: events to publish, and lines for the hooks."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from iai.config.layout import Layout
from iai.freshness.required_revision import RequiredRevision
from iai.ingest import parse, rereading
from iai.ingest.parse import Batch, Identify, Inserted
from iai.model.clock import Now
from iai.model.record import Project, Watermark
from iai.model.rereading import Rereading
from iai.projects import relocation
from iai.protocol.behaviour import Publish, RemoveFile, ReplaceFile, Steps, StepsTo
from iai.protocol.ingest import (
    CapturedTurn,
    LineSkipped,
    ProjectMoved,
    RecordsCommitted,
    SessionEnded,
)
from iai.store.record_change import RecordChange
from iai.store.records import Records

log = logging.getLogger(__name__)
T = TypeVar("T")

MOVES_A_SLICE = 100  # records of a merged project: about 20 ms


class RecordWriter:
    """Changes the records; yields the effects of each change after its commit.

    It assumes that nobody else writes: `mark` is the watermark of its own last commit.
    """

    def __init__(self, layout: Layout, records: Records, identify: Identify) -> None:
        self._layout = layout
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

    def commit(
        self, change: Callable[[RecordChange], T], now: Now, *, live: bool = True
    ) -> StepsTo[T]:
        """Make a change durable, then announce it if it moved the revision."""
        before = self.mark
        (result, touched, acted), self.mark = self._records.commit(
            lambda unit: (change(unit), unit.touched_projects, unit.acted), now, live=live
        )
        if self.mark.revision > before.revision:
            ingested = self.mark.max_vec_label - before.max_vec_label + acted
            yield Publish(RecordsCommitted(revision=self.mark.revision, ingested=ingested))
            # A pin, edit or forget bypasses the interval: nobody may see the record as it was.
            self.required.committed(touched, can_wait=ingested > 0)
            yield from self.write_required()
        return result

    def insert_turns(
        self, turns: tuple[CapturedTurn, ...], now: Now, *, live: bool = True
    ) -> StepsTo[list[tuple[str, bool]]]:
        """Store turns that came with their text; return the id of each and whether it is new."""

        def change(unit: RecordChange) -> list[tuple[str, bool]]:
            return [parse.insert_turn(unit, turn, self._identify, now.wall) for turn in turns]

        projects = (parse.new_project(self._identify(turn.cwd, "")) for turn in turns)
        yield from self._merge_predecessors(projects, now)
        return (yield from self.commit(change, now, live=live))

    def insert_batch(self, batch: Batch, now: Now, *, live: bool) -> StepsTo[Inserted]:
        """Store a slice of a transcript."""
        yield from self._merge_predecessors((project for project, _ in batch.projects), now)
        inserted = yield from self.commit(lambda u: parse.insert_batch(u, batch), now, live=live)
        path = batch.transcript.path
        for fault in batch.faults:
            skipped = LineSkipped(transcript=path, offset=fault.offset, reason=fault.reason)
            yield Publish(skipped, keep=True)
        return inserted

    def insert_again(
        self, batch: Batch, again: Rereading, now: Now, *, live: bool
    ) -> StepsTo[tuple[Rereading, Inserted]]:
        """Store what a slice gives of a transcript that is read again."""
        yield from self._merge_predecessors((project for project, _ in batch.projects), now)
        change = partial(rereading.insert_again, batch=batch, rereading=again)
        return (yield from self.commit(change, now, live=live))

    def reassign(self, now: Now) -> Steps:
        """Move some of the records that a merge has yet to move."""
        moved = yield from self.commit(lambda u: u.reassign(MOVES_A_SLICE), now, live=False)
        self.reassigning = moved == MOVES_A_SLICE

    def session_ending(self, source: str, cwd: str) -> str:
        """Note that a session ended of which `source` is still to be read; return its project."""
        with self._records.view() as view:
            project = view.belongs(self._identify(cwd, "").id)
        self.required.session_ending(source, project)
        return project

    def session_ingested(self, source: str) -> Steps:
        """Announce the end of a session of which everything is committed."""
        project = self.required.session_ingested(source)
        yield from self.write_required()
        yield Publish(SessionEnded(revision=self.mark.revision, project=project))

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

    def _merge_predecessors(self, projects: Iterable[Project], now: Now) -> Steps:
        """Give checkouts that were moved the memory they had before."""
        with self._records.view() as view:
            new = {p.id: p for p in projects if relocation.first_seen(p, view)}
        for project in new.values():
            merge = partial(relocation.merge_predecessor, project)
            old = yield from self.commit(merge, now)
            if old is not None:
                self.reassigning = True
                log.info("%s was moved to %s, and its memory with it", old.root, project.root)
                moved = ProjectMoved(
                    project=old.id, into=project.id, was=old.root, now=project.root
                )
                yield Publish(moved, keep=True)
