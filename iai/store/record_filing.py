"""Files records: under their keys, at their time, in the project that they belong to."""

from collections import Counter
from collections.abc import Mapping

from msgspec import structs

from iai.model.clock import Now
from iai.model.record import JUST_NOW, Record, Watermark, order_of, redactions_in
from iai.store.change_log import ChangeLog
from iai.store.codec import encode_time, encode_u64, pack
from iai.store.environment import Environment
from iai.store.record_keys import keys_of
from iai.store.record_view import REDACTED
from iai.store.seal import Transaction
from iai.store.session_activity import SessionActivity

_EMPTY = b""


class RecordFiling(ChangeLog):
    """Keeps the keys of records in step with them, in a transaction of the writer."""

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        super().__init__(environment, transaction, now, live=live)
        self._activity = SessionActivity(environment, transaction)
        self._homes: dict[str, str] = {}  # project -> what it belongs to
        self.newly_redacted: Counter[str] = Counter()  # marks in what was put in, by kind
        self._latest_live = self._moment(b"latest_live")
        self._ahead = self.ahead(self._now)

    def finish(self) -> Watermark:
        """See `ChangeLog.finish`."""
        self._activity.finish()
        if self.newly_redacted:
            self._put(REDACTED, pack(dict(Counter(self.redacted()) + self.newly_redacted)), "meta")
        self._put(b"latest_live", encode_time(self._latest_live), "meta")
        self._put(b"ahead", encode_time(self._ahead), "meta")
        return super().finish()

    def _order(self, created_at: int) -> int:
        order = order_of(created_at, self._now, self._ahead if self._live else 0)
        if self._live and self._now - created_at < JUST_NOW:
            self._latest_live = max(self._latest_live, order)
        return order

    def _resolve_project(self, record: Record) -> Record:
        """Return a record filed under the project that its own project is merged into."""
        own = record.origin or record.project
        home = self._home_of(own)
        if home == record.project:
            return record
        return structs.replace(record, project=home, origin="" if home == own else own)

    def _home_of(self, project: str) -> str:
        if project not in self._homes:
            self._homes[project] = self.belongs(project)
        return self._homes[project]

    def _texts(self, known: Record, text: str) -> Mapping[str, object]:
        """Return the fields of a record that its new text decides, and count what it redacts."""
        redactions = redactions_in(text)
        self.newly_redacted.update(Counter(redactions) - Counter(known.redactions))
        return {"text": text, "redactions": redactions}

    def _replace(self, old: Record, new: Record) -> None:
        self._delete_keys(old)
        self._put_keys(new)
        self._put(encode_u64(new.label), pack(new), "records")

    def _put_keys(self, record: Record) -> None:
        for database, key in keys_of(record):
            self._put(key, _EMPTY, database)
        self._put(record.id.encode(), encode_u64(record.label), "by_id")

    def _delete_keys(self, record: Record) -> None:
        for database, key in keys_of(record):
            self._t.delete(key, db=self._db[database])
        self._t.delete(record.id.encode(), db=self._db["by_id"])
