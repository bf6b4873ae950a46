"""The passphrase of a backup: typed on a terminal, or in a file; never on a command line."""

import sys
from getpass import getpass
from pathlib import Path

from iai.encryption.key_sources import read_passphrase
from iai.errors import BadUsage


def given(file: Path | None, *, new: bool = False) -> str:
    """Return the passphrase in a file, or else ask for it, twice if it is a `new` one.

    Raises BadUsage if there is nobody to ask, or it is empty, and StoreError if the file cannot be
    used.
    """
    if file is not None:
        passphrase = read_passphrase(file)
    elif not sys.stdin.isatty():
        raise BadUsage("there is no terminal to ask for the passphrase: give --passphrase-file")
    else:
        passphrase = getpass("passphrase of the backup: ")
        if new and getpass("again: ") != passphrase:
            raise BadUsage("the two passphrases differ")
    if not passphrase:
        raise BadUsage("the passphrase is empty")
    return passphrase
