"""The log of a transaction's changes, and what is noted at its end of all of them together."""

from collections.abc import Iterable

from msgspec import structs

from iai.model.clock import Now
from iai.model.record import LastChange, LogEntry, Operation, Record, Watermark
from iai.store.codec import encode_u64, pack
from iai.store.environment import Environment
from iai.store.log_view import LogView
from iai.store.transaction import Transaction

_EMPTY = b""
_COUNT: dict[Operation, int] = {"insert": 1, "forget": -1}  # by how many records there are more


class ChangeLog(LogView):
    """Gives each change a revision, and notes which projects and sessions it was made in.

    The watermark and what stages ask of projects and sessions are written once, by `finish`; until
    then `mark` and `touched_projects` know better than the databases.
    """

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        """`live`: what is logged was said just now, as opposed to an import. It may change."""
        super().__init__(environment, transaction)
        self.now = now.wall
        self.is_live = live
        self.mark = self.watermark()
        self.before = self.mark.revision
        self.inserted: set[int] = set()  # new records: each stage sees them as they are at the end
        self.sessions: dict[bytes, int] = {}  # session -> revision of its last change
        self.touched_projects: dict[str, LastChange] = {}  # what this transaction changed, by id
        self._scrub = False

    def note(self, operation: Operation, record: Record) -> None:
        """Log a change of a record, in its project and its session."""
        mark = self.mark
        if operation == "insert":
            self.inserted.add(record.label)
        if more := _COUNT.get(operation):
            self.mark = structs.replace(
                mark,
                records_count=mark.records_count + more,
                max_vec_label=max(mark.max_vec_label, record.label),
            )
        ours = operation == "insert" and record.in_session and not record.machine
        self.append(operation, record.label, (record.project,), record.session if ours else "")
        if record.in_session:
            self.touch(record.session_key)

    def append(
        self, operation: Operation, label: int, projects: Iterable[str], session: str = ""
    ) -> None:
        """Log a change. `session` is that of a new turn; any other change counts as foreign."""
        self.mark = structs.replace(self.mark, revision=self.mark.revision + 1)
        revision = encode_u64(self.mark.revision)
        self._put(revision, pack(LogEntry(operation, label, self.now)), "log")
        for project in projects:
            last = self.touched_projects.get(project) or self.last_change(project)
            self.touched_projects[project] = last.then(self.mark.revision, session)
        if self.is_live:
            self._put(revision, _EMPTY, "live")

    def touch(self, session: bytes) -> None:
        """Note that the last change so far was made in a session."""
        self.sessions[session] = self.mark.revision

    def demand_scrub(self) -> None:
        """Have all files scrubbed of what was deleted, by this change and by those before it.

        Every stage does so once it has applied this change: see `RecordView.erased`.
        """
        self._scrub = True

    def settle_scrub(self) -> None:
        """Give a scrub that was demanded a revision of its own.

        The one of the last revision may be over.
        """
        if self._scrub and self.mark.revision == self.erased_through():
            self.append("act", 0, ())

    def finish(self) -> Watermark:
        """Write what depends on all changes of the transaction."""
        for project, last_change in self.touched_projects.items():
            self._put(project.encode(), pack(last_change), "voices")
            self._put(project.encode(), encode_u64(last_change.revision), "changed")
        for session, revision in self.sessions.items():
            self._put(session, encode_u64(revision), "session_changed")
        mark = structs.replace(
            self.mark,
            max_created_at=self._latest("by_created"),
            max_updated_at=self._latest("by_updated"),
        )
        self._put(b"watermark", pack(mark), "meta")
        if self._scrub:
            first = min(self.before + 1, mark.revision)
            self._put(encode_u64(mark.revision), encode_u64(first), "erased")
        return mark

    def _put(self, key: bytes, value: bytes, database: str) -> None:
        self._t.put(key, value, db=self._db[database])
