"""New records, and those that are read again; a copy of what is stored is not stored again."""

from msgspec import structs

from iai.model.change import Named
from iai.model.exchange import NARRATION, is_answer, same_exchange
from iai.model.record import CLIENT, NewRecord, Record, key_digest
from iai.store.amendments import AmendmentChange, Identity
from iai.store.change_log import ChangeLog
from iai.store.open_requests import OpenRequests
from iai.store.record_filing import RecordFiling
from iai.store.record_view import RecordView
from iai.store.user_edits import UserEdits

_HEARD = 8  # turns with the same words that wait for their copies in the transcript


class Insertion:
    """Inserts records."""

    def __init__(
        self,
        view: RecordView,
        log: ChangeLog,
        filing: RecordFiling,
        amendments: AmendmentChange,
        edits: UserEdits,
        open_requests: OpenRequests,
    ) -> None:
        self._view = view
        self._log = log
        self._filing = filing
        self._amendments = amendments
        self._edits = edits
        self._open_requests = open_requests
        self._in_team = view.in_team()

    def insert(self, new: NewRecord) -> tuple[int, bool]:
        """Store a text; return its label, and whether it is new.

        A text whose key was seen before is not stored again, even if it was forgotten (its label
        may be 0 then); nor is another copy of a turn. A record goes into the project that its own
        one is merged into.
        """
        label = self._known(new)
        if label is not None:
            return label, False
        record = self._as_kept(new)
        last = record.in_session and record.kind != NARRATION and self._filing.is_last(record)
        if is_answer(record) and record.host != CLIENT:
            if not last and self._is_followed(record):
                record = structs.replace(record, kind=NARRATION)
            else:
                self._supersede(record)
        label = self._add(new, record)
        if last and not self._in_team:  # else it may have got what others had written of it
            self._filing.ended_with(record)
        return label, True

    def insert_again(self, new: NewRecord) -> tuple[int, bool]:
        """Store a text that is read again, in the order of its file, or bring it up to date.

        A known record keeps its number and its place, and takes the kind and the text that the
        same line gives now; not the text where the record was changed since it was stored. Only
        what comes earlier in the file makes it an answer or narration: what comes later is known,
        but perhaps not yet what is between.
        """
        label = self._known(new)
        if label is None:
            record = self._as_kept(new)
            self._add(new, record)
        elif (known := self._view.get(label)) is None or known.machine:
            return label, False
        else:
            record = self._as_read_now(known, new)
        if is_answer(record):
            self._supersede(record)
        return record.label, label is None

    def _known(self, new: NewRecord) -> int | None:
        """Return the label that a text has already, under its key or as a copy of a turn."""
        label = self._view.known(new.key)
        if label is None and (label := self._view.copy_of(new)) is not None:
            self._know_by(new, label)
            if not new.heard:
                self._filing.hear(new, self._view.heard(new)[1:])
                self._confirm(label, new)
        elif label is None and self._in_team:
            found = self._view.look_up(Named((new.id,)))  # of a machine that did not know the key
            if found.label or found.forgotten:
                label = found.label
                self._know_by(new, label)
        if label is None and (label := self._view.in_another_session(new)) is not None:
            self._know_by(new, label)
        return label

    def _know_by(self, new: NewRecord, label: int) -> None:
        """Note that a record is known by the key of another copy, too."""
        key = key_digest(new.key)
        self._filing.know(key, label)
        if label:
            known = self._view.identity(label)
            self._amendments.identify(label, structs.replace(known, keys=known.keys + key))

    def _as_kept(self, new: NewRecord) -> Record:
        label = self._log.mark.max_vec_label + 1
        record = new.kept(label, self._log.now, self._filing.order(new.created_at))
        return self._filing.in_home(self._filing.place(record))

    def _add(self, new: NewRecord, record: Record) -> int:
        key = key_digest(new.key)
        self._filing.know(key, record.label)
        if new.heard:
            self._filing.hear(new, [*self._view.heard(new), record.label][-_HEARD:])
        identity = Identity(key)
        if self._in_team:
            record, identity = self._edits.with_waiting(record, identity)
            self._amendments.identify(record.label, identity)
        else:
            self._amendments.keep_identity(record.label, identity)
        self.put(record)
        return record.label

    def put(self, record: Record) -> None:
        """Put in a new record that has its label, its order and its project already."""
        self._open_requests.clear()
        self._filing.add(record)
        self._log.note("insert", record)

    def _confirm(self, label: int, new: NewRecord) -> None:
        """Give an event's turn the time and source that the transcript has for it."""
        record = self._view.get(label)
        if record is None:  # forgotten
            return
        kind = new.kind or record.kind
        order = self._filing.order(new.created_at)
        confirmed = structs.replace(
            record,
            created_at=new.created_at,
            order=order,
            updated_at=self._log.now,
            source=new.source,
            kind=kind,
        )
        confirmed = self._filing.place(confirmed)
        self._filing.move(record, confirmed)
        self._log.append("narrate", label, {record.project}, record.session)
        self._log.touch(record.session_key)

    def _as_read_now(self, known: Record, new: NewRecord) -> Record:
        """Give a record the text and kind that its line has by today's reading; return it."""
        by_hand = "text" in self._view.amended(known.id).stamps
        untouched = known.updated_at == known.ingested_at and not by_hand
        text = new.text if untouched else known.text
        # What was narration stays so: a text that is the last one of its file may not be the last.
        kind = known.kind if known.kind == NARRATION and not new.kind else new.kind
        record = structs.replace(known, kind=kind, **self._filing.texts(known, text))
        if record != known:
            self._filing.replace(known, record)
        if text != known.text:
            self._log.note("edit", record)
        elif kind != known.kind:
            self._log.note("narrate", record)
        return record

    def _is_followed(self, record: Record) -> bool:
        """Does a later text of the same exchange answer it?"""
        for label in self._view.sides(record)[1]:
            later = self._view.get(label)
            if later is None or not same_exchange(record, later):
                return False
            if is_answer(later):
                return True
        return False

    def _supersede(self, record: Record) -> None:
        """Make what the assistant said before an answer, in the same exchange, narration."""
        for earlier in self._filing.turns_before(record):
            if earlier is None or not same_exchange(record, earlier):
                break
            if is_answer(earlier):
                self._filing.replace(earlier, structs.replace(earlier, kind=NARRATION))
                if earlier.label not in self._log.inserted:  # else stages see it as it is now
                    self._log.append("narrate", earlier.label, {earlier.project}, earlier.session)
                    self._log.touch(earlier.session_key)
                break
