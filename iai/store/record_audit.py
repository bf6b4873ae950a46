"""Does each index of the records say what the records say? Each problem is one line of text."""

from collections import Counter
from collections.abc import Iterator

from iai.model.action import Action
from iai.model.record import DIGEST, Record
from iai.store.actions import index_keys
from iai.store.codec import decode_u64, unpack
from iai.store.record_keys import keys_of
from iai.store.record_view import RecordView

_OF_RECORDS = (
    "by_id", "by_project", "by_created", "by_updated", "by_session", "narration", "facts", "pinned",
)  # fmt: skip
_OF_ACTIONS = ("by_file", "by_commit")


class RecordAudit(RecordView):
    """The records as of one moment. Damaged entries are left to `Environment.problems`."""

    def problems(self) -> Iterator[str]:
        """Read all of it; yield in words where two databases contradict each other."""
        yield from self._records_found()
        yield from self._actions_found()
        yield from self._counted()
        for key, data in self._t.entries(self._db["sessions"]):
            place = key[:-DIGEST] + data + key[-DIGEST:]
            if self._t.intact(place, db=self._db["by_activity"]) is None:
                yield f"a session of project {key[:-DIGEST].decode()} is not in `by_activity`"
        yield from self._extra("by_activity", self._t.count(self._db["sessions"]))

    def _records_found(self) -> Iterator[str]:
        expected: Counter[str] = Counter()
        keyless = set()
        for key, data in self._t.entries(self._db["records"]):
            record, label = unpack(data, Record), decode_u64(key)
            identity = self.identity(label)
            if identity.keys or not record.machine:
                keyless.add(label)
            if record.label != label:
                yield f"record #{label} says that it is #{record.label}"
            ids = (record.id, *identity.ids)
            for database, place in [*(("by_id", i.encode()) for i in ids), *keys_of(record)]:
                expected[database] += 1
                if self._t.intact(place, db=self._db[database]) is None:
                    yield f"record #{label} is not in `{database}`"
        for _, data in self._t.entries(self._db["by_key"]):
            keyless -= {decode_u64(data[at : at + 8]) for at in range(0, len(data), 8)}
        for label in sorted(keyless):
            yield f"record #{label} is not in `by_key`, so it could be stored twice"
        if self._t.count(self._db["records"]) == expected["by_created"]:  # none is damaged
            for database in _OF_RECORDS:
                yield from self._extra(database, expected[database])

    def _actions_found(self) -> Iterator[str]:
        expected: Counter[str] = Counter()
        number = 0
        for key, data in self._t.entries(self._db["actions"]):
            number += 1
            action = unpack(data, Action)
            places = index_keys(key[:DIGEST], action, key[-8:])
            for database, place in () if action.undone else places:
                expected[database] += 1
                if self._t.intact(place, db=self._db[database]) is None:
                    yield f"action {decode_u64(key[-8:])} is not in `{database}`"
        if number == self._t.count(self._db["actions"]):
            for database in _OF_ACTIONS:
                yield from self._extra(database, expected[database])

    def _counted(self) -> Iterator[str]:
        mark = self.watermark()
        records, changes = self._t.count(self._db["records"]), self._t.count(self._db["log"])
        if records != mark.records_count:
            yield f"there are {records} records, and {mark.records_count} by the watermark"
        if changes != mark.revision:
            yield f"there are {changes} changes in the log, and {mark.revision} by the watermark"

    def _extra(self, database: str, expected: int) -> Iterator[str]:
        found = self._t.count(self._db[database])
        if found != expected:
            yield f"`{database}` has {found} entries where {expected} belong"
