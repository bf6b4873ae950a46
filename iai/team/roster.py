"""What the control messages of a team amount to: a pure function of the set of them. No I/O.

Statements are gone through by their Lamport clock, and by digest where that is equal: an order that
respects what each author knew, and that all machines compute alike, however the messages arrived.
So machines that have the same messages agree, whatever a stream lost, repeated or got again in
another order. A message whose author is not known yet counts once it is.

What a machine that has left signs afterwards never counts, however early its clock: see
`iai.team.removals`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct, field

from iai.team import removals
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
    Personal,
    Profile,
    Signed,
    team_id,
)
from iai.team.identity import PublicKeys
from iai.team.removals import Standing

_JUMP = 1_000  # by which a clock may be ahead: what it is ahead of may not count any more


class Received(NamedTuple):
    """A message, and its place in the stream; 0: from a stream that is no more."""

    sequence: int
    signed: Signed


class KeyState(Struct):
    """A key of a project, and the machines that have it."""

    id: bytes
    epoch: int
    holders: set[str]


class Roster(Struct):
    """The team, as far as it is known."""

    founder: str = ""  # "" before it is known
    admitted: dict[str, PublicKeys] = field(default_factory=dict)  # also those that have left
    departed: dict[str, int] = field(default_factory=dict)  # sequence of the first `Leave`
    admins: set[str] = field(default_factory=set)  # that can remove others, besides the founder
    joins: dict[str, Join] = field(default_factory=dict)
    invites: dict[bytes, tuple[str, Invite]] = field(default_factory=dict)  # and who invited
    spent: dict[bytes, str] = field(default_factory=dict)  # invitations, and the machine let in
    profiles: dict[str, Profile] = field(default_factory=dict)
    keys: dict[str, dict[bytes, KeyState]] = field(default_factory=dict)  # by project and id
    personal: list[tuple[str, Personal]] = field(default_factory=list)  # and who stated it
    handed: list[Signed] = field(default_factory=list)  # messages with keys, to be unwrapped
    counted: list[Signed] = field(default_factory=list)  # in their order
    refused: dict[bytes, str] = field(default_factory=dict)  # why, by digest
    clock: int = 0

    @property
    def members(self) -> dict[str, PublicKeys]:
        """Those that are in the team now."""
        return {one: keys for one, keys in self.admitted.items() if one not in self.departed}

    @property
    def remover(self) -> str:
        """The founder, or the first admin if it has left; "" if nobody can remove a machine."""
        return next(
            (one for one in (self.founder, *sorted(self.admins)) if one in self.members), ""
        )

    def may_remove(self, by: str, machine: str) -> bool:
        """May a machine take one out of the team? See `iai.team.removals`."""
        return by in (machine, self.founder) or (by in self.admins and machine not in self.admins)

    def inviter(self, machine: str) -> tuple[str, bool | None]:
        """Return who invited a machine ("": nobody), and whether both say they have one user.

        None if either of them did not say.
        """
        join = self.joins.get(machine)
        invitation = join.candidate.invitation if join is not None else b""
        if join is None or self.spent.get(invitation) != machine:
            return "", False
        by, invite = self.invites[invitation]
        said = (invite.own, join.own)
        return by, None if None in said else all(said)

    def person(self, machine: str) -> str:
        """Return what stands for a machine's user by all that was signed: their first machine."""
        by, own = self.inviter(machine)
        return self.person(by) if own else machine

    def current(self, project: str) -> KeyState | None:
        """Return the newest key of a project, of several the first; None if it has none."""
        return max(self.keys.get(project, {}).values(), key=lambda one: one.epoch, default=None)

    def is_closed(self, key: KeyState) -> bool:
        """Is nobody but members able to read what is sealed with it?"""
        return key.holders <= self.members.keys()

    def invitation_refusal(self, invitation: bytes, at: int) -> str:
        """Say why an invitation lets nobody in at this time; "" if it does."""
        if invitation not in self.invites:
            return "nobody in the team has made its invitation"
        by, invite = self.invites[invitation]
        if invitation in self.spent:
            return f"its invitation was used by machine {self.spent[invitation]} already"
        if by in self.departed:
            return f"machine {by}, which invited it, has left the team"
        return "its invitation has expired" if at > invite.expires_at else ""


