"""The keys of an encrypted store, where its `crypto.json` is gone, damaged or another store's.

Nothing else is damaged then. Each automatic backup has a copy of it, and the newest that opens the
records can take its place.
"""

import os
import time
from pathlib import Path

from iai.config.layout import Layout, private
from iai.encryption import keys
from iai.encryption.cipher import Cipher
from iai.errors import StoreError, StoreLocked
from iai.model import clock
from iai.process import files, lock
from iai.store import auto_backups
from iai.store.auto_backups import KEYS, AutoBackup
from iai.store.schema import is_encrypted, opens

FIX = "`iai doctor --fix`"


def kept(layout: Layout) -> AutoBackup | None:
    """Return the newest automatic backup with the keys of the records, which the store lacks.

    None where it may not read its own: they may be well.
    """
    if layout.crypto.exists() and not os.access(layout.crypto, os.R_OK):
        return None
    try:
        if not is_encrypted(layout.records) or _open(layout, layout.root):
            return None
    except StoreError:  # they cannot be read at all
        return None
    return next((b for b in reversed(auto_backups.found(layout)) if _open(layout, b.path)), None)


def remedy(layout: Layout) -> tuple[str, bool]:
    """Return what to do about a store that is locked, and whether `--fix` can do it now."""
    backup = kept(layout)
    if backup is None:
        return "give the store its key; nothing in it is damaged by that", False
    said = f"puts back the {KEYS} of {backup.path.name}, which has its keys"
    if lock.held(layout.lease):
        return f"`iai down`, then {FIX} {said}", False
    return f"{FIX} {said}", True


def put_back(layout: Layout, backup: AutoBackup) -> str:
    """Put the keys in a backup in the place of those in the store; return what was done.

    Those that are there are kept. Raises StoreError, OSError.
    """
    lease = lock.take(layout.lease, lock.GLANCE_S)
    if lease is None:
        raise StoreError(f"iai is running on {layout.root}; run `iai down` first")
    try:
        said = f"put back {layout.crypto}, from {backup.path.name}"
        if layout.crypto.exists() or layout.crypto.is_symlink():
            aside = layout.backups / f"before-keys-{clock.iso(time.time_ns()).replace(':', '')}"
            private(aside)
            layout.crypto.rename(aside / KEYS)
            said += f"; the one before is in {aside}"
        files.replace(layout.crypto, (backup.path / KEYS).read_bytes())
    finally:
        lease.release()
    return said


def _open(layout: Layout, directory: Path) -> bool:
    """Do the keys in a directory open the records of the store?"""
    try:
        cipher: Cipher | None = keys.load_cipher(directory)
    except StoreLocked:
        return False
    return cipher is not None and opens(layout.records, cipher)
