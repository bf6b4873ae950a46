"""Passphrases: typed on a terminal, or in a file; never on a command line."""

import sys
from getpass import getpass
from pathlib import Path

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption import key_sources, keys
from iai.errors import BadUsage


def unlock(layout: Layout, settings: Settings) -> None:
    """Ask for the passphrase if the store needs one and no setting has it.

    Raises KeyMissing or KeyWrong if it stays locked; does nothing to a store that is not encrypted.
    """
    found = keys.read(layout.root)
    if found is None:
        return
    ask = keys.asks_for_passphrase(layout.root) and not settings.passphrase_file
    typed = getpass(f"passphrase of {layout.root}: ") if ask and sys.stdin.isatty() else None
    keys.unlock(layout.root, found, typed)


def of_store(settings: Settings) -> str:
    """Return a new passphrase for the store. Raises like `of_backup`."""
    file = Path(settings.passphrase_file).expanduser() if settings.passphrase_file else None
    return _given(file, "new passphrase: ", "set IAI_MCP_PASSPHRASE_FILE", new=True)


def of_backup(file: Path | None, *, new: bool = False) -> str:
    """Return the passphrase of a backup: that in the file, or else the one that is typed.

    Raises BadUsage if there is nobody to ask, two answers differ, or it is empty; StoreError if the
    file cannot be used.
    """
    return _given(file, "passphrase of the backup: ", "give --passphrase-file", new=new)


def _given(file: Path | None, prompt: str, otherwise: str, *, new: bool) -> str:
    if file is not None:
        passphrase = key_sources.read_passphrase(file)
    elif not sys.stdin.isatty():
        raise BadUsage(f"there is no terminal to ask for the passphrase: {otherwise}")
    else:
        passphrase = getpass(prompt)
        if new and getpass("again: ") != passphrase:
            raise BadUsage("the two passphrases differ")
    if not passphrase:
        raise BadUsage("the passphrase is empty")
    return passphrase
