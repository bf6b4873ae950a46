"""The keys of a store, in its `crypto.json`, each wrapped by its key-encryption key.

A store without that file is not encrypted. Its form, in JSON: the name of the store to the keyring
(`id`), where the key-encryption key is (`source`), what is under way (`state`), the data keys by
generation, and the words key. A key is wrapped as `Cipher.seal` seals, with the key-encryption key,
in the context `key`, NUL, `id`, NUL, and the generation or `words`. `check` is nothing, sealed in
the context of all else: without the key nobody can claim that only a part is encrypted.

What one process has unlocked it hands down to its children (`unlocked`, `adopt`), over the pipe by
which they are started: neither their environment nor their command line has a key.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, structs

from iai.config.layout import Layout
from iai.encryption.cipher import KEY, LAST_GENERATION, Cipher
from iai.encryption.key_sources import Passphrase, Source
from iai.errors import KeyMissing, KeyWrong, StoreTooNew, Tampered
from iai.process import files
from iai.process.files import sync

VERSION = 1
ALGORITHM = "AES-256-GCM"
_LARGEST = 1 << 20  # bytes
_REMEMBERED = 8  # ciphers

State: TypeAlias = Literal["encrypting", "on", "rotating", "decrypting"]

_key_encryption_keys: dict[str, bytes] = {}  # that this process has used, by the id of the store
_ciphers: dict[bytes, Cipher] = {}  # by the content of a file


class Keys(Struct, frozen=True, kw_only=True):
    """The content of `crypto.json`."""

    version: int = VERSION
    cipher: str = ALGORITHM
    id: str
    state: State  # `on` once nothing is under way
    source: Source
    current: int  # generation
    data: dict[int, bytes]  # wrapped, by generation
    words: bytes  # wrapped
    check: bytes = b""  # of all else


def load_cipher(root: Path) -> Cipher | None:
    """Return the cipher of the store in `root`, or of a copy of one; None if it has none.

    Raises KeyMissing or KeyWrong if it cannot be unlocked, EncryptionUnavailable, StoreTooNew.
    """
    keys = read(root)
    return unlock(root, keys) if keys is not None else None


def read(root: Path) -> Keys | None:
    """Return the content of `crypto.json`; None if there is no such file.

    Raises KeyMissing if it cannot be read, StoreTooNew.
    """
    path = Layout(root).crypto
    try:
        data = files.read_regular(path, _LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise KeyMissing(f"{path} cannot be read: {error.strerror}") from error
    try:
        version = msgspec.json.decode(data, type=_Version).version
        if version > VERSION:
            raise StoreTooNew(path, version, VERSION)
        return msgspec.json.decode(data, type=Keys)
    except (ValueError, RecursionError) as error:
        raise KeyMissing(f"{path} is damaged ({error}): put back the one of a backup") from error


def unlock(root: Path, keys: Keys, passphrase: str | None = None) -> Cipher:
    """Return the cipher of a store with these keys, and keep its key-encryption key for later.

    `passphrase`: the one that the user typed. Raises as `load_cipher` does.
    """
    encoded = msgspec.json.encode(keys)
    if encoded not in _ciphers:
        key = _key_encryption_keys.get(keys.id)
        if passphrase is not None and isinstance(keys.source, Passphrase):
            key = keys.source.key(passphrase)
        if key is None:
            key = keys.source.read(root, keys.id)
        cipher = _unwrapped(root, keys, key)
        if len(_ciphers) >= _REMEMBERED:
            _ciphers.clear()
        _ciphers[encoded] = cipher
        _key_encryption_keys[keys.id] = key
    return _ciphers[encoded]


def asks_for_passphrase(root: Path) -> bool:
    """Is the store encrypted with a passphrase that this process does not have yet?"""
    keys = read(root)
    if keys is None or not isinstance(keys.source, Passphrase):
        return False
    return keys.id not in _key_encryption_keys


def unlocked() -> dict[str, bytes]:
    """Return the key-encryption keys that this process has used, to hand down to a child."""
    return dict(_key_encryption_keys)


def adopt(keys: Mapping[str, bytes]) -> None:
    """Take what the parent process has handed down."""
    _key_encryption_keys.update(keys)


def create(root: Path, source: Source, passphrase: str = "") -> Keys:
    """Make the keys of a store that is about to be encrypted, and write them.

    Raises KeyMissing or KeyWrong if `source` cannot keep the key, or the passphrase is empty.
    """
    id_ = secrets.token_hex(8)
    key = source.key(passphrase) if isinstance(source, Passphrase) else source.create(root, id_)
    wrapping = Cipher({1: key}, 1, key)
    keys = Keys(
        id=id_,
        state="encrypting",
        source=source,
        current=1,
        data={1: wrapping.seal(_context(id_, "1"), secrets.token_bytes(KEY))},
        words=wrapping.seal(_context(id_, "words"), secrets.token_bytes(KEY)),
    )
    _key_encryption_keys[id_] = key
    return save(root, keys)


def add_generation(root: Path, keys: Keys) -> Keys:
    """Make a data key that seals from now on, beside the earlier ones. The store is unlocked."""
    number = keys.current % LAST_GENERATION + 1
    key = _key_encryption_keys[keys.id]
    sealed = Cipher({1: key}, 1, key).seal(_context(keys.id, str(number)), secrets.token_bytes(KEY))
    more = structs.replace(
        keys, state="rotating", current=number, data={**keys.data, number: sealed}
    )
    return save(root, more)


def settle(root: Path, keys: Keys) -> Keys:
    """Note that nothing is under way, and drop the data keys that seal nothing any more."""
    current = {keys.current: keys.data[keys.current]}
    return save(root, structs.replace(keys, state="on", data=current))


def set_state(root: Path, keys: Keys, state: State) -> Keys:
    """Note what is under way."""
    return save(root, structs.replace(keys, state=state))


def save(root: Path, keys: Keys) -> Keys:
    """Replace `crypto.json`, to survive power loss; return what is in it now. Raises OSError."""
    key = _key_encryption_keys[keys.id]
    checked = structs.replace(keys, check=Cipher({1: key}, 1, key).seal(_content(keys), b""))
    path = Layout(root).crypto
    files.replace(path, msgspec.json.format(msgspec.json.encode(checked)) + b"\n")
    sync(path.parent)
    return checked


def remove(root: Path) -> None:
    """Delete `crypto.json`: nothing in the store is encrypted any more. Raises OSError."""
    files.remove(Layout(root).crypto)
    sync(root)


class _Version(Struct):
    version: int


def _unwrapped(root: Path, keys: Keys, key: bytes) -> Cipher:
    wrapping = Cipher({1: key}, 1, key)
    try:
        wrapping.open(_content(keys), keys.check)
        data = {
            number: wrapping.open(_context(keys.id, str(number)), sealed)
            for number, sealed in keys.data.items()
        }
        words = wrapping.open(_context(keys.id, "words"), keys.words)
    except Tampered:
        what = "the passphrase" if isinstance(keys.source, Passphrase) else "the key"
        raise KeyWrong(
            f"{what} is not that of {root}, or its crypto.json was changed: nothing was opened"
        ) from None
    if keys.current not in data:
        raise KeyMissing(f"{Layout(root).crypto} lacks the current key: put back that of a backup")
    return Cipher(data, keys.current, words)


def _content(keys: Keys) -> bytes:
    return b"check\0" + msgspec.json.encode(structs.replace(keys, check=b""))


def _context(id_: str, name: str) -> bytes:
    return f"key\0{id_}\0{name}".encode()
