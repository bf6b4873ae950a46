"""The file `team.json` of a store: what a machine has of its team; sealed where the store is.

It exists where there is a team, and `iai team` alone writes it. No backup has it: one identity in
two places would say two things under the same revision. So a store that is restored, or copied to
another machine, joins again.
"""

import msgspec
from msgspec import Struct

from iai.config.layout import Layout
from iai.encryption.cipher import is_sealed
from iai.encryption.keys import load_cipher
from iai.errors import KeyMissing, NoTeam, StoreCorrupt, StoreError, StoreTooNew
from iai.process import files
from iai.team.enrolment import VERSION, Enrolment

NAME = "team.json"  # what it is sealed as
_LARGEST = 1 << 20  # bytes


class _Version(Struct):
    version: int


def load(layout: Layout) -> Enrolment:
    """Return what this machine has of its team.

    Raises NoTeam, StoreLocked, StoreTooNew, or StoreCorrupt if the file is damaged.
    """
    path = layout.team_file
    try:
        data = files.read_regular(path, _LARGEST)
    except FileNotFoundError:
        raise NoTeam from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    if is_sealed(data):
        cipher = load_cipher(layout.root)
        if cipher is None:
            raise KeyMissing(f"{path} is sealed, and {layout.crypto} is gone: put that back")
        data = cipher.open_file(NAME, data)
    try:
        version = msgspec.json.decode(data, type=_Version).version
        if version > VERSION:
            raise StoreTooNew(path, version, VERSION)
        return msgspec.json.decode(data, type=Enrolment)
    except (ValueError, RecursionError) as error:
        raise StoreCorrupt(
            f"{error}; leave with `iai team leave --force` and join again", path
        ) from error


def save(layout: Layout, enrolment: Enrolment) -> None:
    """Write the file, mode 0600. Raises StoreLocked, StoreError."""
    data = msgspec.json.encode(enrolment)
    cipher = load_cipher(layout.root)
    try:
        files.replace(layout.team_file, data if cipher is None else cipher.seal_file(NAME, data))
    except OSError as error:
        raise StoreError(f"cannot write {layout.team_file}: {error.strerror}") from error
