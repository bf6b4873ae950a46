"""The schema of an environment, as its `meta` notes it, and how an earlier one becomes today's."""

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import lmdb

from iai.config.layout import private
from iai.encryption.cipher import Cipher
from iai.errors import StoreCorrupt, StoreOutdated, StoreTooNew
from iai.store.codec import decode_u64, encode_u64
from iai.store.database import Database, EntryCorrupt
from iai.store.lmdb_file import check_length, open_file, translated
from iai.store.migrations import Step
from iai.store.sealing import Sealing, is_sealed
from iai.store.transaction import Transaction

SCHEMA_KEY = b"schema"  # in `meta`
COPIES_KEPT = 3  # of records from before a migration
_UNSEALED = 3  # records of a lower schema have no checksums
_U64 = 8  # bytes


class Schema:
    """The schema that this version writes, and the steps to it; None: the data is derived."""

    def __init__(self, path: Path, number: int, steps: Mapping[int, Step] | None) -> None:
        self._path = path
        self._number = number
        self._steps = steps

    def current(self, found: int) -> bool:
        """Is this the schema that this version writes?"""
        return found == self._number

    def read(self, noted: bytes, meta: Database, *, writer: bool) -> tuple[int, bool]:
        """Return the schema that is noted, and whether the entries are sealed.

        Raises StoreTooNew, StoreOutdated (for a reader) or StoreCorrupt, unless it can be used or
        migrated.
        """
        sealed = len(noted) != _U64
        found = decode_u64(meta.unseal(SCHEMA_KEY, noted) if sealed else noted)
        if found > self._number:
            raise StoreTooNew(self._path, found, self._number)
        if not sealed and found >= (self._number if self._steps is None else _UNSEALED):
            raise StoreCorrupt("the note of its schema is not what was written", self._path)
        if found < self._number and not writer:
            raise StoreOutdated(self._path, found)
        if found < self._number and self._steps is None:
            raise StoreCorrupt(f"it is of an earlier iai (schema {found})", self._path)
        return found, sealed

    def migrate(
        self, transaction: Transaction, db: Mapping[str, Database], found: int, *, sealed: bool
    ) -> None:
        """Do all steps from an earlier schema on, after sealing what is not yet."""
        for database in () if sealed else db.values():
            transaction.seal_all(database)
        for schema in range(found, self._number):
            (self._steps or {})[schema](transaction, db)
        self.note(transaction, db["meta"])

    def note(self, transaction: Transaction, meta: Database) -> None:
        """Note that the environment has the schema that this version writes."""
        transaction.put(SCHEMA_KEY, encode_u64(self._number), db=meta)


def keep_copy(path: Path, schema: int, copy: Callable[[Path], None]) -> None:
    """Have an environment copied before its migration, and delete the oldest of such copies."""
    backups = path.parent / "backups"
    private(backups)
    name = f"{path.name}-schema-"
    directory = backups / f"{name}{schema}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    shutil.rmtree(directory, ignore_errors=True)  # of an attempt in the same second
    private(directory)
    copy(directory)
    copies = sorted(backups.glob(f"{name}*"), key=lambda one: one.stat().st_mtime_ns)
    for old in copies[:-COPIES_KEPT]:
        shutil.rmtree(old)


def opens(path: Path, cipher: Cipher) -> bool:
    """Is this encrypted environment opened by these keys? Raises StoreAbsent, StoreError."""
    with closing(open_file(path, 0, writer=False, derived=False)) as env, translated(path):
        check_length(env, path, writer=False)
        meta = env.open_db(b"meta", create=False)
        with env.begin(buffers=False) as raw:
            note = raw.get(SCHEMA_KEY, db=meta)
        try:
            sealed = Sealing(path, path.name, cipher).database("meta", meta, members=False)
            return note is not None and bool(sealed.unseal(SCHEMA_KEY, note))
        except EntryCorrupt:
            return False


def is_encrypted(path: Path) -> bool:
    """Is this environment encrypted, whether or not there is a key? Raises StoreAbsent, StoreError.

    Without encryption it is either plain or too damaged to tell.
    """
    with closing(open_file(path, 0, writer=False, derived=False)) as env, translated(path):
        check_length(env, path, writer=False)
        try:
            meta = env.open_db(b"meta", create=False)
        except lmdb.NotFoundError:
            return False
        with env.begin(buffers=False) as raw:
            return is_sealed(raw.get(SCHEMA_KEY, db=meta))
