"""The loop that all actors share: poll, drain, decide, act.

What each kind of failure does. Nothing else happens:

==========================================  =====================================================
an invalid frame in the inbox               an error reply with a code; the loop continues
an invalid frame on a feed                  counted (`Pong.dropped_frames`); the loop continues
more than `MAX_WAITING` requests waiting        an error reply `busy` to each one beyond that
a handler raises, a client waits            an error reply `failed`, a log entry; it continues
a handler raises, no client waits           a log entry, exit `CRASHED`: the supervisor restarts it
the disk refuses a write in `work`          a log entry, and `work` again after a back-off
the actor's own derived store is damaged    it is deleted; exit `CRASHED`; rebuilt after the restart
a record is damaged that is asked for       an error reply that names it; the loop continues
the records are damaged as a whole          exit `STORE_CORRUPT`
another actor's store is damaged            in `work`: again after a back-off; else as above
the whole store is deleted                  the supervisor stops all; nothing is created again
the file system has no named pipes          a log entry; ingest polls the spool
it cannot start                             exit `CANNOT_START` or `STORE_CORRUPT`
asked to stop                               the work under way ends, the rest is refused; `DONE`
the supervisor is gone                      exit `ORPHANED`
==========================================  =====================================================
"""

import faulthandler
import gc
import importlib
import logging
import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, NoReturn

import zmq
from setproctitle import setproctitle

from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.encryption import keys
from iai.errors import (
    EmbedderUnavailable,
    IaiError,
    StoreAbsent,
    StoreCorrupt,
    StoreLocked,
    StoreTooNew,
    StoreWriteFailed,
    TeamError,
    TeamUnavailable,
)
from iai.lifecycle.supervision import Exit
from iai.model import clock
from iai.model.clock import NS
from iai.process import files, lock, logs, system_clock
from iai.process.endpoint import MAX_WAITING, Endpoint, Subscriptions
from iai.process.heartbeat import Heartbeat
from iai.process.ledger import Ledger
from iai.process.wakeups import SignalQueue, wakeup_pipe
from iai.protocol.behaviour import (
    NO_CALLER,
    Answer,
    Behaviour,
    Caller,
    Effect,
    Lengthy,
    LinkFile,
    MoveFile,
    Publish,
    RemoveFile,
    ReplaceFile,
    Steps,
    Woken,
)
from iai.protocol.ingest import Flush
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Request,
)
from iai.protocol.wire import (
    kind,
)
from iai.store import lmdb_file
from iai.store.database import EntryCorrupt

log = logging.getLogger(__name__)

SLICE_S = 0.05  # time spent on requests before `work` gets its turn
WAKE_S = 2.0  # longest poll, so that an idle loop still beats
PREDECESSOR_S = 5.0  # wait for the lock of a predecessor that was killed
ORPHAN_GRACE_S = 2.0  # from the supervisor's end to our own, if the loop is stuck
# Blocked in the template, so that a child which is only just starting gets them once it can act on
# them. A terminal that closes ends the supervisor, and that ends all.
DEFERRED = {signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP}
ABSENT_S = 0.1  # before `work` looks again for a store that its writer has not created yet
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0  # back-off of `work` after a failed write


