"""What a machine has to publish for its team as things are: admissions, names and keys. No I/O.

The ids are the same on all machines, so that the stream keeps one of several that do the same. If
it kept two, all machines would prefer the same one.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from iai.team import control, envelope, identity, keyring, subjects
from iai.team.control import Admit, AnyStatement, Found, Grant, Join, Key, Leave, Profile
from iai.team.enrolment import Enrolment
from iai.team.identity import PublicKeys
from iai.team.keyring import Keyring
from iai.team.names import Names
from iai.team.personal import PersonalKeys
from iai.team.roster import Roster

_MOST_GRANTED = 1_000  # keys in one message
_NAMES = "names"  # the names have a key as projects have


class Publication(NamedTuple):
    """What is to be published on `subjects.control`."""

    id: str  # the stream drops a message whose id it has seen lately
    data: bytes


class Duties:
    """Finds out what a machine ought to publish, and signs it."""

    def __init__(self, own: Enrolment, keys: Keyring, names: Names, personal: PersonalKeys) -> None:
        self._own = own
        self._keys = keys
        self._names = names
        self._personal = personal

    def due(self, roster: Roster, now: int) -> list[Publication]:
        """Return what this machine has to publish for the team. `now` is UTC nanoseconds."""
        if self._own.machine in roster.departed:
            return []
        if self._own.machine not in roster.admitted:
            return list(self._introduction(roster))
        if not self._keys.secret:
            return []
        steps = (
            self._profile,
            self._confirmations,
            self._rotations,
            self._grants,
            self._personal_keys,
        )
        return [*self._admissions(roster, now), *(one for step in steps for one in step(roster))]

    def _introduction(self, roster: Roster) -> Iterator[Publication]:
        """Yield what makes this machine known, as the founder or as a candidate."""
        own = self._own
        if own.nonce:
            yield self.publication(
                "found", Found(clock=1, founder=own.identity.public, nonce=own.nonce)
            )
        elif own.invitation and self._own.machine not in roster.joins:
            candidate = control.candidate(self._own.team, own.identity.public, own.invitation)
            yield self.publication(
                f"join:{self._own.machine}",
                Join(clock=_clock(roster), candidate=candidate, own=own.own),
            )

    def _profile(self, roster: Roster) -> Iterator[Publication]:
        names = (self._own.author, self._own.machine_name)
        if self._names.of(roster, self._own.machine) == names:
            return
        hashed = subjects.project_hash(self._keys.secret, _NAMES)
        current = roster.current(hashed)
        if current is None:
            yield self.new_key(roster, hashed, 1)
        elif self._keys.may_seal(current, roster):
            key = self._keys[current.id]
            yield self.publication(
                f"profile:{self._own.machine}:{roster.clock}",
                Profile(clock=_clock(roster), names=self._names.seal(key, names), key=key.id),
            )

    def _admissions(self, roster: Roster, now: int) -> Iterator[Publication]:
        """Yield the admission of each machine with an invitation, one for each invitation."""
        taken: set[bytes] = set()
        for machine, join in roster.joins.items():
            candidate = join.candidate
            spent = candidate.invitation in taken or machine in roster.admitted
            if spent or roster.invitation_refusal(candidate.invitation, now):
                continue
            taken.add(candidate.invitation)
            secret = identity.wrap(
                candidate.keys, keyring.context("secret", self._own.team), self._keys.secret
            )
            yield self.publication(
                f"admit:{candidate.invitation.hex()}",
                Admit(clock=_clock(roster), candidate=candidate, at=now, secret=secret),
            )

    def _confirmations(self, roster: Roster) -> Iterator[Publication]:
        """Yield what confirms, by the founder or an admin, what counts of those that left."""
        if self._own.machine == roster.remover:
            confirmed = {
                one.statement.machine
                for one in roster.counted
                if isinstance(one.statement, Leave) and one.machine != one.statement.machine
            }
            for machine in roster.departed.keys() - confirmed:
                if roster.may_remove(self._own.machine, machine):
                    yield self.leave(roster, machine)

    def _rotations(self, roster: Roster) -> Iterator[Publication]:
        """Yield a new key of each project whose current one others have, or this machine lacks."""
        for project in roster.keys:
            current = roster.current(project)
            if current is None or self._keys.may_seal(current, roster):
                continue
            if self._own.machine in current.holders or not roster.is_closed(current):
                yield self.new_key(roster, project, current.epoch + 1)

    def _grants(self, roster: Roster) -> Iterator[Publication]:
        """Yield the keys that this machine has and another member lacks."""
        for machine, keys in roster.members.items():
            lacking = [
                (project, key.id)
                for project, every in roster.keys.items()
                for key in every.values()
                if machine not in key.holders and key.id in self._keys
            ][:_MOST_GRANTED]
            if lacking:
                yield self._grant(roster, machine, keys, lacking)

    def _personal_keys(self, roster: Roster) -> Iterator[Publication]:
        """Yield the keys to what is one's own, for a machine of this user that lacks them."""
        made = self._personal.due(roster, _clock(roster))
        if made is not None:
            whose = hashlib.blake2b("".join(sorted(made.wrapped)).encode(), digest_size=8)
            yield self.publication(f"personal:{whose.hexdigest()}:{len(made.keys)}", made)

    def _grant(
        self, roster: Roster, machine: str, keys: PublicKeys, lacking: list[tuple[str, bytes]]
    ) -> Publication:
        named: dict[str, list[bytes]] = {}
        for project, key in lacking:
            named.setdefault(project, []).append(key)
        whole = b"".join(self._keys[key].secret for key in (k for ks in named.values() for k in ks))
        wrapped = identity.wrap(keys, keyring.context("grant", self._own.team), whole)
        digest = hashlib.blake2b(b"".join(key for _, key in lacking), digest_size=8).hexdigest()
        return self.publication(
            f"grant:{machine}:{digest}",
            Grant(clock=_clock(roster), machine=machine, keys=named, wrapped=wrapped),
        )

    def new_key(self, roster: Roster, project: str, epoch: int) -> Publication:
        """Return a new key of a project, wrapped for all members."""
        key = envelope.new_key()
        context = keyring.context("key", self._own.team, key.id.hex())
        wrapped = {
            machine: identity.wrap(keys, context, key.secret)
            for machine, keys in roster.members.items()
        }
        made = Key(clock=_clock(roster), project=project, key=key.id, epoch=epoch, wrapped=wrapped)
        return self.publication(f"key:{project}:{epoch}", made)

    def leave(self, roster: Roster, machine: str) -> Publication:
        """Return what takes a machine out of the team, and says what of its statements counts."""
        counted = [one.digest for one in roster.counted if one.machine == machine]
        left = Leave(clock=_clock(roster), machine=machine, counted=counted)
        return self.publication(f"leave:{machine}:{self._own.machine}", left)

    def publication(self, id_: str, statement: AnyStatement) -> Publication:
        """Return a statement, signed."""
        return Publication(id_, control.sign(self._own.identity, self._own.team, statement))


def _clock(roster: Roster) -> int:
    return roster.clock + 1
