"""New records, and those that are read again; a copy of what is stored is not stored again."""

from msgspec import structs

from iai.model import copies
from iai.model.change import Named
from iai.model.exchange import NARRATION, is_answer, same_exchange
from iai.model.record import CLIENT, NewRecord, Record, digest, key_digest
from iai.store.amendments import Identity
from iai.store.codec import encode_u64, pack
from iai.store.request_work import RequestWork

_HEARD = 8  # turns with the same words that wait for their copies in the transcript


class Insertion(RequestWork):
    """Inserts records in a transaction of the writer."""

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
        if is_answer(record) and record.host != CLIENT:
            if self._is_followed(record):
                record = structs.replace(record, kind=NARRATION)
            else:
                self._supersede(record)
        return self._add(new, record), True

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
        elif (known := self.get(label)) is None or known.machine:
            return label, False
        else:
            record = self._as_read_now(known, new)
        if is_answer(record):
            self._supersede(record)
        return record.label, label is None

    def _known(self, new: NewRecord) -> int | None:
        """Return the label that a text has already, under its key or as a copy of a turn."""
        label = self.known(new.key)
        if label is None and (label := self.copy_of(new)) is not None:
            self._know_by(new, label)
            if not new.heard:
                self._hear(new, self._heard(new)[1:])
                self._confirm(label, new)
        elif label is None and self._in_team:
            found = self.look_up(Named((new.id,)))  # from a machine that did not know the key
            if found.label or found.forgotten:
                label = found.label
                self._know_by(new, label)
        return label

    def _know_by(self, new: NewRecord, label: int) -> None:
        """Note that a record is known by the key of another copy, too."""
        key = key_digest(new.key)
        self._put(key, encode_u64(label), "by_key")
        if label:
            known = self.identity(label)
            self.identify(label, structs.replace(known, keys=known.keys + key))

    def _as_kept(self, new: NewRecord) -> Record:
        label = self._mark.max_vec_label + 1
        record = new.kept(label, self._now, self._order(new.created_at))
        return self._resolve_project(record)

    def _add(self, new: NewRecord, record: Record) -> int:
        key = key_digest(new.key)
        self._put(key, encode_u64(record.label), "by_key")
        if new.heard:
            self._hear(new, [*self._heard(new), record.label][-_HEARD:])
        identity = Identity(key)
        if self._in_team:
            record, identity = self.with_waiting(record, identity)
            self.identify(record.label, identity)
        else:
            self.keep_identity(record.label, identity)
        self._put_new_record(record)
        return record.label

    def _put_new_record(self, record: Record) -> None:
        label = record.label
        self.newly_redacted.update(record.redactions)
        self._open_requests.clear()
        self._put_keys(record)
        self._put(encode_u64(label), pack(record), "records")
        self._activity.advance(record)
        self._advance("insert", record, count=1, label=label)

    def _hear(self, turn: NewRecord, labels: list[int]) -> None:
        """Remember which turns with these words only events have had so far."""
        key = digest(copies.key(turn))
        if labels:
            self._put(key, b"".join(map(encode_u64, labels)), "by_key")
        else:
            self._t.delete(key, db=self._db["by_key"])

    def _confirm(self, label: int, new: NewRecord) -> None:
        """Give an event's turn the time and source that the transcript has for it."""
        record = self.get(label)
        if record is None:  # forgotten
            return
        kind = new.kind or record.kind
        order = self._order(new.created_at)
        confirmed = structs.replace(
            record,
            created_at=new.created_at,
            order=order,
            updated_at=self._now,
            source=new.source,
            kind=kind,
        )
        self._replace(record, confirmed)
        self._activity.set_back(record)
        self._activity.advance(confirmed)
        self._log("narrate", label, {record.project}, record.session)
        self._touch(record.session_key)

    def _as_read_now(self, known: Record, new: NewRecord) -> Record:
        """Give a record the text and kind that its line has by today's reading; return it."""
        by_hand = "text" in self.amended(known.id).stamps
        untouched = known.updated_at == known.ingested_at and not by_hand
        text = new.text if untouched else known.text
        # What was narration stays so: a text that is the last one of its file may not be the last.
        kind = known.kind if known.kind == NARRATION and not new.kind else new.kind
        record = structs.replace(known, kind=kind, **self._texts(known, text))
        if record != known:
            self._replace(known, record)
        if text != known.text:
            self._advance("edit", record)
        elif kind != known.kind:
            self._advance("narrate", record)
        return record

    def _is_followed(self, record: Record) -> bool:
        """Does a later text of the same exchange answer it?"""
        for label in self.sides(record)[1]:
            later = self.get(label)
            if later is None or not same_exchange(record, later):
                return False
            if is_answer(later):
                return True
        return False

    def _supersede(self, record: Record) -> None:
        """Make what the assistant said before an answer, in the same exchange, narration."""
        for label in self.sides(record)[0]:
            earlier = self.get(label)
            if earlier is None or not same_exchange(record, earlier):
                break
            if is_answer(earlier):
                self._replace(earlier, structs.replace(earlier, kind=NARRATION))
                if label not in self._inserted:  # else each stage sees it as it is now
                    self._log("narrate", label, {earlier.project}, earlier.session)
                    self._touch(earlier.session_key)
                break
