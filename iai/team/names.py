"""What the machines of a team and their users are called, sealed for members. No I/O.

A name has a key as projects have: a machine that left is not told of new names.
"""

import hashlib

import msgspec

from iai.errors import Forged
from iai.team import keyring
from iai.team.control import Profile
from iai.team.envelope import ProjectKey
from iai.team.keyring import Keyring
from iai.team.roster import Roster


class Names:
    """The names, as a machine can read them with its keys."""

    def __init__(self, machine: str, team: str, keys: Keyring) -> None:
        self._machine = machine
        self._team = team
        self._keys = keys

    def seal(self, key: ProjectKey, names: tuple[str, str]) -> bytes:
        """Seal the names of this machine's user and of the machine."""
        context = keyring.context("names", self._team, self._machine)
        return key.seal(msgspec.msgpack.encode(names), context)

    def of(self, roster: Roster, machine: str) -> tuple[str, str]:
        """Return the author and the name of a machine; empty while they are not known."""
        profile = roster.profiles.get(machine)
        key = self._key(profile) if profile is not None else None
        if profile is None or key is None:
            return "", ""
        try:
            plain = key.open(profile.names, keyring.context("names", self._team, machine))
            return msgspec.msgpack.decode(plain, type=tuple[str, str])
        except (Forged, ValueError):
            return "", ""

    def person(self, roster: Roster, machine: str) -> str:
        """Return what stands for the user of a machine: the first of that user's machines.

        Another one is theirs if both it and the one that invited it have signed that; by older
        versions, which did not say, if both have the same author.
        """
        by, own = roster.inviter(machine)
        if own is None:
            author, _ = self.of(roster, machine)
            own = bool(author) and self.of(roster, by)[0] == author
        return self.person(roster, by) if own else machine

    def _key(self, profile: Profile) -> ProjectKey | None:
        """Return the key of a profile; None if this machine does not have it."""
        if profile.key:
            return self._keys.get(profile.key)
        if not self._keys.secret:
            return None
        return ProjectKey(
            hashlib.blake2b(self._keys.secret, person=b"iai names", digest_size=32).digest()
        )
