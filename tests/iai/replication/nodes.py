"""Machines of a team in one process: real records and inboxes, and a stream in memory."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from simulation.engine import Engine, MemoryStream

from actors.replicator import Replicator
from iai.config.layout import Layout
from iai.errors import BadChange, NotFound
from iai.ingest import edits
from iai.model import change
from iai.model.clock import NS, Now
from iai.protocol.behaviour import Answer, Caller, Publish, Steps
from iai.protocol.ingest import RecordsCommitted
from iai.protocol.message import Event, Reply, Request
from iai.protocol.replicator import (
    InviteMachine,
    MachineInvited,
    ShareProject,
    TeamReport,
    TeamStatus,
)
from iai.replication import content
from iai.store.inbox import Mark
from iai.store.payload_readers import PayloadReaders
from iai.store.record_change import RecordChange
from iai.store.records import Records
from iai.store.replica_change import ReplicaChange
from iai.store.team_store import TeamStore
from iai.team import enrolment, invitation
from iai.team.enrolment import Enrolment
from iai.team.membership import Membership
from tests.iai.store.builders import PROJECT, new_record
from tests.iai.team.machines import SERVER, START

MAP = 64 << 20


class Clock:
    """The time of a test, in which a second passes when somebody says so."""

    def __init__(self) -> None:
        self.now = Now(START, 1_000 * NS)

    def pass_s(self, seconds: float) -> None:
        ns = int(seconds * NS)
        self.now = Now(self.now.wall + ns, self.now.mono + ns)


class OwnReaders(PayloadReaders):
    """Reads through the writer's environment: LMDB allows one per file and process."""

    def __init__(self, path: Path, records: Records) -> None:
        super().__init__(Layout(path))
        self.records = records


