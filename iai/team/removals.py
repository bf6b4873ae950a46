"""Who may remove a machine from a team, and what counts of a machine that has left. No I/O.

A machine that has left, or whoever found it, could still sign statements, with an early clock. So
each `Leave` lists what counts of the machine, and nothing else ever does. The founder may remove
all others; an admin, whom the founder has appointed, all but other admins.

An admin may remove the founder as well, whose machine may be the one that is lost. Where both
remove each other, the founder prevails: one whom it has removed cannot take the team over.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from iai.team.control import Admit, Appoint, Found, Join, Leave, Signed
from iai.team.identity import PublicKeys


class Standing(NamedTuple):
    """What follows from all appointments and removals, in whatever order they were made."""

    admins: set[str]
    allowed: dict[str, set[bytes]]  # machine that has left -> digests of what counts of it

    def counts(self, signed: Signed) -> bool:
        """Is it nothing that a machine stated after it left?"""
        return _counts(signed, self.allowed)


class _Removal(NamedTuple):
    signed: Signed
    leave: Leave


def standing(statements: Iterable[Signed], founder: str) -> Standing:
    """Return who are admins and what counts of those that have left; `founder` is a machine."""
    said = _verified(list(statements))
    leaves = [_Removal(one, one.statement) for one in said if isinstance(one.statement, Leave)]
    allowed = _own_lists(leaves)
    removals = [one for one in leaves if one.signed.machine != one.leave.machine]
    admins = _appointed(said, founder, allowed)
    against = _listed(_by(removals, admins, allowed, of={founder}))
    if against:
        # Those count whom the founder had appointed by then, unless it has removed them itself.
        known = _appointed(said, founder, {**allowed, **against})
        overruling = _by(removals, {founder}, allowed, of=known)
        against = _listed(_by(removals, known, {**allowed, **_listed(overruling)}, of={founder}))
        if against:
            allowed[founder] = against[founder] | {one.signed.digest for one in overruling}
            admins = _appointed(said, founder, allowed)
    others = {one.leave.machine for one in removals} - {founder}
    by_founder = _listed(_by(removals, {founder}, allowed, of=others))
    allowed |= by_founder
    by_admins = _listed(_by(removals, admins, allowed, of=others - admins))
    return Standing(
        admins,
        allowed | {one: listed & by_founder.get(one, listed) for one, listed in by_admins.items()},
    )


def _verified(statements: list[Signed]) -> list[Signed]:
    """Return those that are signed by the machine that they name; its id is a hash of its keys."""
    keys = {own.machine: own for signed in statements for own in _keys_in(signed)}
    return [one for one in statements if one.machine in keys and one.is_by(keys[one.machine])]


def _keys_in(signed: Signed) -> Iterable[PublicKeys]:
    """Yield the public keys that a message brings."""
    match signed.statement:
        case Found(founder=keys):
            yield keys
        case Join(candidate=candidate) | Admit(candidate=candidate):
            yield candidate.keys
        case _:
            pass


def _own_lists(leaves: list[_Removal]) -> dict[str, set[bytes]]:
    """Return what counts of those that left by themselves: what they list, and that they leave."""
    own = [one for one in leaves if one.signed.machine == one.leave.machine]
    allowed = _listed(own)
    for one in own:
        allowed[one.leave.machine].add(one.signed.digest)
    return allowed


def _appointed(said: Iterable[Signed], founder: str, allowed: Mapping[str, set[bytes]]) -> set[str]:
    return {
        one.statement.machine
        for one in said
        if isinstance(one.statement, Appoint) and one.machine == founder and _counts(one, allowed)
    }


def _by(
    removals: Iterable[_Removal],
    by: Collection[str],
    allowed: Mapping[str, set[bytes]],
    of: Collection[str],
) -> list[_Removal]:
    """Return the removals of some machines by some others, as far as they count."""
    return [
        one
        for one in removals
        if one.signed.machine in by and one.leave.machine in of and _counts(one.signed, allowed)
    ]


def _listed(removals: Iterable[_Removal]) -> dict[str, set[bytes]]:
    """Map each machine that is removed to the digests that all of these list."""
    lists: dict[str, set[bytes]] = {}
    for _, leave in removals:
        lists.setdefault(leave.machine, set(leave.counted)).intersection_update(leave.counted)
    return lists


def _counts(signed: Signed, allowed: Mapping[str, set[bytes]]) -> bool:
    return signed.digest in allowed.get(signed.machine, {signed.digest})
