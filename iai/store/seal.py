"""Every entry on disk ends in a checksum over its database, its key and its value.

So a changed bit is found wherever it is read, and so is a value under another's key. It is a CRC-32
(that of zlib, which takes 0.3 µs for half a kilobyte): it finds every change of up to 32 bits in a
row, and all but one in four billion others. It tells damage, not malice. A key without a value has
the checksum alone. Only the members of sets have none, since LMDB wants them all of one size and
sorts them: `iai.admin.doctor.deep` compares them with what they follow from.

In an encrypted store (`EncryptedDatabase`) each value is sealed by `iai.encryption.cipher` instead,
which finds every change, whoever made it, unless an earlier value of the same key was put back. A
key without a value has a tag alone. Keys are masked (`iai.store.masked_keys`), and so are sets,
whose members are numbers.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice, repeat, takewhile
from pathlib import Path
from struct import Struct
from typing import TypeAlias
from zlib import crc32

import lmdb

from iai.encryption.cipher import TAG, Cipher
from iai.errors import StoreCorrupt, Tampered
from iai.store.codec import decode_u64
from iai.store.held_puts import HeldPuts
from iai.store.masked_keys import Names, Plain

log = logging.getLogger(__name__)

Raw: TypeAlias = "lmdb.Transaction[bytes] | HeldPuts"  # strings: only their stubs are generic
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
    """A database within an environment: seals what goes in, and checks what comes out.

    A key is the same on disk, but in an encrypted store.
    """

    masked = False  # are its keys others on disk?

    def __init__(
        self, path: Path, name: str, handle: "lmdb._Database", *, members: bool = False
    ) -> None:
        """`path` is that of its environment. `members`: it is a set (`Transaction.members`)."""
        self.path = path
        self.name = name
        self.handle = handle
        self.sealed = not members
        self.start = crc32(name.encode())  # of the checksum of each entry

    def locate(self, key: bytes) -> bytes:
        """Return a key as it is on disk."""
        return key

    def seal(self, key: bytes, value: bytes) -> bytes:
        """Return a value as it is on disk."""
        return value + _checksum(crc32(value, crc32(key, self.start)))

    def write(self, key: bytes, value: bytes) -> Entry:
        """Return an entry as it is on disk."""
        return self.locate(key), self.seal(key, value) if self.sealed else value

    def read(self, key: bytes, data: bytes) -> Entry:
        """Return the entry of one on disk. Raises EntryCorrupt if it is not what was written."""
        return key, self.unseal(key, data) if self.sealed else data

    def unseal(self, key: bytes, data: bytes) -> bytes:
        """Return the value of an entry on disk. Raises EntryCorrupt."""
        if crc32(data, crc32(key, self.start)) != _GOOD:
            raise self.damaged(key)
        return data[:-SEAL]

    def unseal_each(
        self, keys: Sequence[bytes], stored: Sequence[bytes | None]
    ) -> list[bytes] | None:
        """Return the values of entries on disk; None unless all are there, and intact.

        A question reads more than a thousand, so there is no call for each.
        """
        start = self.start
        values = [
            data[:-SEAL]
            for key, data in zip(keys, stored, strict=True)
            if data is not None and crc32(data, crc32(key, start)) == _GOOD
        ]
        return values if len(values) == len(stored) else None

    def damaged(self, key: bytes) -> EntryCorrupt:
        """Return the error that says that an entry is damaged."""
        return EntryCorrupt(f"{self.describe(key)} {_CHANGED}", self.path)

    def describe(self, key: bytes) -> str:
        """Name an entry in words: labels and revisions by number, other keys as they are."""
        shown = f"#{decode_u64(key)}" if len(key) == _LABEL else repr(key)[1:]
        return f"the entry {shown} of `{self.name}`"


class EncryptedDatabase(Database):
    """A database of an encrypted store."""

    def __init__(
        self,
        path: Path,
        name: str,
        handle: "lmdb._Database",
        *,
        cipher: Cipher,
        form: Plain,
        environment: str,
        members: bool = False,
    ) -> None:
        """`form` is that of its keys. `environment`: the name that its entries are bound to."""
        super().__init__(path, name, handle, members=members)
        self._form = form
        self.masked = type(form) is not Plain
        self._mask, self._unwrap = form.mask, form.unwrap
        self._wrap = form.wrap if isinstance(form, Names) else None
        self._context = f"entry\0{environment}\0{name}\0".encode()  # and the key on disk
        self._seal, self._tag = cipher.seal, cipher.tag
        self._open, self._open_each = cipher.open, cipher.open_each

    def locate(self, key: bytes) -> bytes:
        """Return a key as it is on disk."""
        return self._mask(key)

    def seal(self, key: bytes, value: bytes) -> bytes:
        """Return a value as it is on disk."""
        return self.write(key, value)[1]

    def write(self, key: bytes, value: bytes) -> Entry:
        """Return an entry as it is on disk."""
        masked = self._mask(key)
        if not self.sealed:
            return masked, value
        if self._wrap is not None:
            value = self._wrap(key, value)
        if not value:
            return masked, self._tag(self._context + masked)
        return masked, self._seal(self._context + masked, value)

    def read(self, key: bytes, data: bytes) -> Entry:
        """Return the entry of one on disk. Raises EntryCorrupt if it is not what was written."""
        if not self.sealed:
            return self._form.unmask(key), data
        return self._unwrap(key, self.open(key, data))

    def open(self, key: bytes, data: bytes) -> bytes:
        """Return what was sealed under a key on disk. Raises EntryCorrupt."""
        if len(data) == TAG:
            if data != self._tag(self._context + key):
                raise self.damaged(key)
            return b""
        try:
            return self._open(self._context + key, data)
        except Tampered:
            raise self.damaged(key) from None

    def unseal(self, key: bytes, data: bytes) -> bytes:
        """Return the value of an entry on disk. Raises EntryCorrupt."""
        return self.read(key, data)[1] if self.masked else self.open(key, data)

    def unseal_each(
        self, keys: Sequence[bytes], stored: Sequence[bytes | None]
    ) -> list[bytes] | None:
        """Return the values of entries on disk; None if they cannot be opened all at once."""
        there = [data for data in stored if data is not None]
        if self.masked or len(there) < len(stored):
            return None
        try:
            return self._open_each(map(self._context.__add__, keys), there)
        except Tampered:
            return None

    def describe(self, key: bytes) -> str:
        """Name an entry by its key on disk, in hexadecimal digits if that is masked."""
        if len(key) == _LABEL or (key.isascii() and key.decode().isprintable()):
            return super().describe(key)
        return f"the entry {key.hex()} of `{self.name}`"


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
        try:
            return self.get(key, db=db) is not None
        except EntryCorrupt as error:
            self._damage.note(error)
            return True

    def getmulti(self, keys: Iterable[bytes], *, db: Database) -> list[bytes | None]:
        """Return the value of each key; None where there is none, or it was noted as damaged."""
        places = [*map(db.locate, keys)] if db.masked else [*keys]
        with self._raw.cursor(db.handle) as cursor:
            stored = [*map(cursor.get, places)]  # in half the time of LMDB's `getmulti`
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
        with self._raw.cursor(db.handle) as cursor:
            if not cursor.set_range(start):
                return
            every: Iterable[Entry] = cursor.iternext()
            if until is not None:
                every = takewhile(lambda entry: entry[0] < until, every)
            yield from self._intact(db, every)

    def entries_back(self, db: Database, before: bytes) -> Iterator[Entry]:
        """Yield the intact entries before this key, descending."""
        with self._raw.cursor(db.handle) as cursor:
            found = cursor.prev() if cursor.set_range(before) else cursor.last()
            if found:
                yield from self._intact(db, cursor.iterprev())

    def prefixed(self, db: Database, prefix: bytes, *, back: bool = False) -> Iterator[Entry]:
        """Yield the intact entries whose keys start so, ascending, or `back`."""
        with self._raw.cursor(db.handle) as cursor:
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


class EncryptedTransaction(Transaction):
    """A transaction of an encrypted store: keys are masked on their way in, unmasked on theirs out.

    The order of entries is that on disk. Those whose keys share a beginning follow one another.
    """

    def get(self, key: bytes, *, db: Database) -> bytes | None:
        masked = db.locate(key)
        data = self._raw.get(masked, db=db.handle)
        return None if data is None else db.unseal(masked, data)

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

    def put(self, key: bytes, value: bytes, *, db: Database) -> None:
        self._raw.put(*db.write(key, value), db=db.handle)

    def putmulti(self, entries: Iterable[Entry], *, db: Database) -> None:
        with self._raw.cursor(db.handle) as cursor:
            cursor.putmulti([db.write(key, value) for key, value in entries])

    def delete(self, key: bytes, *, db: Database) -> bool:
        return super().delete(db.locate(key), db=db)

    def delete_range(
        self, db: Database, start: bytes, end: bytes, limit: int | None = None
    ) -> bool:
        return super().delete_range(db, start and db.locate(start), db.locate(end), limit)

    def _intact(self, db: Database, entries: Iterable[Entry]) -> Iterator[Entry]:
        for key, data in entries:
            try:
                entry = db.read(key, data) if db.masked else (key, db.unseal(key, data))
            except EntryCorrupt as error:
                self._damage.note(error)
            else:
                yield entry
