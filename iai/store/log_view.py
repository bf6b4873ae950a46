"""The log of changes: what changed when, what a stage has yet to apply, and the watermark."""

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import islice, takewhile
from typing import NamedTuple

from iai.model.exchange import is_aside
from iai.model.record import LastChange, LogEntry, Record, Watermark
from iai.model.revisions import Revisions, of
from iai.store.codec import decode_time, decode_u64, encode_u64, unpack
from iai.store.record_lookup import RecordLookup
from iai.store.transaction import BEYOND

_ALTERS = frozenset({"edit", "forget"})
_LIVE = 256  # live changes that go before others: the latest
_TOGETHER = 32  # records read at a time: a long one may be read in vain


class Latest(NamedTuple):
    """Some changes, and what they were made to."""

    taken: Revisions
    # By label. None is one that is not indexed: forgotten, taken back, or narration.
    records: dict[int, Record | None]
    altered: list[int]  # labels of those whose text was edited or forgotten


class LogView(RecordLookup):
    """Reads the log, as of one moment."""

    def watermark(self) -> Watermark:
        """Return the watermark, in constant time: every change keeps it up to date.

        If it is damaged or gone, it is counted again, until the next change writes it.
        """
        data = self._t.intact(b"watermark", db=self._db["meta"])
        if data is not None:
            return unpack(data, Watermark)
        return self._recounted()

    def _recounted(self) -> Watermark:
        log = (unpack(e, LogEntry) for _, e in self._t.entries_back(self._db["log"], BEYOND))
        inserted = (change.label for change in log if change.operation == "insert")
        last = next(self._t.entries_back(self._db["records"], BEYOND), None)
        return Watermark(
            revision=self._t.count(self._db["log"]),
            records_count=self._t.count(self._db["records"]),
            max_vec_label=max(next(inserted, 0), decode_u64(last[0]) if last else 0),
            max_created_at=self._latest("by_created"),
            max_updated_at=self._latest("by_updated"),
        )

    def _latest(self, database: str) -> int:
        last = next(self._t.entries_back(self._db[database], BEYOND), None)
        return decode_time(last[0][:8]) if last else 0

    def entry(self, revision: int) -> LogEntry | None:
        """Return the change that made this revision; None if it is damaged."""
        data = self._t.intact(encode_u64(revision), db=self._db["log"])
        return unpack(data, LogEntry) if data is not None else None

    def changes(self, revisions: Revisions) -> Iterator[tuple[int, LogEntry]]:
        """Yield these changes with their revisions, in order."""
        for first, last in revisions.ranges:
            for key, data in self._t.entries(self._db["log"], encode_u64(first)):
                if (revision := decode_u64(key)) > last:
                    break
                yield revision, unpack(data, LogEntry)

    def touched(self, revisions: Revisions) -> list[int]:
        """Return the labels of the records that these changes were made to, ascending."""
        return sorted({entry.label for _, entry in self.changes(revisions)} - {0})

    def latest(self, batch: Revisions, room: float, cost: Callable[[str], float] = len) -> "Latest":
        """Return the newest of these changes that fit into `room`.

        `cost` is how much room a text takes; by default, its characters.
        """
        changed: dict[int, Record | None] = {}
        altered: list[int] = []
        taken: list[int] = []
        for revision, entry, record in self._newest(batch):
            if room <= 0:
                break
            taken.append(revision)
            if entry.operation in _ALTERS:
                altered.append(entry.label)
            if entry.label and entry.label not in changed:  # without one, it is of a project
                indexed = record is not None and not is_aside(record)
                changed[entry.label] = record if indexed else None
                room -= cost(record.text) if record is not None and indexed else 0
        return Latest(of(taken), changed, altered)

    def _newest(self, batch: Revisions) -> Iterator[tuple[int, LogEntry, Record | None]]:
        """Yield these changes, the newest first, each with its record as it is now."""
        entries = list(self.changes(batch))[::-1]
        for at in range(0, len(entries), _TOGETHER):
            some = entries[at : at + _TOGETHER]
            records = self.get_each({entry.label for _, entry in some})
            for revision, entry in some:
                yield revision, entry, records[entry.label]

    def next_batch(self, pending: Revisions, limit: int) -> Revisions:
        """Return up to `limit` of the pending changes: those that a stage should apply next.

        Live changes go before imports, then the newest first. So the last turn is found at once,
        however long the backlog.
        """
        live = self.live(pending, limit)
        return live if live.ranges else pending.newest(limit)

    def live(self, pending: Revisions, limit: int) -> Revisions:
        """Return up to `limit` of the pending live changes: what was said just now."""
        if not pending.ranges:
            return pending
        first = pending.ranges[0][0]
        latest = islice(self._t.entries_back(self._db["live"], BEYOND), _LIVE)
        ours = takewhile(lambda revision: revision >= first, (decode_u64(key) for key, _ in latest))
        return of(islice((revision for revision in ours if revision in pending), limit))

    def changed(self, project: str) -> int:
        """Return the revision of the last change of any record of a project; 0 if there is none.

        If that is damaged, it is the latest revision of all.
        """
        data = self._t.intact(project.encode(), db=self._db["changed"])
        if data is not None:
            return decode_u64(data)
        damaged = self._t.has(project.encode(), db=self._db["changed"])
        return self.watermark().revision if damaged else 0

    def session_changed(self, session: bytes) -> int:
        """Return the revision of the last change in a session; 0 if that is not known."""
        data = self._t.intact(session, db=self._db["session_changed"])
        return decode_u64(data) if data is not None else 0

    def last_change(self, project: str) -> LastChange:
        """Return who changed a project last; a change of unknown origin counts as foreign."""
        data = self._t.intact(project.encode(), db=self._db["voices"])
        changed = self.changed(project)
        stored = unpack(data, LastChange) if data is not None else LastChange()
        if stored.revision == changed:
            return stored
        return LastChange(last_foreign_revision=changed, revision=changed)

    def erased(self, after: int = 0) -> Revisions:
        """Return the changes that deleted what must be left in no file, but those already scrubbed.

        `after` is the mark of the last scrub (see `Environment.scrub`): a stage that has applied
        all of these changes has to scrub its files, and note the head of them.
        """
        pairs = self._t.entries(self._db["erased"], encode_u64(after + 1))
        found = [Revisions(((decode_u64(first), decode_u64(last)),)) for last, first in pairs]
        return reduce(Revisions.union, found, Revisions())

    def erased_through(self) -> int:
        """Return the revision of the last of these changes; 0 if there was none."""
        last = next(self._t.entries_back(self._db["erased"], BEYOND), None)
        return decode_u64(last[0]) if last else 0
