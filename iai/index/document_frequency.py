"""In how many records each term stands, as their tallies come and go.

The terms of a few hundred records stand on nearly every page of the counts: to count each few
hundred by themselves wrote 19 KB to the disk for a record, in a store of 300,000. So new records of
a backlog are counted later, many at once and in the order of the pages, which writes 1.6 KB. Which
these are is on disk with their tallies, and what is not counted yet follows from both.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from iai.index.term_vectors import Tallies, moved
from iai.store import graph
from iai.store.graph import GraphStore

TOGETHER = 16_384  # records that are counted at once
TERMS_SLICE = 4_096  # terms: some 25 ms


class Later(NamedTuple):
    """Records that are to be counted later, and what they change."""

    labels: frozenset[int]
    change: Counter[int]


class Counting:
    """What is still to be counted, and how far that has come."""

    def __init__(self, view: graph.View) -> None:
        """Go on where it ended."""
        below = view.counted_below()  # lower terms are counted, of all these records
        self._labels = view.uncounted()
        kept = Tallies(view.tallies(sorted(self._labels)).values()).documents()
        self._change = Counter({term: n for term, n in kept.items() if term >= below})
        self._order: list[int] = []  # of the terms, the last first; none: they are not sorted yet
        self.due = bool(self._labels)

    @property
    def full(self) -> bool:
        """Is enough put off to be counted?"""
        return len(self._labels) >= TOGETHER

    @property
    def waiting(self) -> bool:
        """Is anything put off?"""
        return bool(self._labels)

    def touches(self, labels: Mapping[int, object]) -> bool:
        """Is any of these put off?"""
        return not self._labels.isdisjoint(labels)

    def keep(
        self, unit: graph.Change, tallies: Mapping[int, bytes | None], *, later: bool
    ) -> Later:
        """Keep these tallies, None for nothing, and count them: if `later`, the new ones not yet.

        What is returned is to be handed to `put_off` when the change is on disk.
        """
        old = unit.tallies(tallies)
        labels = {
            label for label in tallies if label in self._labels or (later and label not in old)
        }
        unit.tally(tallies)
        unit.put_off(labels - self._labels)
        unit.count(_moved(old, tallies, tallies.keys() - labels))
        return Later(frozenset(labels), _moved(old, tallies, labels))

    def put_off(self, later: Later) -> None:
        """Note what is to be counted later."""
        self._labels |= later.labels
        self._change.update(later.change)

    def step(self, store: GraphStore, part: int = 1) -> bool:
        """Count the next terms of what was put off, `part` times fewer than usual; is it done?"""
        self._order = self._order or sorted(self._change, reverse=True)
        most = max(1, TERMS_SLICE // part)
        terms, rest = self._order[-most:], self._order[:-most]
        change = {term: self._change[term] for term in terms}

        def count(unit: graph.Change) -> None:
            unit.count(change)
            unit.counted(rest[-1] if rest else None)

        store.commit(count)
        self._order = rest
        if not rest:
            self._labels, self._change, self.due = set(), Counter(), False
        return not rest


def _moved(
    old: Mapping[int, bytes], new: Mapping[int, bytes | None], labels: Collection[int]
) -> Counter[int]:
    after = (kept for label in labels if (kept := new[label]) is not None)
    return moved((old[label] for label in labels if label in old), after)
