"""Machines of a team in memory, and a stream between them."""

from typing import NamedTuple

from iai.errors import Forged
from iai.model.clock import NS
from iai.team import enrolment, invitation
from iai.team.control import AnyStatement, sign
from iai.team.duties import Publication
from iai.team.enrolment import Enrolment
from iai.team.membership import Membership
from iai.team.stream import Server

MOST = 2_000  # messages
START = 1_800_000_000 * NS
PASSWORD = "pass"  # noqa: S105  of no server
SERVER = Server(urls=("tls://10.0.0.1:4222",), user="iai", password=PASSWORD, certificate="PEM")


class Kept(NamedTuple):
    """A message in the stream."""

    id: str
    data: bytes


class Stream:
    """Keeps control messages in order, and drops one whose id it has seen."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.seen: set[str] = set()
        self.generation = 0

    def publish(self, publications: list[Publication], *, again: bool = False) -> None:
        for one in publications:
            if again or one.id not in self.seen:
                self.seen.add(one.id)
                self.kept.append(Kept(one.id, one.data))

    def lose(self, count: int) -> None:
        """Lose the last messages, as a server that did not flush; it has another stream then."""
        self.kept = self.kept[: max(0, len(self.kept) - count)]
        self.seen.clear()
        self.generation += 1


class Machine:
    """A machine: what it has from the start, what it has read, and what it makes of that."""

    def __init__(self, own: Enrolment) -> None:
        self.own = own
        self.team = Membership(own)
        self.log: list[tuple[int, bytes]] = []
        self.generation = 0
        self.position = 0

    @property
    def id(self) -> str:
        return self.own.machine

    def read(self, stream: Stream, most: int = 1_000_000) -> None:
        """Read on in the stream; if it is another one, publish what counted, and start over."""
        if self.generation != stream.generation:
            self.generation, self.position = stream.generation, 0
            stream.publish(self.team.refill())
            self.log = [(0, data) for _, data in self.log]
            self.restart()
        for kept in stream.kept[self.position : self.position + most]:
            self.position += 1
            try:
                new = self.team.apply(self.position, kept.data)
            except Forged:
                continue
            if new:
                self.log.append((self.position, kept.data))

    def restart(self) -> None:
        """Forget all but what is on disk."""
        self.team = Membership(self.own)
        for sequence, data in self.log:
            self.team.apply(sequence, data)

    def state(self, statement: AnyStatement) -> Publication:
        """Sign any statement, as a machine can whose program was changed."""
        data = sign(self.own.identity, self.own.team, statement)
        return Publication(f"forged:{data[-8:].hex()}", data)


def founder() -> Machine:
    return Machine(enrolment.create("crew", SERVER, "Kim", "laptop"))


def invited(code: str, name: str = "Ada") -> Machine:
    return Machine(enrolment.accept(invitation.decode(code, START), name, f"{name}'s"))


def settle(stream: Stream, *machines: Machine, now: int = START) -> None:
    """Let everybody read and do what is due until there is nothing left to do."""
    length = -1
    while length != len(stream.kept):
        length = len(stream.kept)
        assert length < MOST, "they never agree"
        for machine in machines:
            machine.read(stream)
            stream.publish(machine.team.due(now))
    for machine in machines:
        machine.read(stream)


def crew(*names: str) -> tuple[Stream, list[Machine]]:
    """Return a team of a founder and these, all let in."""
    stream, machines = Stream(), [founder()]
    settle(stream, *machines)
    for name in names:
        code, publication = machines[0].team.invite(START)
        stream.publish([publication])
        machines.append(invited(code, name))
        settle(stream, *machines)
    return stream, machines
