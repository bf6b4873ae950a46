"""A machine of a team of which only two processes run: its replicator and its ingest.

They are what taking in others' changes needs, on real files, sockets and servers. So several
machines of a team fit on two cores.
"""

import multiprocessing
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from actors.runtime import Order, main
from harness.team import Machine
from iai.config.settings import from_environment
from iai.process import lock
from iai.protocol.message import Actor

_READY_S = 60.0


class Replica(Machine):
    """See `Machine`, which has all of its processes."""

    def __init__(self, name: str, **settings: str) -> None:
        super().__init__(name, **settings)
        self._running: dict[Actor, SpawnProcess] = {}
        self._connections: list[Connection] = []  # a process leaves at the end of its own
        self._lease: lock.Lock | None = None  # by which clients see that something runs
        self.ready_at = 0.0  # monotonic

    def up(self) -> None:
        """Start the two processes, and wait until they are ready."""
        self._lease = lock.take(self.layout.lease)
        for actor in (Actor.INGEST, Actor.REPLICATOR):
            self._running[actor] = self._start(actor)
        self.ready_at = time.monotonic()

    def down(self) -> None:
        """Stop them."""
        for process in self._running.values():
            process.terminate()
        self._join()

    def end(self) -> None:
        """Kill them."""
        for process in self._running.values():
            process.kill()
        self._join()

    def pid(self, actor: Actor) -> int:
        """Return the pid of one of them."""
        return self._running[actor].pid or 0

    def _start(self, actor: Actor) -> SpawnProcess:
        settings, _ = from_environment(self.environment)
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        order = Order(actor, f"actors.{actor}", settings)
        process = spawn.Process(target=main, args=(order, theirs), name=actor)
        process.start()
        theirs.close()
        self._connections.append(ours)
        if not _is_ready(ours):
            raise AssertionError(f"{actor} did not start: {self.log()}")
        return process

    def _join(self) -> None:
        for process in self._running.values():
            process.join()
        self._running.clear()
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        if self._lease is not None:
            self._lease.release()
            self._lease = None


def _is_ready(supervised: Connection) -> bool:
    try:
        while supervised.poll(_READY_S):
            if supervised.recv() == ("ready", 0):
                return True
    except EOFError:
        pass  # it has ended
    return False