class Loop:
    """One actor's loop. Also the only place that carries out effects in a process."""

    def __init__(
        self,
        actor: Actor,
        behaviour: Behaviour,
        settings: Settings,
        heartbeat: Heartbeat,
        signals: SignalQueue,
    ) -> None:
        layout = Layout(settings.store)
        self._actor = actor
        self._behaviour = behaviour
        self._heartbeat = heartbeat
        self._signals = signals
        self._ledger = Ledger(layout.ledger, actor, settings.ledger_days)
        self._context: zmq.Context[zmq.SyncSocket] = zmq.Context()
        self._endpoint = Endpoint(layout, actor, self._context)
        self._subscriptions = Subscriptions(layout, behaviour.subscriptions, self._context)
        self._wakeup = wakeup_pipe(layout.wakeup_pipe) if actor is Actor.INGEST else None
        self._pending: deque[tuple[Caller, Request]] = deque()
        self._owned = layout.owned(actor)
        self._root = layout.root
        self._wake_s = min(WAKE_S, settings.hang_after_s / 3)
        self._retry_s = 0.0
        self._held_until = 0  # monotonic; no `work` before, after a failed write
        self._poller = zmq.Poller()
        self._woken_by = behaviour.descriptor if isinstance(behaviour, Woken) else -1
        self._activity = "start"
        if isinstance(behaviour, Lengthy):
            behaviour.call_meanwhile(lambda: self._beat(self._activity))
        for source in (self._endpoint.inbox, *self._subscriptions.sockets.values()):
            self._poller.register(source, zmq.POLLIN)
        wakeup = self._wakeup.descriptor if self._wakeup else -1
        for descriptor in (signals.reader.fileno(), wakeup, self._woken_by):
            if descriptor >= 0:
                self._poller.register(descriptor, zmq.POLLIN)

    def start(self) -> None:
        """Have the behaviour load what it needs. Errors end the process: see `_run`."""
        self._beat("start")
        self._perform(self._behaviour.start(system_clock.read()))

    def run(self) -> Exit:
        """Run until SIGTERM, then drain and stop."""
        while not self._signals.drain():
            now = system_clock.read()
            self._beat("wait")
            self._poller.poll(int(self._patience_s(now) * 1_000))
            self._turn()
        return self._stop()

    def close(self) -> None:
        """Close the behaviour and the sockets, also after an error."""
        self._behaviour.close()
        self._subscriptions.close()
        self._endpoint.close()
        if self._wakeup:
            self._wakeup.close()
        self._context.term()

    def _patience_s(self, now: clock.Now) -> float:
        if self._pending:
            return 0.0
        held = (self._held_until - now.mono) / NS
        return max(0.0, min(self._wake_s, max(held, self._behaviour.due_s(now))))

    def _turn(self) -> None:
        for event in self._subscriptions.drain():
            self._beat(kind(event))
            self._perform(self._behaviour.on_event(event, system_clock.read()))
        self._endpoint.dropped = self._subscriptions.dropped
        self._pending.extend(self._endpoint.drain(MAX_WAITING - len(self._pending)))
        if self._wakeup and self._wakeup.drain():
            self._pending.append((NO_CALLER, Flush()))
        if self._woken_by >= 0:
            with suppress(BlockingIOError):
                os.read(self._woken_by, 4096)
        deadline = time.monotonic() + SLICE_S
        while self._pending and time.monotonic() < deadline:
            self._receive(*self._pending.popleft())
        now = system_clock.read()
        if now.mono >= self._held_until and self._behaviour.due_s(now) <= 0:
            self._beat("work")
            self._work(now)

    def _receive(self, caller: Caller, request: Request) -> None:
        self._beat(kind(request))
        try:
            self._perform(self._behaviour.receive(request, caller, system_clock.read()))
        except IaiError as error:
            if self._ours(error):
                raise
            log.warning("%s failed: %s", kind(request), error)
            self._endpoint.answer(caller, Error(code=ErrorCode.FAILED, detail=str(error)))
        except Exception as error:
            log.exception("%s failed", kind(request))
            detail = f"{type(error).__name__}: {error}; the log of the group says more"
            self._endpoint.answer(caller, Error(code=ErrorCode.FAILED, detail=detail))

    def _work(self, now: clock.Now) -> None:
        try:
            self._perform(self._behaviour.work(now))
            self._retry_s = 0.0
        except StoreAbsent:  # the stage before this one has only just started
            self._held_until = now.mono + int(ABSENT_S * NS)
        except (StoreWriteFailed, StoreCorrupt, OSError) as error:
            if self._ours(error):
                raise
            self._retry_s = min(max(FIRST_RETRY_S, 2 * self._retry_s), LONGEST_RETRY_S)
            self._held_until = now.mono + int(self._retry_s * NS)
            log.error("retrying in %g s: %s", self._retry_s, error)  # noqa: TRY400  one line

    def _ours(self, error: Exception) -> bool:
        """Is our own store damaged? Another actor's is for its owner to repair.

        A single damaged record is no reason to stop: all others can be read and written.
        """
        if isinstance(error, EntryCorrupt) and self._actor is Actor.INGEST:
            return False
        return isinstance(error, StoreCorrupt) and _within(error.path, self._owned)

    def _stop(self) -> Exit:
        self._beat("stop")
        if self._root.exists():  # a store that was deleted is not created again
            self._perform(self._behaviour.stop(system_clock.read()))
        self._pending.extend(self._endpoint.drain(MAX_WAITING))
        for caller, _ in self._pending:
            detail = f"{self._actor} is stopping"
            self._endpoint.answer(caller, Error(code=ErrorCode.STOPPING, detail=detail))
        return Exit.DONE

    def _beat(self, activity: str) -> None:
        self._activity = activity
        self._heartbeat.beat(time.monotonic_ns(), activity)

    def _perform(self, steps: Steps) -> None:
        try:
            effect = next(steps)
            while True:
                try:
                    self._carry_out(effect)
                except OSError as error:
                    effect = steps.throw(error)
                else:
                    effect = steps.send(system_clock.read())
        except StopIteration:
            pass

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Answer(to=caller, reply=reply):
                self._endpoint.answer(caller, reply)
            case Publish(event=event, keep=keep):
                if keep:
                    self._ledger.write(event, time.time_ns())
                self._endpoint.publish(event)
            case ReplaceFile(path=path, data=data, durable=durable):
                files.replace(path, data, durable=durable)
            case LinkFile(path=path, target=target):
                files.link(path, target)
            case MoveFile(path=path, to=to):
                private(to.parent)
                path.replace(to)
            case RemoveFile(path=path):
                files.remove(path)


