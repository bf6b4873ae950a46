"""The port on NATS JetStream: `nats-py` on its own thread. The only module that imports it.

Anything unusual (no acknowledgement, no heartbeat, a gap in what is delivered, an error of the
server) ends the connection and begins another one, after a pause that grows. So there is one path
of recovery, and the client's own attempts to reconnect are off.

What it uses of the server, beyond the team's subjects and `_INBOX.>`: of `$JS.API.`, `STREAM.INFO`,
`STREAM.CREATE`, `STREAM.UPDATE`, `STREAM.MSG.GET`, `STREAM.MSG.DELETE`, `CONSUMER.CREATE`,
`CONSUMER.MSG.NEXT` and `CONSUMER.DELETE` of the two streams.
"""

import asyncio
import json
import logging
import secrets
import socket
import ssl
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, NotFoundError

from iai.team import subjects
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
    Report,
    Server,
)

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0  # before the next attempt to connect; it doubles
STABLE_S = 30.0  # a connection that lived this long has the pause start over
CONNECT_S = 5.0  # for one server to answer
CLOSE_S = 2.0  # for the thread to end; after that it is left behind
API_S = 5.0  # for one request to the server
ACK_S = 10.0  # for an acknowledgement; an election of a leader takes some 5 s
PING_S = 5.0  # between two pings; two that are not answered end the connection
IDLE_S = 5.0  # between the heartbeats of a delivery; none for twice as long ends the connection
PULL_S = 60.0  # how long a request for messages stays with the server
PULL, PULL_BYTES = 256, 4 << 20  # messages, and bytes, of one such request
HELD, HELD_BYTES = 512, 8 << 20  # reports that wait to be taken; beyond them nothing is requested
CONSUMER_S = 30.0  # until the server forgets a delivery that nobody requests messages of
DEDUPLICATION_S = 120.0  # how long the stream remembers keys
LARGEST_CLUSTER = 3  # copies of each message, where there are that many servers
_KEY = "Nats-Msg-Id"  # header
_IN_USE = 10058  # `err_code`: the stream exists, with another configuration
_NO_MESSAGE = 10037  # `err_code`: there is no message
_GONE = (10043, 10057)  # `err_code`: there is no message of this sequence to delete


class StreamLost(Exception):
    """The connection is of no use any more."""


