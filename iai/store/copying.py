"""Copies of an environment, entry by entry, a slice at a time.

LMDB's own compacting copy takes the pages in use as they are, with what their unused parts held
before: of 3,000 deleted values, 269 were still in such a copy. Entries that are written in order to
a new file leave nothing else there.
"""

import os
import shutil
import struct
import time
from collections.abc import Generator
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import lmdb

from iai.config.layout import private
from iai.process.files import sync

Transaction: TypeAlias = "lmdb.Transaction[bytes]"

MOST_DATABASES = 64  # in an environment, those of other versions of iai included
ENTRIES = 256  # copied between two looks at the clock
_ENDED = object()
_MAGIC = struct.pack("=I", 0xBEEFC0DE)
_NUMBER = struct.Struct("=Q")
# In a page of metadata: its header (LMDB 0.9 or 1.0) and from its end to the transaction's number:
# magic, version, address, size of the map, two databases, last page (`MDB_meta` in LMDB's mdb.c).
_HEADERS = (16, 24)
_TO_THE_NUMBER = 4 + 4 + 8 + 8 + 2 * 48 + 8


class Copy:
    """A copy of an environment as of one moment. The writer may go on meanwhile."""

    def __init__(self, source: lmdb.Environment, directory: Path) -> None:
        """Begin; the directory is emptied first."""
        shutil.rmtree(directory, ignore_errors=True)
        private(directory)
        self.file = directory / "data.mdb"
        info = source.info()
        used = (info["last_pgno"] + 1) * source.stat()["psize"]
        self._copy = lmdb.open(
            str(directory),
            map_size=max(info["map_size"], 4 * used),
            metasync=False,
            max_dbs=MOST_DATABASES,
            mode=0o600,
            readahead=False,
            lock=False,  # nobody else opens it; on a full disk, touching that file is a SIGBUS
        )
        try:
            named = {name: source.open_db(name, create=False) for name in _names(source)}
            self._snapshot: Transaction = source.begin(buffers=False)
            self._pairs = [(n, db, self._counterpart(n, db)) for n, db in named.items()]
        except BaseException:
            self._copy.close()
            raise
        self.closed = False
        self.of = int(self._snapshot.id())  # the transaction that it is a copy of
        self._writing: Transaction | None = None
        self._steps = self._copying()
        self._comparisons = self._comparing()

    def step(self, room_s: float) -> bool:
        """Copy for about so many seconds; return True when all is copied."""
        with self._copy.begin(write=True) as self._writing:
            return _for_a_while(self._steps, room_s)

    def compare(self, room_s: float) -> bool:
        """Read the copy back for about so many seconds; return True when all was compared.

        To be called when all is copied. Raises lmdb.CorruptedError where it differs.
        """
        return _for_a_while(self._comparisons, room_s)

    def put(self, database: bytes, key: bytes, value: bytes) -> None:
        """Add an entry that the original does not have, when all is copied."""
        handle = self._copy.open_db(database, create=False)
        with self._copy.begin(write=True) as transaction:
            transaction.put(key, value, db=handle)

    @property
    def number(self) -> int:
        """The number of the last transaction of the copy."""
        return int(self._copy.info()["last_txnid"])

    def finish(self) -> None:
        """Make what was copied durable, and close it."""
        size = (int(self._copy.info()["last_pgno"]) + 1) * int(self._copy.stat()["psize"])
        self.close()
        if self.file.stat().st_size < size:  # LMDB does not write pages at the end that are free
            os.truncate(self.file, size)
        sync(self.file)
        sync(self.file.parent)

    def close(self) -> None:
        """Close it, whatever was copied."""
        if self.closed:
            return
        self.closed = True
        self._comparisons.close()
        self._snapshot.abort()
        self._copy.close()

    def _counterpart(self, name: bytes, database: "lmdb._Database") -> "lmdb._Database":
        flags = database.flags(self._snapshot)  # type: ignore[call-arg]  # its stub lacks it
        return self._copy.open_db(
            name,
            reverse_key=flags["reverse_key"],
            dupsort=flags["dupsort"],
            integerkey=flags["integerkey"],
            integerdup=flags["integerdup"],
            dupfixed=flags["dupfixed"],
        )

    def _copying(self) -> Generator[None]:
        for _, database, counterpart in self._pairs:
            entries = self._snapshot.cursor(database).iternext()
            copied = ENTRIES
            while copied == ENTRIES and self._writing is not None:
                with self._writing.cursor(counterpart) as cursor:
                    copied = cursor.putmulti(islice(entries, ENTRIES), append=True)[0]
                yield

    def _comparing(self) -> Generator[None]:
        with self._copy.begin(buffers=False) as copied:
            for _, database, counterpart in self._pairs:
                ours = self._snapshot.cursor(database).iternext()
                theirs = copied.cursor(counterpart).iternext()
                batch: list[tuple[bytes, bytes]] = [(b"", b"")]
                while batch:
                    batch = list(islice(ours, ENTRIES))
                    if batch != list(islice(theirs, ENTRIES)):
                        raise lmdb.CorruptedError("a copy differs from what was copied")
                    yield


def renumber(file: Path, number: int) -> None:
    """Have a closed environment go on counting its transactions after `number`.

    All processes that have an environment open share the number of its last transaction in
    `lock.mdb`, and look for the state of the data under it, in one of two pages: the even numbers
    in the first, the odd ones in the second. So a file can take the place of another if its last
    number is the same. `number` has to be even if the present one is, and not below it.
    """
    with file.open("r+b") as data:
        numbers = [_find(data.read(4_096))]
        page_size = _page_size(file)
        data.seek(page_size)
        numbers.append(_find(data.read(4_096)))
        more = number - max(value for _, value in numbers)
        if more < 0 or more % 2:
            raise ValueError(f"transaction {number} cannot follow on {numbers}")
        for page, (at, value) in enumerate(numbers):
            data.seek(page * page_size + at)
            data.write(_NUMBER.pack(value + more))
        data.flush()
        os.fsync(data.fileno())


def _find(page: bytes) -> tuple[int, int]:
    """Return where the number of the transaction is in a page of metadata, and the number."""
    for header in _HEADERS:
        if page[header : header + 4] == _MAGIC:
            at = header + _TO_THE_NUMBER
            return at, _NUMBER.unpack_from(page, at)[0]
    raise lmdb.InvalidError("not a file of LMDB")


def _page_size(file: Path) -> int:
    environment = lmdb.open(str(file.parent), readonly=True, lock=False)
    try:
        return int(environment.stat()["psize"])
    finally:
        environment.close()


def _names(source: lmdb.Environment) -> list[bytes]:
    """Return the names of all databases, also of those that this version does not know."""
    with source.begin(buffers=False) as transaction, transaction.cursor() as main:
        return list(main.iternext(values=False))


def _for_a_while(steps: Generator[None], room_s: float) -> bool:
    end = time.monotonic() + room_s
    while time.monotonic() < end:
        if next(steps, _ENDED) is _ENDED:
            return True
    return False
