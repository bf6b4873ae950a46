"""Every entry on disk ends in a checksum over its database, its key and its value.

So a changed bit is found wherever it is read, and so is a value under another's key. It is a CRC-32
(that of zlib, which takes 0.3 µs for half a kilobyte): it finds every change of up to 32 bits in a
row, and all but one in four billion others. It tells damage, not malice. A key without a value has
the checksum alone. Only the members of sets have none, since LMDB wants them all of one size and
sorts them: `iai.admin.doctor.deep` compares them with what they follow from.

In an encrypted store (`EncryptedDatabase`) each value is sealed by `iai.encryption.cipher` instead,
which finds every deliberate change as well, unless an earlier value of the same key was put back. A
key without a value has a tag alone. Keys are masked (`iai.store.masked_keys`), and so are sets,
whose members are numbers.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from struct import Struct
from zlib import crc32

import lmdb

from iai.encryption.cipher import TAG, Cipher
from iai.errors import StoreCorrupt, Tampered
from iai.store.codec import decode_u64
from iai.store.masked_keys import Names, Plain

Entry = tuple[bytes, bytes]  # key and value

SEAL = 4  # bytes
# The CRC-32 of any bytes followed by their own, the low byte first (RFC 1662, appendix C.3, whose
# "good" value is this one before it is inverted).
GOOD = 0x2144DF1C
CHANGED = "is not what was written"
_checksum = Struct("<I").pack
_LABEL = 8  # bytes of a key that is a number


class EntryCorrupt(StoreCorrupt):
    """An entry is not what was written."""


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

    def write(self, key: bytes, value: bytes) -> Entry:
        """Return an entry as it is on disk."""
        if not self.sealed:
            return key, value
        return key, value + _checksum(crc32(value, crc32(key, self.start)))

    def write_each(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return entries that are sealed as they are on disk: an import has ten for each turn."""
        start = self.start
        return [(key, value + _checksum(crc32(value, crc32(key, start)))) for key, value in entries]

    def read(self, key: bytes, data: bytes) -> Entry:
        """Return the entry of one on disk. Raises EntryCorrupt if it is not what was written."""
        return key, self.unseal(key, data) if self.sealed else data

    def unseal(self, key: bytes, data: bytes) -> bytes:
        """Return the value of an entry on disk. Raises EntryCorrupt."""
        if crc32(data, crc32(key, self.start)) != GOOD:
            raise self.damaged(key)
        return data[:-SEAL]

    def unseal_each(
        self, keys: Sequence[bytes], stored: Sequence[bytes | None]
    ) -> list[bytes | None] | None:
        """Return the values of entries on disk, None where there is none; None if one is damaged.

        A question reads more than a thousand, so there is no call for each.
        """
        start = self.start
        values = [
            data and data[:-SEAL]
            for key, data in zip(keys, stored, strict=True)
            if data is None or crc32(data, crc32(key, start)) == GOOD
        ]
        return values if len(values) == len(stored) else None

    def damaged(self, key: bytes) -> EntryCorrupt:
        """Return the error that says that an entry is damaged."""
        return EntryCorrupt(f"{self.describe(key)} {CHANGED}", self.path)

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
        self.masked = type(form) is not Plain
        self._mask, self._unmask, self._unwrap = form.mask, form.unmask, form.unwrap
        self._wrap = form.wrap if isinstance(form, Names) else None
        self._context = f"entry\0{environment}\0{name}\0".encode()  # and the key on disk
        self._seal, self._tag = cipher.seal, cipher.tag
        self._open, self._open_each = cipher.open, cipher.open_each

    def locate(self, key: bytes) -> bytes:
        """Return a key as it is on disk."""
        return self._mask(key)

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

    def write_each(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return entries as they are on disk."""
        return [self.write(key, value) for key, value in entries]

    def read(self, key: bytes, data: bytes) -> Entry:
        """Return the entry of one on disk. Raises EntryCorrupt if it is not what was written."""
        if not self.sealed:
            return self._unmask(key), data
        value = self.open(key, data)
        return (self._unmask(key), value) if self._wrap is None else self._unwrap(key, value)

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
        value = self.open(key, data)
        return value if self._wrap is None else self._unwrap(key, value)[1]

    def unseal_each(
        self, keys: Sequence[bytes], stored: Sequence[bytes | None]
    ) -> list[bytes | None] | None:
        """Return the values of entries on disk; None if they cannot be opened all at once."""
        if self._wrap is not None:
            return None
        there = {key: data for key, data in zip(keys, stored, strict=True) if data is not None}
        try:
            opened = self._open_each(map(self._context.__add__, there), [*there.values()])
        except Tampered:
            return None
        if len(there) == len(stored):
            return [*opened]
        return [*map(dict(zip(there, opened, strict=True)).get, keys)]

    def describe(self, key: bytes) -> str:
        """Name an entry by its key on disk, in hexadecimal digits if that is masked."""
        if len(key) == _LABEL or (key.isascii() and key.decode().isprintable()):
            return super().describe(key)
        return f"the entry {key.hex()} of `{self.name}`"
