"""When to ask a machine for what has not arrived: soon, but not before it may have come by itself.

A hole also shows where a message was deleted because something was forgotten. Its author answers
that there is nothing left.
"""

from msgspec import Struct

from iai.model.clock import NS, Now
from iai.store.team_store import Peer
from iai.team.chain import Span

FIRST_S, LONGEST_S = 3.0, 300.0  # until the first question, and between two; it doubles


class _Asked(Struct):
    hole: Span
    next_at: int  # monotonic
    pause_s: float


class Holes:
    """The holes that are known, and when each is asked for."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, str], _Asked] = {}  # by project and machine

    def due(self, peer: Peer, hole: Span | None, now: Now) -> bool:
        """Is it time to ask for this hole of a machine?"""
        key = peer.project, peer.machine
        known = self._asked.get(key)
        if hole is None:
            self._asked.pop(key, None)
            return False
        if known is None or known.hole.after != hole.after:
            self._asked[key] = _Asked(hole, now.mono + int(FIRST_S * NS), FIRST_S)
            return False
        if now.mono < known.next_at:
            return False
        known.pause_s = min(2 * known.pause_s, LONGEST_S)
        known.next_at = now.mono + int(known.pause_s * NS)
        return True
