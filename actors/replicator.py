"""Replicator: shares the projects of this machine with its team, and takes in what others share.

It runs only where there is a team, and nothing else in the group needs it or a network. It reads
the records and publishes what is new in shared projects; what arrives it verifies, opens and puts
into the inbox, from which ingest commits it. What it waits for, it waits for in `team/`, so it
holds no more in memory when the server is away.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
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
    StreamRefilled,
    StreamReset,
    TeamConnected,
    TeamDisconnected,
    TeamMessageRefused,
    TeamReport,
    TeamStatus,
)
from iai.replication.control_outbox import ControlOutbox, keeping
from iai.replication.holes import Holes
from iai.replication.intake import Intake, Taken, Write
from iai.replication.outbox import Outbox
from iai.replication.report import Link, report
from iai.store.inbox import Mark
from iai.store.payload_readers import PayloadReaders
from iai.store.record_view import RecordView
from iai.store.scrubber import Scrubber
from iai.store.team_store import Shared, TeamChange, TeamStore
from iai.team import subjects, team_file
from iai.team.chain import Span
from iai.team.enrolment import Enrolment
from iai.team.membership import Membership, Publication
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
    Report,
    Stream,
)

log = logging.getLogger(__name__)

REPORTS = 64  # taken at a time: some 50 ms of verifying, opening and noting
RETRIED = 128  # messages that waited for a key, opened at a time
ERASED = 32  # messages deleted from the stream at a time
MOST_WAITING = 20_000  # changes in the inbox; while there are more, nothing is taken in
ROUND_S = 1.0  # between two looks at what is due by the clock
BEAT_S = 15.0  # between two heartbeats, and two looks whether the stream has lost anything
MOST_NOTED = 100  # refused messages that are noted in the ledger, of those taken at a time


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
        self._control = ControlOutbox(stream, self._membership)
        self._holes = Holes()
        self._link = Link()
        self._writes: list[Write] = []  # not committed yet
        self._erasing: set[int] = set()  # sequences under way
        self._hinted = False  # has ingest committed something?
        self._more = False  # is more to be published at once?
        self._scrubbing = False  # is a scrub under way?
        self._full = False  # does the inbox have as much as it may?
        self._retry_after = -1  # sequence; messages beyond it may have got their key; -1: none
        self._applied = Mark()  # up to where the inbox was emptied
        self._holes_made: list[tuple[str, Span]] = []  # by deleting messages of this machine
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
            for shared in view.shared():
                self._outbox.add(shared)
            self._scrubber = Scrubber(self._store, view.scrubbed())
        self._store.commit(lambda unit: unit.claim(self._membership.machine))
        self._retry_after = 0
        self._link.since = now.wall
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
        if self._writes or self._hinted or self._more or (self._stream.waiting and not self._full):
            return 0.0
        if self._scrubbing or (self._retry_after >= 0 and not self._full):
            return 0.0
        return max(0.0, (self._next_round - now.mono) / NS)

    def work(self, now: Now) -> Steps:
        """Take in what has happened, commit it, and publish what is new."""
        events: list[Event] = []
        if not self._writes and not self._full:  # else the disk, or ingest, cannot keep up
            events += self._take(self._stream.reports(REPORTS), now)
            events += self._retry(now)
        self._commit()
        for event in events:
            yield Publish(event, keep=not isinstance(event, ChangesArrived))
        if now.mono >= self._next_round:
            self._next_round = now.mono + int(ROUND_S * NS)
            self._round(now)
            self._commit()
        self._hinted = False
        try:
            with self._readers.records.view() as records:
                self._more = self._outbox.publish(records, now.wall)
                self._empty_inbox(records, now)
        except StoreAbsent:
            self._more = False
        for withheld in self._outbox.withheld():
            log.warning("%s", withheld)
            yield Publish(withheld, keep=True)
        self._commit()
        self._beat(now)

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
            self._intake,
            self._outbox,
            self._link,
            waiting,
            unpublished,
            now.wall,
        )

    # --- what comes from the stream ------------------------------------------------------------

    def _take(self, reports: Sequence[Report], now: Now) -> Iterator[Event]:
        arrived: list[Arrived] = []
        for one in reports:
            if isinstance(one, Arrived):
                arrived.append(one)
                continue
            yield from self._take_messages(arrived, now)
            arrived = []
            yield from self._take_report(one, now)
        yield from self._take_messages(arrived, now)

    def _take_report(self, one: Report, now: Now) -> Iterator[Event]:
        match one:
            case Connected():
                yield from self._connected(one, now)
            case Disconnected(reason=reason):
                if self._link.connected:
                    yield TeamDisconnected(reason=reason)
                self._link.lost(reason, now.wall)
            case Following(pending=pending):
                self._link.pending = pending
            case Last(subject=subject, data=data):
                yield from self._compare(subject, data, now)
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
                if (write := self._intake.beat(one, now.wall)) is not None:
                    self._writes.append(write)
            case Asked(data=data):
                if (asked := self._intake.asked(data)) is not None:
                    self._outbox.refill(*asked, tag=f":{now.wall // (10 * NS)}")

    def _take_receipt(self, one: Acknowledged | Erased) -> None:
        """Take note of what the stream has done."""
        match one:
            case Acknowledged(number=number) if number < 0:
                self._writes.append(self._control.acknowledged(number))
            case Acknowledged(number=number):
                shared = self._outbox.acknowledged(number)
                if shared is not None and self._outbox.shares(shared.hash):
                    self._writes.append(_sharing(shared))
            case Erased(sequence=sequence):
                self._erasing.discard(sequence)
                self._writes.append(_erased(sequence))

    def _connected(self, one: Connected, now: Now) -> Iterator[Event]:
        """Go on where the stream was left, or from its begin if it is another one."""
        mark = self._intake.mark
        created, _, resets = mark.stream.partition("/")
        if mark.stream and (created != one.stream or one.last < mark.sequence):
            again = f"/{int(resets or 0) + 1}" if created == one.stream else ""
            stream = one.stream + again
            self._begin_stream(stream)
            self._writes += self._control.refill(f":{now.wall // NS}")
            log.warning("the team's stream was reset: publishing again what it lacks")
            yield StreamReset(stream=stream)
        elif not mark.stream:
            self._begin_stream(one.stream)
        if not self._link.connected:
            yield TeamConnected(stream=self._intake.mark.stream)
        self._link.reached(now.wall)
        self._erasing.clear()
        self._control.connected()
        self._stream.follow(self._intake.mark.sequence)
        self._outbox.connected(one.largest)
        self._next_round = 0

    def _begin_stream(self, stream: str) -> None:
        self._writes.append(self._intake.begin_stream(stream))
        self._membership.begin_stream()

    def _take_messages(self, arrived: list[Arrived], now: Now) -> Iterator[Event]:
        if not arrived:
            return
        self._link.pending = arrived[-1].pending
        with self._store.view() as view:
            taken = self._intake.take(arrived, view, now.wall)
        yield from self._note(taken)

    def _retry(self, now: Now) -> Iterator[Event]:
        """Open some of the messages that waited for a key."""
        if self._retry_after < 0 or self._writes:
            return
        with self._store.view() as view:
            waiting = view.unopened(self._retry_after, RETRIED)
            taken = self._intake.retry(waiting, view, now.wall)
        self._retry_after = waiting[-1][0] if len(waiting) == RETRIED else -1
        yield from self._note(taken)

    def _note(self, taken: Taken) -> Iterator[Event]:
        self._writes += taken.writes
        if taken.control:
            self._retry_after = self._next_round = 0
        self._link.refused += len(taken.refused)
        for one in taken.refused[:MOST_NOTED]:
            log.warning("message %d of the team was refused: %s", one.sequence, one.reason)
            yield TeamMessageRefused(sequence=one.sequence, subject=one.subject, reason=one.reason)
        self._holes_made += taken.holes
        if taken.rows:
            mark = self._intake.mark
            yield ChangesArrived(stream=mark.stream, sequence=mark.sequence)

    def _compare(self, subject: str, data: bytes | None, now: Now) -> Iterator[Event]:
        """Publish again what the stream should have and has not."""
        tag = f":{now.wall // NS}"
        if subject == subjects.control(self._membership.team):
            if data is None:
                self._writes += self._control.refill(tag)
        elif self._outbox.last(subject, data, tag):
            hashed = subject.split(".")[3]
            project = next(one.project for one in self._outbox.projects if one.hash == hashed)
            log.warning("the team's stream has lost messages of this machine; publishing again")
            yield StreamRefilled(project=project)

    # --- what is due by the clock --------------------------------------------------------------

    def _round(self, now: Now) -> None:
        with self._store.view() as view:
            self._full = view.count() > MOST_WAITING
            if not self._link.connected:
                return
            self._control.say(view, now)
            for sequence in view.erasures(ERASED):
                if sequence not in self._erasing:
                    self._erasing.add(sequence)
                    self._stream.erase(sequence)
            self._link.behind(view, self._intake, now.wall)
        if not self._link.pending:
            self._ask(now)

    def _ask(self, now: Now) -> None:
        """Ask for what is missing, once all that there is has been taken in."""
        for peer in self._intake.peers:
            hole = self._intake.hole(peer)
            if self._holes.due(peer, hole, now) and hole is not None:
                with suppress(MessageRefused):
                    question = self._intake.question(peer, hole)
                    subject = subjects.ask(self._membership.team, peer.machine)
                    self._stream.ask(subject, question)

    def _beat(self, now: Now) -> None:
        """Say how far each project is published: from time to time, and soon after a change."""
        if not self._link.connected:
            return
        due = now.mono >= self._next_beat
        if self._more and not due:
            return
        for subject, data in self._outbox.beats(now.wall, every=due):
            self._stream.beat(subject, data)
        if due:
            self._next_beat = now.mono + int(BEAT_S * NS)
            self._outbox.verify()
            self._stream.last_of(subjects.control(self._membership.team))

    def _empty_inbox(self, records: RecordView, now: Now) -> None:
        """Delete what ingest has applied; scrub if something was forgotten."""
        mark = records.team_mark()
        if mark != self._applied:
            self._writes.append(lambda unit: unit.delete_through(mark))
            self._commit()
            self._applied = mark
        if self._holes_made:
            self._fill_holes_made(now)
        pending = self._scrubber.pending(records, now)
        self._scrubbing = bool(pending.ranges)
        if self._scrubbing:
            self._scrubber.step(pending, now)

    def _fill_holes_made(self, now: Now) -> None:
        """Publish again what else was in messages that are deleted for what was forgotten.

        Not before ingest has applied that: until then the records still have it.
        """
        with self._store.view() as view:
            if view.count():
                return
        for hashed, span in self._holes_made:
            self._outbox.refill(hashed, span, tag=f":{now.wall // NS}")
            self._more = True
        self._holes_made = []

    def _commit(self) -> None:
        """Write what there is to write, all of it or nothing. Raises StoreWriteFailed."""
        writes = self._writes
        if not writes:
            return

        def change(unit: TeamChange) -> None:
            for write in writes:
                write(unit)

        self._store.commit(change)
        self._writes = []


def make(settings: Settings) -> Replicator:
    """Return the behaviour of the replicator process. Raises TeamUnavailable, NoTeam."""
    try:
        from iai.team.jetstream import JetStream  # noqa: PLC0415  the package is an extra
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


def _sharing(shared: Shared) -> Write:
    return lambda unit: unit.share(shared)


def _erased(sequence: int) -> Write:
    return lambda unit: unit.erased(sequence)
