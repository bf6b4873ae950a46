"""Keeps the links that follow from the records alone up to date.

Two records are linked by the rare terms that both have: words, and names in code, paths, addresses
(`iai.index.terms`). Rare means that few records have the term *now*: when one becomes rare or
common, its links are recomputed. So any order of changes leads to the same links.
"""

from collections.abc import Collection, Iterable
from itertools import groupby

import numpy as np

from iai.index.corrections import same_subject, sounds_like_correction
from iai.index.term_vectors import terms_in
from iai.index.terms import term_id
from iai.model.record import Record
from iai.model.revisions import Revisions
from iai.store.graph import GraphChange, GraphStore, GraphView
from iai.store.links import MOST, OPPOSITE, Edge, Linked, Relation
from iai.store.record_view import RecordView

LINKS_SLICE = 16  # changes: some 20 ms, 40 at most
RARE = 16  # records that may have a term for it to link them
LEAST = 2  # rare terms that two records share if they are linked
MOST_TERMS = 96  # of a record that it is linked by: those with the lowest ids, a fair sample
SAME = 0.8  # of all terms of two records, in both: duplicates (Jaccard's index)
_EXACT = 256  # weights are multiples of its inverse, which four bytes hold as they are


class LinkIndexer:
    """The links, up to date with the records. `applied` is how far they have come."""

    def __init__(self, applied: Revisions) -> None:
        self.applied = applied

    def step(self, view: RecordView, store: GraphStore, ready: Revisions, part: int = 1) -> int:
        """Do one slice of the changes in `ready`, `part` times smaller than usual.

        Returns how many changes it took.
        """
        batch = view.next_batch(ready.minus(self.applied), max(1, LINKS_SLICE // part))
        if batch.ranges:
            labels = view.touched(batch)
            store.commit(lambda unit: update_links(view, labels, unit))
            self.applied = self.applied.union(batch)
        return batch.count()


def update_links(view: RecordView, labels: Collection[int], unit: GraphChange) -> None:
    """Update the links of these changed records, and of all that gain or lose one by it."""
    term_vectors = unit.term_vectors(labels)
    new = {label: _linked(view.get(label), term_vectors.get(label)) for label in labels}
    old = unit.linked(labels)
    lost, gained = _terms_changed(old, new)
    before = unit.held(lost | gained, RARE)
    unit.link_by(new)
    after = unit.held(before, RARE)
    changed = {label for label, linked in new.items() if linked and linked != old.get(label)}
    # Records that shared a term with one that lost it, or whose term is no longer too common.
    again = _holding(unit, (t for t in lost if min(before[t], after[t]) <= RARE))
    # Records linked by a term that is too common now.
    again |= _linked_by(unit, (t for t in gained if before[t] <= RARE < after[t]))
    _forget(unit, [label for label, linked in new.items() if linked is None])
    for label, edges in _recompute(changed, unit).items():
        others = [edge for edge in edges if edge.to not in again]
        if label in old:
            again |= {edge.to for edge in others}
        else:
            _offer(unit, label, others)
    _recompute(again - changed, unit)


def _recompute(labels: set[int], unit: GraphChange) -> dict[int, list[Edge]]:
    """Set the links of these records; return all possible ones, of which the strongest are kept."""
    edges = {
        label: list(_edges(label, linked, unit))
        for label, linked in unit.linked(sorted(labels)).items()
    }
    for label, possible in edges.items():
        unit.keep(label, _strongest(possible))
    return edges


def _linked(record: Record | None, term_vector: bytes | None) -> Linked | None:
    if record is None or term_vector is None:
        return None
    return Linked(
        term_id(record.project),
        record.order,
        sounds_like_correction(record.text),
        frozenset(terms_in(term_vector)[:MOST_TERMS]),
    )


def _terms_changed(
    old: dict[int, Linked], new: dict[int, Linked | None]
) -> tuple[set[int], set[int]]:
    """Return the terms that some record lost, and those that some record gained."""
    lost: set[int] = set()
    gained: set[int] = set()
    for label, linked in new.items():
        had = old[label].terms if label in old else frozenset()
        has = linked.terms if linked is not None else frozenset()
        lost |= had - has
        gained |= has - had
    return lost, gained


def _holding(unit: GraphView, terms: Iterable[int]) -> set[int]:
    return set(unit.holders(sorted(terms)).tolist())


def _linked_by(unit: GraphView, terms: Iterable[int]) -> set[int]:
    """Return the records with a link to another one with which they share one of these terms."""
    found: set[int] = set()
    for term in sorted(terms):
        holders = _holding(unit, [term])
        for label, edges in unit.kept(sorted(holders)).items():
            if any(edge.to in holders for edge in edges):
                found.add(label)
    return found


def _forget(unit: GraphChange, labels: list[int]) -> None:
    for label in labels:
        unit.keep(label, ())
    unit.keep_similar(dict.fromkeys(labels, ()))


def _edges(label: int, linked: Linked, unit: GraphView) -> Iterable[Edge]:
    """Yield all links of a record, in no order."""
    counts = unit.held(linked.terms, RARE)
    holders = unit.holders(term for term, count in counts.items() if count <= RARE)
    others, shared = np.unique(holders, return_counts=True)
    near = dict(
        zip(others[shared >= LEAST].tolist(), shared[shared >= LEAST].tolist(), strict=True)
    )
    near.pop(label, None)
    for other, by in unit.linked(near).items():
        yield Edge(other, "shares", float(near[other]))
        ratio = len(linked.terms & by.terms) / len(linked.terms | by.terms)
        weight = round(ratio * _EXACT) / _EXACT
        if ratio >= SAME:
            yield Edge(other, "duplicate", weight)
        elif _supersedes(label, linked, other, by):
            yield Edge(other, "supersedes", weight)
        elif _supersedes(other, by, label, linked):
            yield Edge(other, "superseded-by", weight)


def _supersedes(one: int, it: Linked, other: int, was: Linked) -> bool:
    later = it.project == was.project and (it.order, one) > (was.order, other)
    return later and it.corrects and same_subject(it.terms, was.terms)


def _strongest(edges: Iterable[Edge]) -> list[Edge]:
    """Return the strongest of each relation; among equals, those to the later records."""

    def rank(edge: Edge) -> tuple[str, float, int]:
        return edge.relation, -edge.weight, -edge.to

    by_relation = groupby(sorted(edges, key=rank), key=lambda edge: edge.relation)
    return [edge for _, group in by_relation for edge in list(group)[:MOST]]


def _offer(unit: GraphChange, label: int, edges: list[Edge]) -> None:
    """Let the unchanged other ends of these links keep them, if they are strong enough there."""
    kept = unit.kept(sorted({edge.to for edge in edges}))
    backwards: dict[int, list[Edge]] = {edge.to: [] for edge in edges}
    for edge in edges:
        relation: Relation = OPPOSITE.get(edge.relation, edge.relation)
        backwards[edge.to].append(Edge(label, relation, edge.weight))
    for other, offered in backwards.items():
        old = kept.get(other, ())
        new = _strongest([*(edge for edge in old if edge.to != label), *offered])
        if tuple(new) != old:
            unit.keep(other, new)
