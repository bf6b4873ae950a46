"""Asks for what has not arrived: soon, but not before it may have come by itself.

First its author is asked. Where that is silent, has left, or does not fill the gap, so are the
others, one after another: each has copies (see `iai.replication.relay`). A gap also shows where a
message was deleted because something was forgotten; the answer is that nothing is left.
"""

from collections.abc import Iterator
from contextlib import suppress

from msgspec import Struct

from iai.errors import MessageRefused
from iai.model.clock import NS, Now
from iai.replication import content
from iai.replication.peers import Peers
from iai.store.team_store import Peer
from iai.team import subjects
from iai.team.chain import Span
from iai.team.membership import Membership
from iai.team.stream import Stream

FIRST_S, LONGEST_S = 3.0, 300.0  # until the first question, and between two; it doubles
SILENT_S = 60.0  # a machine that was not heard of for so long need not be asked first


class _Asked(Struct):
    gap: Span
    next_at: int  # monotonic
    pause_s: float
    times: int = 0


class GapRequests:
    """The gaps that are known, and when each is asked for."""

    def __init__(self, stream: Stream, membership: Membership, peers: Peers) -> None:
        self._stream = stream
        self._membership = membership
        self._peers = peers
        self._asked: dict[tuple[str, str], _Asked] = {}  # by project and machine

    def ask(self, now: Now) -> None:
        """Ask for what is missing, once all that there is has been taken in."""
        for peer in self._peers.every:
            gap = self._peers.gap(peer)
            times = self._due(peer, gap, now)
            if times and gap is not None:
                for machine in self._whom(peer, times, now):
                    with suppress(MessageRefused):
                        self._stream.ask(
                            subjects.ask(self._membership.team, machine), self._question(peer, gap)
                        )

    def _question(self, peer: Peer, gap: Span) -> bytes:
        """Return what asks for the messages of a machine. Raises MessageRefused without a key."""
        return self._membership.seal(
            peer.project, gap.through, gap.after, content.ask(peer.machine)
        )

    def _whom(self, peer: Peer, times: int, now: Now) -> Iterator[str]:
        """Yield who is to be asked, the `times`th time: the author, and another one in turn."""
        members = self._membership.roster.members
        there = peer.machine in members
        if there:
            yield peer.machine
        if there and times == 1 and not _silent(peer, now):
            return
        heard = {one.machine for one in self._peers.every if not _silent(one, now)}
        others = sorted(members.keys() - {self._membership.machine, peer.machine})
        able = [one for one in others if one in heard] or others
        if able:
            yield able[(int(self._membership.machine, 16) + times) % len(able)]

    def _due(self, peer: Peer, gap: Span | None, now: Now) -> int:
        """Return how many times this gap is asked for with this time; 0: it is not time yet."""
        key = peer.project, peer.machine
        known = self._asked.get(key)
        if gap is None:
            self._asked.pop(key, None)
            return 0
        if known is None or known.gap.after != gap.after:
            self._asked[key] = _Asked(gap, now.mono + int(FIRST_S * NS), FIRST_S)
            return 0
        if now.mono < known.next_at:
            return 0
        known.pause_s = min(2 * known.pause_s, LONGEST_S)
        known.next_at = now.mono + int(known.pause_s * NS)
        known.times += 1
        return known.times


def _silent(peer: Peer, now: Now) -> bool:
    return now.wall - peer.heard_at > SILENT_S * NS
