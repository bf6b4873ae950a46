"""What wakes an actor's loop besides messages: a byte in a named pipe, and signals."""

import logging
import os
import signal
import socket
from collections import deque
from contextlib import suppress
from pathlib import Path

from iai.process import files

log = logging.getLogger(__name__)


class WakeupPipe:
    """A named pipe that wakes the loop: for hooks, which do not speak ZeroMQ.

    A byte written while no reader has it open is lost, so it can only speed up a poll.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_fifo():
            files.remove(path)
            os.mkfifo(path, 0o600)
        # Open for writing too, so that it does not reach its end when the last hook closes it.
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def drain(self) -> bool:
        """Empty the pipe; return whether anything was in it."""
        with suppress(BlockingIOError):
            return bool(os.read(self.descriptor, 4096))
        return False

    def close(self) -> None:
        os.close(self.descriptor)


def wakeup_pipe(path: Path) -> WakeupPipe | None:
    """Open the pipe; None where the file system has no pipes: the spool is polled anyway."""
    try:
        return WakeupPipe(path)
    except OSError as error:
        log.warning("hooks cannot wake this process: %s", error)
        return None


class SignalQueue:
    """Signals that handlers append and the loop drains; `reader` wakes its poller."""

    def __init__(self, *signals: signal.Signals) -> None:
        self._queue: deque[int] = deque()
        self.reader, self._writer = socket.socketpair()
        self.reader.settimeout(0)
        self._writer.settimeout(0)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda signum, _frame: self._queue.append(signum))

    def drain(self) -> list[int]:
        """Return the signals that arrived since the last call."""
        with suppress(BlockingIOError):
            self.reader.recv(4096)
        return [self._queue.popleft() for _ in range(len(self._queue))]

    def close(self) -> None:
        """Close both sockets; handlers may still run."""
        signal.set_wakeup_fd(-1)
        self.reader.close()
        self._writer.close()
