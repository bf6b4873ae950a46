"""What users write on a record by hand: a pin, marks, a new text; here and on other machines.

Several machines may write on one record, and before it is there: see `iai.model.amended`.
"""

from collections.abc import Mapping

from msgspec import structs

from iai.model.amended import NOTHING, Field, Value
from iai.model.record import Mark, Record
from iai.store.amendments import Identity
from iai.store.team_notes import TeamNotes

_BY_HAND: tuple[Mark, ...] = ("done", "dismissed")


class UserEdits(TeamNotes):
    """Edits records in a transaction of the writer, and notes it for the others of a team."""

    def pin(self, record: Record, *, pinned: bool) -> None:
        """Pin a record, so that every session of its project starts with it, or unpin it."""
        if record.pinned != pinned:
            self._replace(record, structs.replace(record, pinned=pinned, updated_at=self._now))
            self._write_by_hand(record, "pinned")
            self._advance("pin" if pinned else "unpin", record)

    def edit(self, record: Record, text: str) -> None:
        """Replace the text of a record."""
        if record.text != text:
            edited = structs.replace(record, updated_at=self._now, **self._texts(record, text))
            self._replace(record, edited)
            self._write_by_hand(record, "text")
            self._advance("edit", record)

    def mark(self, record: Record, mark: Mark, *, on: bool = True) -> None:
        """Mark a record, or not: it is done, not to be shown at a start again, or taken back."""
        if (mark in record.marks) != on:
            others = tuple(other for other in record.marks if other != mark)
            marks = (*others, mark) if on else others
            marked = structs.replace(record, marks=marks, updated_at=self._now)
            self._replace(record, marked)
            if mark != "rewound":
                self._write_by_hand(record, mark)
            elif on:
                self._activity.set_back(record)
            self._advance("mark", record)

    def with_waiting(
        self, record: Record, identity: Identity, own: str = ""
    ) -> tuple[Record, Identity]:
        """Return a record with what others wrote of it before it came, and by what they know it.

        `own` is the id of this machine, by which ties are broken.
        """
        known = self.amended(record.id)
        if known.named is not None:
            known = NOTHING
        waiting = [self.amended(i) for i in (record.id, *identity.ids)]
        found = [(one, one.named) for one in waiting if one.named is not None]
        for one, named in found:
            if self.belongs(one.project) == record.project:  # else nobody there could know of it
                record = self._rewritten(record, known.news(one, own))
                known = known.joined(one, own)
                identity = identity.also(record.id, named)
            for record_id in named.ids:
                self.note_amended(record_id, NOTHING)
        if found:
            self.note_amended(record.id, known.settled())
        return record, identity

    def _rewritten(self, record: Record, values: Mapping[str, Value]) -> Record:
        """Return a record with what was written by hand."""
        marks = tuple(mark for mark in record.marks if values.get(mark, True))
        marks += tuple(mark for mark in _BY_HAND if values.get(mark) is True and mark not in marks)
        text = values.get("text", record.text)
        fields = self._texts(record, text) if isinstance(text, str) and text != record.text else {}
        pinned = bool(values.get("pinned", record.pinned))
        return structs.replace(record, marks=marks, pinned=pinned, **fields)

    def _write_by_hand(self, record: Record, field: Field) -> None:
        """Note that something of a record was written on this machine, to be told to others."""
        self.note_amended(record.id, self.amended(record.id).written(field, self._now))
        self._note(record.project).labels[record.label] = None
