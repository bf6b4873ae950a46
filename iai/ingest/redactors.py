"""The redactors of a store: ingest's, and that of a session start, which has no time to load rules.

The key of the marks is the store's own. Ingest creates it; others only read it. In an encrypted
store it is sealed: with it, and the marks in a session-start text, secrets could be guessed.
"""

import secrets
from pathlib import Path

from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.encryption.cipher import Cipher, is_sealed
from iai.errors import StoreError, Tampered
from iai.ingest.secret_scanner import Kingfisher
from iai.process import files
from iai.redaction import user_rules
from iai.redaction.redactor import Redactor

KEY = 32  # bytes
_NAME = "redaction/key"  # what it is sealed as


def for_ingest(
    layout: Layout, settings: Settings, library: Kingfisher, cipher: Cipher | None = None
) -> Redactor:
    """Return the redactor of what is stored. Raises StoreError if the key cannot be created."""
    path = layout.redaction_key
    key = _read_key(path, cipher)
    if not key or (cipher is not None and not is_sealed(path.read_bytes())):
        key = key or secrets.token_bytes(KEY)
        try:
            private(layout.redaction)
            files.replace(path, key if cipher is None else cipher.seal_file(_NAME, key))
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from error
    return _redactor(key, settings, library)


def for_session_start(layout: Layout, settings: Settings, cipher: Cipher | None = None) -> Redactor:
    """Return the redactor of what is shown before ingest has read it.

    What only the library could judge counts as a secret there. Nothing of this is stored.
    """
    key = _read_key(layout.redaction_key, cipher) or secrets.token_bytes(KEY)
    return _redactor(key, settings, None)


def _redactor(key: bytes, settings: Settings, library: Kingfisher | None) -> Redactor:
    own = user_rules.parse_setting(settings.redact)
    return Redactor(key, library, own, cautious=library is None)


def _read_key(path: Path, cipher: Cipher | None) -> bytes:
    """Return the key; b"" if there is none, or no whole one."""
    try:
        key = path.read_bytes()
        if cipher is not None and is_sealed(key):
            key = cipher.open_file(_NAME, key)
    except (OSError, Tampered):
        return b""
    return key if len(key) == KEY else b""
