"""Whose records are whose, as the user of this machine sees it. Pure.

A record of this machine names no machine. All others are of a member of the team: of a teammate,
or of another machine of the same user. That is decided by who has signed what (see `Member.person`)
and never by a name, which anybody may take.
"""

from collections.abc import Callable
from functools import cache, partial

from msgspec import Struct

from iai.model import framing
from iai.model.member import Member

_YOU = "you"
_LONGEST = 40  # characters of a name
_ID = 8  # digits of the id of a machine that nobody has named
_MARKS = dict.fromkeys(map(ord, ":#<>()[]"))  # by which a line is read again: see `iai.ui`


class Whose(Struct, frozen=True):
    """Whose machine one is, in words that are safe inside the frame of a payload."""

    person: str = _YOU
    machine: str = ""  # its name; "": this one
    yours: bool = True  # is it a machine of this one's user?

    def __str__(self) -> str:
        """Return both, as "Kim on laptop"; "" for this machine."""
        if self.machine in ("", self.person):
            return self.machine
        return f"{self.person} on {self.machine}"

    @property
    def brief(self) -> str:
        """Return the person; of another machine of one's own, which one it is."""
        return str(self) if self.yours else self.person


class People:
    """Looks up members, and remembers them."""

    def __init__(self, member: Callable[[str], Member | None], here: str = "user") -> None:
        """`member` returns the member that has a machine; "" is this machine.

        `here` says what is one's own: what was said on all machines of this `user`, or only on this
        `machine`.
        """
        self._here = here
        self.whose = cache(partial(_whose, member))  # whose machine one is

    def own(self, machine: str) -> bool:
        """Is what was said on a machine one's own?"""
        return not machine or (self._here == "user" and self.whose(machine).yours)


def _whose(member: Callable[[str], Member | None], machine: str) -> Whose:
    if not machine:
        return Whose()
    found, this = member(machine), member("")
    unnamed = f"machine {machine[:_ID]}"
    if found is None:
        return Whose(unnamed, unnamed, yours=False)
    author = _harmless(found.author)
    name = _harmless(found.name) or unnamed
    if this is not None and this.person and this.person == found.person:
        return Whose(_YOU, name)
    return Whose(unnamed if author.lower() in ("", _YOU) else author, name, yours=False)


def _harmless(name: str) -> str:
    """Return a name, which anybody may choose, so that it cannot pass for anything else."""
    return framing.inline(name.translate(_MARKS), _LONGEST)
