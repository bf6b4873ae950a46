"""Transactions of LMDB over sealed entries: see `iai.store.database`.

What is put is held back, then sealed and written in the order of its keys. A put by itself looks
for its place from the root of its tree, and the keys of one record are in eight trees. In order,
most have their place right behind the one before: a commit of an import took a fifth less of CPU
time so.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count, islice, repeat, takewhile
from typing import TypeAlias
from zlib import crc32

import lmdb

from iai.store.database import CHANGED, GOOD, SEAL, Database, Entry, EntryCorrupt
from iai.store.lmdb_file import DAMAGE, damaged

log = logging.getLogger(__name__)

Raw: TypeAlias = "lmdb.Transaction[bytes]"  # strings: only their stubs are generic
RawCursor: TypeAlias = "lmdb.Cursor[bytes]"

BEYOND = b"\xff" * 33  # after a prefix: beyond all its keys, whose ends are numbers and digests
_SLICE = 1_024  # entries held in memory


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


class Transaction:
    """A transaction of LMDB over sealed entries. It returns nothing that was not checked.

    Reads see what is held back. A cursor sees what was put before it was opened.
    """

    def __init__(self, raw: Raw, damage: Damage) -> None:
        self._raw = raw
        self._damage = damage
        self._held: defaultdict[Database, dict[bytes, bytes]] = defaultdict(dict)

    def get(self, key: bytes, *, db: Database) -> bytes | None:
        """Return a value; None if there is none. Raises EntryCorrupt."""
        held = self._held[db].get(key)
        if held is not None:
            return held
        place = db.locate(key)
        try:
            data = self._raw.get(place, db=db.handle)
        except DAMAGE as error:  # here, for a view of another environment may be open within
            raise damaged(error, db.path) from error
        return None if data is None else db.unseal(place, data)

    def intact(self, key: bytes, *, db: Database) -> bytes | None:
        """Return a value; None if there is none, or it was noted as damaged (see `Damage`)."""
        try:
            return self.get(key, db=db)
        except EntryCorrupt as error:
            self._damage.note(error)
            return None

    def has(self, key: bytes, *, db: Database) -> bool:
        """Is there an entry with this key? Its value may be damaged, which is noted then."""
        try:
            return self.get(key, db=db) is not None
        except EntryCorrupt as error:
            self._damage.note(error)
            return True

    def getmulti(self, keys: Iterable[bytes], *, db: Database) -> list[bytes | None]:
        """Return the value of each key; None where there is none, or it was noted as damaged."""
        places = [*map(db.locate, keys)] if db.masked else [*keys]
        try:
            with self._cursor(db) as cursor:
                stored = [*map(cursor.get, places)]  # in half the time of LMDB's `getmulti`
        except DAMAGE as error:
            raise damaged(error, db.path) from error
        values = db.unseal_each(places, stored)
        return [*map(self._noted, repeat(db), places, stored)] if values is None else [*values]

    def _noted(self, db: Database, key: bytes, data: bytes | None) -> bytes | None:
        try:
            return None if data is None else db.unseal(key, data)
        except EntryCorrupt as error:
            self._damage.note(error)
            return None

    def entries(
        self, db: Database, start: bytes = b"", until: bytes | None = None
    ) -> Iterator[Entry]:
        """Yield the intact entries from this key on, ascending, and before `until`."""
        return self.located(db, start, until)

    def located(self, db: Database, start: bytes, until: bytes | None = None) -> Iterator[Entry]:
        """Yield the intact entries from this key on disk on, ascending, and before `until`."""
        with self._cursor(db) as cursor:
            if not cursor.set_range(start):
                return
            every: Iterable[Entry] = cursor.iternext()
            if until is not None:
                every = takewhile(lambda entry: entry[0] < until, every)
            yield from self._intact(db, every)

    def entries_back(self, db: Database, before: bytes) -> Iterator[Entry]:
        """Yield the intact entries before this key, descending."""
        with self._cursor(db) as cursor:
            found = cursor.prev() if cursor.set_range(before) else cursor.last()
            if found:
                yield from self._intact(db, cursor.iterprev())

    def prefixed(self, db: Database, prefix: bytes, *, back: bool = False) -> Iterator[Entry]:
        """Yield the intact entries whose keys start so, ascending, or `back`."""
        with self._cursor(db) as cursor:
            if back:
                found = cursor.prev() if cursor.set_range(prefix + BEYOND) else cursor.last()
                every = cursor.iterprev()
            else:
                found = cursor.set_range(prefix)
                every = cursor.iternext()
            if found:
                ours = takewhile(lambda entry: entry[0].startswith(prefix), every)
                yield from self._intact(db, ours)

    def put(self, key: bytes, value: bytes, *, db: Database) -> None:
        """Set a value."""
        self._held[db][key] = value

    def putmulti(self, entries: Iterable[Entry], *, db: Database) -> None:
        """Set many values."""
        self._held[db].update(entries)

    def flush(self) -> None:
        """Write all that is held back."""
        for db in self._held:
            self._write(db)

    def _write(self, db: Database) -> None:
        held = self._held[db]
        if len(held) == 1:  # as where every record is looked up: half the cost of a cursor
            self._raw.put(*db.write(*held.popitem()), db=db.handle)
        elif held:
            with self._raw.cursor(db.handle) as cursor:
                cursor.putmulti(sorted(db.write_each(held.items())))
            held.clear()

    def _cursor(self, db: Database) -> RawCursor:
        self._write(db)
        return self._raw.cursor(db.handle)

    def delete(self, key: bytes, *, db: Database) -> bool:
        """Delete an entry; return whether it was there."""
        held = self._held[db].pop(key, None) is not None
        return self._raw.delete(db.locate(key), db=db.handle) or held

    def delete_range(
        self, db: Database, start: bytes, end: bytes, limit: int | None = None
    ) -> bool:
        """Delete up to `limit` entries from `start` up to `end`; return True when none are left."""
        with self._cursor(db) as cursor:
            found = cursor.set_range(start)
            for _ in count() if limit is None else range(limit):
                if not found or not b"" < cursor.key() < end:  # after the last there is no key
                    return True
                found = cursor.delete()
        return False

    def drop(self, db: Database, *, delete: bool) -> None:
        """Delete all entries, and with `delete` the database itself."""
        self._held[db].clear()
        self._raw.drop(db.handle, delete=delete)

    def count(self, db: Database) -> int:
        """Return how many entries a database has."""
        self._write(db)
        return int(self._raw.stat(db.handle)["entries"])

    def members(self, db: Database) -> RawCursor:
        """Return a cursor over a set, whose members are not sealed."""
        return self._cursor(db)

    def problems(self, db: Database) -> Iterator[str]:
        """Read all of a database; yield in words what is wrong with each damaged entry."""
        number = 0
        with self._cursor(db) as cursor, self._cursor(db) as other:
            for key, data in cursor:
                number += 1
                try:
                    if db.sealed:
                        db.unseal(key, data)
                except EntryCorrupt:
                    yield f"{db.describe(key)} {CHANGED}"
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
        with self._cursor(db) as cursor:
            return list(islice(cursor.iternext(), _SLICE)) if cursor.set_range(start) else []

    def _intact(self, db: Database, entries: Iterable[Entry]) -> Iterator[Entry]:
        start = db.start
        for key, data in entries:  # the same as `unseal`, without a call for each
            if crc32(data, crc32(key, start)) == GOOD:
                yield key, data[:-SEAL]
            else:
                self._damage.note(db.damaged(key))


class EncryptedTransaction(Transaction):
    """A transaction of an encrypted store: keys are masked on their way in, unmasked on theirs out.

    The order of entries is that on disk. Those whose keys share a beginning follow one another.
    """

    def entries(
        self, db: Database, start: bytes = b"", until: bytes | None = None
    ) -> Iterator[Entry]:
        first = db.locate(start) if start else b""
        return self.located(db, first, None if until is None else db.locate(until))

    def entries_back(self, db: Database, before: bytes) -> Iterator[Entry]:
        return super().entries_back(db, db.locate(before))

    def prefixed(self, db: Database, prefix: bytes, *, back: bool = False) -> Iterator[Entry]:
        masked = db.locate(prefix) if prefix else b""
        alike = super().prefixed(db, masked, back=back)
        return (entry for entry in alike if entry[0].startswith(prefix))

    def delete_range(
        self, db: Database, start: bytes, end: bytes, limit: int | None = None
    ) -> bool:
        return super().delete_range(db, start and db.locate(start), db.locate(end), limit)

    def _intact(self, db: Database, entries: Iterable[Entry]) -> Iterator[Entry]:
        read = db.read
        for key, data in entries:
            try:
                entry = read(key, data)
            except EntryCorrupt as error:
                self._damage.note(error)
            else:
                yield entry
