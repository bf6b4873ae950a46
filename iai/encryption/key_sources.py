"""Where the key-encryption key of a store is: a file, the keyring of the OS, or a passphrase.

It unwraps the keys in `crypto.json`, and is never part of an error, a log or a command line.
"""

import base64
import binascii
import hashlib
import importlib
import os
import secrets
import stat
import unicodedata
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from msgspec import Struct

from iai.config import config_file
from iai.config.layout import private
from iai.encryption.cipher import KEY
from iai.errors import KeyMissing, KeyWrong, StoreError
from iai.process.files import read_regular, sync

SERVICE = "iai-memory"  # in the keyring
_LONGEST = 4_096  # bytes of a key file or a passphrase
_OTHERS = 0o077
_MOST_MEMORY = 512 << 20  # bytes that scrypt may take; what `crypto.json` asks for is not trusted


class KeyFile(Struct, frozen=True, tag="file"):
    """A file with the key in base64, mode 0600."""

    path: str  # absolute, from `~`, or relative to the store

    def read(self, root: Path, name: str) -> bytes:
        """Return the key. Raises KeyMissing, KeyWrong."""
        path = self.located(root)
        try:
            encoded = read_regular(path, _LONGEST)
            mode = path.stat().st_mode
        except OSError as error:
            raise KeyMissing(
                f"{root} is encrypted, and its key file {path} cannot be read"
                f" ({error.strerror}): put the file back"
            ) from error
        if mode & _OTHERS:
            raise KeyWrong(f"the key file {path} can be read by others: run `chmod 600 {path}`")
        return _decoded(encoded, f"the key file {path}")

    def located(self, root: Path) -> Path:
        """Return the path of the file; for a copy of a store in its own `backups/` as well."""
        path = Path(self.path).expanduser()
        own = root / path
        kept_in = root.parent.parent / path
        return kept_in if root.parent.name == "backups" and not own.exists() else own

    def create(self, root: Path, name: str) -> bytes:
        """Write a new key to the file, or use the one that is there. Raises StoreError."""
        path = self.located(root)
        key = secrets.token_bytes(KEY)
        try:
            if not path.parent.exists():
                private(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(key) + b"\n")
                file.flush()
                os.fsync(descriptor)
            sync(path.parent)
        except FileExistsError:
            return self.read(root, name)
        except OSError as error:
            raise StoreError(f"cannot write the key file {path}: {error.strerror}") from error
        return key

    @property
    def shown(self) -> str:
        """Where the key is, in words."""
        return f"the file {self.path}"


class Keyring(Struct, frozen=True, tag="keyring"):
    """The keyring of the desktop or the OS, through the package `keyring`."""

    def read(self, root: Path, name: str) -> bytes:
        """Return the key of the store of this name. Raises KeyMissing, KeyWrong."""
        keyring = _keyring()
        try:
            encoded = keyring.get_password(SERVICE, name)
        except keyring.errors.KeyringError as error:
            raise KeyMissing(
                f"{root} is encrypted, and the keyring with its key cannot be read:"
                f" {type(error).__name__}; unlock the keyring"
            ) from error
        if encoded is None:
            raise KeyMissing(
                f"{root} is encrypted, and its key is not in the keyring (service {SERVICE}, user"
                f" {name}): put it back"
            )
        return _decoded(encoded.encode(), "the key in the keyring")

    def create(self, root: Path, name: str) -> bytes:
        """Put a new key into the keyring. Raises KeyMissing if there is no keyring to use."""
        keyring = _keyring()
        key = secrets.token_bytes(KEY)
        try:
            keyring.set_password(SERVICE, name, base64.b64encode(key).decode())
        except keyring.errors.KeyringError as error:
            raise KeyMissing(
                f"the keyring did not store the key ({type(error).__name__}): use --key-file or"
                " --passphrase"
            ) from error
        return key

    @property
    def shown(self) -> str:
        """Where the key is, in words."""
        return "the keyring"


class Passphrase(Struct, frozen=True, tag="passphrase"):
    """A passphrase, by scrypt (RFC 7914). The defaults take 128 MB and some 0.4 s."""

    salt: bytes
    n: int = 1 << 17
    r: int = 8
    p: int = 1

    def read(self, root: Path, name: str) -> bytes:
        """Return the key of the passphrase in the setting `passphrase_file`.

        Raises KeyMissing without one, and KeyWrong if it cannot be used.
        """
        settings, _ = config_file.load({**os.environ, "IAI_MCP_STORE": str(root)})
        if not settings.passphrase_file:
            raise KeyMissing(
                f"{root} is encrypted with a passphrase, and locked for this command: set"
                " IAI_MCP_PASSPHRASE_FILE to a file with it; `iai up` asks for it on a terminal"
            )
        return self.key(read_passphrase(Path(settings.passphrase_file).expanduser()))

    def key(self, passphrase: str) -> bytes:
        """Return the key of a passphrase. Raises KeyWrong."""
        used = unicodedata.normalize("NFC", passphrase).encode()
        if not used:
            raise KeyWrong("the passphrase is empty")
        if not 0 < 128 * self.r * self.n * self.p <= _MOST_MEMORY:
            raise KeyWrong("crypto.json asks for more memory than a passphrase may take")
        limit = 2 * _MOST_MEMORY
        try:
            return hashlib.scrypt(
                used, salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=limit, dklen=KEY
            )
        except ValueError:
            raise KeyWrong("crypto.json has parameters that scrypt does not accept") from None

    @property
    def shown(self) -> str:
        """Where the key is, in words."""
        return f"a passphrase (scrypt, N={self.n}, r={self.r}, p={self.p})"


Source: TypeAlias = KeyFile | Keyring | Passphrase


def new_passphrase() -> Passphrase:
    """Return a passphrase's parameters, with a salt of its own."""
    return Passphrase(secrets.token_bytes(16))


def read_passphrase(path: Path) -> str:
    """Return the first line of a file, or of a pipe such as `/dev/fd/3`. Raises KeyMissing."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
                raise KeyWrong(f"{path} can be read by others: run `chmod 600 {path}`")
            line = file.readline(_LONGEST)
        return line.decode().rstrip("\r\n")
    except OSError as error:
        raise KeyMissing(f"cannot read the passphrase in {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise KeyWrong(f"the passphrase in {path} is not UTF-8") from None


def has_keyring() -> bool:
    """Is there a keyring that keeps keys?"""
    try:
        return float(_keyring().get_keyring().priority) > 0
    except KeyMissing:
        return False


def _keyring() -> ModuleType:
    try:
        importlib.import_module("keyring.errors")
        return importlib.import_module("keyring")
    except ImportError as error:
        raise KeyMissing(
            "the keyring needs the package `keyring`: run `pipx inject iai-memory keyring`"
        ) from error


def _decoded(encoded: bytes, where: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY:
        raise KeyWrong(f"{where} is not a key of iai: {KEY} bytes in base64") from None
    return key
