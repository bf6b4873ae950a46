"""Files records: under their keys, at their time, in the project that they belong to."""

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import structs

from iai.model import duplicate_turns
from iai.model.exchange import NARRATION
from iai.model.record import JUST_NOW, NewRecord, Record, digest, order_of, redactions_in
from iai.store.change_log import ChangeLog
from iai.store.codec import encode_time, encode_u64, pack
from iai.store.environment import Environment, Tables
from iai.store.record_keys import keys_of
from iai.store.record_view import AHEAD, LATEST_LIVE, REDACTED, RecordView
from iai.store.session_activity import SessionActivity
from iai.store.transaction import Transaction

_EMPTY = b""


class RecordFiling(Tables):
    """Keeps the keys of records in step with them. It logs nothing."""

    def __init__(
        self, environment: Environment, transaction: Transaction, view: RecordView, log: ChangeLog
    ) -> None:
        super().__init__(environment, transaction)
        self.activity = SessionActivity(environment, transaction)
        self.newly_redacted: Counter[str] = Counter()  # marks in what was put in, by kind
        self._view = view
        self._log = log
        self._homes: dict[str, str] = {}  # project -> what it belongs to
        self._latest_orders: dict[bytes, int] = {}  # by session: none is later
        self._last_turns: dict[bytes, Record] = {}  # by session: see `ended_with`
        self._taken: dict[tuple[bytes, int], int] = {}  # by session and time: see `place`
        self._latest_live = view.latest_live()
        self._ahead = view.ahead(log.now)

    def finish(self) -> None:
        """Write what depends on all records of the transaction."""
        self.activity.finish()
        if self.newly_redacted:
            redacted = Counter(self._view.redacted()) + self.newly_redacted
            self._put(REDACTED, pack(dict(redacted)), "meta")
        self._put(LATEST_LIVE, encode_time(self._latest_live), "meta")
        self._put(AHEAD, encode_time(self._ahead), "meta")

    def place(self, record: Record) -> Record:
        """Return a turn with an order that no other one of its session has.

        Of several that were said at one time, each comes a nanosecond after the one before: so
        their order is the same on all machines, in whichever order they hear of them. Those that
        were passed over are remembered: a transcript may be without times.
        """
        if not record.in_session or record.order > self._latest_order(record.session_key):
            return record
        session, order = record.session_key, record.order
        is_new = record.label > self._log.mark.max_vec_label
        if is_new:  # it has no place of its own among those that are known to be taken
            order = self._taken.get((session, record.order), order)
        while self._view.is_taken(session, order, besides=record.label):
            order += 1
        if is_new:
            self._taken[session, record.order] = order
        return structs.replace(record, order=order) if order != record.order else record

    def _latest_order(self, session: bytes) -> int:
        """See `SessionView.latest_order`, which is asked once; most turns come in order."""
        if session not in self._latest_orders:
            self._latest_orders[session] = self._view.latest_order(session)
        return self._latest_orders[session]

    def order(self, created_at: int) -> int:
        """Return the order of what was said at a time: see `order_of`."""
        now, live = self._log.now, self._log.is_live
        order = order_of(created_at, now, self._ahead if live else 0)
        if live and now - created_at < JUST_NOW:
            self._latest_live = max(self._latest_live, order)
        return order

    def home_of(self, project: str) -> str:
        """See `RecordView.belongs`, which this remembers until `forget_homes`."""
        if project not in self._homes:
            self._homes[project] = self._view.belongs(project)
        return self._homes[project]

    def forget_homes(self) -> None:
        """Note that projects have changed."""
        self._homes.clear()

    def in_home(self, record: Record) -> Record:
        """Return a record filed under the project that its own project is merged into."""
        own = record.origin or record.project
        home = self.home_of(own)
        if home == record.project:
            return record
        return structs.replace(record, project=home, origin="" if home == own else own)

    def texts(self, known: Record, text: str) -> Mapping[str, object]:
        """Return the fields of a record that its new text decides, and count what it redacts."""
        redactions = redactions_in(text)
        self.newly_redacted.update(Counter(redactions) - Counter(known.redactions))
        return {"text": text, "redactions": redactions}

    def add(self, record: Record) -> None:
        """File a new record."""
        if record.redactions:
            self.newly_redacted.update(record.redactions)
        self._put_keys(record)
        self._put(encode_u64(record.label), pack(record), "records")
        self.activity.advance(record)

    def replace(self, old: Record, new: Record) -> None:
        """Put a record in the place of what it was."""
        self._delete_keys(old)
        self._put_keys(new)
        self._put(encode_u64(new.label), pack(new), "records")

    def move(self, old: Record, new: Record) -> None:
        """Do that where its project or its order in the session is another one now."""
        self.replace(old, new)
        if old.in_session:
            self.activity.set_back(old)
            self.activity.advance(new)

    def delete(self, record: Record, aliases: tuple[str, ...]) -> None:
        """Delete a record; `aliases` are ids that other machines gave it."""
        self._delete_keys(record)
        for alias in aliases:
            self._t.delete(alias.encode(), db=self._db["by_id"])
        self._t.delete(encode_u64(record.label), db=self._db["records"])

    def ended_with(self, turn: Record) -> None:
        """Note that a turn that was put in is the last one of its session.

        Then the next one need not be looked for what is around it: twice for each answer, from the
        root of the tree, that was a twentieth of an import.
        """
        self._last_turns[turn.session_key] = turn

    def is_last(self, new: Record) -> bool:
        """Is there no turn after a new one in its session?"""
        last = self._last_turns.get(new.session_key)
        if last is None:
            return next(self._view.sides(new)[1], None) is None
        return (last.order, last.label) < (new.order, new.label)

    def turns_before(self, turn: Record) -> Iterator[Record | None]:
        """Yield the turns before one in its session, the nearest first; None for a damaged one."""
        last = self._last_turns.get(turn.session_key)
        if last is not None and (last.order, last.label) < (turn.order, turn.label):
            yield last
            turn = last
        yield from map(self._view.get, self._view.sides(turn)[0])

    def know(self, key: bytes, label: int) -> None:
        """Have a text never be stored again: `key` is the hash of its idempotency key."""
        self._put(key, encode_u64(label), "by_key")

    def hear(self, turn: NewRecord, labels: list[int]) -> None:
        """Remember which turns with these words only events have had so far."""
        key = digest(duplicate_turns.key(turn))
        if labels:
            self._put(key, b"".join(map(encode_u64, labels)), "by_key")
        else:
            self._t.delete(key, db=self._db["by_key"])

    def _put_keys(self, record: Record) -> None:
        if record.in_session:
            latest = max(record.order, self._latest_order(record.session_key))
            self._latest_orders[record.session_key] = latest
        if record.kind != NARRATION:
            self._last_turns.pop(record.session_key, None)
        for database, key in keys_of(record):
            self._put(key, _EMPTY, database)
        self._put(record.id.encode(), encode_u64(record.label), "by_id")

    def _delete_keys(self, record: Record) -> None:
        self._taken.clear()
        self._last_turns.pop(record.session_key, None)
        for database, key in keys_of(record):
            self._t.delete(key, db=self._db[database])
        self._t.delete(record.id.encode(), db=self._db["by_id"])

    def _put(self, key: bytes, value: bytes, database: str) -> None:
        self._t.put(key, value, db=self._db[database])