class JetStream:
    """See `iai.team.stream.Stream`. Its methods are for one thread, which it never keeps waiting.

    `_run` and `_Connection` are of the thread that it starts.
    """

    def __init__(self, server: Server, team: str, machine: str) -> None:
        self._server = server
        self.team = team
        self.machine = machine
        self._reports: deque[tuple[int, Report]] = deque()  # with the number of their connection
        self._reader, self._writer = socket.socketpair()
        self._reader.settimeout(0)
        self._writer.settimeout(0)
        self._current = 0  # number of the connection last reported; 0: there is none
        self._in_flight = 0
        self._bytes_reported = self._bytes_taken = 0  # each is written by one thread
        self._loop = asyncio.new_event_loop()
        self._connection: _Connection | None = None  # of the other thread
        self._main: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="team", daemon=True)
        self._thread.start()

    @property
    def descriptor(self) -> int:
        return self._reader.fileno()

    @property
    def waiting(self) -> bool:
        return bool(self._reports)

    @property
    def room(self) -> int:
        return IN_FLIGHT - self._in_flight if self._current else 0

    def reports(self, most: int) -> Sequence[Report]:
        with suppress(BlockingIOError):
            self._reader.recv(4_096)
        taken: list[Report] = []
        while self._reports and len(taken) < most:
            number, report = self._reports.popleft()
            if isinstance(report, Connected):
                self._current, self._in_flight = number, 0
            elif isinstance(report, Disconnected):
                self._current = 0
            elif isinstance(report, Acknowledged):
                self._in_flight -= 1
            elif isinstance(report, Arrived):
                self._bytes_taken += len(report.data)
            taken.append(report)
        if taken:
            self._command(lambda connection: connection.pull())
        return taken

    def follow(self, after: int) -> None:
        self._command(lambda connection: connection.follow(after))

    def publish(self, number: int, subject: str, key: str, data: bytes) -> None:
        self._in_flight += 1
        self._command(lambda connection: connection.publish(number, subject, key, data))

    def beat(self, subject: str, data: bytes) -> None:
        self._command(lambda connection: connection.send(subject, data))

    def ask(self, subject: str, data: bytes) -> None:
        self._command(lambda connection: connection.send(subject, data))

    def last_of(self, subject: str) -> None:
        self._command(lambda connection: connection.last_of(subject))

    def erase(self, sequence: int) -> None:
        self._command(lambda connection: connection.erase(sequence))

    def close(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(CLOSE_S)
        self._reader.close()
        self._writer.close()

    def _command(self, what: "Callable[[_Connection], Awaitable[None]]") -> None:
        number = self._current
        if number:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._enqueue, number, what)

    # --- on the other thread -------------------------------------------------------------------

    def _enqueue(self, number: int, what: "Callable[[_Connection], Awaitable[None]]") -> None:
        connection = self._connection
        if connection is not None and connection.number == number:
            connection.commands.put_nowait(what)

    def _report(self, number: int, report: Report) -> None:
        if isinstance(report, Arrived):
            self._bytes_reported += len(report.data)
        self._reports.append((number, report))
        with suppress(BlockingIOError):  # then there is enough in it to wake anybody
            self._writer.send(b"\0")

    def _cancel(self) -> None:
        if self._main is not None:
            self._main.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._main = self._loop.create_task(self._reconnect())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._main)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _reconnect(self) -> None:
        number, pause_s, said = 0, FIRST_PAUSE_S, ""
        while True:
            number += 1
            began = self._loop.time()
            try:
                await self._connect(number)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  whatever the client raises
                reason = _words(error)
            else:
                reason = "the connection has ended"
            self._connection = None
            self._report(number, Disconnected(reason))
            if reason != said:
                log.info("no connection to the team's server: %s", reason)
                said = reason
            stable = self._loop.time() - began > STABLE_S
            pause_s = FIRST_PAUSE_S if stable else min(2 * pause_s, LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s * (0.5 + secrets.randbelow(1_000) / 1_000))

    async def _connect(self, number: int) -> None:
        client = Client()
        try:
            lost: asyncio.Future[str] = self._loop.create_future()
            await _open(client, self._server, lost)
            async with asyncio.TaskGroup() as tasks:
                connection = _Connection(number, client, tasks, self)
                created = await connection.prepare()
                self._connection = connection
                self._report(number, created)
                tasks.create_task(connection.run())
                tasks.create_task(connection.watch())
                raise StreamLost(await lost)
        finally:
            with suppress(Exception):
                await asyncio.wait_for(client.close(), CONNECT_S)

    def has_room(self) -> bool:
        """May there be more reports?"""
        size = self._bytes_reported - self._bytes_taken
        return len(self._reports) <= HELD and size <= HELD_BYTES

    def report(self, number: int, report: Report) -> None:
        """Have the caller's thread take a report."""
        self._report(number, report)


