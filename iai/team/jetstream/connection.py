"""One connection to a team's server: what is published and asked on it, and what comes back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from iai.team import subjects
from iai.team.jetstream import client, streams
from iai.team.jetstream.client import StreamLost
from iai.team.jetstream.delivery import Delivery, from_sequence, last_of_each
from iai.team.stream import (
    Acknowledged,
    Arrived,
    Asked,
    Beat,
    Connected,
    Erased,
    Following,
    Last,
    Limited,
    Next,
    Report,
)

API_S = 5.0  # for one request to the server
LOOK_S = 300.0  # between two looks whether the stream is the same, and has the same limits
ACK_S = 10.0  # for an acknowledgement; an election of a leader takes some 5 s
_KEY = "Nats-Msg-Id"  # header
_NO_MESSAGE = 10037  # `err_code`: there is no message
_GONE = (10043, 10057)  # `err_code`: there is no message of this sequence to delete


class Owner(Protocol):
    """Whose connection it is: it takes the reports."""

    @property
    def team(self) -> str:
        """The id of the team."""

    @property
    def machine(self) -> str:
        """The id of this machine."""

    def has_room(self) -> bool:
        """May there be more reports?"""

    def report(self, number: int, report: Report) -> None:
        """Take a report of the connection with this number."""


class Connection:
    """One connection, from its begin to its end. Any error of its tasks ends it."""

    def __init__(
        self,
        number: int,
        opened: Client,
        tasks: asyncio.TaskGroup,
        owner: Owner,
    ) -> None:
        self.number = number
        self.commands: asyncio.Queue[Callable[[Connection], Awaitable[None]]] = asyncio.Queue()
        self._client = opened
        self._js: JetStreamContext = opened.jetstream(timeout=API_S)
        self._tasks = tasks
        self._owner = owner
        self._name = subjects.stream(owner.team)
        self._inbox = opened.new_inbox()
        self._sent: dict[int, float] = {}  # when each message that waits was sent, oldest first
        self._deliveries: list[Delivery] = []
        self._created = self._limits = ""  # of the stream

    async def prepare(self) -> Connected:
        """Create the streams if need be, and subscribe to what is for this machine."""
        copies = client.replicas(self._client)
        info = await streams.ensure(self._js, streams.kept(self._owner.team, copies))
        await streams.ensure(self._js, streams.last_kept(self._owner.team, copies))
        await self._client.subscribe(f"{self._inbox}.*", cb=self._on_acknowledgement)
        asked = subjects.ask(self._owner.team, self._owner.machine)
        await self._client.subscribe(asked, cb=self._on_asked)
        self._created, self._limits = str(info.created), streams.limits(info.config)
        return Connected(
            stream=self._created,
            last=info.state.last_seq,
            largest=self._client.max_payload,
            limits=self._limits,
        )

    async def run(self) -> None:
        """Carry out the commands, in order."""
        while True:
            command = await self.commands.get()
            await command(self)

    async def watch(self) -> None:
        """Raise StreamLost when the server is silent though it should say something."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            oldest = next(iter(self._sent.values()), None)
            if oldest is not None and loop.time() - oldest > ACK_S:
                raise StreamLost(f"no acknowledgement within {ACK_S:g} s")
            for delivery in self._deliveries:
                delivery.check(loop.time())

    async def look(self) -> None:
        """Look now and then at the stream, which an operator can change, or create again."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                info = await self._js.stream_info(self._name)
            except NotFoundError:
                raise StreamLost("the stream was deleted") from None
            except (APIError, TimeoutError):  # it has no leader now: see `watch`
                continue
            if str(info.created) != self._created:
                raise StreamLost("the stream was created again")
            if (limits := streams.limits(info.config)) != self._limits:
                self._limits = limits
                self._report(Limited(limits))

    async def follow(self, after: int) -> None:
        """See `Stream.follow`."""
        if self._deliveries:
            return
        main = self._delivery(self._name, self._on_message)
        beats = self._delivery(subjects.last_stream(self._owner.team), self._on_beat)
        pending = await main.begin(self._js, from_sequence(after))
        self._report(Following(pending))
        await beats.begin(self._js, last_of_each())
        self._deliveries += [main, beats]
        await self.pull()

    async def pull(self) -> None:
        """Request more messages, if there is room for them."""
        for delivery in self._deliveries:
            await delivery.request()

    async def publish(self, number: int, subject: str, key: str, data: bytes) -> None:
        """See `Stream.publish`."""
        self._sent[number] = asyncio.get_running_loop().time()
        reply = f"{self._inbox}.{number}"
        await self._client.publish(subject, data, reply=reply, headers={_KEY: key})

    async def send(self, subject: str, data: bytes) -> None:
        """Send a message whose fate does not matter."""
        await self._client.publish(subject, data)

    async def last_of(self, subject: str) -> None:
        """See `Stream.last_of`."""
        self._tasks.create_task(self._find(Last, subject))

    async def next_of(self, subject: str, sequence: int) -> None:
        """See `Stream.next_of`."""
        self._tasks.create_task(self._find(Next, subject, sequence))

    async def erase(self, sequence: int) -> None:
        """See `Stream.erase`."""
        self._tasks.create_task(self._erase(sequence))

    async def _find(self, kind: type[Last | Next], subject: str, start: int = 0) -> None:
        """Report the last message of a subject, or the first one from `start` on."""
        try:
            found = await self._js.get_msg(self._name, start or None, subject, next=start > 0)
        except APIError as error:
            if not (isinstance(error, NotFoundError) or error.err_code == _NO_MESSAGE):
                raise
            self._report(kind(subject, None))
        else:
            self._report(kind(subject, found.data or b"", found.seq or 0))

    async def _erase(self, sequence: int) -> None:
        try:  # without `no_erase`, the server overwrites the bytes
            await self._js.delete_msg(self._name, sequence)
        except NotFoundError:
            pass
        except APIError as error:
            if error.err_code not in _GONE:
                raise
        self._report(Erased(sequence))

    def _on_message(self, message: Msg, sequence: int, pending: int) -> None:
        self._report(Arrived(sequence, message.subject, message.data, pending))

    def _on_beat(self, message: Msg, _sequence: int, _pending: int) -> None:
        self._report(Beat(message.subject, message.data))

    def _delivery(self, stream: str, deliver: Callable[[Msg, int, int], None]) -> Delivery:
        return Delivery(self._client, stream, deliver, self._owner.has_room, self._on_failure)

    async def _on_asked(self, message: Msg) -> None:
        if self._owner.has_room():  # else it asks again
            self._report(Asked(message.data))

    async def _on_acknowledgement(self, message: Msg) -> None:
        number = int(message.subject.rsplit(".", 1)[1])
        try:
            answer = json.loads(message.data)
            sequence = int(answer["seq"])
        except (ValueError, KeyError, TypeError):  # a status, or an error
            shown = message.data[:200].decode("utf-8", "replace") or "the stream has no leader"
            self._on_failure(StreamLost(f"a message was refused: {shown}"))
            return
        if self._sent.pop(number, None) is not None:
            self._report(Acknowledged(number, sequence))

    def _on_failure(self, error: Exception) -> None:
        async def fail() -> None:
            raise error

        self._tasks.create_task(fail())

    def _report(self, report: Report) -> None:
        self._owner.report(self.number, report)
