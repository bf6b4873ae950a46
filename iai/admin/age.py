"""Backups that the program `age` opens (age-encryption.org/v1), by the package `pyrage`.

Both directions hold all of a backup in memory, so that none of it is on disk in between.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from iai.errors import BadUsage, StoreError
from iai.process.files import read_regular

_MAGIC = b"age-encryption.org/v1\n"
HEAD = len(_MAGIC)  # bytes that tell an age file
_TRIES = 10  # of a passphrase
_TOO_SLOW = "work parameter"  # in the error of a file that would take long to open
_SCRYPT = b"-> scrypt "  # the only kind of lock in a file with a passphrase
_LONGEST_IDENTITY = 1 << 16  # bytes


def is_age(data: bytes) -> bool:
    """Does a file begin like an age file?"""
    return data.startswith(_MAGIC)


def recipient(name: str) -> Any:
    """Return whom `age1...` or the public key of an SSH key pair stands for. Raises BadUsage."""
    pyrage = _pyrage()
    kind = pyrage.ssh if name.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(name)
    except pyrage.RecipientError as error:
        raise BadUsage(
            f"{name!r} is not a recipient: give what `age-keygen` prints as the public key, or the"
            " public part of an SSH key (ed25519 or RSA)"
        ) from error


def encrypt(data: bytes, *, recipients: Sequence[Any]) -> bytes:
    """Return an age file for these recipients."""
    return bytes(_pyrage().encrypt(data, list(recipients)))


def encrypt_with_passphrase(data: bytes, *, passphrase: str) -> bytes:
    """Return an age file that a passphrase opens (scrypt)."""
    return bytes(_pyrage().passphrase.encrypt(data, passphrase))


def decrypt(data: bytes, *, identity: Path | None, ask: Callable[[], str]) -> bytes:
    """Return what is in an age file; `ask` is called if a passphrase opens it.

    Raises StoreError if that does not open it, or it was changed.
    """
    pyrage = _pyrage()
    try:
        if data.startswith(_SCRYPT, HEAD):
            return _decrypt_with_passphrase(pyrage, data, ask())
        if identity is None:
            raise StoreError("it is encrypted with age: give the file of your key as --identity")
        return bytes(pyrage.decrypt(data, _identities(pyrage, identity)))
    except pyrage.DecryptError as error:
        raise StoreError(
            f"that key or passphrase does not open it, or it is damaged ({error})"
        ) from error


def _decrypt_with_passphrase(
    pyrage: Any, data: bytes, passphrase: str, tries: int = _TRIES
) -> bytes:
    """Return what is in a file that a passphrase opens.

    Each time, the library measures for a moment how fast the machine is, and refuses what would
    take long. A busy machine may seem 30 times slower than it is, so it is asked again.
    """
    try:
        return bytes(pyrage.passphrase.decrypt(data, passphrase))
    except pyrage.DecryptError as error:
        if tries == 1 or _TOO_SLOW not in str(error):
            raise
    return _decrypt_with_passphrase(pyrage, data, passphrase, tries - 1)


def _identities(pyrage: Any, path: Path) -> list[Any]:
    """Return the identities in a file of `age-keygen`, or the private part of an SSH key."""
    try:
        data = read_regular(path, _LONGEST_IDENTITY)
        if b"PRIVATE KEY-----" in data:
            return [pyrage.ssh.Identity.from_buffer(data)]
        lines = [line.strip() for line in data.decode().splitlines()]
        names = [line for line in lines if line and not line.startswith("#")]
        found = [pyrage.x25519.Identity.from_str(name) for name in names]
    except OSError as error:
        raise StoreError(f"cannot read the key in {path}: {error.strerror}") from error
    except (UnicodeDecodeError, pyrage.IdentityError) as error:
        raise StoreError(
            f"{path} is neither an age key nor an SSH key without a passphrase"
        ) from error
    if not found:
        raise StoreError(f"{path} has no age key in it")
    return found


def _pyrage() -> Any:
    try:
        return importlib.import_module("pyrage")
    except ImportError as error:
        raise StoreError(
            "age files need the package `pyrage`: run `pipx inject iai-memory pyrage`, or"
            " `pip install 'iai-memory[crypto]'`"
        ) from error
