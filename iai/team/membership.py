"""A machine's own view of its team: its keys, what it has to publish, and whom it believes. No I/O.

Control messages go in (`apply`), and change nothing before they come back from the stream: what a
machine publishes, too. `due` says what this machine ought to publish as things are; it is called
after messages have arrived, and from time to time.

A machine that joins gets all keys of all projects, and so can read what was said before. One that
has left gets none that is made afterwards; what was said until then, it has read. Who shares a
project, or finds that somebody outside the team has its current key, makes a new one. Changes that
a machine cannot open yet (`UnknownKey`) are to be kept until its next key: a new member finds its
keys behind what they open.
"""

import hashlib
import secrets
from typing import NamedTuple

from iai.errors import BadUsage, Forged, NotAMember, UnknownKey
from iai.model.member import Member
from iai.team import control, envelope, identity, invitation, subjects
from iai.team.control import Appoint, Invite
from iai.team.duties import Duties, Publication
from iai.team.enrolment import Enrolment
from iai.team.envelope import Header
from iai.team.invitation import Invitation
from iai.team.keyring import Keyring
from iai.team.names import Names
from iai.team.personal import PersonalKeys, Sealed
from iai.team.roster import Received, Roster, evaluate

LEFT = "this machine has left the team, or was removed from it"  # `waits_for`
REFUSED = "this machine was not let in"  # what `waits_for` begins with, then
_MOST_REFUSED = 1_000  # messages that do not count, and may yet; the oldest are dropped
_MAC = 8  # bytes


class Opened(NamedTuple):
    """A change that a member has signed, and its content."""

    header: Header
    plain: bytes


