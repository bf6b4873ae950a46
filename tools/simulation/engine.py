"""A team's stream in memory, with the faults of a real one to order.

It obeys the contract of `iai.team.stream`, to which `test_jetstream.py` holds the real one.
"""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from iai.team.stream import (
    IN_FLIGHT,
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
)


class Engine:
    """The server: a stream, and the connections to it."""

    def __init__(self) -> None:
        self.created = 1
        self.messages: dict[int, tuple[str, bytes]] = {}  # by sequence
        self.last = 0
        self.kept_last: dict[str, bytes] = {}
        self.keys: dict[str, int] = {}
        self.streams: list[MemoryStream] = []
        self.erased: list[int] = []
        self.limits = ""  # see `Connected`

    def append(self, subject: str, key: str, data: bytes) -> int:
        """Store a message, unless its key is known; return its sequence."""
        if key not in self.keys:
            self.last += 1
            self.messages[self.last] = subject, data
            self.keys[key] = self.last
            for stream in self.streams:
                stream.deliver()
        return self.keys[key]

    def limit(self, limits: str) -> None:
        """Have other limits, as an operator sets them; machines that are connected notice that."""
        self.limits = limits
        for stream in self.streams:
            stream.notice(Limited(limits))

    def empty(self) -> None:
        """Lose everything, as a server whose disk is replaced."""
        self.created += 1
        self.messages, self.keys, self.kept_last, self.last = {}, {}, {}, 0
        self._drop()

    def repeat(self, chance: Random) -> None:
        """Store some message a second time, after later ones."""
        if self.messages:
            subject, data = self.messages[chance.choice(sorted(self.messages))]
            self.append(subject, f"again:{self.last}", data)

    def purge(self) -> None:
        """Delete all messages, as an administrator can, and go on."""
        self.messages.clear()
        self.kept_last.clear()

    def lose_tail(self, number: int) -> None:
        """Lose the last messages, as a server that had not flushed them."""
        for _ in range(min(number, self.last)):
            self.messages.pop(self.last, None)
            self.keys = {key: at for key, at in self.keys.items() if at != self.last}
            self.last -= 1
        self._drop()

    def _drop(self) -> None:
        for stream in self.streams:
            stream.drop()


LARGEST = 64 << 10  # bytes of a message


class MemoryStream:
    """One machine's connection."""

    descriptor = -1

    def __init__(
        self,
        engine: Engine,
        machine: str,
        *,
        online: bool = True,
        before_command: Callable[[], None] = lambda: None,
    ) -> None:
        """`before_command` is called before anything is sent, and may raise."""
        self._engine = engine
        self._before_command = before_command
        self.machine = machine
        self._reports: deque[Report] = deque()
        self._connected = False
        self._next = 0  # sequence to deliver; 0: none is asked for
        self._unacknowledged = 0
        engine.streams.append(self)
        if online:
            self.connect()

    def connect(self) -> None:
        """Reach the server."""
        if not self._connected:
            self._connected, self._next, self._unacknowledged = True, 0, 0
            engine = self._engine
            connected = Connected(str(engine.created), engine.last, LARGEST, engine.limits)
            self._reports.append(connected)

    def drop(self, *, arriving: int | None = None) -> None:
        """Lose the connection; of the reports under way, only so many arrive (None: all do)."""
        if self._connected:
            self._connected = False
            if arriving is not None:
                self._reports = deque(list(self._reports)[:arriving])
            self._reports.append(Disconnected("the test says so"))

    @property
    def waiting(self) -> bool:
        return bool(self._reports)

    @property
    def room(self) -> int:
        return IN_FLIGHT - self._unacknowledged if self._connected else 0

    def reports(self, most: int) -> Sequence[Report]:
        taken = [self._reports.popleft() for _ in range(min(most, len(self._reports)))]
        self._unacknowledged -= sum(isinstance(one, Acknowledged) for one in taken)
        return taken

    def follow(self, after: int) -> None:
        self._before_command()
        if self._connected:
            self._next = after + 1
            pending = sum(at >= self._next for at in self._engine.messages)
            self._reports.append(Following(pending))
            for subject, data in self._engine.kept_last.items():
                self._reports.append(Beat(subject, data))
            self.deliver()

    def notice(self, report: Limited) -> None:
        """Take note of what has become of the stream."""
        if self._connected:
            self._reports.append(report)

    def hear(self, report: Beat | Asked) -> None:
        """Take what is not kept, if this machine can be reached, and follows."""
        if self._connected and (self._next or isinstance(report, Asked)):
            self._reports.append(report)

    def reorder(self, chance: Random) -> None:
        """Deliver the messages that are under way in another order."""
        places = [at for at, one in enumerate(self._reports) if isinstance(one, Arrived)]
        found = [one for one in self._reports if isinstance(one, Arrived)]
        mixed = chance.sample(found, len(found))
        for place, was, one in zip(places, found, mixed, strict=True):
            self._reports[place] = Arrived(one.sequence, one.subject, one.data, was.pending)

    def deliver(self) -> None:
        """Deliver what has come."""
        if not self._connected or not self._next:
            return
        there = [at for at in sorted(self._engine.messages) if at >= self._next]
        for left, at in zip(range(len(there) - 1, -1, -1), there, strict=True):
            self._reports.append(Arrived(at, *self._engine.messages[at], left))
        self._next = self._engine.last + 1

    def publish(self, number: int, subject: str, key: str, data: bytes) -> None:
        self._before_command()
        if self._connected:
            assert len(data) <= LARGEST  # noqa: S101
            self._unacknowledged += 1
            sequence = self._engine.append(subject, key, data)
            self._reports.append(Acknowledged(number, sequence))

    def beat(self, subject: str, data: bytes) -> None:
        self._before_command()
        if self._connected:
            self._engine.kept_last[subject] = data
            for stream in self._engine.streams:
                stream.hear(Beat(subject, data))

    def ask(self, subject: str, data: bytes) -> None:
        self._before_command()
        if self._connected:
            for stream in self._engine.streams:
                if subject.endswith(f".{stream.machine}"):
                    stream.hear(Asked(data))

    def last_of(self, subject: str) -> None:
        self._before_command()
        if self._connected:
            there = self._engine.messages
            found = [at for at in sorted(there) if there[at][0] == subject]
            last = Last(subject, there[found[-1]][1], found[-1]) if found else Last(subject, None)
            self._reports.append(last)

    def next_of(self, subject: str, sequence: int) -> None:
        self._before_command()
        if self._connected:
            there = self._engine.messages
            at = next((n for n in sorted(there) if n >= sequence and there[n][0] == subject), 0)
            self._reports.append(Next(subject, there[at][1], at) if at else Next(subject, None))

    def erase(self, sequence: int) -> None:
        self._before_command()
        if self._connected:
            self._engine.messages.pop(sequence, None)
            self._engine.erased.append(sequence)
            self._reports.append(Erased(sequence))

    def close(self) -> None:
        if self in self._engine.streams:
            self._engine.streams.remove(self)
