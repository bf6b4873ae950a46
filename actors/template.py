"""The template: a process that has loaded what actors need, and forks each of them.

So a restart costs no start of Python, no imports and no model, most of what it took, and the
processes share the memory of all that. A fork is safe here because there is nothing to inherit: the
template has one thread and opens no environment, index, lock or socket of the store, and it gets no
key. A child gets its order, keys included, from the supervisor itself, on a socket of its own:

==============  ===============  ====================================================
from            to               what
==============  ===============  ====================================================
supervisor      the child        its order: the arguments of `actors.runtime.main`
the child       supervisor       `pid`, once it runs; `ready`, once it answers requests
the template    supervisor       `ended`, with its exit code
==============  ===============  ====================================================

The end of that socket says that the other side has ended. The template may be killed: its children
live on, and the supervisor starts another one with the next child. It may hang: nobody waits for
it, and a child that is not ready in time has it killed. (The `forkserver` of multiprocessing would
have the supervisor wait until it answers with the child's pid, and would send keys through it.)
"""

import gc
import importlib
import logging
import multiprocessing
import os
import select
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import NoReturn

from setproctitle import setproctitle

from actors.runtime import DEFERRED, Order, main
from iai.config.settings import Settings
from iai.lifecycle.supervision import Exit
from iai.process.wakeups import SignalQueue

log = logging.getLogger(__name__)


class Template:
    """The template, as the supervisor sees it. It is started with the first child."""

    def __init__(self, modules: Sequence[str], settings: Settings) -> None:
        """`modules` are those of the actors: see `serve`."""
        self._modules = tuple(modules)
        self._settings = settings
        self._process: SpawnProcess | None = None
        self._orders: socket.socket | None = None

    def fork(self, order: Order) -> "Child":
        """Have a child forked that carries out this order. Returns before it runs."""
        orders = self._running()
        theirs, ours = multiprocessing.Pipe()
        ours.send(order)
        with suppress(OSError):  # it has just been killed, or hangs: the child ends unborn
            socket.send_fds(orders, [b"\0"], [theirs.fileno()])
        theirs.close()
        return Child(ours, self)

    def kill(self) -> None:
        """Kill the template; the next fork starts another."""
        if self._process is not None:
            self._process.kill()

    @property
    def end(self) -> int | None:
        """Return a descriptor that can be read once the template has ended; None if none runs."""
        return self._process.sentinel if self._process is not None else None

    def reap(self) -> None:
        """Take note of a template that has ended, so that it does not remain as a zombie."""
        if self._process is not None and not self._process.is_alive():
            self.close()

    def close(self) -> None:
        """Kill the template, which has nothing to lose, and wait for its end."""
        if self._orders is not None:
            self._orders.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._orders = self._process = None

    def _running(self) -> socket.socket:
        """Return the socket of a template that runs."""
        self.reap()
        if self._orders is not None:
            return self._orders
        self._orders, theirs = socket.socketpair()
        self._orders.settimeout(0)
        spawn = multiprocessing.get_context("spawn")
        given = (theirs, self._modules, self._settings)
        self._process = spawn.Process(target=serve, args=given, name="template")
        self._process.start()
        theirs.close()
        return self._orders


class Child:
    """A process that the template forks, as the supervisor sees it."""

    def __init__(self, connection: Connection, template: Template) -> None:
        self._connection = connection
        self._template = template
        self._killed = False
        self._early: list[signal.Signals] = []  # sent before it ran
        self.pid: int | None = None  # until it runs

    def fileno(self) -> int:
        """Return a descriptor that can be read when there are reports."""
        return self._connection.fileno()

    def reports(self) -> Iterator[tuple[str, int]]:
        """Yield what has happened: `ready`, and `ended` with the exit code; a signal's is negative.

        The code is `LOST` if the template was killed before it could see how the child ended.
        """
        while self._connection.poll():
            try:
                what, value = self._connection.recv()
            except (EOFError, OSError):
                what, value = "ended", Exit.LOST
            match what:
                case "pid":
                    self.pid = value
                    for number in self._early:
                        self.signal(number)
                case "ended":
                    self._connection.close()
                    yield what, value
                    return
                case _:
                    yield what, value

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal.

        The template is killed if it never forked this child, or does not report that it was killed.
        """
        if number is signal.SIGKILL and (self._killed or self.pid is None):
            self._template.kill()
        self._killed = number is signal.SIGKILL
        if self.pid is None:
            self._early.append(number)
        else:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def serve(orders: socket.socket, modules: Sequence[str], settings: Settings) -> None:
    """Be the template, until the supervisor closes `orders` or ends.

    Imports the actors' modules first, and calls `preload(settings)` of those that have one. What
    fails of this is left to the child, which says what is wrong.
    """
    setproctitle("iai: template")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    signal.pthread_sigmask(signal.SIG_BLOCK, DEFERRED)
    for module in modules:
        with suppress(Exception):
            imported = importlib.import_module(module)
            if hasattr(imported, "preload"):
                imported.preload(settings)
    gc.collect()
    gc.freeze()  # the collector writes to each object that it looks at: that ends the sharing
    ended = SignalQueue(signal.SIGCHLD)
    children: dict[int, Connection] = {}
    while True:
        readable, _, _ = select.select([orders, ended.reader], [], [])
        if ended.drain():
            _report_ended(children)
        if orders not in readable:
            continue
        _, descriptors, _, _ = socket.recv_fds(orders, 1, 1)
        if not descriptors:
            return
        connection = Connection(descriptors[0])
        pid = os.fork()
        if not pid:
            orders.close()
            ended.close()
            for sibling in children.values():
                sibling.close()
            _be_child(connection)
        children[pid] = connection


def _be_child(supervisor: Connection) -> NoReturn:
    """Carry out the order that the supervisor has sent."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = Exit.CRASHED
    try:
        main(supervisor.recv(), supervisor)
    except (EOFError, ConnectionError):
        code = Exit.ORPHANED
    except Exception:
        log.exception("crashed before it could log to its file")
    os._exit(code)


def _report_ended(children: dict[int, Connection]) -> None:
    """Tell the supervisor which children have ended, and how."""
    with suppress(ChildProcessError):  # none is left
        while (waited := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = waited
            connection = children.pop(pid)
            with suppress(OSError):  # the supervisor has ended
                connection.send(("ended", os.waitstatus_to_exitcode(status)))
            connection.close()
