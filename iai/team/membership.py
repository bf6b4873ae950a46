"""A machine's own view of its team: its keys, what it has to publish, and whom it believes. No I/O.

Control messages go in (`apply`), and change nothing before they come back from the stream: what a
machine publishes, too. `due` says what this machine ought to publish as things are; it is called
after messages have arrived, and from time to time. The ids under which that is published are the
same on all machines, so that the stream keeps one of several that do the same. If it kept two, all
machines would prefer the same one.

A machine that joins gets all keys of all projects, and so can read what was said before. One that
has left gets none that is made afterwards; what was said until then, it has read. Who shares a
project, or finds that somebody outside the team has its current key, makes a new one. Changes that
a machine cannot open yet (`UnknownKey`) are to be kept until its next key: a new member finds its
keys behind what they open.
"""

import hashlib
import secrets
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from iai.errors import BadUsage, Forged, MessageRefused, NotAMember, UnknownKey
from iai.model.member import Member
from iai.team import control, envelope, identity, invitation, subjects
from iai.team.control import (
    Admit,
    AnyStatement,
    Appoint,
    Found,
    Grant,
    Invite,
    Join,
    Key,
    Leave,
    Profile,
    Signed,
)
from iai.team.enrolment import Enrolment
from iai.team.envelope import Header, ProjectKey
from iai.team.identity import PublicKeys
from iai.team.invitation import Invitation
from iai.team.personal import PersonalKeys, Sealed
from iai.team.roster import KeyState, Received, Roster, evaluate

LEFT = "this machine has left the team, or was removed from it"  # `waits_for`
_MOST_REFUSED = 1_000  # messages that do not count, and may yet; the oldest are dropped
_MOST_GRANTED = 1_000  # keys in one message
_NONCE = 12  # bytes
_MAC = 8  # bytes
_NAMES = "names"  # what has a key as projects have: a machine that left is not told of new names


