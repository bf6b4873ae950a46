"""Keeps the words, the tallies and the turns around each in step with the records.

It takes what it has not applied yet, in the order of `foremost`, and looks at the record as it is
now; so it does not matter how often, or in which order, changes are applied.
"""

import logging

from iai.index.fitting import facets
from iai.index.graph import place
from iai.index.lexical import LexicalIndex
from iai.index.tally import moved, tally
from iai.index.terms import terms
from iai.revisions import Revisions, upto
from iai.store import graph, records
from iai.store.graph import GraphStore

log = logging.getLogger(__name__)

WORDS_SLICE = 384  # changes: some 80 ms; a question waits for no more than that


class Words:
    """The lexical index, the tallies and the graph, in step with the records."""

    def __init__(
        self, lexical: LexicalIndex, applied: Revisions, documents: int, tallied: int
    ) -> None:
        """`applied` and `documents` are what was noted after the last slice.

        `tallied` is how many records have a tally: none in an index of an older version.
        """
        self.lexical = lexical
        whole = min(len(lexical), tallied) >= documents
        if applied.ranges and not whole:
            log.warning("the lexical index has lost records; it is made again")
        self.applied = applied if whole else Revisions()

    def pending(self, view: records.View) -> Revisions:
        """Revisions that are still to be applied."""
        return upto(view.watermark().revision).minus(self.applied)

    def step(self, view: records.View, store: GraphStore) -> bool:
        """Do one slice; False if there was nothing to do."""
        batch = view.foremost(self.pending(view), WORDS_SLICE)
        if not batch.ranges:
            return False
        labels = dict.fromkeys(entry.label for _, entry in view.changes(batch))
        tallies: dict[int, bytes | None] = {}
        described: dict[int, graph.Facets | None] = {}
        for label in labels:
            record = view.get(label)
            described[label] = facets(record) if record else None
            if record is None:
                tallies[label] = None
                self.lexical.remove(label)
            else:
                found_by = terms(record.text)
                tallies[label] = tally(record, found_by)
                self.lexical.put(record, found_by)
        self.lexical.commit()

        def connect(unit: graph.Change) -> None:
            place(view, labels, unit)
            unit.describe(described)
            new = [kept for kept in tallies.values() if kept is not None]
            unit.tally(tallies, moved(unit.tallies(labels).values(), new))

        store.commit(connect)
        self.applied = self.applied.union(batch)
        return True
