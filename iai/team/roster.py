"""What the control messages of a team amount to: a pure function of the set of them. No I/O.

Statements are gone through by their Lamport clock, and by digest where that is equal: an order that
respects what each author knew, and that all machines compute alike, however the messages arrived.
So machines that have the same messages agree, whatever a stream lost, repeated or got again in
another order. A message whose author is not known yet counts once it is.

What a machine that has left signs afterwards never counts, however early its clock: each `Leave`
lists what did count.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct, field

from iai.team.control import (
    Admit,
    AnyStatement,
    Found,
    Grant,
    Invite,
    Join,
    Key,
    Leave,
    Profile,
    Signed,
    team_id,
)
from iai.team.identity import PublicKeys

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
    joins: dict[str, Join] = field(default_factory=dict)
    invites: dict[bytes, tuple[str, Invite]] = field(default_factory=dict)  # and who invited
    spent: dict[bytes, str] = field(default_factory=dict)  # invitations, and the machine let in
    profiles: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, dict[bytes, KeyState]] = field(default_factory=dict)  # by project and id
    handed: list[Signed] = field(default_factory=list)  # messages with keys, to be unwrapped
    counted: list[Signed] = field(default_factory=list)  # in their order
    refused: dict[bytes, str] = field(default_factory=dict)  # why, by digest
    clock: int = 0

    @property
    def members(self) -> dict[str, PublicKeys]:
        """Those that are in the team now."""
        return {one: keys for one, keys in self.admitted.items() if one not in self.departed}

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
    allowed = _allowed([one.signed for one in ordered], founder)
    roster = Roster()
    joins = []
    for sequence, signed in ordered:
        if isinstance(signed.statement, Join):
            joins.append((signed, signed.statement))
        elif reason := _refusal(team, founder, signed, roster, allowed):
            roster.refused[signed.digest] = reason
        else:
            roster.clock = max(roster.clock, signed.statement.clock)
            _count(sequence, signed, roster)
    for signed, join in joins:  # they may have come before their invitation
        if reason := _join_refusal(team, signed, join, roster):
            roster.refused[signed.digest] = reason
        else:
            _count(0, signed, roster)
    return roster


def _allowed(ordered: list[Signed], founder: bytes) -> dict[str, set[bytes]]:
    """Map each machine that has left to the digests of what counts of its statements.

    What the founder lists counts; before it has, what the machine itself lists, and that it leaves.
    """
    keys = {own.machine: own for signed in ordered for own in _keys_in(signed)}
    allowed: dict[str, set[bytes]] = {}
    removed: dict[str, set[bytes]] = {}
    leaves = [
        (signed, signed.statement, by)
        for signed in ordered
        if isinstance(signed.statement, Leave)
        and (by := keys.get(signed.machine)) is not None
        and signed.is_by(by)
    ]
    own = [one for one in leaves if one[0].machine == one[1].machine]
    for signed, leave, _ in own:
        allowed.setdefault(signed.machine, set(leave.counted)).intersection_update(leave.counted)
    for signed, _, _ in own:
        allowed[signed.machine].add(signed.digest)
    for signed, leave, by in leaves:
        counts = signed.digest in allowed.get(signed.machine, {signed.digest})
        if by.signing == founder and signed.machine != leave.machine and counts:
            listed = removed.setdefault(leave.machine, set(leave.counted))
            listed.intersection_update(leave.counted)
    return {**allowed, **removed}


def _keys_in(signed: Signed) -> Iterable[PublicKeys]:
    """Yield the public keys that a message brings. Their machine's id is a hash of them."""
    match signed.statement:
        case Found(founder=keys):
            yield keys
        case Join(candidate=candidate) | Admit(candidate=candidate):
            yield candidate.keys
        case _:
            pass


def _join_refusal(team: str, signed: Signed, join: Join, roster: Roster) -> str:
    candidate = join.candidate
    if not (signed.is_by(candidate.keys) and candidate.is_proven(team)):
        return "the machine that asks to join does not have the invitation"
    if candidate.keys.machine in roster.admitted:
        return ""
    return roster.invitation_refusal(candidate.invitation, at=0)


def _refusal(
    team: str, founder: bytes, signed: Signed, roster: Roster, allowed: Mapping[str, set[bytes]]
) -> str:
    """Say why a statement does not count; "" if it does."""
    statement = signed.statement
    if statement.clock > roster.clock + _JUMP:
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
    if isinstance(statement, Key | Grant):
        roster.handed.append(signed)  # others may have used that key before they knew
    if signed.digest not in allowed.get(signed.machine, {signed.digest}):
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
            if by not in (machine, roster.founder):
                return "only the founder can remove another machine"
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
        case Profile(names=names):
            roster.profiles[by] = names
        case Key(project=project, key=key, epoch=epoch, wrapped=wrapped):
            made = KeyState(key, epoch, {by, *wrapped})
            roster.keys.setdefault(project, {}).setdefault(key, made)
        case Grant() as grant:
            _hand(grant, roster)
        case Leave(machine=machine):
            first = roster.departed.get(machine, sequence)
            roster.departed[machine] = min(first, sequence)
        case Join():
            roster.joins[by] = signed.statement


def _hand(grant: Grant, roster: Roster) -> None:
    """Note that a machine has keys."""
    for project, ids in grant.keys.items():
        known = roster.keys.get(project, {})
        for key in known.keys() & set(ids):
            known[key].holders.add(grant.machine)
