"""The keys that a machine was handed: the secret of its team, and the keys of projects. No I/O."""

from collections.abc import Iterable

from iai.errors import MessageRefused
from iai.team import identity
from iai.team.control import Admit, Grant, Key, Signed
from iai.team.envelope import ProjectKey
from iai.team.identity import Identity
from iai.team.roster import KeyState, Roster


class Keyring:
    """The keys of a machine, which it takes from control messages."""

    def __init__(self, own: Identity, team: str, secret: bytes) -> None:
        """`secret` is that of the team; b"" until the machine is let in."""
        self.secret = secret
        self._identity = own
        self._team = team
        self._keys: dict[bytes, ProjectKey] = {}  # by id
        self._unwrapped: set[bytes] = set()  # digests of the messages that were gone through

    def __contains__(self, key: bytes) -> bool:
        return key in self._keys

    def get(self, key: bytes) -> ProjectKey | None:
        """Return a key by its id; None if it is not here."""
        return self._keys.get(key)

    def __getitem__(self, key: bytes) -> ProjectKey:
        """Return a key by its id. Raises KeyError."""
        return self._keys[key]

    def take(self, handed: Iterable[Signed]) -> None:
        """Take the keys in messages that hand some to machines."""
        for signed in handed:
            if signed.digest not in self._unwrapped:
                self._unwrapped.add(signed.digest)
                self._unwrap(signed)

    def may_seal(self, key: KeyState, roster: Roster) -> bool:
        """Is a key here, and is it known to members alone?"""
        return key.id in self._keys and roster.is_closed(key)

    def _unwrap(self, signed: Signed) -> None:
        """Take the keys in a message that are for this machine. What was changed is left out."""
        own, statement = self._identity, signed.statement
        try:
            match statement:
                case Admit(candidate=candidate, secret=wrapped):
                    if candidate.keys == own.public:
                        self.secret = own.unwrap(context("secret", self._team), wrapped)
                case Key(key=key, wrapped=each):
                    if own.machine in each:
                        purpose = context("key", self._team, key.hex())
                        self._add(own.unwrap(purpose, each[own.machine]))
                case Grant(machine=own.machine, wrapped=wrapped):
                    whole = own.unwrap(context("grant", self._team), wrapped)
                    for at in range(0, len(whole), identity.KEY):
                        self._add(whole[at : at + identity.KEY])
                case _:
                    pass
        except MessageRefused:
            return

    def _add(self, secret: bytes) -> None:
        if len(secret) == identity.KEY:
            key = ProjectKey(secret)
            self._keys[key.id] = key


def context(*parts: str) -> bytes:
    """Return what binds something sealed to its purpose."""
    return "\0".join(("iai", *parts)).encode()