class Membership:
    """The team as this machine sees it."""

    def __init__(self, enrolment: Enrolment) -> None:
        self._own = enrolment
        self.team = enrolment.team
        self.machine = enrolment.machine
        self._messages: dict[bytes, Received] = {}
        self._places: dict[int, bytes] = {}  # control messages by their sequences in this stream
        self._keys = Keyring(enrolment.identity, enrolment.team, enrolment.secret)
        self._names = Names(self.machine, self.team, self._keys)
        self._personal = PersonalKeys(enrolment.identity, enrolment.team)
        self._duties = Duties(enrolment, self._keys, self._names, self._personal)
        self._evaluated: Roster | None = None

    def apply(self, sequence: int, data: bytes) -> bool:
        """Take in a control message; return whether it is new, and so to be kept.

        What is kept is applied again after a restart, with the same sequence, or with 0 if the
        stream is another one since. Raises Forged if it is no control message of this team.
        """
        signed = control.read(self.team, data)
        if sequence:
            self._places[sequence] = data
        if signed.digest in self._messages:
            return False
        self._messages[signed.digest] = Received(sequence, signed)
        self._evaluated = None
        return True

    def latest(self, most: int) -> list[tuple[int, bytes]]:
        """Return the last control messages of this stream, with their sequences, in order."""
        return sorted(self._places.items())[-most:]

    def has(self, data: bytes) -> bool:
        """Was this control message taken in, or is it none?"""
        try:
            return control.read(self.team, data).digest in self._messages
        except Forged:
            return True

    def begin_stream(self) -> None:
        """Take note that the stream is another one: the sequences in the old one are void."""
        known = ((digest, one.signed) for digest, one in self._messages.items())
        self._messages = {digest: Received(0, signed) for digest, signed in known}
        self._places.clear()
        self._evaluated = None

    def due(self, now: int) -> list[Publication]:
        """Return what this machine has to publish for the team. `now` is UTC nanoseconds."""
        return self._duties.due(self.roster, now)

    def refill(self) -> list[Publication]:
        """Return all that counts, for a stream that was emptied, in an order that makes sense."""
        return [Publication(f"control:{one.digest.hex()}", one.data) for one in self.roster.counted]

    def share(self, project: str) -> list[Publication]:
        """Return what gives a project (by its id) a key; nothing if it has one."""
        hashed = self.hash_of(project)
        current = self.roster.current(hashed)
        return [] if current is not None else [self._duties.new_key(self.roster, hashed, 1)]

    def invite(self, now: int, *, own: bool = False) -> tuple[str, Publication]:
        """Return the code of a new invitation, and what makes it valid. Raises NotAMember.

        `own`: it is for another machine of this one's user.
        """
        self._require_membership()
        secret = secrets.token_bytes(identity.KEY)
        expires_at = now + invitation.LIFETIME_NS
        key = identity.public_half(secret)
        code = invitation.encode(
            Invitation(
                team=self.team,
                name=self._own.name,
                founder=self._own.founder,
                server=self._own.server,
                secret=secret,
                expires_at=expires_at,
                own=own,
            )
        )
        statement = Invite(
            clock=self.roster.clock + 1, invitation=key, expires_at=expires_at, own=own
        )
        return code, self._duties.publication(f"invite:{key.hex()}", statement)

    def leave(self, machine: str = "") -> Publication:
        """Return what takes a machine out of the team for good; "": this one.

        Raises BadUsage if there is no such member, or this machine may not remove it; NotAMember.
        """
        self._require_membership()
        leaving = machine or self.machine
        if leaving not in self.roster.members:
            raise BadUsage(f"machine {leaving} is not in the team; see `iai team status`")
        if not self.roster.may_remove(self.machine, leaving):
            raise BadUsage(
                "only the founder can remove an admin, and only an admin another machine (`iai team"
                " status` shows who is one); on that other machine, `iai team leave` does"
            )
        return self._duties.leave(self.roster, leaving)

    def appoint(self, machine: str) -> Publication:
        """Return what makes a member an admin, which can remove others as the founder can.

        Raises BadUsage if there is no such member, or this is not the founder; NotAMember.
        """
        self._require_membership()
        if machine not in self.roster.members:
            raise BadUsage(f"machine {machine} is not in the team; see `iai team status`")
        if self.machine != self.roster.founder or machine == self.machine:
            raise BadUsage("only the founder can make another machine an admin")
        return self._duties.publication(
            f"admin:{machine}", Appoint(clock=self.roster.clock + 1, machine=machine)
        )

    def members(self) -> tuple[Member, ...]:
        """Return who is in the team now, the founder first."""
        return tuple(map(self.member, self.roster.members))

    def member(self, machine: str) -> Member:
        """Return what a machine, in the team or not, says that it and its user are called."""
        author, name = self._names.of(self.roster, machine)
        person = self._names.person(self.roster, machine)
        return Member(machine=machine, author=author, name=name, person=person)

    def waits_for(self, now: int) -> str:
        """Say why this machine is not in the team; "" if it is."""
        if self.machine in self.roster.members:
            return ""
        if self.machine in self.roster.departed:
            return LEFT
        if self._own.invitation:
            key = identity.public_half(self._own.invitation)
            refusal = self.roster.invitation_refusal(key, now)
            if refusal and key in self.roster.invites:
                return f"{REFUSED}: {refusal}"
        return "waiting for a machine of the team, to be let in"

    def hash_of(self, project: str) -> str:
        """Return what stands for a project id in this team. Raises NotAMember."""
        self._require_membership()
        return subjects.project_hash(self._keys.secret, project)

    def seal(self, project: str, revision: int, after: int, plain: bytes) -> bytes:
        """Return the envelope of a change of a project (by its hash).

        Raises UnknownKey while the project has no key that members alone have; NotAMember.
        """
        self._require_membership()
        current = self.roster.current(project)
        if current is None or not self._keys.may_seal(current, self.roster):
            raise UnknownKey("the project has no key of today's members yet")
        header = Header(self.team, project, self.machine, revision, after, current.id)
        return envelope.seal(self._own.identity, self._keys[current.id], header, plain)

    def mac(self, plain: bytes) -> str:
        """Tell contents that this machine seals apart, by what says nothing of them to others.

        Not even to members: what is one's own, some of them could guess.
        """
        key = hashlib.blake2b(self._own.identity.signing, person=b"iai message id").digest()
        return hashlib.blake2b(plain, key=key, digest_size=_MAC).hexdigest()

    def open(self, project: str, machine: str, sequence: int, data: bytes) -> Opened:
        """Return a change that arrived, under the subject of this project (hash) and machine.

        Raises Forged, NotAMember or UnknownKey; their text says what is wrong with it.
        """
        header = envelope.read_header(data)
        if (header.team, header.project, header.machine) != (self.team, project, machine):
            raise Forged("it was moved here from another team, project or machine")
        keys = self.roster.admitted.get(machine)
        if keys is None:
            raise NotAMember(f"machine {machine} is not in the team")
        left = self.roster.departed.get(machine)
        if left is not None and sequence > left:
            raise NotAMember(f"machine {machine} had left the team")
        envelope.verify(data, keys.signing)
        if header.key not in self._keys:
            raise UnknownKey(f"this machine does not have key {header.key.hex()} yet")
        return Opened(header, envelope.unseal(data, self._keys[header.key]))

    @property
    def shares_own(self) -> bool:
        """Can what is one's own be sealed, and is there another machine of this user to read it?

        That the machines have one user, they have to have signed.
        """
        return self._personal.usable(self.roster) is not None

    def seal_own(self, plain: bytes, about: tuple[str, ...]) -> Sealed:
        """Seal what only the machines of this one's user are to read. Raises UnknownKey."""
        return self._personal.seal(self.roster, plain, about)

    def open_own(self, machine: str, sealed: Sealed) -> bytes | None:
        """Return what a machine of this one's user has sealed; None if it is of somebody else.

        Raises UnknownKey, Forged.
        """
        if self.roster.person(machine) != self.roster.person(self.machine):
            return None
        return self._personal.open(self.roster, sealed)

    @property
    def secret(self) -> bytes:
        """The secret of the team; b"" until this machine is let in."""
        return self._keys.secret

    @property
    def roster(self) -> Roster:
        """What all control messages amount to."""
        if self._evaluated is None:
            self._evaluated = evaluate(self.team, self._own.founder, self._messages.values())
            self._drop_refused(self._evaluated)
            self._keys.take(self._evaluated.handed)
        return self._evaluated

    def _drop_refused(self, roster: Roster) -> None:
        """Forget the oldest of what does not count, lest somebody fill the memory with it."""
        oldest = sorted(roster.refused, key=lambda digest: self._messages[digest].sequence)
        for digest in oldest[: max(0, len(oldest) - _MOST_REFUSED)]:
            del self._messages[digest], roster.refused[digest]

    def _require_membership(self) -> None:
        if self.machine not in self.roster.members or not self._keys.secret:
            raise NotAMember(self.waits_for(0) or "waiting for the secret of the team")
