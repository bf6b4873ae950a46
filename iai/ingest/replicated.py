"""What other machines of the team said, taken from the inbox to the records.

A batch is applied in one transaction, with the mark up to where the stream is applied: so nothing
of it is lost, and repeating it is harmless. What cannot be applied is left out and reported.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from iai.errors import BadChange
from iai.ingest import redact
from iai.ingest.redact import Redact
from iai.model import change as changes
from iai.model.change import AmendChange, Change, ForgetChange, Named
from iai.model.record import Record
from iai.store.inbox import Batch, Mark
from iai.store.record_view import RecordView
from iai.store.replica_change import ReplicaChange

Fault = tuple[int, str, str]  # sequence, machine, and what is wrong
Arrived = tuple[int, str, Change]  # sequence, machine, and what it said


class Read(NamedTuple):
    """Some entries of the inbox, decoded."""

    arrived: list[Arrived]
    faults: list[Fault]


def read(batch: Batch, redact_text: Redact) -> Read:
    """Decode entries of the inbox, and redact what they say.

    Raises RulesLoading.
    """
    found: list[Arrived] = []
    faults: list[Fault] = []
    for sequence, machine, data in batch:
        try:
            found.append((sequence, machine, redact.change(changes.decode(data), redact_text)))
        except BadChange as error:
            faults.append((sequence, machine, str(error)))
    return Read(found, faults)


def apply(unit: ReplicaChange, arrived: Sequence[Arrived], mark: Mark) -> None:
    """Put changes into the records, and note up to where that is."""
    for _, machine, change in arrived:
        unit.take(machine, change)
    unit.note_mark(mark)


def forgets(arrived: Iterable[Arrived]) -> bool:
    """Is there anything in it that deletes, or replaces, what was said?"""
    return any(
        isinstance(change, ForgetChange) or (isinstance(change, AmendChange) and change.text)
        for _, _, change in arrived
    )


def to_forget(arrived: Iterable[Arrived], view: RecordView) -> Iterator[Record]:
    """Yield the records that are to be forgotten."""
    for _, _, change in arrived:
        for named in change.records if isinstance(change, ForgetChange) else ():
            record = _record(named, view)
            if record is not None and record.project == view.belongs(change.project):
                yield record


def _record(named: Named, view: RecordView) -> Record | None:
    label = view.look_up(named).label
    return view.get(label) if label else None
