"""A machine of the team, with the names of its user and itself. Plain data."""

from msgspec import Struct


class Member(Struct, frozen=True):
    """One machine whose records may be in this store."""

    machine: str  # its id
    author: str  # its user, as that user wants to be called
    name: str  # what its user calls it