class Order(NamedTuple):
    """Which actor a process is to be."""

    actor: Actor
    module: str  # whose `make(settings)` returns the actor's behaviour
    settings: Settings
    verify: bool = False  # check the LMDB files that it owns before they are opened
    unlocked: Mapping[str, bytes] = {}  # see `iai.encryption.keys`


def main(order: Order, supervisor: Connection) -> NoReturn:
    """Be the process of one actor.

    `supervisor` gets `pid` and then, once the actor answers requests, `ready` (see
    `actors.template`); its end is that of the supervisor. Exits with a code of `Exit`.
    """
    keys.adopt(order.unlocked)
    logging.basicConfig(
        level=logging.INFO,
        handlers=[logs.handler(Layout(order.settings.store).group_log, logs.line(order.actor))],
    )
    logging.getLogger("faiss").setLevel(logging.WARNING)  # it reports how it was loaded
    os.umask(0o077)
    setproctitle(f"iai: {order.actor}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    signals = SignalQueue(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGUSR1})
    supervisor.send(("pid", os.getpid()))
    _leave_with(supervisor)
    code = _run(order, supervisor, signals)
    logging.shutdown()
    os._exit(code)  # skip destructors: a library must not hang or crash on the way out


def _run(order: Order, supervisor: Connection, signals: SignalQueue) -> Exit:
    actor, settings = order.actor, order.settings
    layout = Layout(settings.store)
    try:
        mine = lock.take(layout.lock(actor), PREDECESSOR_S)
        if mine is None:
            log.error("another process still runs this actor")
            return Exit.TRY_AGAIN
        if order.verify:
            lmdb_file.check(layout.owned(actor))
        heartbeat = Heartbeat(layout.heartbeat(actor))
        heartbeat.beat(time.monotonic_ns(), "start")
        behaviour: Behaviour = importlib.import_module(order.module).make(settings)
        loop = Loop(actor, behaviour, settings, heartbeat, signals)
        try:
            loop.start()
            gc.freeze()  # the collector need not look again at what was loaded: 3 % of a question
            supervisor.send(("ready", 0))
            return loop.run()
        finally:
            loop.close()
    except (EmbedderUnavailable, StoreLocked, StoreTooNew, TeamError) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400  its text is for the user
        return Exit.CANNOT_START
    except StoreCorrupt as error:
        if actor is Actor.INGEST or not _within(error.path, layout.owned(actor)):
            log.error("cannot go on: %s", error)  # noqa: TRY400  its text is for the user
            return Exit.STORE_CORRUPT
        log.error("rebuilding %s from the records: %s", error.path, error)  # noqa: TRY400
        shutil.rmtree(str(error.path))
        return Exit.CRASHED
    except ModuleNotFoundError as error:
        if actor is not Actor.REPLICATOR:
            raise
        log.error("cannot start: %s (%s)", TeamUnavailable(), error)  # noqa: TRY400
        return Exit.CANNOT_START
    except Exception:
        log.exception("crashed")
        return Exit.CRASHED


def _within(path: Path | None, owned: Path | None) -> bool:
    """Is this path in the directory of an actor's store, or the directory itself?"""
    return path is not None and owned is not None and path.is_relative_to(owned)


def _leave_with(supervisor: Connection) -> None:
    """Exit when the supervisor ends, even if our loop is stuck."""

    def watch() -> None:
        supervisor.poll(None)  # it sends nothing after the order: this is the end
        os.kill(os.getpid(), signal.SIGTERM)  # a clean stop, if the loop still runs
        time.sleep(ORPHAN_GRACE_S)
        os._exit(Exit.ORPHANED)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()
