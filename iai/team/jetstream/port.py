"""The port on NATS JetStream: `nats-py` on a thread of its own.

Anything unusual (no acknowledgement, no heartbeat, a gap in what is delivered, an error of the
server) ends the connection and begins another one, after a pause that grows. So there is one path
of recovery, and the client's own attempts to reconnect are off.

What it uses of the server, beyond the team's subjects and `_INBOX.>`: of `$JS.API.`, `STREAM.INFO`,
`STREAM.CREATE`, `STREAM.UPDATE`, `STREAM.MSG.GET`, `STREAM.MSG.DELETE`, `CONSUMER.CREATE`,
`CONSUMER.MSG.NEXT` and `CONSUMER.DELETE` of the two streams.
"""

import asyncio
import logging
import secrets
import socket
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from nats.aio.client import Client

from iai.team.jetstream.client import CONNECT_S, StreamLost, open_client, words
from iai.team.jetstream.connection import Connection
from iai.team.stream import (
    IN_FLIGHT,
    Acknowledged,
    Arrived,
    Connected,
    Disconnected,
    Report,
    Server,
)

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0  # before the next attempt to connect; it doubles
STABLE_S = 30.0  # a connection that lived this long has the pause start over
CLOSE_S = 2.0  # for the thread to end; after that it is left behind
HELD, HELD_BYTES = 512, 8 << 20  # reports that wait to be taken; beyond them nothing is requested


class JetStream:
    """See `iai.team.stream.Stream`. Its methods are for one thread, which it never keeps waiting.

    `_run` and `Connection` are of the thread that it starts.
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
        self._connection: Connection | None = None  # of the other thread
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

    def next_of(self, subject: str, sequence: int) -> None:
        self._command(lambda connection: connection.next_of(subject, sequence))

    def erase(self, sequence: int) -> None:
        self._command(lambda connection: connection.erase(sequence))

    def close(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(CLOSE_S)
        self._reader.close()
        self._writer.close()

    def _command(self, what: "Callable[[Connection], Awaitable[None]]") -> None:
        number = self._current
        if number:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._enqueue, number, what)

    # --- on the other thread -------------------------------------------------------------------

    def _enqueue(self, number: int, what: "Callable[[Connection], Awaitable[None]]") -> None:
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
                reason = words(error)
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
            await open_client(client, self._server, lost)
            async with asyncio.TaskGroup() as tasks:
                connection = Connection(number, client, tasks, self)
                created = await connection.prepare()
                self._connection = connection
                self._report(number, created)
                tasks.create_task(connection.run())
                tasks.create_task(connection.watch())
                tasks.create_task(connection.look())
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