class _Connection:
    """One connection, from its begin to its end. Any error of its tasks ends it."""

    def __init__(
        self,
        number: int,
        client: Client,
        tasks: asyncio.TaskGroup,
        owner: JetStream,
    ) -> None:
        self.number = number
        self.commands: asyncio.Queue[Callable[[_Connection], Awaitable[None]]] = asyncio.Queue()
        self._client = client
        self._js: JetStreamContext = client.jetstream(timeout=API_S)
        self._tasks = tasks
        self._owner = owner
        self._name = subjects.stream(owner.team)
        self._inbox = client.new_inbox()
        self._sent: dict[int, float] = {}  # when each message that waits was sent, oldest first
        self._deliveries: list[_Delivery] = []

    async def prepare(self) -> Connected:
        """Create the streams if need be, and subscribe to what is for this machine."""
        replicas = _replicas(self._client)
        info = await self._ensure(_kept(self._owner.team, replicas))
        await self._ensure(_last_kept(self._owner.team, replicas))
        await self._client.subscribe(f"{self._inbox}.*", cb=self._on_acknowledgement)
        asked = subjects.ask(self._owner.team, self._owner.machine)
        await self._client.subscribe(asked, cb=self._on_asked)
        largest = self._client.max_payload
        return Connected(stream=_created(info), last=info.state.last_seq, largest=largest)

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

    async def follow(self, after: int) -> None:
        """See `Stream.follow`."""
        if self._deliveries:
            return
        main = self._delivery(self._name, self._on_message)
        beats = self._delivery(subjects.last_stream(self._owner.team), self._on_beat)
        pending = await main.begin(self._js, _from(after))
        self._report(Following(pending))
        await beats.begin(self._js, _last_of_each())
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
        self._tasks.create_task(self._find_last(subject))

    async def erase(self, sequence: int) -> None:
        """See `Stream.erase`."""
        self._tasks.create_task(self._erase(sequence))

    async def _find_last(self, subject: str) -> None:
        try:
            found = await self._js.get_last_msg(self._name, subject)
        except NotFoundError:
            self._report(Last(subject, None))
        except APIError as error:
            if error.err_code != _NO_MESSAGE:
                raise
            self._report(Last(subject, None))
        else:
            self._report(Last(subject, found.data or b"", found.seq or 0))

    async def _erase(self, sequence: int) -> None:
        try:  # without `no_erase`, the server overwrites the bytes
            await self._js.delete_msg(self._name, sequence)
        except NotFoundError:
            pass
        except APIError as error:
            if error.err_code not in _GONE:
                raise
        self._report(Erased(sequence))

    async def _ensure(self, wanted: StreamConfig) -> StreamInfo:
        """Return what is known of a stream; create it, or give it more copies, if need be."""
        name = wanted.name or ""
        try:
            info = await self._js.stream_info(name)
        except NotFoundError:
            try:
                return await self._js.add_stream(wanted)
            except APIError as error:  # another machine was faster, and saw other servers
                if error.err_code != _IN_USE:
                    raise
                info = await self._js.stream_info(name)
        if (info.config.num_replicas or 1) < (wanted.num_replicas or 1):
            with suppress(APIError):  # then at the next connection
                return await self._js.update_stream(wanted)
        return info

    def _on_message(self, message: Msg, sequence: int, pending: int) -> None:
        self._report(Arrived(sequence, message.subject, message.data, pending))

    def _on_beat(self, message: Msg, _sequence: int, _pending: int) -> None:
        self._report(Beat(message.subject, message.data))

    def _delivery(self, stream: str, deliver: Callable[[Msg, int, int], None]) -> "_Delivery":
        return _Delivery(self._client, stream, deliver, self._owner.has_room, self._on_failure)

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


