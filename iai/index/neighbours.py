"""The neighbours of each turn: those said just before and after it in its session.

They follow from the records alone, so any order of changes leads to the same neighbours.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from iai.model.exchange import is_aside
from iai.model.record import Record
from iai.store.graph import GraphChange
from iai.store.record_view import RecordView
from iai.store.turn_blocks import AROUND, Labels

# Where a row of `TurnView.neighbours` is, counted from `AROUND` turns before: the nearest first.
_ROW = np.array([*range(AROUND - 1, -1, -1), *range(AROUND + 1, 2 * AROUND + 1)])


class Run(NamedTuple):
    """Turns that follow one another in a session, by label."""

    before: list[int]  # the last `AROUND`, or as many as there are
    turns: list[int]  # from the first wanted one to `AROUND` after the last


def session_runs(view: RecordView, wanted: Mapping[int, Record | None]) -> list[Run]:
    """Return the turns around these records; those near each other are read in one go."""
    said = (record for record in wanted.values() if record is not None and record.in_session)
    runs: list[Run] = []
    done: set[int] = set()
    for record in sorted(said, key=lambda r: (r.host, r.session, r.order, r.label)):
        if record.label not in done:
            before, after = view.sides(record)
            turns = [record.label, *_run(after, wanted)]
            runs.append(Run([*islice(before, AROUND)][::-1], turns))
            done.update(turns)
    return runs


def update_neighbours(
    view: RecordView, changed: Mapping[int, Record | None], runs: Iterable[Run], unit: GraphChange
) -> None:
    """Update the neighbours of these changed records, and of all that gain or lose one by it.

    `runs` are theirs. Neighbours are mutual, so a record that is gone still names all that have to
    be updated.
    """
    labels = [*changed]
    old = unit.neighbours(labels)
    new = _rows(runs, labels)
    # Narration is no neighbour of others, but has the turns around.
    aside = np.array([changed[label] is None for label in labels], np.bool_)
    new[aside] = _read(view, [label for label in labels if changed[label] is None])
    differ = (new != old).any(axis=1)
    unit.put_neighbours([labels[at] for at in np.flatnonzero(differ)], new[differ])
    # Also where its own row stays the same: those around it may not name it yet, or still do.
    waiting = {*old.ravel().tolist(), *new.ravel().tolist()} - changed.keys() - {0}
    done = {*changed, 0}
    while waiting:
        labels = sorted(waiting)
        done |= waiting
        was, now = unit.neighbours(labels), _read(view, labels)
        differ = (was != now).any(axis=1)
        unit.put_neighbours([labels[at] for at in np.flatnonzero(differ)], now[differ])
        # One that is not indexed yet follows with its own change: through it, the first slice of a
        # rebuild would go on to the end of the session. But what its row no longer names is not
        # found then.
        indexed = unit.term_vectors(labels)
        onward = differ & [label in indexed for label in labels]
        waiting = {*was[onward].ravel().tolist(), *now[onward].ravel().tolist()}
        for before, after in zip(was[~onward].tolist(), now[~onward].tolist(), strict=True):
            waiting |= set(before) - set(after)
        waiting -= done


def _read(view: RecordView, labels: Sequence[int]) -> Labels:
    """Return the neighbours of these records as they are now.

    Of what is narration or was taken back, each is read alone: in a run, the turns after it would
    take it for one of them.
    """
    aside: list[tuple[int, Record]] = []
    turns: dict[int, Record | None] = {}
    for at, (label, record) in enumerate(view.get_each(labels).items()):
        if record is not None and is_aside(record):
            aside.append((at, record))
        else:
            turns[label] = record
    rows = _rows(session_runs(view, turns), labels)
    for at, record in aside:
        rows[at] = _rows(session_runs(view, {record.label: record}), [record.label])[0]
    return rows


def _rows(runs: Iterable[Run], labels: Sequence[int]) -> Labels:
    """Return the neighbours of each of these records, by the runs that it is in."""
    place = {label: at for at, label in enumerate(labels)}
    rows: Labels = np.zeros((len(place), 2 * AROUND), np.int64)
    for before, turns in runs:
        run = np.array([*[0] * (AROUND - len(before)), *before, *turns, *[0] * AROUND])
        ours = [at for at, turn in enumerate(turns) if turn in place]
        rows[[place[turns[at]] for at in ours]] = run[np.array(ours)[:, np.newaxis] + _ROW]
    return rows


def _run(after: Iterable[int], wanted: Container[int]) -> Iterator[int]:
    """Yield turns up to `AROUND` after the last wanted one."""
    left = AROUND
    for turn in after:
        yield turn
        left = AROUND if turn in wanted else left - 1
        if not left:
            return
