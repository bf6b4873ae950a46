"""The log of a transaction's changes, and what is noted at its end of all of them together."""

from collections.abc import Iterable

from msgspec import structs

from iai.model.clock import Now
from iai.model.record import LastChange, LogEntry, Operation, Record, Watermark
from iai.store.codec import encode_u64, pack
from iai.store.environment import Environment
from iai.store.record_view import RecordView
from iai.store.seal import Transaction

_EMPTY = b""


class ChangeLog(RecordView):
    """Gives each change a revision, and notes which projects and sessions it was made in.

    The watermark and what stages ask of projects and sessions are written once, by `finish`; until
    then `changed` and `touched_projects` know better than the databases.
    """

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        super().__init__(environment, transaction)
        self._now = now.wall
        self._live = live
        self._mark = self.watermark()
        self._before = self._mark.revision
        self._scrub = False
        self._inserted: set[int] = set()  # new records: each stage sees them as they are at the end
        self._sessions: dict[bytes, int] = {}  # session -> revision of its last change
        self.touched_projects: dict[str, LastChange] = {}  # what this transaction changed, by id

    def changed(self, project: str) -> int:
        """See `RecordView.changed`."""
        touched = self.touched_projects.get(project)
        return touched.revision if touched is not None else super().changed(project)

    def demand_scrub(self) -> None:
        """Have all files scrubbed of what was deleted, by this change and by those before it.

        Every stage does so once it has applied this change: see `RecordView.erased`.
        """
        self._scrub = True

    def finish(self) -> Watermark:
        """Write what depends on all changes of the transaction. `Records.commit` calls it last."""
        for project, last_change in self.touched_projects.items():
            self._put(project.encode(), pack(last_change), "voices")
            self._put(project.encode(), encode_u64(last_change.revision), "changed")
        for session, revision in self._sessions.items():
            self._put(session, encode_u64(revision), "session_changed")
        mark = structs.replace(
            self._mark,
            max_created_at=self._latest("by_created"),
            max_updated_at=self._latest("by_updated"),
        )
        self._put(b"watermark", pack(mark), "meta")
        if self._scrub and mark.revision:
            first = min(self._before + 1, mark.revision)
            self._put(encode_u64(mark.revision), encode_u64(first), "erased")
        return mark

    def _advance(
        self, operation: Operation, record: Record, *, count: int = 0, label: int = 0
    ) -> None:
        """Log a change of a record. `count` is how many there are more, `label` a new one's."""
        if operation == "insert":
            self._inserted.add(record.label)
        mark = self._mark
        self._mark = structs.replace(
            mark,
            records_count=mark.records_count + count,
            max_vec_label=max(mark.max_vec_label, label),
        )
        ours = operation == "insert" and record.in_session and not record.machine
        session = record.session if ours else ""
        self._log(operation, record.label, {record.project}, session)
        if record.in_session:
            self._touch(record.session_key)

    def _log(
        self, operation: Operation, label: int, projects: Iterable[str], session: str = ""
    ) -> None:
        """Log a change. `session` is that of a new turn; any other change counts as foreign."""
        self._mark = structs.replace(self._mark, revision=self._mark.revision + 1)
        revision = encode_u64(self._mark.revision)
        self._put(revision, pack(LogEntry(operation, label, self._now)), "log")
        for project in projects:
            last = self.touched_projects.get(project) or self.last_change(project)
            self.touched_projects[project] = last.then(self._mark.revision, session)
        if self._live:
            self._put(revision, _EMPTY, "live")

    def _touch(self, session: bytes) -> None:
        """Note that the last change so far was made in a session."""
        self._sessions[session] = self._mark.revision

    def _put(self, key: bytes, value: bytes, database: str) -> None:
        self._t.put(key, value, db=self._db[database])
