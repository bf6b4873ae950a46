"""What opens the backup of an encrypted store: its `crypto.json`, and in an age file its key too.

The records in a backup are sealed as they are in the store. So it is opened with the key of the
store; and where age protects it, the key itself is included, for the day on which the keyring or
the key file is lost as well. A passphrase is never written anywhere.
"""

import base64
from pathlib import Path

import msgspec
from msgspec import structs

from iai.config.layout import Layout
from iai.encryption import keys
from iai.encryption.key_sources import KeyFile, Passphrase
from iai.encryption.keys import Keys
from iai.errors import StoreError, StoreLocked
from iai.process import files

CRYPTO = "crypto.json"  # as in the store
_UNDER_WAY = ("encrypting", "decrypting")


def members(root: Path, *, with_key: bool) -> dict[str, bytes]:
    """Return the files by which a backup is opened, by name; none if the store is not encrypted.

    `with_key`: what is written is protected otherwise, so the key may be in it. Raises StoreLocked,
    or StoreError while the store is being encrypted or decrypted.
    """
    found = keys.read(root)
    if found is None:
        return {}
    if found.state in _UNDER_WAY:
        raise StoreError(f"{root} is {found.state}: try again when that is done")
    keys.unlock(root, found)
    opening = {CRYPTO: msgspec.json.encode(found)}
    if with_key and not isinstance(found.source, Passphrase):
        opening[key_name(found)] = base64.b64encode(keys.unlocked()[found.id]) + b"\n"
    return opening


def key_name(found: Keys) -> str:
    """Return the name of the file with the key: one for each encrypted store there ever was."""
    return f"restored-{found.id}.key"


def unlock(workspace: Path, root: Path) -> str:
    """Unlock a backup that is unpacked in `workspace` and to be restored in `root`.

    Where the key of its store is not there any more, it will be in the file that came with the
    backup; then the name of that is returned, else "". Raises StoreLocked, or StoreError if another
    file has that name.
    """
    found = keys.read(workspace)
    if found is None:
        return ""
    if not found.id.isalnum():  # it becomes part of a file's name
        raise StoreError("its crypto.json was changed")
    brought = workspace / key_name(found)
    try:
        keys.unlock(root, found)
    except StoreLocked:
        if not brought.exists():
            raise
        own = root / brought.name
        if own.exists() and own.read_bytes() != brought.read_bytes():
            raise StoreError(f"{own} has another key than the backup: move it away") from None
        source = KeyFile(brought.name)
        keys.adopt({found.id: source.read(workspace, found.id)})
        keys.unlock(workspace, found)
        keys.save(workspace, structs.replace(found, source=source))
        return brought.name
    return ""


def may_be_member(name: str) -> bool:
    """Can a member of a backup by this name be one of those files?"""
    return name == CRYPTO or (
        name.startswith("restored-") and name.endswith(".key") and "/" not in name
    )


def put_aside(layout: Layout, kept: Path) -> None:
    """Copy what opens the records of a store to where they are about to be moved.

    A copy: whatever happens in between, the records are beside it.
    """
    if layout.crypto.exists():
        files.replace(kept / layout.crypto.name, layout.crypto.read_bytes())
