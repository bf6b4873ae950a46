"""What was recalled together: grows with use, fades with time.

This is use, not records: it cannot be made again, and so it changes no answer, and no topic. It is
shown among a record's neighbours.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from iai.model.clock import NS
from iai.store import graph
from iai.store.graph import GraphStore
from iai.store.links import MOST, Together

FIRST = 3  # hits of one answer that count as recalled together
HALF_LIFE_DAYS = 30.0
FADED = 0.1  # what has become weaker is forgotten: a single time after 100 days
FADE_SLICE = 256
_DAY = 86_400 * NS


def strengthen(unit: graph.Change, labels: Sequence[int], wall: int) -> None:
    """Note that these records were the first hits of one answer."""
    for one, other in combinations(labels, 2):
        known = {t.to: t for t in unit.together(one)}
        old = _weight(known[other], wall) if other in known else 0.0
        _put(unit, one, Together(other, old + 1.0, wall), wall)
        _put(unit, other, Together(one, old + 1.0, wall), wall)


def fade(store: GraphStore, wall: int) -> Iterator[int]:
    """Forget what has faded. Yields after each slice how many records it looked at."""
    after = 0
    while True:
        with store.view() as view:
            labels = view.recalled_after(after, FADE_SLICE)
        if not labels:
            return
        store.commit(lambda unit: _fade(unit, labels, wall))  # noqa: B023  used at once
        after = labels[-1]
        yield len(labels)


def _fade(unit: graph.Change, labels: list[int], wall: int) -> None:
    for label in labels:
        old = unit.together(label)
        left = [t for t in old if _weight(t, wall) >= FADED]
        if len(left) < len(old):
            unit.keep_together(label, left)


def _put(unit: graph.Change, label: int, new: Together, wall: int) -> None:
    others = [t for t in unit.together(label) if t.to != new.to]
    ranked = sorted((*others, new), key=lambda t: (-_weight(t, wall), -t.at, t.to))
    unit.keep_together(label, ranked[:MOST])
    for weakest in ranked[MOST:]:
        back = [t for t in unit.together(weakest.to) if t.to != label]
        unit.keep_together(weakest.to, back)


def _weight(together: Together, wall: int) -> float:
    age = max(0, wall - together.at) / _DAY
    return float(together.weight * 0.5 ** (age / HALF_LIFE_DAYS))
