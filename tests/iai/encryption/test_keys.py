"""The keys of a store: unlocked by the right key only, and never by way of an error or a guess."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
from msgspec import structs

from iai.encryption import key_pipe, key_sources, keys
from iai.encryption.key_sources import KeyFile, Keyring, Passphrase
from iai.errors import KeyMissing, KeyWrong, StoreTooNew
from tests.iai.encryption.process_keys import forget_keys

SECRET = "correct horse battery staple"  # noqa: S105
CHEAP = Passphrase(b"salt" * 4, n=16, r=1, p=1)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test is a process that has unlocked nothing yet."""
    forget_keys()
    yield
    forget_keys()


def on(root: Path, source: key_sources.Source, passphrase: str = "") -> keys.Keys:
    return keys.settle(root, keys.create(root, source, passphrase))


def sealed(root: Path) -> bytes:
    cipher = keys.load_cipher(root)
    assert cipher is not None
    return cipher.seal(b"c", b"plain")


def opened(root: Path, data: bytes) -> bytes:
    cipher = keys.load_cipher(root)
    assert cipher is not None
    return cipher.open(b"c", data)


def flipped(text: str) -> str:
    return ("b" if text[0] != "b" else "c") + text[1:]


class Memory(KeyringBackend):
    """A keyring that keeps keys as long as the process runs."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


def test_a_store_without_keys_is_not_encrypted(tmp_path: Path) -> None:
    assert keys.load_cipher(tmp_path) is None
    assert keys.load_cipher(tmp_path / "absent") is None


@pytest.mark.parametrize("place", ["inside.key", "{outside}/new/outside.key"])
def test_a_key_file_unlocks_a_store(tmp_path: Path, place: str) -> None:
    source = KeyFile(place.format(outside=tmp_path))
    on(tmp_path / "store", source)
    data = sealed(tmp_path / "store")
    forget_keys()
    assert opened(tmp_path / "store", data) == b"plain"
    assert source.located(tmp_path / "store").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "store/crypto.json").stat().st_mode & 0o777 == 0o600


def test_a_copy_in_backups_finds_the_key_file_inside_the_store(tmp_path: Path) -> None:
    on(tmp_path, KeyFile("inside.key"))
    data = sealed(tmp_path)
    copy = tmp_path / "backups/auto-1"
    copy.mkdir(parents=True)
    (copy / "crypto.json").write_bytes((tmp_path / "crypto.json").read_bytes())
    forget_keys()
    assert opened(copy, data) == b"plain"


def test_an_existing_key_file_is_used_and_never_overwritten(tmp_path: Path) -> None:
    source = KeyFile(str(tmp_path / "a.key"))
    key = source.create(tmp_path, "")
    on(tmp_path / "store", source)
    assert source.read(tmp_path, "") == key


@pytest.mark.parametrize(
    ("damage", "raised", "says"),
    [
        (lambda path: path.unlink(), KeyMissing, "put the file back"),
        (lambda path: path.chmod(0o640), KeyWrong, "chmod 600"),
        (lambda path: path.write_bytes(b"nonsense\n"), KeyWrong, "is not a key of iai"),
        (lambda path: path.write_bytes(b"A" * 43 + b"=\n"), KeyWrong, "nothing was opened"),
        (lambda path: (path.unlink(), path.mkdir()), KeyMissing, "put the file back"),
    ],
)
def test_a_missing_or_wrong_key_file_is_refused_in_words(
    tmp_path: Path, damage: object, raised: type[Exception], says: str
) -> None:
    on(tmp_path, KeyFile("a.key"))
    forget_keys()
    assert callable(damage)
    damage(tmp_path / "a.key")
    with pytest.raises(raised, match=says):
        keys.load_cipher(tmp_path)


def test_every_changed_field_of_the_file_of_keys_is_refused(tmp_path: Path) -> None:
    on(tmp_path, KeyFile("a.key"))
    there = json.loads((tmp_path / "crypto.json").read_text())
    changes = {
        "words": flipped(there["words"]),
        "check": flipped(there["check"]),
        "data": {"1": flipped(there["data"]["1"])},
        "id": "0" * 16,
        "state": "encrypting",
        "current": 3,
        "cipher": "none",
    }
    for name, value in changes.items():
        (tmp_path / "crypto.json").write_text(json.dumps({**there, name: value}))
        forget_keys()
        with pytest.raises(KeyWrong):
            keys.load_cipher(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1}', '{"version": 1, "id": 3}'])
def test_a_damaged_file_of_keys_is_refused_and_not_taken_for_none(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "crypto.json").write_text(content)
    with pytest.raises(KeyMissing, match="damaged"):
        keys.load_cipher(tmp_path)


def test_a_file_of_keys_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crypto.json").write_text('{"version": 2, "anything": []}')
    with pytest.raises(StoreTooNew):
        keys.load_cipher(tmp_path)


def test_a_passphrase_unlocks_a_store(tmp_path: Path) -> None:
    found = on(tmp_path, CHEAP, SECRET)
    data = sealed(tmp_path)
    forget_keys()
    assert keys.asks_for_passphrase(tmp_path)
    keys.unlock(tmp_path, found, SECRET)
    assert not keys.asks_for_passphrase(tmp_path)
    assert opened(tmp_path, data) == b"plain"


@pytest.mark.parametrize("wrong", ["", "correct horse", SECRET.upper()])
def test_a_wrong_passphrase_is_refused_without_being_shown(tmp_path: Path, wrong: str) -> None:
    found = on(tmp_path, CHEAP, SECRET)
    forget_keys()
    with pytest.raises(KeyWrong) as raised:
        keys.unlock(tmp_path, found, wrong)
    assert not wrong or wrong not in str(raised.value)
    assert keys.unlocked() == {}


def test_without_a_passphrase_the_store_says_that_it_is_locked(tmp_path: Path) -> None:
    on(tmp_path, CHEAP, SECRET)
    forget_keys()
    with pytest.raises(KeyMissing, match="IAI_MCP_PASSPHRASE_FILE"):
        keys.load_cipher(tmp_path)


def test_a_passphrase_is_read_from_the_file_of_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(tmp_path, CHEAP, SECRET)
    forget_keys()
    file = tmp_path / "passphrase"
    file.write_text(f"{SECRET}\nmore\n")
    monkeypatch.setenv("IAI_MCP_PASSPHRASE_FILE", str(file))
    with pytest.raises(KeyWrong, match="chmod 600"):
        keys.load_cipher(tmp_path)
    file.chmod(0o600)
    assert keys.load_cipher(tmp_path) is not None


def test_a_passphrase_is_read_from_an_inherited_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(tmp_path, CHEAP, SECRET)
    forget_keys()
    reader, writer = os.pipe()
    os.write(writer, SECRET.encode())
    os.close(writer)
    monkeypatch.setenv("IAI_MCP_PASSPHRASE_FILE", f"/dev/fd/{reader}")
    assert keys.load_cipher(tmp_path) is not None
    os.close(reader)


def test_a_file_that_asks_scrypt_for_too_much_memory_is_refused() -> None:
    with pytest.raises(KeyWrong, match="memory"):
        structs.replace(CHEAP, n=1 << 40).key(SECRET)


def test_the_keyring_keeps_a_key_and_says_when_it_is_gone(tmp_path: Path) -> None:
    before, memory = keyring.get_keyring(), Memory()
    try:
        keyring.set_keyring(memory)
        on(tmp_path, Keyring())
        data = sealed(tmp_path)
        forget_keys()
        assert opened(tmp_path, data) == b"plain"
        forget_keys()
        memory.kept.clear()
        with pytest.raises(KeyMissing, match="not in the keyring"):
            keys.load_cipher(tmp_path)
    finally:
        keyring.set_keyring(before)


def test_a_rotation_keeps_what_is_sealed_until_it_is_settled(tmp_path: Path) -> None:
    found = on(tmp_path, KeyFile("a.key"))
    old = sealed(tmp_path)
    more = keys.add_generation(tmp_path, found)
    new = sealed(tmp_path)
    assert opened(tmp_path, old) == opened(tmp_path, new) == b"plain"
    keys.settle(tmp_path, more)
    forget_keys()
    assert opened(tmp_path, new) == b"plain"
    assert list(json.loads((tmp_path / "crypto.json").read_text())["data"]) == ["2"]


def test_after_the_last_generation_comes_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "LAST_GENERATION", 3)
    found = on(tmp_path, KeyFile("a.key"))
    for _ in range(3):
        found = keys.settle(tmp_path, keys.add_generation(tmp_path, found))
    assert found.current == 1
    assert opened(tmp_path, sealed(tmp_path)) == b"plain"


def test_keys_are_handed_down_over_a_pipe_and_not_in_the_words(tmp_path: Path) -> None:
    found = on(tmp_path, CHEAP, SECRET)
    keys.unlock(tmp_path, found)
    given = key_pipe.give()
    assert given.words == ("--keys", str(given.descriptors[0]))
    assert os.get_inheritable(given.descriptors[0])
    forget_keys()
    key_pipe.take(given.words)
    assert keys.load_cipher(tmp_path) is not None


def test_nothing_is_handed_down_where_nothing_is_unlocked() -> None:
    assert key_pipe.give() == ((), ())
    key_pipe.take([])
