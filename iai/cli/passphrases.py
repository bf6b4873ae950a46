"""Passphrases: typed on a terminal, or in a file; never on a command line."""

import getpass
import sys
from pathlib import Path

from iai.encryption.sources import read_passphrase
from iai.errors import BadUsage


def given(file: Path | None, what: str, *, twice: bool = False) -> str:
    """Return the passphrase in a file, or else ask for it, `twice` if it is a new one.

    Raises BadUsage if there is nobody to ask, or it is empty, and StoreError if the file cannot be
    used.
    """
    if file is not None:
        passphrase = read_passphrase(file)
    elif not sys.stdin.isatty():
        raise BadUsage(f"{what} cannot be asked for here: give --passphrase-file FILE")
    else:
        passphrase = getpass.getpass(f"{what.capitalize()}: ")
        if twice and getpass.getpass("The same again: ") != passphrase:
            raise BadUsage("the two are different: nothing was done")
    if not passphrase:
        raise BadUsage(f"{what} is empty")
    return passphrase
