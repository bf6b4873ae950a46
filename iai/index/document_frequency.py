"""In how many records each term occurs, kept in step with their term vectors.

The terms of a few hundred records are on nearly every page of the counts. Counting each few hundred
by themselves wrote 19 KB per record to disk, in a store of 300,000. So the new records of a backlog
are deferred and counted many at once, in the order of the pages, which writes 1.6 KB per record.
Which records are deferred is on disk with their term vectors; the counts left follow from both.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from iai.index.term_vectors import Counts, TermVectors, frequency_change, total
from iai.store.graph import GraphChange, GraphStore, GraphView

TOGETHER = 16_384  # records that are counted at once
TERMS_SLICE = 4_096  # terms: some 25 ms


class Updated(NamedTuple):
    """What came of an update."""

    replaced: frozenset[int]  # records that had a term vector before
    deferred: frozenset[int]  # records that are counted later
    change: Counts  # by which those change the counts


class DocumentFrequencies:
    """Counts terms, at once or later, and knows what is left."""

    def __init__(self, view: GraphView) -> None:
        """Resume where it ended."""
        below = view.counted_below()  # lower terms are counted, of all these records
        self._labels = view.uncounted()
        kept = TermVectors(view.term_vectors(sorted(self._labels)).values()).document_frequencies()
        self._change = [kept.part(kept.terms >= below)]
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
    ) -> Updated:
        """Write these term vectors, None for a record that is gone, and count them.

        If `later`, new records are deferred. Hand the result to `defer` once the change is on disk.
        """
        old = unit.term_vectors(vectors)
        labels = {
            label for label in vectors if label in self._labels or (later and label not in old)
        }
        unit.put_term_vectors(vectors)
        unit.mark_uncounted(labels - self._labels)
        unit.add_document_frequencies(_change(old, vectors, vectors.keys() - labels).by_term())
        return Updated(frozenset(old), frozenset(labels), _change(old, vectors, labels))

    def defer(self, updated: Updated) -> None:
        """Note what is to be counted later."""
        if updated.deferred:
            self._labels |= updated.deferred
            self._change.append(updated.change)

    def step(self, store: GraphStore, part: int = 1) -> bool:
        """Count the next deferred terms, `part` times fewer than usual; return True when done."""
        left = total(self._change)
        most = max(1, TERMS_SLICE // part)
        now, rest = left.part(slice(most)), left.part(slice(most, None))
        done = not len(rest.terms)

        def count(unit: GraphChange) -> None:
            unit.add_document_frequencies(now.by_term())
            unit.mark_counted(None if done else int(rest.terms[0]))

        store.commit(count)
        self._change = [rest]
        if done:
            self._labels, self.due = set(), False
        return done


def _change(
    old: Mapping[int, bytes], new: Mapping[int, bytes | None], labels: Collection[int]
) -> Counts:
    after = [vector for label in labels if (vector := new[label]) is not None]
    return frequency_change([old[label] for label in labels if label in old], after)
