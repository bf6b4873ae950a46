"""A machine of a team of which only two processes run: its replicator and its ingest.

They are what taking in others' changes needs, on real files, sockets and servers. So several
machines of a team fit on two cores.
"""

import multiprocessing
import time
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from actors.runtime import main
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
        ready, ours = spawn.Pipe(duplex=False)
        process = spawn.Process(
            target=main, args=(actor, f"actors.{actor}", settings, ours, False, {}), name=actor
        )
        process.start()
        ours.close()
        with closing(ready):
            if not _is_ready(ready):
                raise AssertionError(f"{actor} did not start: {self.log()}")
        return process

    def _join(self) -> None:
        for process in self._running.values():
            process.join()
        self._running.clear()
        if self._lease is not None:
            self._lease.release()
            self._lease = None


def _is_ready(ready: Connection) -> bool:
    try:
        return ready.poll(_READY_S) and bool(ready.recv_bytes())
    except EOFError:
        return False
