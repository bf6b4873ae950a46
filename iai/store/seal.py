"""Every entry on disk ends in a checksum over its database, its key and its value.

So a changed bit is found wherever it is read, and so is a value under another's key. It is a CRC-32
(that of zlib, which takes 0.3 µs for half a kilobyte): it finds every change of up to 32 bits in a
row, and all but one in four billion others. It tells damage, not malice. A key without a value has
the checksum alone. Only the members of sets have none, since LMDB wants them all of one size and
sorts them: `iai.admin.doctor.deep` compares them with what they follow from.
"""

import logging
from collections.abc import Iterable, Iterator
from itertools import count, islice, takewhile
from pathlib import Path
from struct import Struct
from typing import TypeAlias
from zlib import crc32

import lmdb

from iai.errors import StoreCorrupt
from iai.store.codec import decode_u64

log = logging.getLogger(__name__)

Raw: TypeAlias = "lmdb.Transaction[bytes]"  # strings: only their stubs are generic
RawCursor: TypeAlias = "lmdb.Cursor[bytes]"
Entry = tuple[bytes, bytes]  # key and value

SEAL = 4  # bytes
_checksum = Struct("<I").pack
# The CRC-32 of any bytes followed by their own, the low byte first (RFC 1662, appendix C.3, whose
# "good" value is this one before it is inverted).
_GOOD = 0x2144DF1C
_CHANGED = "is not what was written"
_LABEL = 8  # bytes of a key that is a number
BEYOND = b"\xff" * 33  # after a prefix: beyond all its keys, whose ends are numbers and digests
_SLICE = 1_024  # entries held in memory


class EntryCorrupt(StoreCorrupt):
    """An entry is not what was written."""


class Damage:
    """What was found damaged in an environment.

    For the owner of what can be rebuilt, each is an error. For all others the rest still counts: a
    damaged entry is logged, once, and passed over.
    """

    def __init__(self, *, rebuilt: bool) -> None:
        """`rebuilt`: this process rebuilds the environment where it is damaged."""
        self._rebuilt = rebuilt
        self._seen: set[str] = set()

    def note(self, error: EntryCorrupt) -> None:
        """Log it, or raise it."""
        if self._rebuilt:
            raise error
        if str(error) not in self._seen:
            self._seen.add(str(error))
            log.error("%s; `iai doctor --deep` lists all damage", error)


class Database:
    """A database within an environment: seals what goes in, and checks what comes out."""

    def __init__(
        self, path: Path, name: str, handle: "lmdb._Database", *, members: bool = False
    ) -> None:
        """`path` is that of its environment. `members`: it is a set (`Transaction.members`)."""
        self.path = path
        self.name = name
        self.handle = handle
        self.sealed = not members
        self.start = crc32(name.encode())  # of the checksum of each entry

    def seal(self, key: bytes, value: bytes) -> bytes:
        """Return a value as it is on disk."""
        return value + _checksum(crc32(value, crc32(key, self.start)))

    def unseal(self, key: bytes, data: bytes) -> bytes:
        """Return the value of an entry. Raises EntryCorrupt if it is not what was written."""
        if crc32(data, crc32(key, self.start)) != _GOOD:
            raise self.damaged(key)
        return data[:-SEAL]

    def damaged(self, key: bytes) -> EntryCorrupt:
        """Return the error that says that an entry is damaged."""
        return EntryCorrupt(f"{self.describe(key)} {_CHANGED}", self.path)

    def describe(self, key: bytes) -> str:
        """Name an entry in words: labels and revisions by number, other keys as they are."""
        shown = f"#{decode_u64(key)}" if len(key) == _LABEL else repr(key)[1:]
        return f"the entry {shown} of `{self.name}`"