class Publication(NamedTuple):
    """What is to be published on `subjects.control`."""

    id: str  # the stream drops a message whose id it has seen lately
    data: bytes


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
        self.secret = enrolment.secret  # of the team; b"" until this machine is let in
        self._messages: dict[bytes, Received] = {}
        self._keys: dict[bytes, ProjectKey] = {}  # that this machine has, by id
        self._personal = PersonalKeys(enrolment.identity, enrolment.team)
        self._unwrapped: set[bytes] = set()  # digests of the messages that were gone through
        self._evaluated: Roster | None = None

    def apply(self, sequence: int, data: bytes) -> bool:
        """Take in a control message; return whether it is new, and so to be kept.

        What is kept is applied again after a restart, with the same sequence, or with 0 if the
        stream is another one since. Raises Forged if it is no control message of this team.
        """
        signed = control.read(self.team, data)
        if signed.digest in self._messages:
            return False
        self._messages[signed.digest] = Received(sequence, signed)
        self._evaluated = None
        return True

    def begin_stream(self) -> None:
        """Take note that the stream is another one: the sequences in the old one are void."""
        known = ((digest, one.signed) for digest, one in self._messages.items())
        self._messages = {digest: Received(0, signed) for digest, signed in known}
        self._evaluated = None

    def due(self, now: int) -> list[Publication]:
        """Return what this machine has to publish for the team. `now` is UTC nanoseconds."""
        if self.machine in self.roster.departed:
            return []
        if self.machine not in self.roster.admitted:
            return list(self._introduction())
        if not self.secret:
            return []
        steps = (
            self._profile,
            self._confirmations,
            self._rotations,
            self._grants,
            self._personal_keys,
        )
        return [*self._admissions(now), *(one for step in steps for one in step())]

    def refill(self) -> list[Publication]:
        """Return all that counts, for a stream that was emptied, in an order that makes sense."""
        return [Publication(f"control:{one.digest.hex()}", one.data) for one in self.roster.counted]

    def share(self, project: str) -> list[Publication]:
        """Return what gives a project (by its id) a key; nothing if it has one."""
        hashed = self.hash_of(project)
        current = self.roster.current(hashed)
        return [] if current is not None else [self._new_key(hashed, 1)]

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
        statement = Invite(clock=self._clock(), invitation=key, expires_at=expires_at, own=own)
        return code, self._publication(f"invite:{key.hex()}", statement)

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
        return self._leave(leaving)

    def appoint(self, machine: str) -> Publication:
        """Return what makes a member an admin, which can remove others as the founder can.

        Raises BadUsage if there is no such member, or this is not the founder; NotAMember.
        """
        self._require_membership()
        if machine not in self.roster.members:
            raise BadUsage(f"machine {machine} is not in the team; see `iai team status`")
        if self.machine != self.roster.founder or machine == self.machine:
            raise BadUsage("only the founder can make another machine an admin")
        return self._publication(f"admin:{machine}", Appoint(clock=self._clock(), machine=machine))

    def members(self) -> tuple[Member, ...]:
        """Return who is in the team now, the founder first."""
        return tuple(map(self.member, self.roster.members))

    def member(self, machine: str) -> Member:
        """Return what a machine, in the team or not, says that it and its user are called."""
        author, name = self._names(machine)
        return Member(machine=machine, author=author, name=name, person=self._person(machine))

    def refusals(self) -> dict[bytes, str]:
        """Map each control message that does not count, by digest, to why not."""
        return dict(self.roster.refused)

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
                return f"this machine was not let in: {refusal}"
        return "waiting for a machine of the team, to be let in"

    def hash_of(self, project: str) -> str:
        """Return what stands for a project id in this team. Raises NotAMember."""
        self._require_membership()
        return subjects.project_hash(self.secret, project)

    def seal(self, project: str, revision: int, after: int, plain: bytes) -> bytes:
        """Return the envelope of a change of a project (by its hash).

        Raises UnknownKey while the project has no key that members alone have; NotAMember.
        """
        self._require_membership()
        current = self.roster.current(project)
        if current is None or not self._is_usable(current):
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
        key = self._keys.get(header.key)
        if key is None:
            raise UnknownKey(f"this machine does not have key {header.key.hex()} yet")
        return Opened(header, envelope.unseal(data, key))

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

    def keys(self, project: str) -> tuple[bytes, ...]:
        """Return the ids of the keys of a project (by its hash) that this machine has."""
        return tuple(key for key in self.roster.keys.get(project, {}) if key in self._keys)

    @property
    def roster(self) -> Roster:
        """What all control messages amount to."""
        if self._evaluated is None:
            self._evaluated = evaluate(self.team, self._own.founder, self._messages.values())
            self._drop_refused(self._evaluated)
            for signed in self._evaluated.handed:
                if signed.digest not in self._unwrapped:
                    self._unwrapped.add(signed.digest)
                    self._unwrap(signed)
        return self._evaluated

    def _drop_refused(self, roster: Roster) -> None:
        """Forget the oldest of what does not count, lest somebody fill the memory with it."""
        oldest = sorted(roster.refused, key=lambda digest: self._messages[digest].sequence)
        for digest in oldest[: max(0, len(oldest) - _MOST_REFUSED)]:
            del self._messages[digest], roster.refused[digest]

    def _unwrap(self, signed: Signed) -> None:
        """Take the keys in a message that are for this machine. What was changed is left out."""
        own, statement = self._own.identity, signed.statement
        try:
            match statement:
                case Admit(candidate=candidate, secret=wrapped):
                    if candidate.keys == own.public:
                        self.secret = own.unwrap(_context("secret", self.team), wrapped)
                case Key(key=key, wrapped=each):
                    if self.machine in each:
                        context = _context("key", self.team, key.hex())
                        self._add_key(own.unwrap(context, each[self.machine]))
                case Grant(machine=self.machine, wrapped=wrapped):
                    whole = own.unwrap(_context("grant", self.team), wrapped)
                    for at in range(0, len(whole), identity.KEY):
                        self._add_key(whole[at : at + identity.KEY])
                case _:
                    pass
        except MessageRefused:
            return

    def _add_key(self, secret: bytes) -> None:
        if len(secret) == identity.KEY:
            key = ProjectKey(secret)
            self._keys[key.id] = key

    def _introduction(self) -> Iterator[Publication]:
        """Yield what makes this machine known, as the founder or as a candidate."""
        own = self._own
        if own.nonce:
            yield self._publication(
                "found", Found(clock=1, founder=own.identity.public, nonce=own.nonce)
            )
        elif own.invitation and self.machine not in self.roster.joins:
            candidate = control.candidate(self.team, own.identity.public, own.invitation)
            yield self._publication(
                f"join:{self.machine}",
                Join(clock=self._clock(), candidate=candidate, own=own.own),
            )

    def _profile(self) -> Iterator[Publication]:
        names = (self._own.author, self._own.machine_name)
        if self._names(self.machine) == names:
            return
        hashed = self.hash_of(_NAMES)
        current = self.roster.current(hashed)
        if current is None:
            yield self._new_key(hashed, 1)
        elif self._is_usable(current):
            key = self._keys[current.id]
            yield self._publication(
                f"profile:{self.machine}:{self.roster.clock}",
                Profile(clock=self._clock(), names=self._seal_names(key, names), key=key.id),
            )

    def _admissions(self, now: int) -> Iterator[Publication]:
        """Yield the admission of each machine with an invitation, one for each invitation."""
        taken: set[bytes] = set()
        for machine, join in self.roster.joins.items():
            candidate = join.candidate
            spent = candidate.invitation in taken or machine in self.roster.admitted
            if spent or self.roster.invitation_refusal(candidate.invitation, now):
                continue
            taken.add(candidate.invitation)
            secret = identity.wrap(candidate.keys, _context("secret", self.team), self.secret)
            yield self._publication(
                f"admit:{candidate.invitation.hex()}",
                Admit(clock=self._clock(), candidate=candidate, at=now, secret=secret),
            )

    def _confirmations(self) -> Iterator[Publication]:
        """Yield what confirms, by the founder or an admin, what counts of those that left."""
        if self.machine == self.roster.remover:
            confirmed = {
                one.statement.machine
                for one in self.roster.counted
                if isinstance(one.statement, Leave) and one.machine != one.statement.machine
            }
            for machine in self.roster.departed.keys() - confirmed:
                if self.roster.may_remove(self.machine, machine):
                    yield self._leave(machine)

    def _rotations(self) -> Iterator[Publication]:
        """Yield a new key of each project whose current one others have, or this machine lacks."""
        for project in self.roster.keys:
            current = self.roster.current(project)
            if current is None or self._is_usable(current):
                continue
            if self.machine in current.holders or not self.roster.is_closed(current):
                yield self._new_key(project, current.epoch + 1)

    def _grants(self) -> Iterator[Publication]:
        """Yield the keys that this machine has and another member lacks."""
        for machine, keys in self.roster.members.items():
            lacking = [
                (project, key.id)
                for project, every in self.roster.keys.items()
                for key in every.values()
                if machine not in key.holders and key.id in self._keys
            ][:_MOST_GRANTED]
            if lacking:
                yield self._grant(machine, keys, lacking)

    def _personal_keys(self) -> Iterator[Publication]:
        """Yield the keys to what is one's own, for a machine of this user that lacks them."""
        made = self._personal.due(self.roster, self._clock())
        if made is not None:
            whose = hashlib.blake2b("".join(sorted(made.wrapped)).encode(), digest_size=8)
            yield self._publication(f"personal:{whose.hexdigest()}:{len(made.keys)}", made)

    def _grant(
        self, machine: str, keys: PublicKeys, lacking: list[tuple[str, bytes]]
    ) -> Publication:
        named: dict[str, list[bytes]] = {}
        for project, key in lacking:
            named.setdefault(project, []).append(key)
        whole = b"".join(self._keys[key].secret for key in (k for ks in named.values() for k in ks))
        wrapped = identity.wrap(keys, _context("grant", self.team), whole)
        digest = hashlib.blake2b(b"".join(key for _, key in lacking), digest_size=8).hexdigest()
        return self._publication(
            f"grant:{machine}:{digest}",
            Grant(clock=self._clock(), machine=machine, keys=named, wrapped=wrapped),
        )

    def _new_key(self, project: str, epoch: int) -> Publication:
        """Return a new key of a project, wrapped for all members."""
        key = envelope.new_key()
        context = _context("key", self.team, key.id.hex())
        wrapped = {
            machine: identity.wrap(keys, context, key.secret)
            for machine, keys in self.roster.members.items()
        }
        made = Key(clock=self._clock(), project=project, key=key.id, epoch=epoch, wrapped=wrapped)
        return self._publication(f"key:{project}:{epoch}", made)

    def _leave(self, machine: str) -> Publication:
        counted = [one.digest for one in self.roster.counted if one.machine == machine]
        left = Leave(clock=self._clock(), machine=machine, counted=counted)
        return self._publication(f"leave:{machine}:{self.machine}", left)

    def _is_usable(self, key: KeyState) -> bool:
        return key.id in self._keys and self.roster.is_closed(key)

    def _require_membership(self) -> None:
        if self.machine not in self.roster.members or not self.secret:
            raise NotAMember(self.waits_for(0) or "waiting for the secret of the team")

    def _clock(self) -> int:
        return self.roster.clock + 1

    def _publication(self, id_: str, statement: AnyStatement) -> Publication:
        return Publication(id_, control.sign(self._own.identity, self.team, statement))

    def _seal_names(self, key: ProjectKey, names: tuple[str, str]) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        context = _context("names", self.team, self.machine)
        return nonce + AESGCM(key.secret).encrypt(nonce, msgspec.msgpack.encode(names), context)

    def _names(self, machine: str) -> tuple[str, str]:
        """Return the author and the name of a machine; empty while they are not known."""
        profile = self.roster.profiles.get(machine)
        key = self._names_key(profile) if profile is not None else None
        if profile is None or key is None:
            return "", ""
        nonce, sealed = profile.names[:_NONCE], profile.names[_NONCE:]
        try:
            plain = AESGCM(key).decrypt(nonce, sealed, _context("names", self.team, machine))
            return msgspec.msgpack.decode(plain, type=tuple[str, str])
        except (ValueError, InvalidTag):
            return "", ""

    def _person(self, machine: str) -> str:
        """Return what stands for the user of a machine: the first of that user's machines.

        Another one is theirs if both it and the one that invited it have signed that; by older
        versions, which did not say, if both have the same author.
        """
        by, own = self.roster.inviter(machine)
        if own is None:
            author, _ = self._names(machine)
            own = bool(author) and self._names(by)[0] == author
        return self._person(by) if own else machine

    def _names_key(self, profile: Profile) -> bytes | None:
        """Return the key of a profile; None if this machine does not have it."""
        if profile.key:
            key = self._keys.get(profile.key)
            return key.secret if key is not None else None
        if not self.secret:
            return None
        return hashlib.blake2b(self.secret, person=b"iai names", digest_size=32).digest()


def _context(*parts: str) -> bytes:
    return "\0".join(("iai", *parts)).encode()