def evaluate(team: str, founder: bytes, messages: Iterable[Received]) -> Roster:
    """Return what the messages amount to. `founder` is the public signing key of the founder."""
    ordered = sorted(messages, key=lambda one: (one.signed.statement.clock, one.signed.digest))
    stand = removals.standing((one.signed for one in ordered), PublicKeys(founder, b"").machine)
    roster = Roster(admins=stand.admins)
    joins = []
    for sequence, signed in ordered:
        if isinstance(signed.statement, Join):
            joins.append((signed, signed.statement))
        elif reason := _refusal(team, founder, signed, roster, stand):
            roster.refused[signed.digest] = reason
        else:
            clock = signed.statement.clock
            if clock <= roster.clock + _JUMP:  # else it removes a machine
                roster.clock = max(roster.clock, clock)
            _count(sequence, signed, roster)
    for sequence, signed in ordered:  # however early a removal claims to be
        late = isinstance(signed.statement, Leave) and signed.digest in roster.refused
        if late and not _refusal(team, founder, signed, roster, stand):
            del roster.refused[signed.digest]
            _count(sequence, signed, roster)
    for signed, join in joins:  # they may have come before their invitation
        if reason := _join_refusal(team, signed, join, roster):
            roster.refused[signed.digest] = reason
        else:
            _count(0, signed, roster)
    return roster


def _join_refusal(team: str, signed: Signed, join: Join, roster: Roster) -> str:
    candidate = join.candidate
    if not (signed.is_by(candidate.keys) and candidate.is_proven(team)):
        return "the machine that asks to join does not have the invitation"
    if candidate.keys.machine in roster.admitted:
        return ""
    return roster.invitation_refusal(candidate.invitation, at=0)


def _refusal(team: str, founder: bytes, signed: Signed, roster: Roster, stand: Standing) -> str:
    """Say why a statement does not count; "" if it does."""
    statement = signed.statement
    if statement.clock > roster.clock + _JUMP and not isinstance(statement, Leave):
        return "its clock is far ahead of all that is known"
    if isinstance(statement, Found):
        own = statement.founder
        genuine = own.signing == founder and team_id(own, statement.nonce) == team
        return "" if genuine and signed.is_by(own) else "not what the founder has signed"
    keys = roster.admitted.get(signed.machine)
    if keys is None:
        return f"machine {signed.machine} is not in the team"
    if not signed.is_by(keys):
        return f"not what machine {signed.machine} has signed"
    if isinstance(statement, Key | Grant | Personal):
        roster.handed.append(signed)  # others may have used that key before they knew
    if not stand.counts(signed):
        return f"machine {signed.machine} has left the team"
    return _content_refusal(team, signed.machine, statement, roster)


def _content_refusal(team: str, by: str, statement: AnyStatement, roster: Roster) -> str:
    """Say why what a member has signed does not count; "" if it does."""
    match statement:
        case Admit():
            return _admission_refusal(team, statement, roster)
        case Leave(machine=machine):
            if machine not in roster.admitted:
                return f"machine {machine} is not in the team"
            if not roster.may_remove(by, machine):
                return "only the founder can remove an admin, and only an admin another machine"
        case Appoint():
            if by != roster.founder:
                return "only the founder can make a machine an admin"
        case Key(project=project, epoch=epoch):
            current = roster.current(project)
            if epoch > (current.epoch if current else 0) + _JUMP:
                return "its epoch is far ahead"
        case _:
            pass
    return ""


def _admission_refusal(team: str, admit: Admit, roster: Roster) -> str:
    candidate = admit.candidate
    if candidate.keys.machine in roster.admitted:
        return f"machine {candidate.keys.machine} is in the team already"
    if not candidate.is_proven(team):
        return "the machine that was let in did not have the invitation"
    return roster.invitation_refusal(candidate.invitation, admit.at)


def _count(sequence: int, signed: Signed, roster: Roster) -> None:
    """Let a statement have its effect."""
    roster.counted.append(signed)
    by = signed.machine
    match signed.statement:
        case Found(founder=keys):
            roster.founder = by
            roster.admitted[by] = keys
        case Invite() as invite:
            roster.invites[invite.invitation] = by, invite
        case Admit(candidate=candidate):
            roster.admitted[candidate.keys.machine] = candidate.keys
            roster.spent[candidate.invitation] = candidate.keys.machine
            roster.handed.append(signed)
        case Profile() as profile:
            roster.profiles[by] = profile
        case Key(project=project, key=key, epoch=epoch, wrapped=wrapped):
            made = KeyState(key, epoch, {by, *wrapped})
            roster.keys.setdefault(project, {}).setdefault(key, made)
        case Grant() | Personal() as handed:
            _hand(by, handed, roster)
        case Appoint():
            pass  # see `removals.standing`
        case Leave(machine=machine):
            first = roster.departed.get(machine, sequence)
            roster.departed[machine] = min(first, sequence)
        case Join():
            roster.joins[by] = signed.statement


def _hand(by: str, grant: Grant | Personal, roster: Roster) -> None:
    """Note that a machine has keys."""
    if isinstance(grant, Personal):
        roster.personal.append((by, grant))
        return
    for project, ids in grant.keys.items():
        known = roster.keys.get(project, {})
        for key in known.keys() & set(ids):
            known[key].holders.add(grant.machine)
