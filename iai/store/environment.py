"""One LMDB environment: opened for writing by one process, for reading by any number.

LMDB must not be opened twice in a process, nor before a fork or spawn.
"""

import fcntl
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import lmdb
from lmdb.verify import VerifyError, verify

from iai.config.layout import private
from iai.encryption.cipher import Cipher
from iai.errors import (
    StoreAbsent,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreOutdated,
    StoreTooNew,
    StoreWriteFailed,
)
from iai.process.files import sync
from iai.store.codec import decode_u64, encode_u64
from iai.store.conversion import Conversion
from iai.store.copying import MOST_DATABASES, Copy, renumber
from iai.store.migrations import Step
from iai.store.seal import Damage, Database, Transaction
from iai.store.sealing import Sealing, is_sealed, sealing_of, unlock

T = TypeVar("T")

MAP_SIZE = 64 << 30  # bytes of address space, not of disk: growing stays the exception
LARGEST_WALK = 512 << 20  # bytes of a file that is verified page by page: some 6 s
COPIES_KEPT = 3  # of records from before a migration
MANY_FAULTS = 4_096  # page faults; Linux maps 16 pages at each, so this is 256 MB at most
SLICE = 512  # entries checked at a time: chunks of the vector index are long
MAX_READERS = 1_024  # a hundred sessions may start at once, each a reader
_UNSEALED = 3  # records of a lower schema have no checksums
_U64 = 8  # bytes
_SCHEMA = b"schema"  # in `meta`
_SCRUBBED = "scrubbed"  # directory below an environment, for the file that is to replace it
_SCRUBBED_MARK = b"scrubbed"  # in `meta`
_COPY_SLICE_S = 1.0  # a transaction of a copy that nobody waits beside
_DAMAGE = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
)


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
        self._name = name or path.name
        unlock(path)  # raises before anything is created
        self.writer = writer
        self._databases = ("meta", *databases, *sets)
        self._sets = sets
        self._schema = schema
        self._map_size = map_size
        self._steps = steps
        self._retired = retired if writer else ()
        self._inode = 0  # of the open file; 0: none
        self._damage = Damage(rebuilt=writer and steps is None)
        self._under_way = 0  # open transactions
        self._faults = 0  # of the process, when the file was opened
        self._scrub: Copy | None = None
        self._copies: list[Copy] = []  # that others make, and may not have closed
        self._lock = _claim(path) if writer else None
        if writer:  # what is left of a scrub that was cut short
            shutil.rmtree(path / _SCRUBBED, ignore_errors=True)
        try:
            self._connect()
        except BaseException:
            self._release()
            raise

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open one consistent view. Keep it short: meanwhile LMDB reuses no page it can see.

        Raises StoreAbsent if the files are gone.
        """
        with self._opened(), _translated(self.path):
            try:
                raw = self._env.begin(buffers=False)
            except lmdb.MapResizedError:  # the writer, in another process, has grown the map
                self._env.set_mapsize(0)
                raw = self._env.begin(buffers=False)
            with raw:
                yield self._sealing.transaction(raw, self._damage)

    def write(self, change: Callable[[Transaction], T]) -> T:
        """Run one change and make it durable, all of it or nothing.

        When the map is full it grows and `change` runs again from the start, so `change` must have
        no effect outside its transaction. Raises StoreWriteFailed if the disk fails.
        """
        self._drop_scrub()
        with self._opened():
            while True:
                try:
                    with _translated(self.path), self._env.begin(write=True) as raw:
                        return change(self._sealing.transaction(raw, self._damage))
                except lmdb.MapFullError:
                    self._env.set_mapsize(self._env.info()["map_size"] * 2)

    def copy(self, directory: Path) -> None:
        """Copy it as of now into an empty directory: what it holds, and nothing of what it held.

        Readers and the writer go on meanwhile. Raises StoreWriteFailed if the disk fails.
        """
        copy = self.begin_copy(directory)
        try:
            with _translated(self.path):
                while not copy.step(_COPY_SLICE_S):
                    pass
                copy.finish()
        except BaseException:
            copy.close()
            raise

    def begin_copy(self, directory: Path) -> Copy:
        """Begin to copy it as of now into a directory. Its errors are those of LMDB."""
        with _translated(self.path):
            copy = Copy(self._env, directory)
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
            with _translated(self.path):
                self._scrub = self._scrub or Copy(self._env, self.path / _SCRUBBED)
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
        if unknown := self._names() - self.db.keys():
            raise StoreError(
                f"{self.path} has a database that this iai does not know ({min(unknown)}):"
                " upgrade iai"
            )
        self._drop_scrub()
        sealing = Sealing(self.path, self._name, cipher)
        try:
            with _translated(self.path):
                copy = Conversion(self._env, self.path / _SCRUBBED, self.db, sealing)
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
        return self._sealing.cipher is not None

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
            yield from _page_problems(self.path)
            for name in sorted(self._names() - self.db.keys()):
                yield f"there is an unknown database {name!r}"
            for database in self.db.values():
                yield from transaction.problems(database)

    def forget_dead_readers(self) -> int:
        """Free the slots of killed readers, which would keep old pages alive."""
        return self._env.reader_check()

    def close(self) -> None:
        """Close it, so that another process can be the writer."""
        self._drop_scrub()
        self._env.close()
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
        there = self._inode if self.writer else _inode(self.path)
        same = 0 < there == self._inode
        if not same or (self._scrub is None and _faults() - self._faults > MANY_FAULTS):
            self._env.close()
            self._inode = 0
            self._connect(same_file=same)

    def _connect(self, *, same_file: bool = False) -> None:
        self._faults = _faults()
        there = -1
        while there != self._inode:  # until it was not replaced while it was opened
            there = _inode(self.path)
            self._unlocked = unlock(self.path)  # its keys, while this is the file
            self._env = _open(
                self.path, self._map_size, writer=self.writer, derived=self._steps is None
            )
            self._inode = _inode(self.path)
            if self.writer:
                break
            if there != self._inode:
                self._env.close()
        try:
            if not same_file:
                _check_length(self._env, self.path, writer=self.writer)
            schema, sealed = self._open_databases()
            if schema < self._schema:
                self._migrate(schema, sealed=sealed)
            with _translated(self.path):
                self._drop_retired()
        except BaseException:
            self._env.close()
            raise

    def _open_databases(self) -> tuple[int, bool]:
        """Open all; return what `_read_schema` does. Raises StoreCorrupt if a name was changed."""
        names = self._names()
        if names and "meta" not in names:  # it is created before all others
            raise StoreCorrupt("the database `meta` is gone", self.path)
        meta = self._open_handle("meta")
        self._sealing = sealing_of(self.path, self._name, self._note(meta), self._unlocked)
        self.db = {"meta": self._sealing.database("meta", meta, members=False)}
        schema, sealed = self._read_schema()  # first: another version may have other databases
        missing = set(self._databases) - names
        unknown = names - set(self._databases) - set(self._retired)
        if missing and unknown and schema == self._schema and self._steps is not None:
            # One that is missing was added since, an unknown one is of a later version: not both.
            raise StoreCorrupt(f"the database `{min(missing)}` is gone", self.path)
        for name in self._databases:
            handle = self._open_handle(name)
            self.db[name] = self._sealing.database(name, handle, members=name in self._sets)
        return schema, sealed

    def _names(self) -> set[str]:
        with _translated(self.path), self._env.begin() as raw, raw.cursor() as main:
            return {name.decode("utf-8", "replace") for name in main.iternext(values=False)}

    def _open_handle(self, name: str) -> "lmdb._Database":
        with _translated(self.path):
            try:
                many = name in self._sets
                return self._env.open_db(
                    name.encode(), create=self.writer, dupsort=many, dupfixed=many
                )
            except (lmdb.NotFoundError, lmdb.ReadonlyError):  # its writer has not created it yet
                raise StoreAbsent(self.path) from None

    def _note(self, meta: "lmdb._Database") -> bytes | None:
        """Return the note of the schema as it is on disk; None if there is none."""
        with _translated(self.path), self._env.begin(buffers=False) as raw:
            return raw.get(_SCHEMA, db=meta)

    def _read_schema(self) -> tuple[int, bool]:
        """Return the schema on disk, and whether the entries are sealed.

        Raises unless it can be used or migrated.
        """
        noted = self._note(self.db["meta"].handle)
        with _translated(self.path), self._env.begin(buffers=False) as raw:
            empty = not raw.stat(self.db["meta"].handle)["entries"]
        if noted is None and not empty:
            raise StoreCorrupt("the note of its schema is gone", self.path)
        if noted is None and self.writer:
            self.write(self._note_schema)
            return self._schema, True
        if noted is None:
            raise StoreAbsent(self.path)
        sealed = len(noted) != _U64
        with _translated(self.path):
            schema = decode_u64(self.db["meta"].unseal(_SCHEMA, noted) if sealed else noted)
        if schema > self._schema:
            raise StoreTooNew(self.path, schema, self._schema)
        if not sealed and schema >= (self._schema if self._steps is None else _UNSEALED):
            raise StoreCorrupt("the note of its schema is not what was written", self.path)
        if schema < self._schema and not self.writer:
            raise StoreOutdated(self.path, schema)
        if schema < self._schema and self._steps is None:
            raise StoreCorrupt(f"it is of an earlier iai (schema {schema})", self.path)
        return schema, sealed

    def _migrate(self, found: int, *, sealed: bool) -> None:
        """Keep a copy, then do all steps in one transaction, after sealing what is not yet."""
        backups = self.path.parent / "backups"
        private(backups)
        name = f"{self.path.name}-schema-"
        copy = backups / f"{name}{found}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
        shutil.rmtree(copy, ignore_errors=True)  # of an attempt in the same second
        private(copy)
        self.copy(copy)
        copies = sorted(backups.glob(f"{name}*"), key=lambda path: path.stat().st_mtime_ns)
        for old in copies[:-COPIES_KEPT]:
            shutil.rmtree(old)

        def change(transaction: Transaction) -> None:
            for database in () if sealed else self.db.values():
                transaction.seal_all(database)
            for schema in range(found, self._schema):
                (self._steps or {})[schema](transaction, self.db)
            self._note_schema(transaction)

        self.write(change)

    def _drop_retired(self) -> None:
        names = [name.encode() for name in self._retired]
        with self._env.begin() as transaction, transaction.cursor() as main:  # names all others
            there = [name for name in names if main.set_key(name)]
        for name in there:
            database = Database(self.path, name.decode(), self._env.open_db(name, create=False))
            self.write(lambda t: t.drop(database, delete=True))  # noqa: B023  used at once

    def _note_schema(self, transaction: Transaction) -> None:
        transaction.put(_SCHEMA, encode_u64(self._schema), db=self.db["meta"])

    def _replace_file(self, copy: Copy) -> None:
        """Put a complete copy in the place of the file, if it is of the file's last transaction."""
        last = int(self._env.info()["last_txnid"])
        if copy.of != last:
            raise StoreCorrupt("somebody else wrote to it", self.path)
        while last < copy.number or (last - copy.number) % 2:
            with self._env.begin(write=True) as raw:
                self._note_schema(self._sealing.transaction(raw, self._damage))
            last = int(self._env.info()["last_txnid"])
        self._scrub = None
        copy.finish()
        renumber(copy.file, last)
        copy.file.replace(self.path / "data.mdb")
        sync(self.path)
        shutil.rmtree(copy.file.parent)
        self._env.close()
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


