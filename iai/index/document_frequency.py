"""In how many records each term occurs, kept in step with their term vectors.

The terms of a few hundred records are on nearly every page of the counts. Counting each few hundred
by themselves wrote 19 KB per record to disk, in a store of 300,000. So the new records of a backlog
are deferred and counted many at once, in the order of the pages, which writes 1.6 KB per record.
Which records are deferred is on disk with their term vectors; the counts left follow from both.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from iai.index.term_vectors import TermVectors, frequency_change
from iai.store.graph import GraphChange, GraphStore, GraphView

TOGETHER = 16_384  # records that are counted at once
TERMS_SLICE = 4_096  # terms: some 25 ms


class Deferred(NamedTuple):
    """Records that are counted later, and by how much they change the counts."""

    labels: frozenset[int]
    change: Counter[int]


class DocumentFrequencies:
    """Counts terms, at once or later, and knows what is left."""

    def __init__(self, view: GraphView) -> None:
        """Resume where it ended."""
        below = view.counted_below()  # lower terms are counted, of all these records
        self._labels = view.uncounted()
        kept = TermVectors(view.term_vectors(sorted(self._labels)).values())
        self._change = Counter(
            {term: n for term, n in kept.document_frequencies().items() if term >= below}
        )
        self._order: list[int] = []  # of the terms, the last first; empty until they are sorted
        self.due = bool(self._labels)

    @property
    def full(self) -> bool:
        """Are enough records deferred to be counted?"""
        return len(self._labels) >= TOGETHER

    @property
    def waiting(self) -> bool:
        """Is any record deferred?"""
        return bool(self._labels)

    def touches(self, labels: Mapping[int, object]) -> bool:
        """Is any of these records deferred?"""
        return not self._labels.isdisjoint(labels)

    def update(
        self, unit: GraphChange, vectors: Mapping[int, bytes | None], *, later: bool
    ) -> Deferred:
        """Write these term vectors, None for a record that is gone, and count them.

        If `later`, new records are deferred. Hand the result to `defer` once the change is on disk.
        """
        old = unit.term_vectors(vectors)
        labels = {
            label for label in vectors if label in self._labels or (later and label not in old)
        }
        unit.put_term_vectors(vectors)
        unit.mark_uncounted(labels - self._labels)
        unit.add_document_frequencies(_change(old, vectors, vectors.keys() - labels))
        return Deferred(frozenset(labels), _change(old, vectors, labels))

    def defer(self, deferred: Deferred) -> None:
        """Note what is to be counted later."""
        self._labels |= deferred.labels
        self._change.update(deferred.change)

    def step(self, store: GraphStore, part: int = 1) -> bool:
        """Count the next deferred terms, `part` times fewer than usual; return True when done."""
        self._order = self._order or sorted(self._change, reverse=True)
        most = max(1, TERMS_SLICE // part)
        terms, rest = self._order[-most:], self._order[:-most]
        change = {term: self._change[term] for term in terms}

        def count(unit: GraphChange) -> None:
            unit.add_document_frequencies(change)
            unit.mark_counted(rest[-1] if rest else None)

        store.commit(count)
        self._order = rest
        if not rest:
            self._labels, self._change, self.due = set(), Counter(), False
        return not rest


def _change(
    old: Mapping[int, bytes], new: Mapping[int, bytes | None], labels: Collection[int]
) -> Counter[int]:
    after = [vector for label in labels if (vector := new[label]) is not None]
    return frequency_change([old[label] for label in labels if label in old], after)