class Transaction:
    """A transaction of LMDB over sealed entries. It returns nothing that was not checked."""

    def __init__(self, raw: Raw, damage: Damage) -> None:
        self._raw = raw
        self._damage = damage

    def get(self, key: bytes, *, db: Database) -> bytes | None:
        """Return a value; None if there is none. Raises EntryCorrupt."""
        data = self._raw.get(key, db=db.handle)
        return None if data is None else db.unseal(key, data)

    def intact(self, key: bytes, *, db: Database) -> bytes | None:
        """Return a value; None if there is none, or it was noted as damaged (see `Damage`)."""
        try:
            return self.get(key, db=db)
        except EntryCorrupt as error:
            self._damage.note(error)
            return None

    def has(self, key: bytes, *, db: Database) -> bool:
        """Is there an entry with this key? Its value may be damaged, which is noted then."""
        data = self._raw.get(key, db=db.handle)
        if data is None:
            return False
        if crc32(data, crc32(key, db.start)) != _GOOD:
            self._damage.note(db.damaged(key))
        return True

    def getmulti(self, keys: Iterable[bytes], *, db: Database) -> list[Entry]:
        """Return the intact entries with these keys."""
        with self._raw.cursor(db.handle) as cursor:
            return list(self._intact(db, cursor.getmulti(keys)))

    def entries(self, db: Database, start: bytes = b"") -> Iterator[Entry]:
        """Yield the intact entries from this key on, ascending."""
        with self._raw.cursor(db.handle) as cursor:
            if cursor.set_range(start):
                yield from self._intact(db, cursor.iternext())

    def entries_back(self, db: Database, before: bytes) -> Iterator[Entry]:
        """Yield the intact entries before this key, descending."""
        with self._raw.cursor(db.handle) as cursor:
            found = cursor.prev() if cursor.set_range(before) else cursor.last()
            if found:
                yield from self._intact(db, cursor.iterprev())

    def prefixed(self, db: Database, prefix: bytes, *, back: bool = False) -> Iterator[Entry]:
        """Yield the intact entries whose keys start so, ascending, or `back`."""
        beyond = prefix + BEYOND
        every = self.entries_back(db, beyond) if back else self.entries(db, prefix)
        return takewhile(lambda entry: entry[0].startswith(prefix), every)

    def put(self, key: bytes, value: bytes, *, db: Database) -> None:
        """Set a value."""
        self._raw.put(key, db.seal(key, value), db=db.handle)

    def putmulti(self, entries: Iterable[Entry], *, db: Database) -> None:
        """Set many values."""
        seal = db.seal
        with self._raw.cursor(db.handle) as cursor:
            cursor.putmulti([(key, seal(key, value)) for key, value in entries])

    def delete(self, key: bytes, *, db: Database) -> bool:
        """Delete an entry; return whether it was there."""
        return self._raw.delete(key, db=db.handle)

    def delete_range(
        self, db: Database, start: bytes, end: bytes, limit: int | None = None
    ) -> bool:
        """Delete up to `limit` entries from `start` up to `end`; return True when none are left."""
        with self._raw.cursor(db.handle) as cursor:
            found = cursor.set_range(start)
            for _ in count() if limit is None else range(limit):
                if not found or not b"" < cursor.key() < end:  # after the last there is no key
                    return True
                found = cursor.delete()
        return False

    def drop(self, db: Database, *, delete: bool) -> None:
        """Delete all entries, and with `delete` the database itself."""
        self._raw.drop(db.handle, delete=delete)

    def count(self, db: Database) -> int:
        """Return how many entries a database has."""
        return int(self._raw.stat(db.handle)["entries"])

    def members(self, db: Database) -> RawCursor:
        """Return a cursor over a set, whose members are not sealed."""
        return self._raw.cursor(db.handle)

    def problems(self, db: Database) -> Iterator[str]:
        """Read all of a database; yield in words what is wrong with each damaged entry."""
        number = 0
        with self._raw.cursor(db.handle) as cursor, self._raw.cursor(db.handle) as other:
            for key, data in cursor:
                number += 1
                try:
                    if db.sealed:
                        db.unseal(key, data)
                except EntryCorrupt:
                    yield f"{db.describe(key)} {_CHANGED}"
                if not (other.set_key(key) if db.sealed else other.set_key_dup(key, data)):
                    yield f"{db.describe(key)} is not found by its key"
        if number != self.count(db):
            yield f"`{db.name}` has {number} entries of {self.count(db)}"

    def seal_all(self, db: Database) -> None:
        """Seal the entries of a database that an earlier iai wrote without; not those of a set."""
        start = b""
        while found := self._unsealed(db, start):
            for key, value in found:
                self.put(key, value, db=db)
            start = found[-1][0] + b"\0"  # the least key beyond it

    def _unsealed(self, db: Database, start: bytes) -> list[Entry]:
        with self._raw.cursor(db.handle) as cursor:
            return list(islice(cursor.iternext(), _SLICE)) if cursor.set_range(start) else []

    def _intact(self, db: Database, entries: Iterable[Entry]) -> Iterator[Entry]:
        start = db.start
        for key, data in entries:  # the same as `unseal`, without a call for each
            if crc32(data, crc32(key, start)) == _GOOD:
                yield key, data[:-SEAL]
            else:
                self._damage.note(db.damaged(key))