class Node:
    """One machine: its records, and its replicator, which can be killed at any time."""

    def __init__(self, path: Path, own: Enrolment, engine: Engine, clock: Clock) -> None:
        self.path = path
        self.own = own
        self.engine = engine
        self.clock = clock
        self.records = Records(path / "records", writer=True, map_size=MAP)
        self.store = TeamStore(path / "team", map_size=MAP)
        self.events: list[Event] = []
        self._said = 0
        self.start()

    def start(self) -> None:
        """Start the replicator, with no memory but its files."""
        self.stream = MemoryStream(self.engine, self.own.machine)
        readers = OwnReaders(self.path, self.records)
        self.replicator = Replicator(self.own, readers, self.store, self.stream)
        self._perform(self.replicator.start(self.clock.now))

    def kill(self) -> None:
        """End the replicator as SIGKILL does, and start it again."""
        self.stream.close()
        self.start()

    def close(self) -> None:
        self.store.close()
        self.records.close()

    def ask(self, request: Request) -> Reply:
        """Have the replicator answer a request."""
        (answer,) = self._perform(
            self.replicator.receive(request, Caller(b"c", "1"), self.clock.now)
        )
        return answer

    def work(self) -> bool:
        """Let the replicator do what is due; return whether anything was."""
        if self.replicator.due_s(self.clock.now) > 0:
            return False
        self._perform(self.replicator.work(self.clock.now))
        return True

    def apply(self, most: int = 100) -> bool:
        """Be ingest: put some of what has arrived among the records."""
        with self.records.view() as view:
            mark = view.team_mark()
        with self.store.view() as inbox:
            stream, batch = inbox.after(mark, most)
        if not batch:
            return False

        def put(unit: ReplicaChange) -> None:
            for _, machine, data in batch:
                with suppress(BadChange):
                    unit.take(machine, change.decode(data))
            unit.note_mark(Mark(stream, batch[-1][0]))

        self.records.apply(put, self.clock.now, self.own.machine)
        self._committed()
        return True

    def say(self, text: str, **fields: Any) -> str:
        """Have something said on this machine; return the id of the record."""
        self._said += 1
        key = f"{self.own.machine}{self._said}"
        new = new_record(key, text=text, created_at=self.clock.now.wall - NS + self._said, **fields)
        self.commit(lambda unit: unit.records.insert(new))
        return new.id

    def commit(self, act: Callable[[RecordChange], object]) -> None:
        """Change the records, as ingest does, and let the replicator know."""
        self.records.commit(act, self.clock.now)
        self._committed()

    def edit(self, request: Request) -> None:
        """Carry out what a user asked of ingest, if it knows the record."""
        with suppress(NotFound):
            with self.records.view() as view:
                forgotten = edits.named(request, view)
            self.commit(lambda unit: edits.apply(request, unit, forgotten))

    def texts(self) -> dict[str, str]:
        """Return the text of each live record, by id."""
        return {record.id: record.text for record in self.all()}

    def all(self) -> list[Any]:
        with self.records.view() as view:
            return list(view.every())

    def scrub_records(self) -> None:
        """Scrub the records, as ingest does after something was forgotten."""
        while not self.records.scrub(1, 1.0):
            pass

    def files(self) -> bytes:
        """Return all bytes of its files."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in found)

    def _committed(self) -> None:
        with self.records.view() as view:
            revision = view.watermark().revision
        event = RecordsCommitted(revision=revision, ingested=0)
        self._perform(self.replicator.on_event(event, self.clock.now))

    def _perform(self, steps: Steps) -> list[Reply]:
        replies: list[Reply] = []
        for effect in steps:
            if isinstance(effect, Answer):
                replies.append(effect.reply)
            elif isinstance(effect, Publish):
                self.events.append(effect.event)
        return replies


class Team:
    """Some machines, let in one after another, and the stream between them."""

    def __init__(self, path: Path, number: int) -> None:
        self.engine, self.clock = Engine(), Clock()
        own = enrolment.create("crew", SERVER, "Kim", "laptop")
        self.nodes = [Node(path / "0", own, self.engine, self.clock)]
        self.settle()
        for index in range(1, number):
            self.join(path / str(index), f"Ada {index}")

    def join(
        self,
        path: Path,
        name: str,
        *,
        by: Node | None = None,
        among: Iterable[Node] | None = None,
        own: bool = False,
    ) -> Node:
        """Let another machine in."""
        invited = (by or self.nodes[0]).ask(InviteMachine(own=own))
        assert isinstance(invited, MachineInvited)
        code = invitation.decode(invited.code, self.clock.now.wall)
        enrolled = enrolment.accept(code, name, f"{name}'s")
        new = Node(path, enrolled, self.engine, self.clock)
        self.nodes.append(new)
        self.settle(nodes=None if among is None else [*among, new])
        return new

    def share(self, *nodes: Node) -> None:
        """Have these machines share the project."""
        for node in nodes or self.nodes:
            node.ask(ShareProject(project=PROJECT))
        self.settle()

    def settle(self, seconds: int = 10, nodes: Iterable[Node] | None = None) -> None:
        """Let time pass, and everybody do what is to be done."""
        chosen = list(nodes if nodes is not None else self.nodes)
        for _ in range(seconds):
            while sum(node.work() or node.apply() for node in chosen):
                pass
            self.clock.pass_s(1.0)

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    def lose(self, node: Node) -> None:
        """Have a machine never come back."""
        self.nodes.remove(node)
        node.stream.close()
        node.close()

    def empty(self) -> None:
        """Have the stream lose everything, and all machines reach it again."""
        self.engine.empty()
        for node in self.nodes:
            node.stream.connect()
        self.settle(40)


Make: TypeAlias = Callable[[int], Team]


def opened(team: Team) -> list[bytes]:
    """Return the contents of all changes in the stream, as a member reads them."""
    membership = team.nodes[0].replicator._membership
    found = []
    for sequence, (subject, data) in team.engine.messages.items():
        parts = subject.split(".")
        if parts[2] == "change":
            plain = membership.open(parts[3], parts[4], sequence, data).plain
            found += messages_in(membership, parts[3], plain)
    return found


def messages_in(membership: Membership, project: str, plain: bytes) -> list[bytes]:
    """Return a content, or those of the messages of another machine in it."""
    relayed = content.relayed(plain)
    if relayed is None:
        return [plain]
    return [membership.open(project, relayed.machine, 0, m).plain for m in relayed.messages]


def state(node: Node) -> dict[str, Any]:
    """Return all that should be the same on every machine."""
    return {
        record.id: (record.text, record.pinned, set(record.marks), record.role, record.created_at)
        for record in node.all()
        if record.project == PROJECT
    }


def report(node: Node) -> TeamReport:
    answer = node.ask(TeamStatus())
    assert isinstance(answer, TeamReport)
    return answer
