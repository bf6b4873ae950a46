"""What a transaction holds back until it ends."""

from pathlib import Path
from tempfile import TemporaryDirectory

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.encryption.cipher import Cipher
from iai.store.database import Database
from iai.store.environment import Environment
from iai.store.sealing import Sealing
from iai.store.transaction import Damage, Transaction

KEYS = st.sampled_from([b"a" * 16, b"b" * 16, b"c" * 16])
DATABASES = st.sampled_from(["by_key", "other"])  # the keys of the first are masked, if encrypted
PUT = st.tuples(st.sampled_from(["put", "putmulti"]), DATABASES, KEYS, st.binary(max_size=2))
OTHER = st.tuples(
    st.sampled_from(["get", "has", "getmulti", "delete", "drop", "count", "entries"]),
    DATABASES,
    KEYS,
    st.just(b""),
)
Act = tuple[str, str, bytes, bytes]


def do(transaction: Transaction, db: Database, act: Act) -> object:
    """Do something to a database; return what it answers."""
    what, _, key, value = act
    match what:
        case "put":
            transaction.put(key, value, db=db)
        case "putmulti":
            transaction.putmulti([(key, b"replaced"), (key, value)], db=db)
        case "get":
            return transaction.get(key, db=db)
        case "has":
            return transaction.has(key, db=db)
        case "getmulti":
            return transaction.getmulti([key, b"d" * 16], db=db)
        case "delete":
            return transaction.delete(key, db=db)
        case "drop":
            transaction.drop(db, delete=False)
        case "count":
            return transaction.count(db)
        case _:
            return sorted(transaction.entries(db))
    return None


def expected(there: dict[bytes, bytes], act: Act) -> object:
    """Do the same to a dictionary."""
    what, _, key, value = act
    match what:
        case "put" | "putmulti":
            there[key] = value
        case "get":
            return there.get(key)
        case "has":
            return key in there
        case "getmulti":
            return [there.get(key), None]
        case "delete":
            return there.pop(key, None) is not None
        case "drop":
            there.clear()
        case "count":
            return len(there)
        case _:
            return sorted(there.items())
    return None


@pytest.mark.parametrize("cipher", [None, Cipher({1: b"k" * 32}, 1, b"w" * 32)])
@settings(deadline=None, max_examples=50)
@given(st.lists(PUT | OTHER, max_size=25))
def test_what_is_held_back_reads_and_ends_like_what_is_put_at_once(
    cipher: Cipher | None, happening: list[Act]
) -> None:
    model: dict[str, dict[bytes, bytes]] = {"by_key": {}, "other": {}}
    with TemporaryDirectory() as directory:
        sealing = Sealing(Path(directory), "e", cipher)
        env = lmdb.open(directory, max_dbs=2, map_size=1 << 20)
        db = {
            name: sealing.database(name, env.open_db(name.encode()), members=False)
            for name in model
        }
        with env.begin(write=True) as raw:
            transaction = sealing.transaction(raw, Damage(rebuilt=True))
            for act in happening:
                assert do(transaction, db[act[1]], act) == expected(model[act[1]], act)
            transaction.flush()
        with env.begin() as raw:
            transaction = sealing.transaction(raw, Damage(rebuilt=True))
            for name, there in model.items():
                assert sorted(transaction.entries(db[name])) == sorted(there.items())
        env.close()


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
