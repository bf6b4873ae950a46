"""Keeps the lexical index, the term vectors and the neighbours of each turn up to date.

It takes what it has not applied yet in batches (`next_batch`), and reads each record as it is now.
So neither repeats nor the order of changes matter.
"""

import logging
from collections.abc import Mapping
from itertools import chain

from iai.index.document_frequency import Deferred, DocumentFrequencies
from iai.index.lexical import LexicalIndex
from iai.index.neighbours import update_neighbours
from iai.index.term_vectors import FORM, term_vector
from iai.index.terms import Extracted, extract, terms
from iai.index.vector_filter import facets, machine_id
from iai.index.work_terms import NOTHING, WorkTerms, work_terms
from iai.model.exchange import NARRATION, opens
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
        left = self.pending(view).minus(self._taken)
        due = view.next_batch(left, max(1, WORDS_SLICE // part))
        batch, changed = view.latest(due, SLICE_CHARACTERS)
        said_now = bool(view.live(batch, 1).ranges)
        frequencies = self._frequencies
        if frequencies.due and (not said_now or frequencies.touches(changed)):
            if frequencies.step(self._store, part):
                self._make_searchable()
            return True
        more = bool(left.minus(batch).ranges)
        self._take(view, changed, later=not frequencies.due and (more or frequencies.waiting))
        self._taken = self._taken.union(batch)
        frequencies.due = frequencies.due or frequencies.full or (frequencies.waiting and not more)
        # What was said just now becomes searchable at once; a backlog in parts, and at its end.
        if said_now or not (more or frequencies.due) or self._taken.count() >= TOGETHER:
            self._make_searchable()
        return bool(due.ranges)

    def rewrite(self, view: RecordView, part: int = 1) -> bool:
        """Do a slice of a rewrite of all segments that have terms of removed records.

        Returns False when none is left. A record that is put in again moves to a new segment, and
        one without records is deleted. All are moved in one commit: after each commit tantivy may
        merge a segment that is half empty, and all others that it merges would be next.
        """
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
        if record is None or record.kind == NARRATION or record.rewound:
            self.index.remove(label)  # its own change is still to be applied
        else:
            self._put(view, record)

    def _take(self, view: RecordView, changed: Mapping[int, Record | None], *, later: bool) -> None:
        changed = {**self._requests_of(view, changed), **changed}
        vectors: dict[int, bytes | None] = {}
        described: dict[int, bytes | None] = {}
        machines: dict[int, int] = {}
        for label, record in changed.items():
            described[label] = facets(record) if record else None
            machines[label] = machine_id(record) if record else 0
            if record is None:
                vectors[label] = None
                self.index.remove(label)
            else:
                vectors[label] = term_vector(record, *self._put(view, record))

        def write(unit: GraphChange) -> Deferred:
            update_neighbours(view, changed, unit)
            unit.put_facets(described)
            unit.put_machines(machines)
            return self._frequencies.update(unit, vectors, later=later)

        if changed:
            self._frequencies.defer(self._store.commit(write))

    def _put(self, view: RecordView, record: Record) -> tuple[Extracted, WorkTerms]:
        """Index a record, a request with what followed from it; return its terms."""
        found_by = extract(record.text)
        if not (opens(record) and record.in_session):
            self.index.put(record, found_by)
            return found_by, NOTHING
        work = work_terms(view.done(record))
        narration = {term for turn in view.narrated(record) for term in terms(turn.text)}
        self.index.put(record, found_by, chain.from_iterable(work), narration)
        return found_by, work

    def _requests_of(
        self, view: RecordView, changed: Mapping[int, Record | None]
    ) -> dict[int, Record | None]:
        """Return the indexed requests that gain or lose work or narration by these changes."""
        found: list[Record | None] = []
        gone: list[int] = []
        for label, record in changed.items():
            if record is not None:
                found += [_preceding_request(view, record, changed)] if opens(record) else []
            elif (narration := view.get(label)) is not None:
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


def _preceding_request(
    view: RecordView, request: Record, changed: Mapping[int, Record | None]
) -> Record | None:
    """Return the request before this one in its session."""
    before = view.sides(request)[0]
    turns = (changed[label] if label in changed else view.get(label) for label in before)
    return next((turn for turn in turns if turn is not None and opens(turn)), None)
