"""Age files: what opens them, and what does not."""

import shutil
import subprocess
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from iai.admin import age
from iai.errors import BadUsage, StoreError

TEXT = b"the tide turns at noon"


def nobody() -> str:
    raise AssertionError("no passphrase opens it")


def identity(path: Path) -> tuple[Path, str]:
    """Write the file that `age-keygen` writes; return it, and the recipient."""
    key = pyrage.x25519.Identity.generate()
    path.write_text(f"# created: today\n# public key: {key.to_public()}\n{key}\n")
    return path, str(key.to_public())


def ssh(path: Path) -> tuple[Path, str]:
    """Write the private part of an SSH key; return it, and the public part."""
    key = Ed25519PrivateKey.generate()
    form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    path.write_bytes(key.private_bytes(*form, serialization.NoEncryption()))
    public = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return path, key.public_key().public_bytes(*public).decode()


def encrypted(*names: str) -> bytes:
    return age.encrypt(TEXT, recipients=[age.recipient(name) for name in names])


def test_each_of_its_recipients_opens_it_and_nobody_else(tmp_path: Path) -> None:
    (mine, one), (own, two), (other, _) = (
        make(tmp_path / name) for make, name in ((identity, "a"), (ssh, "b"), (identity, "c"))
    )
    data = encrypted(one, f"{two} me@home")
    assert age.is_age(data)
    assert TEXT not in data
    for path in (mine, own):
        assert age.decrypt(data, identity=path, ask=nobody) == TEXT
    with pytest.raises(StoreError, match="does not open it"):
        age.decrypt(data, identity=other, ask=nobody)
    with pytest.raises(StoreError, match="--identity"):
        age.decrypt(data, identity=None, ask=nobody)
    if shutil.which("age"):
        for path in (mine, own):
            command = ["age", "--decrypt", "-i", str(path)]  # refuses a key that others can read
            path.chmod(0o600)
            done = subprocess.run(command, input=data, capture_output=True, check=True)
            assert done.stdout == TEXT


def test_a_changed_byte_is_found_wherever_it_is(tmp_path: Path) -> None:
    path, name = identity(tmp_path / "a")
    data = encrypted(name)
    for at in range(len(age._MAGIC), len(data), 5):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(StoreError):
            age.decrypt(bytes(changed), identity=path, ask=nobody)


@pytest.mark.parametrize("name", ["", "me", "age1x", "ssh-ed25519 x", "AGE-SECRET-KEY-1"])
def test_what_is_no_recipient_is_refused_in_words(name: str) -> None:
    with pytest.raises(BadUsage, match="is not a recipient"):
        age.recipient(name)


@pytest.mark.parametrize("content", ["", "# nothing", "AGE-SECRET-KEY-1X", "\udcff"])
def test_a_file_without_a_key_is_refused_in_words(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(StoreError, match=str(path)):
        age.decrypt(encrypted(identity(tmp_path / "a")[1]), identity=path, ask=nobody)
    with pytest.raises(StoreError, match="cannot read the key"):
        age.decrypt(encrypted(identity(tmp_path / "a")[1]), identity=tmp_path / "no", ask=nobody)


def test_a_passphrase_opens_a_file_even_if_the_machine_seems_too_slow_for_it_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That it opens one at all, which takes seconds of CPU, is in `cli/test_backup_age`."""
    data = age._MAGIC + age._SCRYPT
    seems_slow = iter((True, True))

    def busy(_: bytes, phrase: str) -> bytes:
        if next(seems_slow, False):
            raise pyrage.DecryptError("Excessive work parameter for passphrase.")
        if phrase != "tide":
            raise pyrage.DecryptError("Decryption failed")
        return TEXT

    monkeypatch.setattr(pyrage.passphrase, "decrypt", busy)
    assert age.decrypt(data, identity=None, ask=lambda: "tide") == TEXT
    with pytest.raises(StoreError, match="does not open it"):
        age.decrypt(data, identity=None, ask=lambda: "moon")
