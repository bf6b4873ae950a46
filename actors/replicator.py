"""Replicator: shares the projects of this machine with its team, and takes in what others share.

It runs only where there is a team, and nothing else in the group needs it or a network. It reads
the records and publishes what is new in shared projects; what arrives it verifies, opens and puts
into the inbox, from which ingest commits it. What it waits for, it waits for in `team/`, so it
holds no more in memory when the server is away.
"""

import logging
import shutil
from contextlib import suppress

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, MessageRefused, StoreAbsent, TeamError, TeamUnavailable
from iai.model.clock import NS, Now
from iai.protocol.behaviour import Answer, Caller, Publish, Steps
from iai.protocol.ingest import RecordsCommitted
from iai.protocol.message import Actor, Error, ErrorCode, Event, Reply, Request
from iai.protocol.replicator import (
    AppointAdmin,
    ChangesArrived,
    InviteMachine,
    LeaveTeam,
    MachineInvited,
    ShareProject,
    TeamReport,
    TeamStatus,
)
from iai.replication.consumer import Consumer, sharing
from iai.replication.control_outbox import ControlOutbox, keeping
from iai.replication.deletion import Deletion
from iai.replication.gap_requests import GapRequests
from iai.replication.intake import Intake
from iai.replication.outbox import NEVER, Outbox
from iai.replication.relay import Relay
from iai.replication.report import report
from iai.store.payload_readers import PayloadReaders
from iai.store.team_store import Shared, TeamChange, TeamStore, Write
from iai.team import subjects, team_file
from iai.team.duties import Publication
from iai.team.enrolment import Enrolment
from iai.team.membership import Membership
from iai.team.stream import (
    Stream,
)

log = logging.getLogger(__name__)

REPORTS = 64  # taken at a time: some 50 ms of verifying, opening and noting
MOST_WAITING = 20_000  # changes in the inbox; while there are more, nothing is taken in
ROUND_S = 1.0  # between two looks at what is due by the clock
BEAT_S = 15.0  # between two heartbeats, and two looks whether the stream has lost anything


