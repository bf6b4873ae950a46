"""Puts that are held back in a transaction, against the same ones made at once."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.store.environment import Environment
from iai.store.held_puts import HeldPuts
from iai.store.transaction import Transaction

KEYS = st.sampled_from([b"a", b"b", b"c"])
DATABASES = st.sampled_from(["one", "two"])
PUT = st.tuples(st.just("put"), DATABASES, KEYS, st.binary(max_size=2))
OTHER = st.tuples(
    st.sampled_from(["get", "delete", "drop", "count", "entries"]), DATABASES, KEYS, st.just(b"")
)


class Both:
    """An environment with one transaction that holds puts back, or does not."""

    def __init__(self, path: Path, *, held: bool) -> None:
        self.env = lmdb.open(str(path), max_dbs=2, map_size=1 << 20)
        self.databases = {name: self.env.open_db(name.encode()) for name in ("one", "two")}
        self.raw = self.env.begin(write=True)
        self.held = HeldPuts(self.raw)
        self.transaction: Any = self.held if held else self.raw

    def do(self, what: str, database: str, key: bytes, value: bytes) -> object:
        db = self.databases[database]
        match what:
            case "put":
                self.transaction.put(key, value, db=db)
                return None
            case "get":
                return self.transaction.get(key, db=db)
            case "delete":
                return self.transaction.delete(key, db=db)
            case "drop":
                return self.transaction.drop(db, delete=False)
            case "count":
                return self.transaction.stat(db)["entries"]
            case _:
                with self.transaction.cursor(db) as cursor:
                    return list(cursor)

    def end(self) -> list[object]:
        self.held.flush()
        self.raw.commit()
        with self.env.begin() as raw:
            rows: list[object] = [list(raw.cursor(db)) for db in self.databases.values()]
        self.env.close()
        return rows


@settings(deadline=None, max_examples=50)
@given(st.lists(PUT | OTHER, max_size=25))
def test_what_is_held_back_reads_and_ends_like_what_is_put_at_once(
    happening: list[tuple[str, str, bytes, bytes]],
) -> None:
    with TemporaryDirectory() as directory:
        held, plain = (Both(Path(directory) / str(held), held=held) for held in (True, False))
        for what in happening:
            assert held.do(*what) == plain.do(*what)
        assert held.end() == plain.end()


def test_a_map_that_fills_when_held_puts_are_written_grows_and_loses_nothing(
    tmp_path: Path,
) -> None:
    environment = Environment(tmp_path / "e", ("things",), schema=1, writer=True, map_size=1 << 16)

    def change(transaction: Transaction) -> None:
        for number in range(200):
            key = b"%03d" % number
            transaction.put(key, bytes(1_000), db=environment.db["things"])

    environment.write(change)
    with environment.read() as transaction:
        assert transaction.count(environment.db["things"]) == 200
    environment.close()


def test_a_change_that_fails_writes_nothing_of_what_it_put(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "e", ("things",), schema=1, writer=True)

    def change(transaction: Transaction) -> None:
        transaction.put(b"key", b"value", db=environment.db["things"])
        raise LookupError

    with pytest.raises(LookupError):
        environment.write(change)
    with environment.read() as transaction:
        assert not transaction.has(b"key", db=environment.db["things"])
    environment.close()