def _claim(path: Path) -> int:
    """Become the only writer of this environment while the returned file stays open."""
    private(path)
    descriptor = os.open(path / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreBusy(f"another process writes {path}") from None
    return descriptor


def _open(path: Path, map_size: int, *, writer: bool, derived: bool) -> lmdb.Environment:
    if not writer and not (path / "data.mdb").exists():
        raise StoreAbsent(path)
    with _translated(path):
        # A reader registers in the lock file, so that the writer spares the pages it sees. If that
        # file is not writable (a read-only home), there is no writer either.
        lock = writer or os.access(path / "lock.mdb", os.W_OK)
        return lmdb.open(
            str(path),
            map_size=map_size if writer else 0,
            # A power cut may undo the last change of derived data, which is then derived again. So
            # each commit waits for the disk once instead of twice.
            metasync=not derived,
            max_dbs=MOST_DATABASES,
            readonly=not writer,
            create=writer,
            mode=0o600,
            max_readers=MAX_READERS,
            lock=lock,
            readahead=False,  # lookups are scattered; read-ahead would load whole extents
        )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Translate LMDB's errors into ours, but for MapFull and MapResized, handled in this module."""
    try:
        yield
    except (lmdb.MapFullError, lmdb.MapResizedError):
        raise
    except _DAMAGE as error:
        raise StoreCorrupt(str(error), path) from error
    except StoreCorrupt as error:  # a value that cannot be read
        if error.path is not None:
            raise
        raise StoreCorrupt(str(error), path) from error
    except lmdb.ReadersFullError as error:
        raise StoreWriteFailed(f"{path}: {MAX_READERS} read it at once; try again") from error
    except lmdb.Error as error:
        raise StoreWriteFailed(f"{path}: {error}; check the disk") from error


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def _inode(path: Path) -> int:
    try:
        return (path / "data.mdb").stat().st_ino
    except OSError:
        return 0


def _check_length(env: lmdb.Environment, path: Path, *, writer: bool) -> None:
    """Reject a truncated file: reading beyond its end would kill the process (SIGBUS).

    A sound file may lack its last pages: LMDB never writes a page that the same transaction took
    and gave back. The writer verifies all pages to tell the two apart, since nothing changes the
    file meanwhile, and then extends the file, since verifying misses the end of a long value.
    Readers reject a file under a quarter of its size.
    """
    needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    size = (path / "data.mdb").stat().st_size
    if size >= needed:
        return
    if size < needed // 4:
        raise StoreCorrupt(f"data.mdb has {size} bytes of {needed}", path)
    if writer:
        check(path)
        os.truncate(path / "data.mdb", needed)


def is_encrypted(path: Path) -> bool:
    """Is this environment encrypted, whether or not there is a key? Raises StoreAbsent, StoreError.

    Without encryption it is either plain or too damaged to tell.
    """
    with closing(_open(path, 0, writer=False, derived=False)) as env, _translated(path):
        try:
            meta = env.open_db(b"meta", create=False)
        except lmdb.NotFoundError:
            return False
        with env.begin(buffers=False) as raw:
            return is_sealed(raw.get(_SCHEMA, db=meta))


def check(path: Path | None) -> None:
    """Verify all pages of an environment that no process has open.

    Raises StoreCorrupt if it is damaged. A missing file counts as intact; a huge one is not
    checked.
    """
    file = path / "data.mdb" if path is not None else None
    if file is None or not file.exists() or file.stat().st_size > LARGEST_WALK:
        return
    if problems := _page_problems(file.parent):
        raise StoreCorrupt(problems[0], path)


def _page_problems(path: Path) -> list[str]:
    try:
        return list(verify(str(path)))  # type: ignore[no-untyped-call]
    except VerifyError as error:
        return [str(error)]
