"""The databases of the records, their keys, and how to walk through them."""

from collections.abc import Iterator

from iai.model.exchange import is_aside
from iai.model.record import Record
from iai.store import actions, amendments, rereading
from iai.store.codec import decode_u64, encode_time, encode_u64
from iai.store.database import Database
from iai.store.transaction import Transaction

DATABASES = (
    "log",  # revision -> LogEntry
    "live",  # revisions of what was said just now, as opposed to an import
    "records",  # label -> Record
    "by_id",  # ULID -> label
    "by_key",  # hash of the idempotency key -> label; stays when the record is forgotten
    "by_session",  # session, order, label
    "by_project",  # project, order, label; and `AWAY`, project, the one it is in instead, label
    "by_created",  # created_at, label
    "by_updated",  # updated_at, label
    "pinned",  # project, label
    "facts",  # project, order, label of what was noted outside a conversation
    "sessions",  # project, session -> order of its latest turn there
    "by_activity",  # project, that order, session
    "projects",  # project -> Project
    "changed",  # project -> revision of the last change of any of its records
    "voices",  # project -> LastChange
    "transcripts",  # hash of the path -> Transcript
    "session_changed",  # session -> revision of the last change of anything in it
    "erased",  # last revision of a change after which files have to be scrubbed -> its first one
    "narration",  # session, order, label of texts that are not its answer, or were taken back
    "members",  # machine -> Member
    *actions.DATABASES,
    *amendments.DATABASES,
    *rereading.DATABASES,
)
AWAY = b"~"  # prefix of the keys of records that a merge moved away; no project starts with it


def keys_of(record: Record) -> list[tuple[str, bytes]]:
    """Return the keys of a record without a value, each with its database."""
    label = encode_u64(record.label)
    said = encode_time(record.order) + label
    keys = [
        ("by_project", record.project.encode() + said),
        ("by_created", encode_time(record.created_at) + label),
        ("by_updated", encode_time(record.updated_at) + label),
    ]
    if record.in_session:
        database = "narration" if is_aside(record) else "by_session"
        keys.append((database, record.session_key + said))
    if record.is_fact:
        keys.append(("facts", record.project.encode() + said))
    if record.origin:
        away = AWAY + record.origin.encode() + record.project.encode() + label
        keys.append(("by_project", away))
    if record.is_pinned:
        keys.append(("pinned", record.project.encode() + label))
    return keys


def walk(
    transaction: Transaction,
    database: Database,
    prefix: bytes,
    key: bytes,
    *,
    backwards: bool = False,
    until: bytes | None = None,
) -> Iterator[int]:
    """Yield the labels of the keys with this prefix that come after `key` and before `until`."""
    if backwards:
        found = transaction.entries_back(database, key)
    else:
        found = transaction.entries(database, key, until)
    for there, _ in found:
        if not there.startswith(prefix):
            return
        if there != key:
            yield decode_u64(there[-8:])
