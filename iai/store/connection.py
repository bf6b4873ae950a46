"""The file of an environment while a process has it open: its databases, and transactions on them.

An environment connects again whenever its file was replaced: see `iai.store.environment`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import lmdb

from iai.errors import StoreAbsent, StoreCorrupt
from iai.store.database import Database
from iai.store.lmdb_file import check_length, inode, open_file, page_faults, translated
from iai.store.schema import SCHEMA_KEY, Schema
from iai.store.sealing import sealing_of, unlock
from iai.store.transaction import Damage, Transaction

T = TypeVar("T")


class Contents(NamedTuple):
    """What an environment holds, as this version of iai knows it."""

    path: Path
    name: str  # that encrypted entries are bound to
    databases: tuple[str, ...]  # all, `meta` first
    sets: tuple[str, ...]  # those of them in which a key has any number of values
    retired: tuple[str, ...]  # that the writer drops
    schema: Schema
    derived: bool  # it can be rebuilt
    writer: bool
    map_size: int  # bytes


class Connection:
    """One open file."""

    def __init__(self, contents: Contents, damage: Damage, *, same_file: bool) -> None:
        """Open it. Where it is the `same_file` as before, its length is known to be right.

        Raises StoreAbsent, StoreTooNew, StoreOutdated, StoreCorrupt, StoreLocked, StoreError.
        """
        self._contents = contents
        self._damage = damage
        self._faults = page_faults()
        self._open()
        try:
            if not same_file:
                check_length(self.env, contents.path, writer=contents.writer)
            self.schema, self.sealed = self._open_databases()
        except BaseException:
            self.env.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open one consistent view."""
        with translated(self._contents.path):
            try:
                raw = self.env.begin(buffers=False)
            except lmdb.MapResizedError:  # the writer, in another process, has grown the map
                self.env.set_mapsize(0)
                raw = self.env.begin(buffers=False)
            with raw:
                yield self.sealing.transaction(raw, self._damage)

    def write(self, change: Callable[[Transaction], T]) -> T:
        """Run one change and make it durable; again from the start when the map was full."""
        while True:
            try:
                with translated(self._contents.path), self.env.begin(write=True) as raw:
                    transaction = self.sealing.transaction(raw, self._damage)
                    result = change(transaction)
                    transaction.flush()
                    return result
            except lmdb.MapFullError:
                self.env.set_mapsize(self.env.info()["map_size"] * 2)

    def names(self) -> set[str]:
        """Return the names of all databases, also of those that this version does not know."""
        with translated(self._contents.path), self.env.begin() as raw, raw.cursor() as main:
            return {name.decode("utf-8", "replace") for name in main.iternext(values=False)}

    def last_transaction(self) -> int:
        """Return the number of the last transaction of the file."""
        return int(self.env.info()["last_txnid"])

    def faults(self) -> int:
        """Return how many page faults the process has had since."""
        return page_faults() - self._faults

    def migrate(self) -> None:
        """Make the schema that of this version."""
        schema = self._contents.schema
        self.write(lambda t: schema.migrate(t, self.db, self.schema, sealed=self.sealed))

    def note_schema(self) -> None:
        """Note that the schema is that of this version."""
        self.write(lambda t: self._contents.schema.note(t, self.db["meta"]))

    def drop_retired(self) -> None:
        """Drop the databases that no version writes any more."""
        path = self._contents.path
        with translated(path):
            there = self.names() & set(self._contents.retired)
            for name in sorted(there):
                handle = self.env.open_db(name.encode(), create=False)
                database = Database(path, name, handle)
                self.write(lambda t: t.drop(database, delete=True))  # noqa: B023  used at once

    def close(self) -> None:
        """Close it; then it has no file."""
        self.env.close()
        self.inode = 0

    def _open(self) -> None:
        path, writer = self._contents.path, self._contents.writer
        while True:
            there = inode(path)
            self._unlocked = unlock(path)  # its keys, while this is the file
            self.env = open_file(
                path, self._contents.map_size, writer=writer, derived=self._contents.derived
            )
            self.inode = inode(path)  # of the open file; 0: none
            if writer or there == self.inode:
                return
            self.env.close()  # it was replaced while it was opened

    def _open_databases(self) -> tuple[int, bool]:
        """Open all; return what `_read_schema` does. Raises StoreCorrupt if a name was changed."""
        known, path = self._contents, self._contents.path
        names = self.names()
        if names and "meta" not in names:  # it is created before all others
            raise StoreCorrupt("the database `meta` is gone", path)
        meta = self._open_handle("meta")
        self.sealing = sealing_of(path, known.name, self._note(meta), self._unlocked)
        self.db = {"meta": self.sealing.database("meta", meta, members=False)}
        schema, sealed = self._read_schema()  # first: another version may have other databases
        missing = set(known.databases) - names
        unknown = names - set(known.databases) - set(known.retired)
        if missing and unknown and known.schema.current(schema) and not known.derived:
            # One that is missing was added since, an unknown one is of a later version: not both.
            raise StoreCorrupt(f"the database `{min(missing)}` is gone", path)
        for name in known.databases:
            handle = self._open_handle(name)
            self.db[name] = self.sealing.database(name, handle, members=name in known.sets)
        return schema, sealed

    def _open_handle(self, name: str) -> "lmdb._Database":
        many = name in self._contents.sets
        with translated(self._contents.path):
            try:
                return self.env.open_db(
                    name.encode(), create=self._contents.writer, dupsort=many, dupfixed=many
                )
            except (lmdb.NotFoundError, lmdb.ReadonlyError):  # its writer has not created it yet
                raise StoreAbsent(self._contents.path) from None

    def _note(self, meta: "lmdb._Database") -> bytes | None:
        """Return the note of the schema as it is on disk; None if there is none."""
        with translated(self._contents.path), self.env.begin(buffers=False) as raw:
            return raw.get(SCHEMA_KEY, db=meta)

    def _read_schema(self) -> tuple[int, bool]:
        """Return the schema on disk, and whether the entries are sealed: see `Schema.read`."""
        path, writer, meta = self._contents.path, self._contents.writer, self.db["meta"]
        noted = self._note(meta.handle)
        with translated(path), self.env.begin(buffers=False) as raw:
            empty = not raw.stat(meta.handle)["entries"]
        if noted is None and not empty:
            raise StoreCorrupt("the note of its schema is gone", path)
        if noted is None and writer:
            self.note_schema()
            noted = self._note(meta.handle)
        if noted is None:
            raise StoreAbsent(path)
        with translated(path):
            return self._contents.schema.read(noted, meta, writer=writer)