class _Delivery:
    """The messages of a stream in order, as many at a time as were requested."""

    def __init__(
        self,
        client: Client,
        stream: str,
        deliver: Callable[[Msg, int, int], None],
        room: Callable[[], bool],
        fail: Callable[[Exception], None],
    ) -> None:
        """`room`: may more messages be requested? `fail`: ends the connection."""
        self._client = client
        self._stream = stream
        self._deliver = deliver
        self._room = room
        self._fail = fail
        self._inbox = client.new_inbox()
        self._name = secrets.token_hex(8)
        self._left = 0  # messages that were requested and have not come
        self._next = 1  # the number that the delivery gives to its next message
        self._heard = 0.0

    async def begin(self, js: JetStreamContext, config: ConsumerConfig) -> int:
        """Create it on the server; return how many messages there are to come."""
        await self._client.subscribe(self._inbox, cb=self._on_message)
        self._heard = asyncio.get_running_loop().time()
        info = await js.add_consumer(self._stream, config.evolve(name=self._name))
        return info.num_pending or 0

    async def request(self) -> None:
        """Request the next messages, unless some are still to come, or there is no room."""
        if self._left or not self._room():
            return
        self._left = PULL
        wanted = {
            "batch": PULL,
            "max_bytes": PULL_BYTES,
            "expires": int(PULL_S * 1e9),
            "idle_heartbeat": int(IDLE_S * 1e9),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        self._heard = asyncio.get_running_loop().time()
        await self._client.publish(subject, json.dumps(wanted).encode(), reply=self._inbox)

    def check(self, now: float) -> None:
        """Raise StreamLost if the server is silent."""
        if self._left and now - self._heard > 2 * IDLE_S:
            raise StreamLost(f"no heartbeat within {2 * IDLE_S:g} s")

    async def _on_message(self, message: Msg) -> None:
        try:
            await self._take(message)
        except Exception as error:  # noqa: BLE001  the client would only log it
            self._fail(error)

    async def _take(self, message: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        status = (message.headers or {}).get("Status")
        if status is None:
            sequence = message.metadata.sequence
            if sequence.consumer != self._next:
                raise StreamLost(f"message {self._next} of a delivery was lost on the way")
            self._next += 1
            self._left -= 1
            self._deliver(message, sequence.stream, message.metadata.num_pending)
        elif status in ("404", "408") or (status == "409" and _only_full(message)):
            self._left = 0
        elif status != "100":
            why = (message.headers or {}).get("Description", "")
            raise StreamLost(f"the delivery has ended: {status} {why}")
        await self.request()


def _only_full(message: Msg) -> bool:
    """Has a request ended only because its messages are as large as was allowed?"""
    why = (message.headers or {}).get("Description", "").lower()
    return "maxbytes" in why or "batch completed" in why


def _from(after: int) -> ConsumerConfig:
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=AckPolicy.NONE,
        max_deliver=1,
        inactive_threshold=CONSUMER_S + PULL_S,
        num_replicas=1,
        mem_storage=True,
    )


def _last_of_each() -> ConsumerConfig:
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
        filter_subject=">",
        ack_policy=AckPolicy.NONE,
        max_deliver=1,
        inactive_threshold=CONSUMER_S + PULL_S,
        num_replicas=1,
        mem_storage=True,
    )


def _kept(team: str, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=subjects.stream(team),
        subjects=list(subjects.kept(team)),
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,  # what is full refuses messages, it never drops any
        storage=StorageType.FILE,
        num_replicas=replicas,
        duplicate_window=DEDUPLICATION_S,
    )


def _last_kept(team: str, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=subjects.last_stream(team),
        subjects=[subjects.last_kept(team)],
        max_msgs_per_subject=1,
        storage=StorageType.MEMORY,  # each machine repeats what it says there
        num_replicas=replicas,
    )


def _replicas(client: Client) -> int:
    """Return how many copies of each message the servers can keep."""
    known = client._server_info.get("connect_urls") or []  # noqa: SLF001  no accessor for it
    return LARGEST_CLUSTER if len(set(known)) >= LARGEST_CLUSTER else 1


def _created(info: StreamInfo) -> str:
    return str(info.created)


async def _open(client: Client, server: Server, lost: "asyncio.Future[str]") -> None:
    """Connect. `lost` is set when the connection ends."""
    errors: deque[Exception] = deque(maxlen=1)

    def end(reason: str) -> None:
        if not lost.done():
            lost.set_result(reason)

    async def on_error(error: Exception) -> None:
        errors.append(error)
        if isinstance(error, nats.errors.SlowConsumerError):
            end("messages came faster than they were taken")
        elif "permissions violation" in str(error).lower():
            end(_words(error))

    async def on_closed() -> None:
        end(_words(errors[-1]) if errors else "the server has closed the connection")

    try:
        await client.connect(
            list(server.urls),
            user=server.user or None,
            password=server.password or None,
            tls=_tls(server),
            error_cb=on_error,
            closed_cb=on_closed,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=int(CONNECT_S),
            ping_interval=int(PING_S),
        )
    except nats.errors.NoServersError:
        raise StreamLost(_words(errors[-1]) if errors else "no server answers") from None


def _tls(server: Server) -> ssl.SSLContext | None:
    if not any(url.startswith("tls") for url in server.urls):
        return None
    if not server.certificate:
        return ssl.create_default_context()
    context = ssl.create_default_context(cadata=server.certificate)
    # Only that certificate is trusted, whatever address the server is reached by.
    context.check_hostname = False
    return context


def _words(error: BaseException) -> str:
    """Return why a connection has ended, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = next(iter(error.exceptions))
    text = " ".join(str(error).split())
    return text if isinstance(error, StreamLost) else f"{type(error).__name__}: {text}".rstrip(": ")
