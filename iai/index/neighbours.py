"""The neighbours of each turn: those said just before and after it in its session.

They follow from the records alone, so any order of changes leads to the same neighbours.
"""

from collections.abc import Mapping
from itertools import islice

from iai.model.record import Record
from iai.store.graph import GraphChange
from iai.store.record_view import RecordView
from iai.store.turns import AROUND


def update_neighbours(
    view: RecordView, changed: Mapping[int, Record | None], unit: GraphChange
) -> None:
    """Update the neighbours of these changed records, and of all that gain or lose one by it.

    Neighbours are mutual, so a record that is gone still names all that have to be updated.
    """
    around = _read_together(view, [record for record in changed.values() if record is not None])
    waiting = [*changed]
    kept = dict(zip(waiting, unit.neighbours(waiting).tolist(), strict=True))
    done: set[int] = set()
    rows: dict[int, list[int]] = {}
    while waiting:
        label = waiting.pop()
        if label in done:
            continue
        done.add(label)
        old = kept[label] if label in kept else unit.neighbours([label])[0].tolist()
        new = around[label] if label in around else _read(view, label)
        if new != old:
            rows[label] = new
            waiting += (set(old) ^ set(new)) - done - {0}
    unit.put_neighbours(rows)


def _read(view: RecordView, label: int) -> list[int]:
    record = view.get(label)
    before, after = view.sides(record) if record else ((), ())
    return _row(list(islice(before, AROUND)), list(islice(after, AROUND)))


def _read_together(view: RecordView, changed: list[Record]) -> dict[int, list[int]]:
    """Return the neighbours of each; records near each other are read in one go."""
    around: dict[int, list[int]] = {}
    wanted = {record.label for record in changed}
    for record in sorted(changed, key=lambda r: (r.host, r.session, r.order, r.label)):
        if record.label in around:
            continue
        before, after = view.sides(record)
        turns = [*islice(before, AROUND)][::-1]
        first = last = len(turns)
        turns.append(record.label)
        for label in after:
            turns.append(label)
            if label in wanted:
                last = len(turns) - 1
            elif len(turns) - 1 - last == AROUND:
                break
        for at in range(first, last + 1):
            if turns[at] in wanted:
                before_it = turns[max(0, at - AROUND) : at][::-1]
                around[turns[at]] = _row(before_it, turns[at + 1 : at + 1 + AROUND])
    return around


def _row(before: list[int], after: list[int]) -> list[int]:
    """Return a row of `GraphView.neighbours`."""
    return [other for side in (before, after) for other in (*side, *[0] * (AROUND - len(side)))]
