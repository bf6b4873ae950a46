"""The redactors of a store: ingest's, and that of a session start, which has no time to load rules.

The key of the marks is the store's own. Ingest creates it; others only read it.
"""

import secrets
from pathlib import Path

from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.ingest.detectors import Kingfisher
from iai.process import files
from iai.redaction import user_rules
from iai.redaction.redactor import Redactor

KEY = 32  # bytes


def for_ingest(layout: Layout, settings: Settings, library: Kingfisher) -> Redactor:
    """Return the redactor of what is stored. Raises StoreError if the key cannot be created."""
    key = _read_key(layout.redaction_key)
    if not key:
        key = secrets.token_bytes(KEY)
        try:
            private(layout.redaction)
            files.replace(layout.redaction_key, key)
        except OSError as error:
            raise StoreError(f"cannot write {layout.redaction_key}: {error.strerror}") from error
    return _redactor(key, settings, library)


def for_session_start(layout: Layout, settings: Settings) -> Redactor:
    """Return the redactor of what is shown before ingest has read it.

    What only the library could judge counts as a secret there. Nothing of this is stored.
    """
    key = _read_key(layout.redaction_key) or secrets.token_bytes(KEY)
    return _redactor(key, settings, None)


def _redactor(key: bytes, settings: Settings, library: Kingfisher | None) -> Redactor:
    own = user_rules.parse_setting(settings.redact)
    return Redactor(key, library, own, cautious=library is None)


def _read_key(path: Path) -> bytes:
    """Return the key; b"" if there is none, or no whole one."""
    try:
        key = path.read_bytes()
    except OSError:
        return b""
    return key if len(key) == KEY else b""
