"""Publishes again what another machine has published, where that one does not.

The messages are those that the other machine has signed, so nobody can make up any. The machine
that relays them signs as well that it had them, and that nothing else is left where there is a gap:
it takes the author's place for what was forgotten, of which there is no copy.
"""

import hashlib
import logging
from collections import deque
from itertools import takewhile

from msgspec import Struct

from iai.errors import MessageRefused
from iai.model.clock import NS, Now
from iai.replication import content
from iai.replication.content import Relayed
from iai.replication.peers import Peers, Wanted
from iai.store.team_store import TeamView
from iai.team import subjects
from iai.team.membership import Membership
from iai.team.stream import Stream

log = logging.getLogger(__name__)

BYTES = 48 << 10  # of messages that are relayed in one; a longer one is alone
BYTES_PER_S = 2 << 20
MOST_JOBS = 64  # spans that wait to be relayed
SAME_S = 60  # within which two machines that relay the same publish it under one key
NEVER = 1 << 63  # monotonic
_HASH = 8  # bytes


class _Job(Struct):
    """Some of what is wanted is relayed already."""

    project: str  # hash
    machine: str
    last: int  # position up to which it is relayed
    until: int
    known: int  # position up to which it is known that there is nothing else


class Relay:
    """What others have asked for, and is under way. Who lacks it still asks again."""

    def __init__(self, stream: Stream, membership: Membership) -> None:
        self._stream = stream
        self._membership = membership
        self._jobs: deque[_Job] = deque()
        self._largest = 0  # bytes that a message may have
        self._next_at = 0  # monotonic

    @property
    def busy(self) -> bool:
        """Is anything to be relayed?"""
        return bool(self._jobs)

    def connected(self, largest: int) -> None:
        """Begin with nothing to do; a message may have so many bytes."""
        self._jobs.clear()
        self._largest = largest

    def begin(self, wanted: Wanted, peers: Peers, view: TeamView) -> None:
        """Relay what is wanted, as far as it is here."""
        tip, until = peers.held(wanted)
        known = tip if view.copies_since() else 0
        whose = wanted.project, wanted.machine
        under_way = any((one.project, one.machine) == whose for one in self._jobs)
        if not under_way and len(self._jobs) < MOST_JOBS:
            self._jobs.append(_Job(*whose, wanted.span.after, until, known))

    def publish(self, view: TeamView, now: Now) -> int:
        """Publish the next message; return when to go on (monotonic), or `NEVER`."""
        if not self._jobs or not self._stream.room:
            return NEVER
        if now.mono >= self._next_at:
            size = self._advance(self._jobs[0], view, now)
            self._next_at = now.mono + size * NS // BYTES_PER_S
        return self._next_at if self._jobs else NEVER

    def _advance(self, job: _Job, view: TeamView, now: Now) -> int:
        """Relay some messages of a machine, up to a gap that may be more; return their bytes."""
        found = list(self._next(job, view))
        whole = not found or found[-1][0] >= job.until
        through = job.until if whole else found[-1][0]
        known = max(job.last, min(through, job.known))
        size = 0
        if found or known > job.last:
            messages = tuple(data for _, data in found)
            size = self._send(job, Relayed(job.machine, job.last, known, messages), now)
        job.last = through
        if whole:
            self._jobs.popleft()
        return size

    def _next(self, job: _Job, view: TeamView) -> list[tuple[int, bytes]]:
        """Return the next copies that fit into a message."""
        size = 0

        def fits(copy: tuple[int, bytes]) -> bool:
            nonlocal size
            first, size = not size, size + len(copy[1])
            return first or size <= BYTES

        return list(takewhile(fits, view.copies(job.project, job.machine, job.last, job.until)))

    def _send(self, job: _Job, relayed: Relayed, now: Now) -> int:
        plain = content.relay(relayed)
        try:
            data = self._membership.seal(job.project, 0, 0, plain)
        except MessageRefused as error:
            log.warning("nothing is relayed for machine %s: %s", job.machine, error)
            return 0
        if len(data) > self._largest:
            log.warning("a message of machine %s is too large to be relayed", job.machine)
            return 0
        content_hash = hashlib.blake2b(plain, digest_size=_HASH).hexdigest()
        key = f"relay:{job.machine}:{job.project}:{content_hash}:{now.wall // (SAME_S * NS)}"
        subject = subjects.changes(self._membership.team, job.project, self._membership.machine)
        self._stream.publish(0, subject, key, data)
        return len(data)