class Replicator:
    """See `Behaviour`."""

    subscriptions = (Actor.INGEST, Actor.LIFECYCLE)

    def __init__(
        self, enrolment: Enrolment, readers: PayloadReaders, store: TeamStore, stream: Stream
    ) -> None:
        self._name = enrolment.name
        self._readers = readers
        self._store = store
        self._stream = stream
        self._membership = Membership(enrolment)
        self._outbox = Outbox(stream, self._membership)
        self._relay = Relay(stream, self._membership)
        self._control = ControlOutbox(stream, self._membership)
        self._deletion = Deletion(store, stream, self._outbox)
        self._writes: list[Write] = []  # not committed yet
        self._hinted = False  # has ingest committed something?
        self._full = False  # does the inbox have as much as it may?
        self._publish_at = 0  # monotonic; when more is to be published
        self._next_round = self._next_beat = 0  # monotonic

    @property
    def descriptor(self) -> int:
        return self._stream.descriptor

    def start(self, now: Now) -> Steps:
        with self._store.view() as view:
            for one in view.control():
                with suppress(MessageRefused):
                    self._membership.apply(one.sequence, one.data)
            self._intake = Intake(self._membership, view)
            copies_since, taken = view.copies_since(), view.taken()
            for shared in view.shared():
                self._outbox.add(shared)
        self._consumer = Consumer(
            self._membership,
            self._store,
            self._stream,
            self._intake,
            self._outbox,
            self._relay,
            self._control,
            self._deletion,
            self._writes,
        )
        self._gap_requests = GapRequests(self._stream, self._membership, self._intake.peers)
        self._store.commit(lambda unit: unit.claim(self._membership.machine))
        if copies_since is None:
            self._store.commit(self._intake.begin_copies(whole=not taken.stream))
        self._consumer.link.since = now.wall
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        try:
            answer = self._answer(request, now)
        except (BadUsage, TeamError) as error:
            answer = Error(code=ErrorCode.BAD_REQUEST, detail=str(error))
        yield Answer(caller, answer)

    def on_event(self, event: Event, now: Now) -> Steps:
        self._hinted |= isinstance(event, RecordsCommitted)
        yield from ()

    def due_s(self, now: Now) -> float:
        if self._writes or self._hinted or (self._stream.waiting and not self._full):
            return 0.0
        if self._deletion.scrubbing or (self._consumer.retrying and not self._full):
            return 0.0
        return max(0.0, (min(self._next_round, self._publish_at) - now.mono) / NS)

    def work(self, now: Now) -> Steps:
        """Take in what has happened, commit it, and publish what is new."""
        events: list[Event] = []
        if not self._writes and not self._full:  # else the disk, or ingest, cannot keep up
            events += self._consumer.take(self._stream.reports(REPORTS), now)
            events += self._consumer.retry(now)
        due = now.mono >= self._next_round or self._consumer.hurry
        with suppress(StoreAbsent), self._readers.records.view() as records:
            self._writes += self._deletion.drop_applied(records, some=due)
        self._commit()
        for event in events:
            yield Publish(event, keep=not isinstance(event, ChangesArrived))
        if due:
            self._next_round = now.mono + int(ROUND_S * NS)
            self._consumer.hurry = False
            self._round(now)
            self._commit()
        self._hinted = False
        yield from self._publish(now)
        self._beat(now)

    def _publish(self, now: Now) -> Steps:
        """Publish what is new in the records, and tidy up what is not needed any more."""
        try:
            with self._readers.records.view() as records:
                self._publish_at = self._outbox.publish(records, now)
                if self._deletion.fill_gaps(now):
                    self._publish_at = 0
                self._deletion.scrub(records, now)
        except StoreAbsent:
            self._publish_at = NEVER
        if self._relay.busy:
            with self._store.view() as view:
                self._publish_at = min(self._publish_at, self._relay.publish(view, now))
        self._writes += map(sharing, self._outbox.moved())
        for withheld in self._outbox.withheld():
            log.warning("%s", withheld)
            yield Publish(withheld, keep=True)

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._stream.close()
        self._store.close()
        self._readers.close()

    # --- requests ------------------------------------------------------------------------------

    def _answer(self, request: Request, now: Now) -> Reply:
        match request:
            case ShareProject(project=project, on=on):
                self._share(project, now) if on else self._unshare(project)
            case InviteMachine(own=own):
                code, publication = self._membership.invite(now.wall, own=own)
                self._state(publication)
                if self._consumer.link.limits:  # the beginning of the team may be gone from it
                    self._writes += self._control.refill(f":{now.wall // NS}")
                    self._commit()
                return MachineInvited(code=code)
            case AppointAdmin(machine=machine):
                self._state(self._membership.appoint(machine))
            case LeaveTeam(machine=machine):
                self._state(self._membership.leave(machine))
            case TeamStatus():
                pass
            case _:
                raise BadUsage(f"the replicator does not answer {type(request).__name__}")
        return self._report(now)

    def _state(self, publication: Publication) -> None:
        """Keep what is to be stated, until the stream has it."""
        self._writes.append(keeping(publication))
        self._commit()
        self._next_round = 0

    def _share(self, project: str, now: Now) -> None:
        hashed = self._membership.hash_of(project)
        if self._outbox.shares(hashed):
            return
        shared = Shared(project=project, hash=hashed, since=now.wall)
        publications = self._membership.share(project)
        self._writes += [keeping(one) for one in publications]
        self._writes.append(lambda unit: unit.share(shared))
        self._commit()
        self._outbox.add(shared)
        self._next_round = 0

    def _unshare(self, project: str) -> None:
        hashed = self._membership.hash_of(project)
        self._outbox.remove(hashed)
        self._writes.append(lambda unit: unit.unshare(hashed))
        self._commit()

    def _report(self, now: Now) -> TeamReport:
        with self._store.view() as view:
            waiting = view.waiting_for_ingest(most=10_000)
        try:
            with self._readers.records.view() as records:
                unpublished = self._outbox.unpublished(records, most=1_000)
        except StoreAbsent:
            unpublished = {}
        return report(
            self._name,
            self._membership,
            self._intake.peers,
            self._outbox,
            self._consumer.link,
            waiting,
            unpublished,
            now.wall,
        )

    # --- what is due by the clock --------------------------------------------------------------

    def _round(self, now: Now) -> None:
        with self._store.view() as view:
            self._full = view.count() > MOST_WAITING
            if not self._consumer.link.connected:
                return
            self._control.say(view, now)
            self._deletion.erase(view)
            self._consumer.link.behind(view, self._intake.peers, now.wall)
        if not self._consumer.link.pending:
            self._gap_requests.ask(now)

    def _beat(self, now: Now) -> None:
        """Say how far each project is published: from time to time, and soon after a change."""
        if not self._consumer.link.connected:
            return
        due = now.mono >= self._next_beat
        if self._publish_at < NEVER and not due:
            return
        for subject, data in self._outbox.beats(now.wall, every=due):
            self._stream.beat(subject, data)
        if due:
            for subject, data in self._intake.peers.repeats():
                self._stream.beat(subject, data)
            self._next_beat = now.mono + int(BEAT_S * NS)
            self._outbox.verify()
            self._stream.last_of(subjects.control(self._membership.team))

    def _commit(self) -> None:
        """Write what there is to write, all of it or nothing. Raises StoreWriteFailed."""
        writes = list(self._writes)
        if not writes:
            return

        def change(unit: TeamChange) -> None:
            for write in writes:
                write(unit)

        self._store.commit(change)
        self._writes.clear()


def make(settings: Settings) -> Replicator:
    """Return the behaviour of the replicator process. Raises TeamUnavailable, NoTeam."""
    try:
        from iai.team.jetstream.port import JetStream  # noqa: PLC0415  the package is an extra
    except ModuleNotFoundError:
        raise TeamUnavailable from None
    layout = Layout(settings.store)
    own = team_file.load(layout)
    store = _store(layout, own.machine)
    stream = JetStream(own.server, own.team, own.machine)
    return Replicator(own, PayloadReaders(layout), store, stream)


def _store(layout: Layout, machine: str) -> TeamStore:
    """Open what this machine has of its team; what it had as another machine is void."""
    store = TeamStore(layout.team)
    with store.view() as view:
        owner = view.owner()
    if owner in ("", machine):
        return store
    store.close()
    shutil.rmtree(layout.team)
    return TeamStore(layout.team)
