"""Passphrases from the terminal, or from the file of the setting `passphrase_file`."""

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


def choose(settings: Settings) -> str:
    """Return a new passphrase. Raises BadUsage if there is nobody to ask, or two answers differ."""
    if settings.passphrase_file:
        return key_sources.read_passphrase(Path(settings.passphrase_file).expanduser())
    if not sys.stdin.isatty():
        raise BadUsage("there is no terminal: set IAI_MCP_PASSPHRASE_FILE to a file with it")
    first = getpass("new passphrase: ")
    if getpass("again: ") != first:
        raise BadUsage("the two passphrases differ")
    return first
