"""Keeps the lexical index, the term vectors and the neighbours of each turn up to date.

It takes what it has not applied yet in batches (`next_batch`), and reads each record as it is now.
So neither repeats nor the order of changes matter.
"""

import logging
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from itertools import chain

from iai.errors import StoreError
from iai.index.document_frequency import DocumentFrequencies, Updated
from iai.index.lexical import LexicalIndex
from iai.index.neighbours import Run, session_runs, update_neighbours
from iai.index.term_vectors import FORM, term_vector
from iai.index.terms import Extracted, extract, terms
from iai.index.vector_filter import facets, machine_id
from iai.index.work_terms import NOTHING, WorkTerms, work_terms
from iai.model.exchange import is_aside, names_command, opens
from iai.model.record import Record
from iai.model.revisions import Revisions, through
from iai.store.graph import GraphChange, GraphStore
from iai.store.record_view import RecordView

log = logging.getLogger(__name__)

WORDS_SLICE = 400  # changes: some 40 ms; a question waits for no more
SLICE_CHARACTERS = 300_000  # of text in a slice, at most
LABELS_LOOKED_AT = 8_192  # at a time, for those of a segment
TOGETHER = 4_096  # changes of a backlog that become searchable at once: each time costs 10 ms


class LexicalIndexer:
    """All that follows from the texts of the records but the links."""

    def __init__(self, index: LexicalIndex, store: GraphStore) -> None:
        """Resume after the last slice; start over if anything is missing."""
        self.index = index
        self._store = store
        self.merging = False  # does `rewrite` wait for tantivy to end a merge?
        self._moving: frozenset[int] = frozenset()  # segments, by position
        self._to_move: list[int] = []  # labels that were found in them,
        self._looked_at = 0  # up to this one
        self._taken = Revisions()  # of a backlog: indexed, but not searchable yet
        self._unsure: Revisions | None = None  # what a predecessor may have taken; None: not known
        with store.view() as view:
            noted, count = view.progress(), view.term_vector_count()
        self.applied = noted.records_applied
        whole = noted.form == FORM and min(len(index), count) >= noted.documents
        if self.applied.ranges and not whole:
            log.warning("the lexical index has lost records, or has another form; rebuilding it")
            self.applied = Revisions()
        if not self.applied.ranges and (count or len(index)):
            index.clear()
            store.commit(lambda unit: unit.forget_terms())
        with store.view() as view:
            self._frequencies = DocumentFrequencies(view)

    def pending(self, view: RecordView) -> Revisions:
        """Revisions that are still to be applied."""
        return through(view.watermark().revision).minus(self.applied)

    def step(self, view: RecordView, part: int = 1) -> bool:
        """Do one slice, `part` times smaller than usual; return False if nothing was due."""
        try:
            return self._step(view, part)
        except StoreError:
            self._take_again()
            raise

    def rewrite(self, view: RecordView, part: int = 1) -> bool:
        """Do a slice of a rewrite of all segments that have terms of removed records.

        Returns False when none is left. A record that is put in again moves to a new segment, and
        one without records is deleted. All are moved in one commit: after each commit tantivy may
        merge a segment that is half empty, and all others that it merges would be next.
        """
        try:
            return self._rewrite(view, part)
        except StoreError:
            self._take_again()
            raise

    def _take_again(self) -> None:
        """Begin again with all that was put into the index and not committed: it may be gone."""
        self._taken, self._unsure = Revisions(), None
        self._moving, self._to_move = frozenset(), []

    def _step(self, view: RecordView, part: int) -> bool:
        left = self.pending(view).minus(self._taken)
        due = view.next_batch(left, max(1, WORDS_SLICE // part))
        batch, changed, _ = view.latest(due, SLICE_CHARACTERS)
        said_now = bool(view.live(batch, 1).ranges)
        frequencies = self._frequencies
        if frequencies.due and (not said_now or frequencies.touches(changed)):
            if frequencies.step(self._store, part):
                self._make_searchable()
            return True
        more = bool(left.minus(batch).ranges)
        if self._unsure is None:
            self._unsure = left if len(self.index) else Revisions()
        unsure = bool(self._unsure.both(batch).ranges)
        later = not frequencies.due and (more or frequencies.waiting)
        if changed:
            self._take(view, changed, unsure=unsure, later=later)
        self._taken = self._taken.union(batch)
        frequencies.due = frequencies.due or frequencies.full or (frequencies.waiting and not more)
        # What was said just now becomes searchable at once; a backlog in parts, and at its end.
        if said_now or not (more or frequencies.due) or self._taken.count() >= TOGETHER:
            self._make_searchable()
        return bool(due.ranges)

    def _rewrite(self, view: RecordView, part: int) -> bool:
        index, newest = self.index, view.watermark().max_vec_label
        if not self._moving:
            index.commit()  # of what was taken and is not searchable yet, there are files as well
            self.merging = not index.settled()
            self._moving = index.stale_segments()
            self._looked_at, self._to_move = 0, []
        if self.merging or not self._moving:
            more, self._moving = self.merging, frozenset()
            return more
        while not self._to_move and self._looked_at < newest:
            through = self._looked_at + LABELS_LOOKED_AT
            self._to_move = index.labels_in(self._moving, self._looked_at, through)
            self._looked_at = through
        most = max(1, WORDS_SLICE // 2 // part)
        now, self._to_move = self._to_move[:most], self._to_move[most:]
        for label in now:
            self._put_again(view, label)
        if not self._to_move and self._looked_at >= newest:
            index.commit()
            self._moving = frozenset()
        return True

    def _put_again(self, view: RecordView, label: int) -> None:
        record = view.get(label)
        if record is None or is_aside(record):
            self.index.remove(label)  # its own change is still to be applied
        else:
            work, narration = _aside(view, record, _followed(view, [record]))
            all_work = chain.from_iterable(work)
            self.index.put(record, _own_terms(record), all_work, narration)

    def _take(
        self,
        view: RecordView,
        changed: Mapping[int, Record | None],
        *,
        unsure: bool,
        later: bool,
    ) -> None:
        """Index these records. `unsure`: a predecessor may have begun to.

        A record is in the lexical index only if its term vector is on disk, since that is committed
        first. So all others can be added without a removal.
        """
        runs = session_runs(view, changed)
        every = {**self._requests_of(view, changed, runs), **changed}
        followed = _followed(view, filter(None, every.values()))
        vectors: dict[int, bytes | None] = {}
        described: dict[int, bytes | None] = {}
        machines: dict[int, int] = {}
        documents = []
        for label, record in every.items():
            described[label] = facets(record) if record else None
            machines[label] = machine_id(record) if record else 0
            vectors[label] = None
            if record is not None:
                found_by = _own_terms(record)
                work, narration = _aside(view, record, followed)
                vectors[label] = term_vector(record, found_by, work)
                all_work = chain.from_iterable(work)
                documents.append(self.index.document(record, found_by, all_work, narration))

        def write(unit: GraphChange) -> Updated:
            update_neighbours(view, changed, runs, unit)
            unit.put_facets(described)
            unit.put_machines(machines)
            return self._frequencies.update(unit, vectors, later=later)

        if every:
            updated = self._store.commit(write)
            self._frequencies.defer(updated)
            for label in every if unsure else updated.replaced:
                self.index.remove(label)
            for document in documents:
                self.index.add(document)

    def _requests_of(
        self, view: RecordView, changed: Mapping[int, Record | None], runs: Iterable[Run]
    ) -> dict[int, Record | None]:
        """Return the indexed requests that gain or lose work or narration by these changes."""
        found: list[Record | None] = [*_preceding_requests(view, changed, runs)]
        gone: list[int] = []
        for label in (label for label, record in changed.items() if record is None):
            if (narration := view.get(label)) is not None:
                found.append(view.request_of(narration))
            else:
                gone.append(label)
        with self._store.view() as stored:
            around = {*stored.neighbours(gone).ravel().tolist()} - {0}  # as they were
            turns = (view.get(label) for label in sorted(around))
            found += [view.request_of(turn) for turn in turns if turn is not None]
            requests = {r.label: r for r in found if r is not None and r.label not in changed}
            indexed = stored.term_vectors(requests)  # others follow with their own change
        return {label: requests[label] for label in indexed}

    def _make_searchable(self) -> None:
        """Let searches see what was taken. It counts as applied once its terms are counted, too."""
        if self._taken.ranges:
            self.index.commit()
            if not self._frequencies.due:
                self.applied = self.applied.union(self._taken)
                self._taken = Revisions()


def _preceding_requests(
    view: RecordView, changed: Mapping[int, Record | None], runs: Iterable[Run]
) -> Iterator[Record | None]:
    """Yield the request before each changed one in its session."""
    for run in runs:
        last: Record | None = None  # request of this run
        for label in (*run.before, *run.turns):
            turn = changed[label] if label in changed else view.get(label)
            if turn is not None and opens(turn):
                if label in changed:
                    yield last or view.request_before_this(turn)
                last = turn


def _own_terms(record: Record) -> Extracted:
    return extract("" if names_command(record) else record.text)


def _followed(view: RecordView, records: Iterable[Record]) -> set[bytes]:
    """Return the sessions of these records in which anything was done or narrated."""
    sessions = {record.session_key for record in records if record.in_session}
    return {session for session in sessions if view.has_work(session)}


def _aside(
    view: RecordView, record: Record, followed: Container[bytes]
) -> tuple[WorkTerms, Collection[str]]:
    """Return the terms of what was done for a request, and of the narration that followed it."""
    if not (opens(record) and record.in_session and record.session_key in followed):
        return NOTHING, ()
    done, narration = view.followed_by(record)
    return work_terms(done), {term for turn in narration for term in terms(turn.text)}
