"""A copy of an environment whose entries are sealed in another way: encrypted, or not any more."""

from collections.abc import Generator, Iterator, Mapping
from itertools import islice
from pathlib import Path

import lmdb

from iai.store.copying import ENTRIES, Copy
from iai.store.database import Database, Entry
from iai.store.sealing import Sealing


class Conversion(Copy):
    """Copies entry by entry, and unseals each. One that is damaged raises EntryCorrupt."""

    def __init__(
        self,
        source: lmdb.Environment,
        directory: Path,
        databases: Mapping[str, Database],
        sealing: Sealing,
    ) -> None:
        """`databases` are those of the source: all of them. `sealing` is that of the copy."""
        super().__init__(source, directory)
        self._old = databases
        self._sealing = sealing

    def _copying(self) -> Generator[None]:
        for old, new in self._databases():
            for entries in _batches(self._snapshot.cursor(old.handle)):
                if self._writing is None:
                    return
                rows = sorted(new.write(*old.read(key, data)) for key, data in entries)
                with self._writing.cursor(new.handle) as cursor:
                    cursor.putmulti(rows)
                yield

    def _comparing(self) -> Generator[None]:
        with self._copy.begin(buffers=False) as copied:
            for old, new in self._databases():
                if copied.stat(new.handle)["entries"] != self._snapshot.stat(old.handle)["entries"]:
                    raise lmdb.CorruptedError("a copy has lost entries")
                with copied.cursor(new.handle) as cursor:
                    for entries in _batches(self._snapshot.cursor(old.handle)):
                        if not all(
                            _same(old.read(key, data), new, cursor) for key, data in entries
                        ):
                            raise lmdb.CorruptedError("a copy differs from what was copied")
                        yield

    def _databases(self) -> Iterator[tuple[Database, Database]]:
        """Yield each database of the source, and that of the copy."""
        for name, _, counterpart in self._pairs:
            old = self._old[name.decode()]
            yield old, self._sealing.database(old.name, counterpart, members=not old.sealed)


def _batches(cursor: "lmdb.Cursor[bytes]") -> Iterator[list[Entry]]:
    every = cursor.iternext()
    while batch := list(islice(every, ENTRIES)):
        yield batch


def _same(entry: Entry, database: Database, cursor: "lmdb.Cursor[bytes]") -> bool:
    """Is an entry, unsealed, where the cursor's database has it?"""
    place = database.locate(entry[0])
    if not database.sealed:
        return cursor.set_key_dup(place, entry[1])
    return cursor.set_key(place) and database.read(place, cursor.value()) == entry
