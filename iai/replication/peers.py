"""The other machines of a team, in each project: how much of them has arrived, and when they spoke.

A heartbeat says, signed, how far its machine has published. The server keeps the last one of each
in memory alone, and who is gone sends no other one. So a machine repeats what the server lacks: a
newcomer then knows what to ask for.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from msgspec import structs

from iai.errors import Forged, MessageRefused, NotAMember, UnknownKey
from iai.replication import content
from iai.replication.content import Relayed
from iai.store.team_store import Peer, TeamView, Write
from iai.team import envelope, subjects
from iai.team.chain import Chain, Span
from iai.team.envelope import Header
from iai.team.membership import Membership
from iai.team.stream import Beat

MOST_UNOPENED = 10_000  # heartbeats of machines, or by keys, that are not known yet
REPEATED_AFTER = 2  # of our own heartbeats on a connection: by then all others have sent theirs
DOUBTED_AFTER = 20  # of our own heartbeats: the server may have lost others since, and says nothing
Key: TypeAlias = tuple[str, str]  # hash of a project, and a machine

_SUBJECT = re.compile(r"iai\.[^.]+\.(?:change|alive)\.([0-9a-f]{16})\.([0-9a-f]{16})")


class Wanted(NamedTuple):
    """What a machine has published in a project between two positions."""

    project: str  # hash
    machine: str
    span: Span


class Peers:
    """The other machines, once for each project."""

    def __init__(self, membership: Membership, view: TeamView) -> None:
        self._membership = membership
        self._peers: dict[Key, Peer] = {(one.project, one.machine): one for one in view.peers()}
        self._unopened: dict[str, Beat] = {}  # by subject
        self._beaten: dict[Key, int] = {}  # position in the last heartbeat, since `begin`
        self._sent = 0  # heartbeats of our own, likewise

    @property
    def every(self) -> list[Peer]:
        """All of them."""
        return list(self._peers.values())

    def gap(self, peer: Peer) -> Span | None:
        """Return what is missing of a machine that is, or was, in the team."""
        return peer.chain.gap if peer.machine in self._membership.roster.admitted else None

    def hear(self, header: Header) -> Key:
        """Take note that a message of a machine has arrived."""
        peer = self._peer(header.project, header.machine)
        return self._put_chain(peer, peer.chain.add(header.after, header.revision))

    def vouch(self, project: str, relayed: Relayed) -> Key:
        """Take note that nothing else is left of what a machine says that it has published."""
        peer = self._peer(project, relayed.machine)
        end = min(relayed.through, peer.announced)
        known = relayed.after < end
        return self._put_chain(peer, peer.chain.add(relayed.after, end) if known else peer.chain)

    def held(self, wanted: Wanted) -> Span:
        """Return up to where all of what is wanted was taken in, and up to where there may be more.

        Who asks for all up to the last heartbeat is given what came after that, too.
        """
        peer = self._peer(wanted.project, wanted.machine)
        through = wanted.span.through
        return Span(peer.tip, max(through, peer.announced if through >= _end(peer.beat) else 0))

    def put(self, key: Key) -> Write:
        """Return what keeps all that is known of a machine in a project."""
        peer = self._peers[key]
        return lambda unit: unit.put_peer(peer)

    # --- heartbeats ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Take note that what the server has is not known, as on a new connection."""
        self._beaten, self._sent = {}, 0

    def take_beat(self, report: Beat, now: int) -> Write | None:
        """Return what becomes of a heartbeat; None if it is not to be believed, or is our own.

        Whoever has sent it, its machine has signed it. That may have left since.
        """
        try:
            project, machine = names(report.subject)
            if machine == self._membership.machine:
                return None
            opened = self._membership.open(project, machine, 0, report.data)
        except (UnknownKey, NotAMember):
            if len(self._unopened) < MOST_UNOPENED:
                self._unopened[report.subject] = report
            return None
        except MessageRefused:
            return None
        at = content.alive_at(opened.plain)
        if at is None:
            return None
        peer, end = self._peer(project, machine), opened.header.revision
        self._beaten[project, machine] = max(end, self._beaten.get((project, machine), 0))
        latest = report.data if end >= _end(peer.beat) else peer.beat
        repeated = report.data == peer.beat  # by others, and its clock may be ahead
        heard_at = peer.heard_at if repeated else max(peer.heard_at, min(at, now))
        peer = structs.replace(peer, heard_at=heard_at, beat=latest)
        return self.put(self._put_chain(peer, peer.chain.announce(end)))

    def retry_beats(self, now: int) -> list[Write]:
        """Return what becomes of the heartbeats that could not be opened before."""
        waiting, self._unopened = self._unopened, {}
        writes = (self.take_beat(one, now) for one in waiting.values())
        return [write for write in writes if write is not None]

    def repeats(self) -> Iterator[tuple[str, bytes]]:
        """Yield the heartbeats that the server lacks, and their subjects; called with our own."""
        self._sent += 1
        if self._sent > DOUBTED_AFTER:
            self.begin()
        for key, peer in self._peers.items() if self._sent > REPEATED_AFTER else ():
            if peer.beat and self._beaten.get(key, -1) < _end(peer.beat):
                self._beaten[key] = _end(peer.beat)
                yield subjects.alive(self._membership.team, *key), peer.beat

    def _peer(self, project: str, machine: str) -> Peer:
        return self._peers.get((project, machine), Peer(project=project, machine=machine))

    def _put_chain(self, peer: Peer, chain: Chain) -> Key:
        key = peer.project, peer.machine
        self._peers[key] = structs.replace(
            peer, tip=chain.tip, islands=chain.islands, announced=chain.announced
        )
        return key


def names(subject: str) -> Key:
    """Return the project and the machine of a subject. Raises Forged if it names none."""
    named = _SUBJECT.fullmatch(subject)
    if named is None:
        raise Forged(f"nothing of a team is published under {subject[:100]}")
    return named[1], named[2]


def _end(beat: bytes) -> int:
    """Return the position in a heartbeat; 0 if there is none."""
    return envelope.read_header(beat).revision if beat else 0
