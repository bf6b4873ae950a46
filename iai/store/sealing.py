"""How an environment is sealed: with checksums, or with the keys of an encrypted store.

The keys are those in the `crypto.json` beside its directory. While a store is being encrypted or
decrypted, some environments are, and some are not: the form of the note of its schema, the first
entry that is read, tells which.
"""

from pathlib import Path
from typing import NamedTuple

import lmdb

from iai.encryption import keys
from iai.encryption.cipher import Cipher
from iai.errors import KeyMissing, StoreCorrupt
from iai.store.database import SEAL, Database, EncryptedDatabase
from iai.store.masked_keys import Plain, forms
from iai.store.transaction import Damage, EncryptedTransaction, Raw, Transaction

_NOTE = 8 + SEAL  # bytes of the note of a schema that is not encrypted, at most
_PLAIN = Plain()


class Unlocked(NamedTuple):
    """The keys of a store."""

    state: keys.State | None  # None: it is not encrypted
    cipher: Cipher | None


class Sealing:
    """Makes the databases and transactions of an environment."""

    def __init__(self, path: Path, name: str, cipher: Cipher | None) -> None:
        """`path`: that of the environment; `name`: what its entries are bound to."""
        self._path = path
        self._name = name
        self.cipher = cipher
        self._forms = forms(cipher) if cipher is not None else {}

    def database(self, name: str, handle: "lmdb._Database", *, members: bool) -> Database:
        """Return a database; `members`: it is a set."""
        if self.cipher is None:
            return Database(self._path, name, handle, members=members)
        return EncryptedDatabase(
            self._path,
            name,
            handle,
            cipher=self.cipher,
            form=self._forms.get(name, _PLAIN),
            environment=self._name,
            members=members,
        )

    def transaction(self, raw: Raw, damage: Damage) -> Transaction:
        """Return a transaction over these databases."""
        kind = Transaction if self.cipher is None else EncryptedTransaction
        return kind(raw, damage)


def unlock(path: Path) -> Unlocked:
    """Return the keys of the store that an environment belongs to. Raises StoreLocked."""
    found = keys.read(path.parent)
    if found is None:
        return Unlocked(None, None)
    return Unlocked(found.state, keys.unlock(path.parent, found))


def sealing_of(path: Path, name: str, note: bytes | None, unlocked: Unlocked) -> Sealing:
    """Return how an environment is sealed whose schema is noted so; None: it is empty.

    Raises KeyMissing if it is encrypted and the store has no keys, and StoreCorrupt if it is not
    encrypted, though the store is.
    """
    state, cipher = unlocked
    encrypted = is_sealed(note)
    if encrypted and cipher is None:
        raise keys_gone(path)
    if note is None:
        encrypted = state not in (None, "decrypting")
    elif not encrypted and state in ("on", "rotating"):
        raise StoreCorrupt(
            "it is not encrypted, though the store is; `iai crypto init` encrypts it", path
        )
    return Sealing(path, name, cipher if encrypted else None)


def keys_gone(path: Path) -> KeyMissing:
    """Return what to raise for an encrypted environment in a store without `crypto.json`."""
    return KeyMissing(
        f"{path} is encrypted, and {path.parent / 'crypto.json'} is gone, which has its keys: put"
        " it back, from a backup if need be"
    )


def is_sealed(note: bytes | None) -> bool:
    """Is an environment encrypted whose schema is noted so?"""
    return note is not None and len(note) > _NOTE
