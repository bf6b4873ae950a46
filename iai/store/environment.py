"""One LMDB environment: opened for writing by one process, for reading by any number.

LMDB must not be opened twice in a process, nor before a fork or spawn.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from iai.encryption.cipher import Cipher
from iai.errors import StoreCorrupt, StoreError, StoreWriteFailed
from iai.process.files import sync
from iai.store.codec import decode_u64, encode_u64
from iai.store.connection import Connection, Contents
from iai.store.conversion import Conversion
from iai.store.copying import Copy, renumber
from iai.store.database import Database
from iai.store.lmdb_file import claim, inode, page_problems, translated
from iai.store.migrations import Step
from iai.store.schema import Schema, keep_copy
from iai.store.sealing import Sealing, unlock
from iai.store.transaction import Damage, Transaction

T = TypeVar("T")

MAP_SIZE = 64 << 30  # bytes of address space, not of disk: growing stays the exception
MANY_FAULTS = 4_096  # page faults; Linux maps 16 pages at each, so this is 256 MB at most
SLICE = 512  # entries checked at a time: chunks of the vector index are long
_SCRUBBED = "scrubbed"  # directory below an environment, for the file that is to replace it
_SCRUBBED_MARK = b"scrubbed"  # in `meta`
_COPY_SLICE_S = 1.0  # a transaction of a copy, while nobody waits


class Environment:
    """Named databases in one directory, their schema version, and one writer's lock."""

    def __init__(
        self,
        path: Path,
        databases: tuple[str, ...],
        *,
        schema: int,
        writer: bool,
        name: str = "",
        map_size: int = MAP_SIZE,
        sets: tuple[str, ...] = (),
        steps: Mapping[int, Step] | None = None,
        retired: tuple[str, ...] = (),
    ) -> None:
        """Open it. The writer migrates an earlier schema by `steps`, after making a copy.

        Without `steps` the data is derived, and an earlier schema counts as damage. `sets` are
        databases in which a key has any number of values, all of one size. The writer drops the
        databases that are `retired`; as the schema stays, an earlier version can still open it.
        In an encrypted store, entries are bound to `name`, by default that of the directory.

        Raises StoreAbsent (reader, nothing there yet), StoreBusy (another process is the writer),
        StoreTooNew, StoreOutdated (reader, before the writer's migration), StoreCorrupt,
        StoreLocked (before anything is created), StoreError.
        """
        self.path = path
        self.writer = writer
        unlock(path)  # raises before anything is created
        self._contents = Contents(
            path,
            name or path.name,
            ("meta", *databases, *sets),
            sets,
            retired if writer else (),
            Schema(path, schema, steps),
            derived=steps is None,
            writer=writer,
            map_size=map_size,
        )
        self._damage = Damage(rebuilt=writer and steps is None)
        self._under_way = 0  # open transactions
        self._scrub: Copy | None = None
        self._copies: list[Copy] = []  # that others make, and may not have closed
        self._lock = claim(path) if writer else None
        if writer:  # what is left of a scrub that was cut short
            shutil.rmtree(path / _SCRUBBED, ignore_errors=True)
        try:
            self._connect(same_file=False)
        except BaseException:
            self._release()
            raise

    @property
    def db(self) -> Mapping[str, Database]:
        """Its databases, `meta` included, by name."""
        return self._connection.db

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open one consistent view. Keep it short: meanwhile LMDB reuses no page it can see.

        Raises StoreAbsent if the files are gone.
        """
        with self._opened(), self._connection.read() as transaction:
            yield transaction

    def write(self, change: Callable[[Transaction], T]) -> T:
        """Run one change and make it durable, all of it or nothing.

        When the map is full it grows and `change` runs again from the start, so `change` must have
        no effect outside its transaction. Raises StoreWriteFailed if the disk fails.
        """
        self._drop_scrub()
        with self._opened():
            return self._connection.write(change)

    def copy(self, directory: Path) -> None:
        """Copy it as of now into an empty directory: what it holds, and nothing of what it held.

        Readers and the writer go on meanwhile. Raises StoreWriteFailed if the disk fails.
        """
        copy = self.begin_copy(directory)
        try:
            with translated(self.path):
                while not copy.step(_COPY_SLICE_S):
                    pass
                copy.finish()
        except BaseException:
            copy.close()
            raise

    def begin_copy(self, directory: Path) -> Copy:
        """Begin to copy it as of now into a directory. Its errors are those of LMDB."""
        with translated(self.path):
            copy = Copy(self._connection.env, directory)
        self._copies = [*(one for one in self._copies if not one.closed), copy]
        return copy

    def scrub(self, mark: int, room_s: float) -> bool:
        """Do a slice of some seconds of a scrub; return True when it is done.

        All entries are copied to a new file, which takes the place of the old one: what was deleted
        is then in no page of it. `mark` is noted with it (see `Tables.scrubbed`). Readers go on,
        and follow. A write meanwhile has it start over. Only for the writer.

        Raises StoreWriteFailed if the disk fails: then the old file stays.
        """
        try:
            with translated(self.path):
                self._scrub = self._scrub or Copy(self._connection.env, self.path / _SCRUBBED)
                if not self._scrub.step(room_s) or self._in_use():
                    return False
                note = self.db["meta"].write(_SCRUBBED_MARK, encode_u64(mark))
                self._scrub.put(b"meta", *note)
                self._replace_file(self._scrub)
        except OSError as error:
            self._drop_scrub()
            raise StoreWriteFailed(f"{self.path}: {error}; check the disk") from error
        except StoreError:
            self._drop_scrub()
            raise
        return True

    def convert(self, cipher: Cipher | None) -> None:
        """Have all entries sealed with the current key of a cipher, or by checksums for None.

        They are copied to a new file, read back, and the file takes the place of the old one. So it
        is done as a whole or not at all. Readers follow. Only for the writer, without a view.

        Raises EntryCorrupt for a damaged entry, StoreError, StoreWriteFailed if the disk fails:
        then the old file stays.
        """
        if unknown := self._connection.names() - self.db.keys():
            raise StoreError(
                f"{self.path} has a database that this iai does not know ({min(unknown)}):"
                " upgrade iai"
            )
        self._drop_scrub()
        sealing = Sealing(self.path, self._contents.name, cipher)
        try:
            with translated(self.path):
                copy = Conversion(self._connection.env, self.path / _SCRUBBED, self.db, sealing)
                try:
                    while not copy.step(_COPY_SLICE_S):
                        pass
                    while not copy.compare(_COPY_SLICE_S):
                        pass
                    self._replace_file(copy)
                finally:
                    copy.close()
        except OSError as error:
            raise StoreWriteFailed(f"{self.path}: {error}; check the disk") from error

    @property
    def encrypted(self) -> bool:
        """Are its entries encrypted?"""
        return self._connection.sealing.cipher is not None

    def count_entries(self) -> int:
        """Return how many entries `check_entries` counts if all are intact."""
        with self.read() as transaction:
            return sum(transaction.count(one) for one in self.db.values() if one.sealed)

    def check_entries(self) -> Iterator[int]:
        """Check all entries once, a slice at a time; yield after each slice how many are intact."""
        for name in list(self.db):
            start, full = b"", self.db[name].sealed
            while full:
                with self.read() as transaction:
                    database = self.db[name]  # another one, if the file was opened again
                    keys = [key for key, _ in islice(transaction.located(database, start), SLICE)]
                    start = database.locate(keys[-1]) + b"\0" if keys else b""
                yield len(keys)
                full = len(keys) == SLICE

    def problems(self) -> Iterator[str]:
        """Read all of it; yield in words what is damaged. Reading damaged pages can end a process.

        The transaction keeps all pages as they are meanwhile, so it may run beside the writer.
        """
        with self.read() as transaction:
            yield from page_problems(self.path)
            for name in sorted(self._connection.names() - self.db.keys()):
                yield f"there is an unknown database {name!r}"
            for database in self.db.values():
                yield from transaction.problems(database)

    def forget_dead_readers(self) -> int:
        """Free the slots of killed readers, which would keep old pages alive."""
        return self._connection.env.reader_check()

    def close(self) -> None:
        """Close it, so that another process can be the writer."""
        self._drop_scrub()
        self._connection.close()
        self._release()

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Keep it open. Reopen it if the file was replaced, or too many pages have been read.

        A page that was read stays in the process's memory while the file is open.
        """
        if not self._in_use():  # a view within another one sees the same file
            self._reopen_if_due()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def _in_use(self) -> bool:
        return self._under_way > 0 or not all(copy.closed for copy in self._copies)

    def _reopen_if_due(self) -> None:
        there = self._connection.inode if self.writer else inode(self.path)
        same = 0 < there == self._connection.inode
        if not same or (self._scrub is None and self._connection.faults() > MANY_FAULTS):
            self._connection.close()
            self._connect(same_file=same)

    def _connect(self, *, same_file: bool) -> None:
        self._connection = Connection(self._contents, self._damage, same_file=same_file)
        try:
            if not self._contents.schema.current(self._connection.schema):
                keep_copy(self.path, self._connection.schema, self.copy)
                self._connection.migrate()
            self._connection.drop_retired()
        except BaseException:
            self._connection.close()
            raise

    def _replace_file(self, copy: Copy) -> None:
        """Put a complete copy in the place of the file, if it is of the file's last transaction."""
        last = self._connection.last_transaction()
        if copy.of != last:
            raise StoreCorrupt("another process wrote to it", self.path)
        while last < copy.number or (last - copy.number) % 2:
            self._connection.note_schema()
            last = self._connection.last_transaction()
        self._scrub = None
        copy.finish()
        renumber(copy.file, last)
        copy.file.replace(self.path / "data.mdb")
        sync(self.path)
        shutil.rmtree(copy.file.parent)
        self._connection.close()
        self._connect(same_file=True)

    def _drop_scrub(self) -> None:
        if self._scrub is not None:
            scrub, self._scrub = self._scrub, None
            scrub.close()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)  # releases the lock
            self._lock = None


class Tables:
    """The databases of an environment, within one transaction."""

    def __init__(self, environment: Environment, transaction: Transaction) -> None:
        self._db = environment.db
        self._t = transaction

    def scrubbed(self) -> int:
        """Return the mark of the last scrub (see `Environment.scrub`); 0 if there was none."""
        data = self._t.get(_SCRUBBED_MARK, db=self._db["meta"])
        return decode_u64(data) if data is not None else 0
