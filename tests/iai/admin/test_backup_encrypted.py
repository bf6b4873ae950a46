"""Backups of an encrypted store: what is in them, and what opens them."""

import tarfile
from functools import partial
from pathlib import Path

import pytest
from msgspec import structs

from iai.admin import age, backup
from iai.config.layout import Layout
from iai.encryption import keys
from iai.encryption.key_sources import KeyFile, new_passphrase
from iai.errors import StoreError, StoreLocked
from iai.ingest import spool
from iai.store.records import Records
from tests.iai.admin.test_age import identity, nobody
from tests.iai.admin.test_backup import fill, texts
from tests.iai.store.builders import NOW

SAID = [b"text of one", b"zqwaiting"]


@pytest.fixture
def other(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "other")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "key"


@pytest.fixture
def encrypted(layout: Layout, key: Path) -> Layout:
    """An encrypted store with two records and a hook event that waits."""
    keys.set_state(layout.root, keys.create(layout.root, KeyFile(str(key))), "on")
    fill(layout, "one", "two")
    (layout.spool_new / "1.json").write_text('{"prompt": "zqwaiting"}')
    return layout


@pytest.fixture
def forget_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know no key but those on disk, as another process."""
    monkeypatch.setattr(keys, "_key_encryption_keys", {})
    monkeypatch.setattr(keys, "_ciphers", {})


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {m.name: file.read() for m in tar if (file := tar.extractfile(m)) is not None}


def test_nothing_said_is_in_it_and_the_key_of_the_store_opens_it(
    encrypted: Layout, other: Layout, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar.gz"
    assert backup.make(encrypted, path, NOW.wall).form == backup.SEALED
    found = members(path)
    assert set(found) == {"manifest.json", "crypto.json", "records/data.mdb", "spool/new/1.json"}
    assert [name for name, data in found.items() if any(said in data for said in SAID)] == []
    done = backup.restore(other, path, NOW.wall, replace=False)
    assert (texts(other), done.key) == (["text of one", "text of two"], "")
    spooled = spool.read(other.spool_new / "1.json", keys.load_cipher(other.root))
    assert spooled is not None
    assert spooled.event == spool.HookEvent(prompt="zqwaiting")


def test_without_the_key_it_is_refused_and_nothing_is_changed(
    encrypted: Layout, other: Layout, key: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "b.tar.gz"
    backup.make(encrypted, path, NOW.wall)
    other.create()
    fill(other, "mine")
    key.unlink()
    request.getfixturevalue("forget_keys")
    with pytest.raises(StoreLocked, match=str(key)):
        backup.restore(other, path, NOW.wall, replace=True)
    assert texts(other) == ["text of mine"]
    assert not other.crypto.exists()
    assert [entry.name for entry in other.root.iterdir() if entry.name.startswith(".iai-")] == []


def test_one_for_age_brings_the_key_with_it_where_that_is_lost(
    encrypted: Layout, other: Layout, key: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    mine, name = identity(tmp_path / "identity")
    path, decrypt = tmp_path / "b.age", partial(age.decrypt, identity=mine, ask=nobody)
    encrypt = partial(age.encrypt, recipients=[age.recipient(name)])
    backup.make(encrypted, path, NOW.wall, encrypt)
    assert age.is_age(path.read_bytes())
    assert [entry.name for entry in encrypted.root.iterdir() if entry.name[:5] == ".iai-"] == []
    assert backup.restore(other, path, NOW.wall, replace=False, decrypt=decrypt).key == ""
    assert list(other.root.glob("*.key")) == [], "the key of the store is still where it was"
    key.unlink()
    request.getfixturevalue("forget_keys")
    done = backup.restore(other, path, NOW.wall, replace=True, decrypt=decrypt)
    assert (other.root / done.key).stat().st_mode & 0o777 == 0o600
    request.getfixturevalue("forget_keys")
    assert texts(other) == ["text of one", "text of two"]


def test_a_passphrase_is_in_none(layout: Layout, tmp_path: Path) -> None:
    cheap = structs.replace(new_passphrase(), n=2)
    made = keys.create(layout.root, cheap, "low water")
    keys.set_state(layout.root, made, "on")
    fill(layout, "one")
    path = tmp_path / "b"
    backup.make(layout, path, NOW.wall, bytes)  # as it is before age encrypts it
    assert set(members(path)) == {"manifest.json", "records/data.mdb", "crypto.json"}


def test_a_plain_one_leaves_the_encrypted_records_beside_what_opens_them(
    encrypted: Layout, other: Layout, tmp_path: Path
) -> None:
    other.create()
    fill(other, "mine")
    path = tmp_path / "plain.tar.gz"
    backup.make(other, path, NOW.wall)
    kept = backup.restore(encrypted, path, NOW.wall, replace=True).kept
    assert kept is not None
    assert (texts(encrypted), encrypted.crypto.exists()) == (["text of mine"], False)
    assert texts(Layout(kept)) == ["text of one", "text of two"]


def test_a_file_that_has_the_name_of_the_key_is_not_replaced(
    encrypted: Layout, other: Layout, key: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "b"
    backup.make(encrypted, path, NOW.wall, bytes)
    other.create()
    (name,) = (name for name in members(path) if name.endswith(".key"))
    (other.root / name).write_text("somebody's")
    key.unlink()
    request.getfixturevalue("forget_keys")
    with pytest.raises(StoreError, match=name):
        backup.restore(other, path, NOW.wall, replace=False)
    assert (other.root / name).read_text() == "somebody's"


def test_a_key_of_another_store_in_it_replaces_none(
    encrypted: Layout, other: Layout, tmp_path: Path
) -> None:
    path, evil = tmp_path / "b", tmp_path / "evil"
    backup.make(encrypted, path, NOW.wall)
    with tarfile.open(evil, "w:gz") as tar:
        for name, data in (members(path) | {"restored-0.key": b"another"}).items():
            backup._add(tar, name, data)
    other.create()
    (other.root / "restored-0.key").write_text("mine")
    backup.restore(other, evil, NOW.wall, replace=False)
    assert (other.root / "restored-0.key").read_text() == "mine"


def test_while_a_store_is_being_encrypted_none_is_made(encrypted: Layout, tmp_path: Path) -> None:
    found = keys.read(encrypted.root)
    assert found is not None
    keys.set_state(encrypted.root, found, "encrypting")
    with pytest.raises(StoreError, match="encrypting"):
        backup.make(encrypted, tmp_path / "b", NOW.wall)
    assert not (tmp_path / "b").exists()
    Records(encrypted.records).close()
