"""The graph between records: which turns were said around each other in one session.

It follows from the records alone, so any order of changes leads to the same graph.
"""

from collections.abc import Iterable

from iai.store import graph, records
from iai.store.graph import AROUND


def place(view: records.View, labels: Iterable[int], unit: graph.Change) -> None:
    """Set anew what is around these changed records, and around all that gain or lose by it.

    Whenever one turn is kept as around another, that one is around it too: so whoever leaves is
    known to all that have to be told.
    """
    waiting = sorted(set(labels), reverse=True)
    done: set[int] = set()
    while waiting:
        label = waiting.pop()
        if label in done:
            continue
        done.add(label)
        old = [int(other) for other in unit.beside([label])[0]]
        new = _around(view, label)
        if new != old:
            unit.place(label, new)
            waiting += sorted((set(old) ^ set(new)) - {0}, reverse=True)


def _around(view: records.View, label: int) -> list[int]:
    record = view.get(label)
    sides = view.around(record, AROUND) if record else ([], [])
    return [other for side in sides for other in (*side, *[0] * (AROUND - len(side)))]
