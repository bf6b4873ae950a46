"""Entries on disk: whatever was changed is found where it is read."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.errors import StoreCorrupt
from iai.store import environment
from iai.store.database import Database, EntryCorrupt
from iai.store.environment import Environment
from iai.store.transaction import Transaction
from tests.iai.store.builders import flip, move

KEYS = st.binary(min_size=1, max_size=12)


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    path = tmp_path_factory.mktemp("store") / "derived"
    one = Environment(path, ("things", "others"), schema=1, writer=True, sets=("members",))
    yield one
    one.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Environment]:
    """An environment that cannot be rebuilt."""
    one = Environment(tmp_path / "kept", ("things",), schema=3, writer=True, steps={})
    yield one
    one.close()


def fill(environment: Environment, entries: dict[bytes, bytes]) -> None:
    def change(transaction: Transaction) -> None:
        transaction.drop(environment.db["things"], delete=False)
        transaction.putmulti(entries.items(), db=environment.db["things"])

    environment.write(change)


@given(key=KEYS, value=st.binary(max_size=300), data=st.data())
def test_every_flipped_bit_is_found(key: bytes, value: bytes, data: st.DataObject) -> None:
    database = Database(Path("p"), "things", None)  # type: ignore[arg-type]
    sealed = bytearray(b"".join(database.write(key, value)))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    assert database.unseal(key, bytes(sealed[len(key) :])) == value
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(EntryCorrupt):
        database.unseal(bytes(sealed[: len(key)]), bytes(sealed[len(key) :]))


def test_a_value_of_another_database_is_found() -> None:
    one, other = (Database(Path("p"), name, None) for name in ("one", "other"))  # type: ignore[arg-type]
    with pytest.raises(EntryCorrupt):
        other.unseal(*one.write(b"key", b"value"))


def test_a_value_under_another_key_is_found(derived: Environment) -> None:
    fill(derived, {b"key": b"value"})
    move(derived, "things", b"key", b"kez")
    with derived.read() as t, pytest.raises(StoreCorrupt, match="entry 'kez' of `things`"):
        t.get(b"kez", db=derived.db["things"])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, st.binary(max_size=20), max_size=12), KEYS, KEYS)
def test_entries_are_those_of_a_sorted_dictionary(
    derived: Environment, entries: dict[bytes, bytes], one: bytes, other: bytes
) -> None:
    fill(derived, entries)
    things = derived.db["things"]
    every = sorted(entries.items())
    with derived.read() as t:
        assert t.count(things) == len(entries)
        assert list(t.entries(things)) == every
        assert list(t.entries(things, one)) == [e for e in every if e[0] >= one]
        assert list(t.entries_back(things, one)) == [e for e in every[::-1] if e[0] < one]
        below = [e for e in every if e[0].startswith(one[:1])]
        assert list(t.prefixed(things, one[:1])) == below
        assert list(t.prefixed(things, one[:1], back=True)) == below[::-1]
        expected = [*entries.values(), entries.get(one)]
        assert t.getmulti([*entries, one], db=things) == expected
        assert t.get(one, db=things) == entries.get(one)
        assert list(t.problems(things)) == []
    low, high = sorted((one, other))
    assert derived.write(lambda t: t.delete_range(things, low, high))
    with derived.read() as t:
        assert list(t.entries(things)) == [e for e in every if not low <= e[0] < high]


def test_no_more_than_a_slice_is_deleted_at_once(derived: Environment) -> None:
    fill(derived, {b"%d" % number: b"" for number in range(5)})
    things = derived.db["things"]
    assert not derived.write(lambda t: t.delete_range(things, b"0", b"9", 3))
    assert derived.write(lambda t: t.delete_range(things, b"0", b"9", 3))


@pytest.mark.parametrize("read", ["get", "getmulti", "entries", "entries_back", "prefixed"])
def test_derived_data_with_a_changed_bit_raises_wherever_it_is_read(
    derived: Environment, read: str
) -> None:
    fill(derived, {b"one": b"1", b"two": b"2"})
    flip(derived, "things", b"one")
    things = derived.db["things"]
    ways: dict[str, Callable[[Transaction], object]] = {
        "get": lambda t: t.get(b"one", db=things),
        "getmulti": lambda t: t.getmulti([b"two", b"one"], db=things),
        "entries": lambda t: list(t.entries(things)),
        "entries_back": lambda t: list(t.entries_back(things, b"two")),
        "prefixed": lambda t: list(t.prefixed(things, b"o")),
    }
    with derived.read() as t, pytest.raises(StoreCorrupt, match="'one' of `things`") as raised:
        ways[read](t)
    assert raised.value.path == derived.path


def test_a_check_of_derived_data_reads_all_of_it_and_raises_at_damage(
    derived: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "SLICE", 2)
    fill(derived, {b"%d" % number: b"x" for number in range(5)})
    assert sum(derived.check_entries()) == 5 + 1  # and the schema
    flip(derived, "things", b"4")
    with pytest.raises(StoreCorrupt, match="'4' of `things`") as raised:
        sum(derived.check_entries())
    assert raised.value.path == derived.path
    fill(derived, {})


def test_what_cannot_be_rebuilt_is_passed_over_and_logged_once(
    kept: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    fill(kept, {b"one": b"1", b"two": b"2"})
    flip(kept, "things", b"one")
    things = kept.db["things"]
    with caplog.at_level(logging.ERROR), kept.read() as t:
        for _ in range(2):
            assert list(t.entries(things)) == [(b"two", b"2")]
        assert t.intact(b"one", db=things) is None
        with pytest.raises(EntryCorrupt):
            t.get(b"one", db=things)
    assert [r.message.split(";")[0] for r in caplog.records] == [
        f"{kept.path} is damaged: the entry 'one' of `things` is not what was written"
    ]


def test_a_check_names_each_damaged_entry(derived: Environment) -> None:
    fill(derived, {number.to_bytes(8, "big"): b"x" for number in range(1, 9)})
    for label in (3, 5):
        flip(derived, "things", label.to_bytes(8, "big"))
    assert list(derived.problems()) == [
        f"the entry #{label} of `things` is not what was written" for label in (3, 5)
    ]
    fill(derived, {})


def test_members_of_a_set_have_no_checksum_but_are_checked_for_being_found(
    derived: Environment,
) -> None:
    members = derived.db["members"]

    def change(transaction: Transaction) -> None:
        with transaction.members(members) as cursor:
            cursor.putmulti([(b"set1", b"%04d" % number) for number in range(3)])

    derived.write(change)
    with derived.read() as t:
        assert t.count(members) == 3
        assert list(t.problems(members)) == []
