"""Keeps the words, the tallies and the turns around each in step with the records.

It takes what it has not applied yet, in the order of `foremost`, and looks at the record as it is
now; so it does not matter how often, or in which order, changes are applied.
"""

import logging
from collections.abc import Mapping

from iai.index.document_frequency import Counting, Later
from iai.index.graph import place
from iai.index.lexical import LexicalIndex
from iai.index.term_vectors import FORM, tally
from iai.index.terms import terms
from iai.index.vector_filter import facets
from iai.model.record import Record
from iai.model.revisions import Revisions, upto
from iai.store import graph, records
from iai.store.graph import GraphStore

log = logging.getLogger(__name__)

WORDS_SLICE = 320  # changes: some 40 ms; a question waits for no more. 512 is a seventh faster
SLICE_CHARACTERS = 300_000  # and no more text than this
TOGETHER = 4_096  # changes of a backlog that are made searchable at once: each time costs 10 ms


class Words:
    """The lexical index, the tallies and the graph, in step with the records."""

    def __init__(self, lexical: LexicalIndex, store: GraphStore) -> None:
        """Take up what was noted after the last slice; start over if it is not all there."""
        self.lexical = lexical
        self._store = store
        self._taken = Revisions()  # of a backlog: in the indexes, but cannot be searched yet
        with store.view() as view:
            noted, tallied = view.progress(), view.tallied()
        self.applied = noted.records_applied
        whole = noted.form == FORM and min(len(lexical), tallied) >= noted.documents
        if self.applied.ranges and not whole:
            log.warning("the lexical index has lost records, or is of another form; made again")
            self.applied = Revisions()
        if not self.applied.ranges and (tallied or len(lexical)):
            lexical.clear()
            store.commit(lambda unit: unit.forget_words())
        with store.view() as view:
            self._counting = Counting(view)

    def pending(self, view: records.View) -> Revisions:
        """Revisions that are still to be applied."""
        return upto(view.watermark().revision).minus(self.applied)

    def step(self, view: records.View, part: int = 1) -> bool:
        """Do one slice, `part` times smaller than usual; False if there was nothing to do."""
        left = self.pending(view).minus(self._taken)
        foremost = view.foremost(left, max(1, WORDS_SLICE // part))
        batch, changed = view.latest(foremost, SLICE_CHARACTERS)
        said_now = bool(view.live(batch, 1).ranges)
        counting = self._counting
        if counting.due and (not said_now or counting.touches(changed)):
            if counting.step(self._store, part):
                self._make_searchable()
            return True
        more = bool(left.minus(batch).ranges)
        self._take(view, changed, later=not counting.due and (more or counting.waiting))
        self._taken = self._taken.union(batch)
        counting.due = counting.due or counting.full or (counting.waiting and not more)
        # What was said just now at once; a backlog when it has come to its end, or by parts.
        if said_now or not (more or counting.due) or self._taken.count() >= TOGETHER:
            self._make_searchable()
        return bool(foremost.ranges)

    def _take(
        self, view: records.View, changed: Mapping[int, Record | None], *, later: bool
    ) -> None:
        tallies: dict[int, bytes | None] = {}
        described: dict[int, bytes | None] = {}
        for label, record in changed.items():
            described[label] = facets(record) if record else None
            if record is None:
                tallies[label] = None
                self.lexical.remove(label)
            else:
                found_by = terms(record.text)
                tallies[label] = tally(record, found_by)
                self.lexical.put(record, found_by)

        def connect(unit: graph.Change) -> Later:
            place(view, changed, unit)
            unit.describe(described)
            return self._counting.keep(unit, tallies, later=later)

        if changed:
            self._counting.put_off(self._store.commit(connect))

    def _make_searchable(self) -> None:
        """Let searches see what was taken; it is applied when it is counted, too."""
        if self._taken.ranges:
            self.lexical.commit()
            if not self._counting.due:
                self.applied = self.applied.union(self._taken)
                self._taken = Revisions()
