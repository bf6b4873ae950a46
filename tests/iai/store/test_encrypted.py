"""Entries of an encrypted store: authenticated, found by masked keys, and locked without a key."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import lmdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.encryption import keys
from iai.encryption.cipher import Cipher
from iai.errors import KeyMissing, KeyWrong, StoreCorrupt
from iai.store import graph, inbox, links, record_keys, vectors
from iai.store.codec import encode_u64
from iai.store.conversion import Conversion
from iai.store.database import EncryptedDatabase, EntryCorrupt
from iai.store.environment import Environment
from iai.store.masked_keys import NUMBERED, Plain, forms
from iai.store.records import Records
from iai.store.schema import is_encrypted
from iai.store.transaction import Transaction
from iai.store.vectors import VectorStore
from tests.iai.encryption.process_keys import forget_keys
from tests.iai.store.builders import encrypt, flip, move, new_record, put
from tests.iai.store.test_merging import Merging

CIPHER = Cipher({1: b"k" * 32}, 1, b"w" * 32)
FORMS = forms(CIPHER)
BLOCK = st.binary(min_size=16, max_size=16)
EIGHT = st.binary(min_size=8, max_size=8)
NAME = st.binary(min_size=4, max_size=30).filter(lambda name: b"\0" not in name)
PROJECT = st.text("0123456789abcdef", min_size=16, max_size=16).map(str.encode)


def joined(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(b"".join)


NUL = st.just(b"\0")
KEYS = {  # as they are made in `iai.store`
    "by_key": BLOCK,
    "by_session": joined(BLOCK, EIGHT, EIGHT),
    "pinned": joined(PROJECT, EIGHT),
    "projects": PROJECT,
    "topics": joined(PROJECT, NUL, EIGHT),
    "sessions": joined(PROJECT, BLOCK),
    "by_activity": joined(PROJECT, EIGHT, BLOCK),
    "by_project": st.one_of(
        joined(PROJECT, EIGHT, EIGHT), joined(st.just(b"~"), PROJECT, PROJECT, EIGHT)
    ),
    "by_id": st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26).map(str.encode),
    "by_file": joined(NAME, NUL, EIGHT, BLOCK, EIGHT),
    "by_commit": joined(NAME, NUL, EIGHT, BLOCK, EIGHT),
    "counts": st.binary(min_size=4, max_size=4).map(lambda crc: bytes(4) + crc),
    "holders": st.binary(min_size=4, max_size=4),
    "meta": st.one_of(joined(st.just(b"not_recorded\0"), BLOCK), st.just(b"watermark")),
}


def database(name: str, environment: str = "records") -> EncryptedDatabase:
    return EncryptedDatabase(
        Path("p"), name, None,  # type: ignore[arg-type]
        cipher=CIPHER, form=FORMS.get(name, Plain()), environment=environment,
    )  # fmt: skip


def hashed(root: Path) -> dict[Path, str]:
    """Return the digest of each file, but of those with which LMDB and its writer lock."""
    every = (path for path in sorted(root.rglob("*")) if path.is_file())
    data = (path for path in every if path.name not in ("lock.mdb", "writer.lock"))
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in data}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """The root of an encrypted store with some records."""
    root = tmp_path / "store"
    root.mkdir()
    encrypt(root)
    records = Records(root / "records", writer=True)
    put(records, new_record("one", text="zanzibar"), new_record("two", text="timbuktu"))
    records.close()
    yield root
    forget_keys()


# --- keys and values --------------------------------------------------------------------------


def test_every_database_says_what_becomes_of_its_keys() -> None:
    derived = {*vectors._DATABASES, *graph._DATABASES, *links.SETS}
    every = {*record_keys.DATABASES, *inbox.DATABASES, *derived, "meta"}
    assert every == NUMBERED | FORMS.keys()
    assert not NUMBERED & FORMS.keys()


@given(data=st.data(), name=st.sampled_from(sorted(KEYS)), value=st.binary(max_size=40))
def test_an_entry_is_read_as_it_was_written(data: st.DataObject, name: str, value: bytes) -> None:
    key = data.draw(KEYS[name])
    one = database(name)
    on_disk = one.write(key, value)
    assert one.read(*on_disk) == (key, value)
    assert on_disk[0] == one.locate(key)


@given(data=st.data(), name=st.sampled_from(sorted(KEYS)))
def test_keys_are_masked_one_to_one(data: st.DataObject, name: str) -> None:
    key, other = data.draw(KEYS[name]), data.draw(KEYS[name])
    one = database(name)
    assert (one.locate(key) == one.locate(other)) == (key == other) or name == "by_commit"


@given(data=st.data(), name=st.sampled_from(["by_session", "by_project", "by_activity", "topics"]))
def test_keys_that_begin_with_the_same_parts_still_do(data: st.DataObject, name: str) -> None:
    key = data.draw(KEYS[name])
    cut = 17 + 16 if key.startswith(b"~") else 16
    assert database(name).locate(key).startswith(database(name).locate(key[:cut]))


@given(name=st.sampled_from(sorted(KEYS)), value=st.binary(max_size=60), data=st.data())
def test_every_flipped_bit_of_an_entry_is_found(
    name: str, value: bytes, data: st.DataObject
) -> None:
    one = database(name)
    key, sealed = one.write(data.draw(KEYS[name]), value)
    changed = bytearray(key + sealed)
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(EntryCorrupt):
        one.read(bytes(changed[: len(key)]), bytes(changed[len(key) :]))


def test_a_value_of_another_environment_or_database_is_found() -> None:
    key, sealed = database("meta").write(b"progress", b"value")
    for other in (database("meta", "index"), database("projects")):
        with pytest.raises(EntryCorrupt):
            other.read(key, sealed)


def test_a_commit_is_found_by_any_beginning_of_its_hash_and_a_file_by_its_whole_name(
    tmp_path: Path,
) -> None:
    encrypt(tmp_path)
    one = Environment(tmp_path / "records", ("by_commit", "by_file"), schema=1, writer=True)
    hashes = [b"abcdef0", b"abcd999", b"abc0000", b"fedcba9"]

    def change(transaction: Transaction) -> None:
        for number, name in enumerate(hashes):
            key = name + b"\0" + bytes(8) + b"s" * 16 + encode_u64(number)
            transaction.put(key, b"", db=one.db["by_commit"])
            transaction.put(key, b"", db=one.db["by_file"])

    one.write(change)
    with one.read() as transaction:

        def found(database: str, prefix: bytes, *, back: bool = False) -> list[bytes]:
            entries = transaction.prefixed(one.db[database], prefix, back=back)
            return sorted(key.partition(b"\0")[0] for key, _ in entries)

        for back in (False, True):
            assert found("by_commit", b"abcd", back=back) == [b"abcd999", b"abcdef0"]
            assert found("by_commit", b"abcde", back=back) == [b"abcdef0"]
            assert found("by_commit", b"ab", back=back) == sorted(hashes[:3])
            assert found("by_commit", b"", back=back) == sorted(hashes)
            assert found("by_commit", b"ffff", back=back) == []
            assert found("by_file", b"abcd999\0", back=back) == [b"abcd999"]
            assert found("by_file", b"abcd\0", back=back) == []
        assert sum(one.check_entries()) == one.count_entries()
    one.close()


class EncryptedMerging(Merging):
    """Merges and moves read ranges of masked keys: all is found as in a plain store."""

    def __init__(self) -> None:
        super().__init__()
        self.records.close()
        self.directory.cleanup()
        self.directory = tempfile.TemporaryDirectory()
        root = Path(self.directory.name) / "store"
        root.mkdir()
        encrypt(root)
        self.records = Records(root / "records", writer=True)


TestEncryptedMerging = EncryptedMerging.TestCase
TestEncryptedMerging.settings = settings(max_examples=8, stateful_step_count=20)


# --- an encrypted store -----------------------------------------------------------------------


def test_nothing_that_was_said_is_in_the_file(root: Path) -> None:
    data = (root / "records/data.mdb").read_bytes()
    assert is_encrypted(root / "records")
    assert b"zanzibar" not in data
    assert b"0123456789abcdef" not in data  # the project


def test_a_changed_entry_costs_only_itself_and_is_named(root: Path) -> None:
    records = Records(root / "records", writer=True)
    flip(records._environment, "records", bytes(7) + b"\1", bit=100)
    with records.view() as view:
        assert view.get(1) is None
        other = view.get(2)
    assert other is not None
    assert other.text == "timbuktu"
    assert next(records.problems()) == "the entry #1 of `records` is not what was written"
    records.close()


def test_an_entry_under_the_key_of_another_is_found(root: Path) -> None:
    records = Records(root / "records", writer=True)
    move(records._environment, "records", bytes(7) + b"\2", to=bytes(7) + b"\1")
    with records.view() as view:
        assert view.get(1) is None
    records.close()


def test_of_many_read_at_once_a_damaged_one_costs_only_itself(root: Path) -> None:
    store = VectorStore(root / "vectors", writer=True)
    rows = np.eye(3, dtype=np.float32)
    store.commit(lambda unit: unit.put(1, [1, 2, 3], rows))
    with store.view() as view:
        assert view.find(1, [1, 2, 4])[0] == [1, 2]
    flip(store._environment, "vectors", encode_u64(1) + encode_u64(2), bit=100)
    store.close()
    store = VectorStore(root / "vectors")  # to its writer, any damage is a reason to rebuild it
    with store.view() as view:
        there, found = view.find(1, [1, 2, 3])
    assert there == [1, 3]
    assert found.tolist() == [rows[0].tolist(), rows[2].tolist()]
    store.close()


@pytest.mark.parametrize("writer", [True, False])
def test_without_the_file_of_its_keys_it_is_refused_and_not_changed(
    root: Path,
    writer: bool,  # noqa: FBT001
) -> None:
    (root / "crypto.json").unlink()
    forget_keys()
    before = hashed(root)
    with pytest.raises(KeyMissing, match=r"crypto\.json"):
        Records(root / "records", writer=writer)
    assert hashed(root) == before


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("wrong", [True, False])
def test_without_its_key_nothing_is_opened_or_created(
    root: Path,
    there: bool,  # noqa: FBT001
    wrong: bool,  # noqa: FBT001
) -> None:
    key = Path(f"{root}.key")
    if wrong:
        key.write_text("A" * 43 + "=\n")
    else:
        key.unlink()
    if not there:
        shutil.rmtree(root / "records")
    forget_keys()
    before = sorted(root.rglob("*")), hashed(root)
    with pytest.raises(KeyWrong if wrong else KeyMissing):
        Records(root / "records", writer=True)
    with pytest.raises(KeyWrong if wrong else KeyMissing):
        VectorStore(root / "vectors", writer=True)
    assert (sorted(root.rglob("*")), hashed(root)) == before


def test_keys_of_another_store_open_nothing(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    encrypt(other)
    shutil.copytree(root / "records", other / "records")
    with pytest.raises(StoreCorrupt):
        Records(other / "records")


@pytest.mark.parametrize("writer", [True, False])
def test_a_plain_environment_is_refused_in_an_encrypted_store(
    root: Path,
    tmp_path: Path,
    writer: bool,  # noqa: FBT001
) -> None:
    plain = Records(tmp_path / "plain/records", writer=True)
    put(plain, new_record("forged"))
    plain.close()
    shutil.rmtree(root / "records")
    shutil.copytree(tmp_path / "plain/records", root / "records")
    with pytest.raises(StoreCorrupt, match="iai crypto init"):
        Records(root / "records", writer=writer)


def test_what_is_created_in_an_encrypted_store_is_encrypted(root: Path) -> None:
    VectorStore(root / "vectors", writer=True).close()
    assert is_encrypted(root / "vectors")


def test_a_store_is_encrypted_rotated_and_decrypted_under_an_open_environment(
    tmp_path: Path,
) -> None:
    records = Records(tmp_path / "records", writer=True)
    put(records, new_record("one", text="zanzibar"))
    cipher = encrypt(tmp_path)
    found = keys.read(tmp_path)
    assert found is not None

    def whole(*, encrypted: bool) -> bool:
        with records.view() as view:
            one = view.get(1)
        data = (tmp_path / "records/data.mdb").read_bytes()
        plain = one is not None and one.text == "zanzibar" and list(records.problems()) == []
        return plain and encrypted == (b"zanzibar" not in data)

    keys.set_state(tmp_path, found, "encrypting")
    records.convert(cipher)
    assert whole(encrypted=True)
    found = keys.add_generation(tmp_path, found)
    records.convert(keys.load_cipher(tmp_path))
    found = keys.settle(tmp_path, found)
    assert whole(encrypted=True)
    keys.set_state(tmp_path, found, "decrypting")
    records.convert(None)
    keys.remove(tmp_path)
    assert whole(encrypted=False)
    records.close()


def test_a_copy_that_differs_does_not_take_the_place_of_the_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Records(root / "records", writer=True)
    data = (root / "records/data.mdb").read_bytes()
    step = Conversion.step

    def faulty(self: Conversion, room_s: float) -> bool:
        done = step(self, room_s)
        self.put(b"records", encode_u64(1), b"something else")
        return done

    monkeypatch.setattr(Conversion, "step", faulty)
    with pytest.raises(StoreCorrupt):
        records.convert(None)
    assert (root / "records/data.mdb").read_bytes() == data
    records.close()


def test_a_database_of_a_later_version_is_not_converted(root: Path) -> None:
    records = Records(root / "records", writer=True)
    later = records._environment._connection.env.open_db(b"later")
    with records._environment._connection.env.begin(write=True) as raw:
        raw.put(b"key", b"value", db=later)
    with pytest.raises(Exception, match="does not know"):
        records.convert(None)
    records.close()
    with lmdb.open(str(root / "records"), max_dbs=64) as env:
        database = env.open_db(b"later", create=False)
        with env.begin() as raw:
            assert raw.get(b"key", db=database) == b"value"
