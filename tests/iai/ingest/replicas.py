"""Replicas of a team without a network: what each has to say is handed to the others at will."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from iai.ingest import edits, replicated
from iai.model import change
from iai.model.action import Action
from iai.model.change import Change, MemberChange
from iai.model.clock import NS, Now
from iai.model.record import NewRecord, Project, Record
from iai.protocol.message import Request
from iai.store import outgoing
from iai.store.inbox import Mark
from iai.store.records import Records
from iai.store.replica_change import ReplicaChange
from tests.iai.store.builders import NOW, PROJECT, new_record

MAP = 32 << 20
UNSHARED = "fedcba9876543210"
SHOP = Project(id=PROJECT, name="shop", root="/p")
DIARY = Project(id=UNSHARED, name="diary", root="/q")


class Message(NamedTuple):
    """One message of the stream."""

    machine: str
    data: bytes


class Replica:
    """A machine with its records, and how far it has published them."""

    def __init__(
        self, path: Path, machine: str, ahead: int = 0, seconds: Iterator[int] | None = None
    ) -> None:
        """`ahead`: nanoseconds by which its clock is; `seconds`: what moves it on."""
        self.machine = machine
        self.path = path
        self.records = Records(path, writer=True, map_size=MAP)
        self.cursor = 0
        self._ahead = ahead
        self._numbers = seconds or count(1)
        self.commit(lambda unit: [unit.projects.place(one, one.root) for one in (SHOP, DIARY)])

    @property
    def now(self) -> Now:
        """The time by its clock; a second later each time."""
        later = NOW.later(float(next(self._numbers)))
        return Now(later.wall + self._ahead, later.mono)

    def wait(self, seconds: int) -> None:
        """Let some time pass on its clock."""
        self._numbers = count(next(self._numbers) + seconds)

    def set_clock(self, ahead: int) -> None:
        """Set its clock, which is then ahead by so many nanoseconds."""
        self._ahead = ahead

    def commit(self, change: Any) -> Any:
        return self.records.commit(change, self.now)[0]

    def say(self, key: str, **fields: Any) -> int:
        """Store a turn that was said on this machine; return its label."""
        new = new_record(key, **{"created_at": self.now.wall, **fields})
        return int(self.commit(lambda unit: unit.records.insert(new))[0])

    def do(self, key: str, session: str = "s", project: str = PROJECT, **fields: Any) -> bool:
        """Store an action that was done on this machine."""
        at = self.now.wall
        done = Action(**{"key": key, "kind": "command", "at": at, "text": f"run {key}", **fields})
        return bool(self.commit(lambda unit: unit.work.act(done, "claude", session, project)))

    def ask(self, request: Request) -> int:
        """Do what a user asks for."""
        with self.records.view() as view:
            forgotten = edits.named(request, view)
        return int(self.commit(lambda unit: edits.apply(request, unit, forgotten)))

    def read_again(self, new: NewRecord) -> None:
        """Store what a newer version reads in a transcript."""
        self.commit(lambda unit: unit.records.insert_again(new))

    def outgoing(self, project: str = PROJECT, after: int = 0, limit: int = 20) -> list[Change]:
        """Return all that it has to say about a project after a revision."""
        found: list[Change] = []
        with self.records.view() as view:
            while after < view.watermark().revision:
                some = outgoing.changes(view, project, after, limit)
                found += [one for _, one in some.changes]
                assert some.through > after
                after = some.through
        return found

    def publish(self, *, again: bool = False) -> list[Message]:
        """Return the messages with what is new, or all of them again."""
        with self.records.view() as view:
            through = view.watermark().revision
        said = self.outgoing(after=0 if again else self.cursor)
        self.cursor = through
        return [Message(self.machine, change.encode(one)) for one in said]

    def take(self, messages: Iterable[Message]) -> None:
        """Apply what others published, as it comes."""
        now = self.now
        entries = [(place, m.machine, m.data) for place, m in enumerate(messages, 1)]
        read = replicated.read(entries, lambda text: text)
        assert read.faults == []

        def apply(unit: ReplicaChange) -> None:
            replicated.apply(unit, read.arrived, Mark("S", len(entries)))

        self.records.apply(apply, now, self.machine)

    def scrub(self) -> None:
        """Have nothing in the file that was deleted."""
        with self.records.view() as view:
            through = view.watermark().revision
        while not self.records.scrub(through, 10.0):
            pass

    def every(self) -> dict[str, Record]:
        """Return all records by id."""
        with self.records.view() as view:
            return {record.id: record for record in view.every()}

    def get(self, text: str) -> Record | None:
        """Return the record with this text."""
        return next((one for one in self.every().values() if one.text == text), None)

    def actions(self) -> dict[str, Action]:
        """Return all that was done by key."""
        with self.records.view() as view:
            found = [action for _, action in view.everything_done()]
        assert len({one.key for one in found}) == len(found), "an action is there twice"
        return {action.key: action for action in found}

    def problems(self) -> list[str]:
        return list(self.records.problems())


def exchange(*replicas: Replica) -> None:
    """Hand all that each has to say to the others, until nobody has anything new to say."""
    messages = [message for one in replicas for message in one.publish(again=True)]
    while messages:
        for one in replicas:
            one.take([m for m in messages if m.machine != one.machine])
        messages = [message for one in replicas for message in one.publish()]


YEAR = 365 * 24 * 3_600 * NS


def of(person: str, *machines: str) -> list[Message]:
    """Return what says that these machines are of one person."""
    said = MemberChange(project=PROJECT, revision=1, author="ann", name="box", person=person)
    return [Message(machine, change.encode(said)) for machine in machines]
