"""What is one user's own: sealed so that only the machines of that user can read it. No I/O.

It travels in the messages of its project, as all else does. Inside, it is sealed once more
(AES-256-GCM), with a key that the machines of one user hand each other. A machine that joins gets
all keys that there were; when one leaves, the others make a new one.
"""

from contextlib import suppress

from msgspec import Struct

from iai.errors import Forged, UnknownKey
from iai.team import envelope, identity
from iai.team.control import Personal
from iai.team.envelope import ProjectKey
from iai.team.identity import Identity, PublicKeys
from iai.team.roster import Roster

_FEWEST = 2  # machines that need a common key


class Sealed(Struct, frozen=True, array_like=True):
    """Something of one's own."""

    key: bytes  # id of the key
    data: bytes  # a nonce, and what is sealed
    about: tuple[str, ...] = ()  # subjects of what is in it, so that others can delete it


class PersonalKeys:
    """The keys that this machine has, of those that its user's machines hand each other."""

    def __init__(self, own: Identity, team: str) -> None:
        self._own = own
        self._context = f"iai\0personal\0{team}".encode()
        self._keys: dict[bytes, ProjectKey] = {}  # by id
        self._taken: Roster | None = None  # the one that the next three were taken from
        self._machines: dict[str, PublicKeys] = {}  # of this user, in the team, with this one
        self._current: Personal | None = None
        self._closed = False  # is its key known to these machines alone?

    def due(self, roster: Roster, clock: int) -> Personal | None:
        """Return what hands all keys to all machines of this user, if any of them lacks one.

        With a new one, if there is none, or one is known to who is not in the team any more.
        """
        self._take(roster)
        machines, current, new = self._machines, self._current, not self._closed
        lacking = current is None or machines.keys() - current.wrapped.keys()
        ids = current.keys if current is not None else []
        if len(machines) < _FEWEST or not (new or lacking) or set(ids) - self._keys.keys():
            return None
        keys = [self._keys[key] for key in ids] + ([envelope.new_key()] if new else [])
        whole = b"".join(key.secret for key in keys)
        wrapped = {one: identity.wrap(to, self._context, whole) for one, to in machines.items()}
        return Personal(clock=clock, keys=[key.id for key in keys], wrapped=wrapped)

    def usable(self, roster: Roster) -> ProjectKey | None:
        """Return the key to seal with; None if there is none, or no other machine to read it."""
        self._take(roster)
        usable = self._closed and self._current is not None and len(self._machines) >= _FEWEST
        return self._keys.get(self._current.keys[-1]) if usable and self._current else None

    def seal(self, roster: Roster, plain: bytes, about: tuple[str, ...]) -> Sealed:
        """Seal something. Raises UnknownKey if there is no usable key."""
        key = self.usable(roster)
        if key is None:
            raise UnknownKey("the machines of this user have no common key yet")
        return Sealed(key.id, key.seal(plain, self._context), about)

    def open(self, roster: Roster, sealed: Sealed) -> bytes:
        """Return what was sealed. Raises UnknownKey, Forged."""
        self._take(roster)
        key = self._keys.get(sealed.key)
        if key is None:
            raise UnknownKey(f"this machine does not have key {sealed.key.hex()} yet")
        return key.open(sealed.data, self._context)

    def _take(self, roster: Roster) -> None:
        """Take the keys that machines of this user hand out; of others, it takes none."""
        if roster is self._taken:
            return
        self._taken, person = roster, roster.person(self._own.machine)
        members = roster.members.items()
        self._machines = {one: keys for one, keys in members if roster.person(one) == person}
        said = [one for by, one in roster.personal if one.keys and roster.person(by) == person]
        self._current = said[-1] if said else None
        self._closed = bool(said) and said[-1].wrapped.keys() <= self._machines.keys()
        for signed in roster.handed:
            statement = signed.statement
            if isinstance(statement, Personal) and roster.person(signed.machine) == person:
                wrapped = statement.wrapped.get(self._own.machine)
                if wrapped is not None and set(statement.keys) - self._keys.keys():
                    with suppress(Forged):
                        self._add(self._own.unwrap(self._context, wrapped))

    def _add(self, whole: bytes) -> None:
        for at in range(0, len(whole), identity.KEY):
            key = ProjectKey(whole[at : at + identity.KEY])
            self._keys[key.id] = key
