"""What users write on a record by hand: a pin, marks, a new text; here and on other machines.

Several machines may write on one record, and before it is there: see `iai.model.amended`.
"""

from collections.abc import Mapping

from msgspec import structs

from iai.model.amended import NOTHING, Field, Value
from iai.model.record import MarkByHand, Record
from iai.store.amendments import AmendmentChange, Identity
from iai.store.change_log import ChangeLog
from iai.store.record_filing import RecordFiling
from iai.store.record_view import RecordView
from iai.store.team_notes import TeamNotes

_BY_HAND: tuple[MarkByHand, ...] = ("done", "dismissed")


class UserEdits:
    """Edits records, and notes it for the others of a team."""

    def __init__(
        self,
        view: RecordView,
        log: ChangeLog,
        filing: RecordFiling,
        amendments: AmendmentChange,
        notes: TeamNotes,
    ) -> None:
        self._view = view
        self._log = log
        self._filing = filing
        self._amendments = amendments
        self._notes = notes

    def pin(self, record: Record, *, pinned: bool, mine: bool = False) -> None:
        """Pin a record, so that every session of its project starts with it, or unpin it.

        A pin that is `mine` is for the sessions of this user alone, whether or not the project has
        one as well. Without that, unpinning takes both off.
        """
        if record.mine == "note" or not mine:
            of_mine = record.mine if pinned or record.mine == "note" else ""
            changed = structs.replace(record, pinned=pinned, mine=of_mine)
        else:
            changed = structs.replace(record, mine="pin" if pinned else "")
        if changed != record:
            self._filing.replace(record, structs.replace(changed, updated_at=self._log.now))
            if changed.pinned != record.pinned:
                self._write_by_hand(record, "pinned")
            if changed.mine != record.mine:
                self._write_by_hand(record, "mine")
            self._log.note("pin" if pinned else "unpin", record)

    def stamp_pins(self) -> None:
        """Note when unstamped pins were made, so that one's other machines hear of them."""
        for record in list(self._view.unstamped_pins()):
            stamped = self._view.amended(record.id).written("mine", record.updated_at)
            self._amendments.note_amended(record.id, stamped)
            self._notes.written(record)

    def set_text(self, record: Record, text: str) -> None:
        """Replace the text of a record."""
        if record.text != text:
            texts = self._filing.texts(record, text)
            edited = structs.replace(record, updated_at=self._log.now, **texts)
            self._filing.replace(record, edited)
            self._write_by_hand(record, "text")
            self._log.note("edit", record)

    def mark(self, record: Record, mark: MarkByHand, *, on: bool = True) -> None:
        """Mark a record, or not: it is done, or not to be shown at a start again."""
        if (mark in record.marks) != on:
            others = tuple(other for other in record.marks if other != mark)
            marks = (*others, mark) if on else others
            marked = structs.replace(record, marks=marks, updated_at=self._log.now)
            self._filing.replace(record, marked)
            self._write_by_hand(record, mark)
            self._log.note("mark", record)

    def with_waiting(
        self, record: Record, identity: Identity, own: str = ""
    ) -> tuple[Record, Identity]:
        """Return a record with what others wrote of it before it came, and by what they know it.

        `own` is the id of this machine, by which ties are broken.
        """
        known = self._view.amended(record.id)
        if known.named is not None:
            known = NOTHING
        waiting = [self._view.amended(i) for i in (record.id, *identity.ids)]
        found = [(one, one.named) for one in waiting if one.named is not None]
        for one, named in found:
            if self._view.belongs(one.project) == record.project:  # else nobody there could know it
                record = self.rewritten(record, known.news(one, own))
                known = known.joined(one, own)
                identity = identity.also(record.id, named)
            for record_id in named.ids:
                self._amendments.note_amended(record_id, NOTHING)
        if found:
            self._amendments.note_amended(record.id, known.settled())
        return record, identity

    def rewritten(self, record: Record, values: Mapping[str, Value]) -> Record:
        """Return a record with what was written by hand."""
        marks = tuple(mark for mark in record.marks if values.get(mark, True))
        marks += tuple(mark for mark in _BY_HAND if values.get(mark) is True and mark not in marks)
        text = values.get("text", record.text)
        edited = isinstance(text, str) and text != record.text
        fields = self._filing.texts(record, str(text)) if edited else {}
        pinned = bool(values.get("pinned", record.pinned))
        mine = record.mine
        if "mine" in values and mine != "note":
            mine = "pin" if values["mine"] else ""
        return structs.replace(record, marks=marks, pinned=pinned, mine=mine, **fields)

    def _write_by_hand(self, record: Record, field: Field) -> None:
        """Note that something of a record was written on this machine, to be told to others."""
        written = self._view.amended(record.id).written(field, self._log.now)
        self._amendments.note_amended(record.id, written)
        self._notes.written(record)
