"""Real NATS servers for a team: one, or a cluster of three, each of which can be killed."""

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from harness.group import wait_until
from iai.team.serve import binary
from iai.team.stream import Server


class NatsServers:
    """Some servers on this machine, in one cluster if there are several."""

    def __init__(self, number: int = 1, *, synchronous: bool = False, password: str = "") -> None:
        """`synchronous`: flush each message to the disk, as `iai team serve` has it."""
        self.directory = Path(tempfile.mkdtemp(prefix="iai-nats-"))
        self._synchronous = synchronous
        self._password = password
        ports = list(_free_ports(2 * number))
        self._clients, self._routes = ports[:number], ports[number:]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * number
        for index in range(number):
            self._config(index).write_text(self._configured(index))

    def __enter__(self) -> Self:
        for index in range(len(self._processes)):
            self.start(index)
        for index in range(len(self._processes)):
            wait_until(lambda i=index: self._listens(i), "a server listens")  # type: ignore[misc]
        return self

    def __exit__(self, *_: object) -> None:
        for index, process in enumerate(self._processes):
            if process is not None:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                self.kill(index)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def server(self) -> Server:
        """How to reach them."""
        urls = tuple(f"nats://127.0.0.1:{port}" for port in self._clients)
        return Server(urls=urls, user="iai" if self._password else "", password=self._password)

    def __len__(self) -> int:
        return len(self._processes)

    def start(self, index: int) -> None:
        """Start a server; go on with what it has stored."""
        with (self.directory / f"{index}.log").open("ab") as output:
            self._processes[index] = subprocess.Popen(
                [binary() or "nats-server", "-c", str(self._config(index))],
                stdout=output,
                stderr=output,
            )

    def kill(self, index: int) -> None:
        """Kill a server with SIGKILL."""
        process = self._processes[index]
        if process is not None:
            process.kill()
            process.wait()
            self._processes[index] = None

    def signal(self, index: int, number: signal.Signals) -> None:
        """Send a server a signal: SIGSTOP cuts it off, SIGCONT brings it back."""
        process = self._processes[index]
        if process is not None:
            process.send_signal(number)

    def empty(self, index: int) -> None:
        """Delete what a server that is not running has stored."""
        shutil.rmtree(self.storage(index), ignore_errors=True)

    def storage(self, index: int) -> Path:
        """Return the directory in which a server stores the streams."""
        return self.directory / str(index)

    def _config(self, index: int) -> Path:
        return self.directory / f"{index}.conf"

    def _configured(self, index: int) -> str:
        flush = "always" if self._synchronous else '"1s"'
        lines = [
            f"server_name: n{index}",
            f'listen: "127.0.0.1:{self._clients[index]}"',
            f'jetstream {{ store_dir: "{self.storage(index)}", sync_interval: {flush} }}',
        ]
        if len(self._clients) > 1:
            routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._routes)
            lines.append(
                f'cluster {{ name: iai, listen: "127.0.0.1:{self._routes[index]}",'
                f" routes: [{routes}] }}"
            )
        if self._password:
            lines.append(f'authorization {{ user: iai, password: "{self._password}" }}')
        return "\n".join(lines) + "\n"

    def _listens(self, index: int) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._clients[index]), 1.0):
            return True
        return False


@contextmanager
def _bound(number: int) -> Iterator[list[socket.socket]]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        yield sockets
    finally:
        for one in sockets:
            one.close()


def _free_ports(number: int) -> Iterator[int]:
    with _bound(number) as sockets:
        yield from [one.getsockname()[1] for one in sockets]
