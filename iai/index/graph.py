"""The graph's first edges: which turns were said next to each other in one session.

They follow from the records alone, so any order of changes leads to the same graph.
"""

from collections.abc import Iterable

from iai.store import graph, records
from iai.store.graph import Edge

NEXT_TO = 1.0


def touched(view: records.View, labels: Iterable[int], store: graph.View) -> set[int]:
    """Return the records whose edges a change of these records may change.

    Those are the records themselves, those said next to them now, and those that were before.
    """
    out: set[int] = set()
    for label in labels:
        out.add(label)
        out.update(edge.to for edge in store.edges(label))
        record = view.get(label)
        if record is not None:
            before, after = view.around(record, 1)
            out.update(before, after)
    return out


def edges_of(view: records.View, label: int) -> tuple[Edge, ...]:
    """Return the edges that leave a record; none if it is there no more."""
    record = view.get(label)
    if record is None:
        return ()
    before, after = view.around(record, 1)
    return (
        *(Edge(other, "previous", NEXT_TO) for other in before),
        *(Edge(other, "next", NEXT_TO) for other in after),
    )
