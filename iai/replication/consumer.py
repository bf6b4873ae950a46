"""What the stream reports, and what follows: what to write, to publish and to announce."""

import logging
from collections import deque
from collections.abc import Iterator, Sequence

from iai.model.clock import NS, Now
from iai.protocol.message import Event
from iai.protocol.replicator import (
    ChangesArrived,
    StreamLimited,
    StreamRefilled,
    StreamReset,
    TeamConnected,
    TeamDisconnected,
    TeamMessageRefused,
)
from iai.replication.control_outbox import ControlOutbox
from iai.replication.deletion import Deletion
from iai.replication.intake import Intake, Taken
from iai.replication.outbox import Outbox
from iai.replication.peers import Wanted
from iai.replication.relay import Relay
from iai.replication.report import Link
from iai.store.team_store import Shared, TeamStore, Write
from iai.team import subjects
from iai.team.membership import Membership
from iai.team.stream import (
    Acknowledged,
    Arrived,
    Asked,
    Beat,
    Connected,
    Disconnected,
    Erased,
    Following,
    Last,
    Limited,
    Next,
    Report,
    Stream,
)

log = logging.getLogger(__name__)

RETRIED = 128  # messages that waited for a key, opened at a time
VERIFIED = 8  # of the latest control messages, which a stream that lost some has elsewhere
MOST_NOTED = 100  # refused messages that are noted in the ledger, of those taken at a time


