"""A member of the team: a machine, and whose it is. Plain data, pure."""

from msgspec import Struct


class Member(Struct, frozen=True, kw_only=True):
    """A machine that shares projects with this one."""

    machine: str  # id: 16 hexadecimal digits, the hash of its signing key
    author: str = ""  # name of its user
    name: str = ""  # name of the machine itself
    person: str = ""  # its user, by the first of their machines; "": not known
    revision: int = 0  # of its records, when it said so