class Consumer:
    """Takes reports in their order. What it yields is announced once `writes` are committed."""

    def __init__(
        self,
        membership: Membership,
        store: TeamStore,
        stream: Stream,
        intake: Intake,
        outbox: Outbox,
        relay: Relay,
        control: ControlOutbox,
        deletion: Deletion,
        writes: list[Write],
    ) -> None:
        """What is to be written is added to `writes`."""
        self.link = Link()
        self.hurry = False  # is there something to say at once of the team, or to look for?
        self._membership = membership
        self._store = store
        self._stream = stream
        self._intake = intake
        self._outbox = outbox
        self._relay = relay
        self._control = control
        self._deletion = deletion
        self._writes = writes
        self._unverified: Connected | None = None  # a connection that nothing is taken from yet
        self._expected: deque[tuple[int, bytes]] = deque()  # what its stream had of the team
        self._retry_after = 0  # sequence; messages beyond it may have got their key; -1: none

    @property
    def retrying(self) -> bool:
        """May messages that wait for a key be opened now?"""
        return self._retry_after >= 0

    def take(self, reports: Sequence[Report], now: Now) -> Iterator[Event]:
        """Take what has happened."""
        arrived: list[Arrived] = []
        for one in reports:
            if isinstance(one, Arrived):
                arrived.append(one)
                continue
            yield from self._take_messages(arrived, now)
            arrived = []
            yield from self._take_report(one, now)
        yield from self._take_messages(arrived, now)

    def retry(self, now: Now) -> Iterator[Event]:
        """Open some of the messages that waited for a key."""
        if not self.retrying or self._writes:
            return
        with self._store.view() as view:
            waiting = view.unopened(self._retry_after, RETRIED)
            taken = self._intake.retry(waiting, view, now.wall)
        self._retry_after = waiting[-1][0] if len(waiting) == RETRIED else -1
        yield from self._note(taken, now)

    def _take_report(self, one: Report, now: Now) -> Iterator[Event]:
        match one:
            case Connected():
                yield from self._connected(one, now)
            case Limited(limits=limits):
                yield from self._limited(limits)
            case Disconnected(reason=reason):
                if self.link.connected:
                    yield TeamDisconnected(reason=reason)
                self.link.lost(reason, now.wall)
            case Following(pending=pending):
                self.link.pending = pending
            case Last() | Next():
                found = self._compare(one, now) if isinstance(one, Last) else self._verify(one, now)
                yield from found
            case Beat() | Asked():
                self._take_signal(one, now)
            case Acknowledged() | Erased():
                self._take_receipt(one)
            case Arrived():
                pass  # see `_take_messages`

    def _take_signal(self, one: Beat | Asked, now: Now) -> None:
        """Take note of what another machine has said about what it published, or lacks."""
        match one:
            case Beat():
                if (write := self._intake.peers.take_beat(one, now.wall)) is not None:
                    self._writes.append(write)
            case Asked(data=data):
                if (wanted := self._intake.asked(data)) is not None:
                    self._publish_again(wanted, now)

    def _publish_again(self, wanted: Wanted, now: Now) -> None:
        if wanted.machine == self._membership.machine:
            self._outbox.refill(wanted.project, wanted.span, tag=f":{now.wall // (10 * NS)}")
        else:
            with self._store.view() as view:
                self._relay.begin(wanted, self._intake.peers, view)

    def _take_receipt(self, one: Acknowledged | Erased) -> None:
        """Take note of what the stream has done."""
        match one:
            case Acknowledged(number=number) if number < 0:
                self._writes.append(self._control.acknowledged(number))
            case Acknowledged(number=number, sequence=sequence):
                shared = self._outbox.acknowledged(number, sequence)
                if shared is not None and self._outbox.shares(shared.hash):
                    self._writes.append(sharing(shared))
            case Erased(sequence=sequence):
                self._writes.append(self._deletion.erased(sequence))

    def _connected(self, one: Connected, now: Now) -> Iterator[Event]:
        """Go on where the stream was left, or from its begin if it is another one.

        One that has lost its last messages has the same name, and may have got others since. Those
        about the team tell: they are never erased.
        """
        mark = self._intake.mark
        created = mark.stream.partition("/")[0]
        same = created == one.stream and one.last >= mark.sequence
        self._unverified, self._expected = one, deque(self._membership.latest(VERIFIED))
        self._outbox.pause(one.largest)
        self._relay.connected(one.largest)
        if same and not one.limits:
            start = self._expected[0][0] if self._expected else 1
            self._stream.next_of(subjects.control(self._membership.team), start)
        else:
            yield from self._begin(one, now, reset=bool(mark.stream) and not same)

    def _verify(self, found: Next, now: Now) -> Iterator[Event]:
        """Compare what the stream says of the team with what was taken in of it."""
        if self._unverified is None:
            return
        mark = self._intake.mark.sequence
        beyond = found.data is None or found.sequence > mark
        if self._expected and (beyond or found.sequence >= self._expected[0][0]):
            there = (found.sequence, found.data) == self._expected.popleft()
        else:
            there = beyond or self._membership.has(found.data or b"")
        if there and not beyond and found.sequence < mark:
            self._stream.next_of(found.subject, found.sequence + 1)
        else:
            yield from self._begin(self._unverified, now, reset=not there)

    def _begin(self, one: Connected, now: Now, *, reset: bool) -> Iterator[Event]:
        """Take from a connection what is new, or all if the stream was reset."""
        self._unverified = None
        mark = self._intake.mark
        created, _, resets = mark.stream.partition("/")
        if reset:
            again = f"/{int(resets or 0) + 1}" if created == one.stream else ""
            stream = one.stream + again
            self._begin_stream(stream)
            self._writes += self._control.refill(f":{now.wall // NS}")
            log.warning("the team's stream was reset: publishing again what it lacks")
            yield StreamReset(stream=stream)
        elif not mark.stream:
            self._begin_stream(one.stream)
        if not self.link.connected:
            yield TeamConnected(stream=self._intake.mark.stream)
        yield from self._limited(one.limits)
        self.link.reached(now.wall)
        self._deletion.connected()
        self._control.connected()
        self._stream.follow(self._intake.mark.sequence)
        self._outbox.go_on()
        self._intake.peers.begin()
        self.hurry = True

    def _limited(self, limits: str) -> Iterator[Event]:
        if limits and limits != self.link.limits:
            log.warning("the team's server drops messages of the stream: %s", limits)
            yield StreamLimited(limits=limits)
        self.link.limits = limits
        self._outbox.limited = bool(limits)

    def _begin_stream(self, stream: str) -> None:
        self._writes.append(self._intake.begin_stream(stream))
        self._writes += map(sharing, self._outbox.begin_stream())
        self._membership.begin_stream()

    def _take_messages(self, arrived: list[Arrived], now: Now) -> Iterator[Event]:
        if not arrived:
            return
        self.link.pending = arrived[-1].pending
        with self._store.view() as view:
            taken = self._intake.take(arrived, view, now.wall)
        yield from self._note(taken, now)

    def _note(self, taken: Taken, now: Now) -> Iterator[Event]:
        self._writes += taken.writes
        if taken.control:
            self._retry_after = 0
            self.hurry = True
            self._writes += self._intake.peers.retry_beats(now.wall)
        self.link.refused += len(taken.refused)
        for one in taken.refused[:MOST_NOTED]:
            log.warning("message %d of the team was refused: %s", one.sequence, one.reason)
            yield TeamMessageRefused(sequence=one.sequence, subject=one.subject, reason=one.reason)
        self._deletion.made_gaps(taken.gaps)
        if taken.rows:
            mark = self._intake.mark
            yield ChangesArrived(stream=mark.stream, sequence=mark.sequence)

    def _compare(self, found: Last, now: Now) -> Iterator[Event]:
        """Publish again what the stream should have and has not."""
        tag = f":{now.wall // NS}"
        if found.subject == subjects.control(self._membership.team):
            if found.data is None:
                self._writes += self._control.refill(tag)
        elif (shared := self._outbox.last(found, tag)) is not None:
            self._writes.append(sharing(shared))
            log.warning("the team's stream has lost messages of this machine; publishing again")
            yield StreamRefilled(project=shared.project)


def sharing(shared: Shared) -> Write:
    """Return what keeps how far a project is published."""
    return lambda unit: unit.share(shared)
