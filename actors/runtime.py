"""The one loop that all actors share: poll, drain, decide, act.

What each kind of failure does, and nothing else happens:

==========================================  =====================================================
a frame that is no message, in the inbox    an error reply with a code; the loop goes on
a frame that is no message, on a feed       counted (`Pong.dropped_frames`); the loop goes on
more requests than `MAILBOX`                `busy` to each of the others
a handler raises, somebody waits            an error reply `failed` and a log entry; it goes on
a handler raises, nobody waits              a log entry, and exit `CRASHED`: the supervisor restarts
the disk refuses a write, nobody waits      a log entry, and the same work again after a back-off
its own store is damaged, and derived       it is deleted, exit `CRASHED`, and made again
its own store is damaged: the records       exit `STORE_CORRUPT`
another's store is damaged                  the same work again after a back-off
the disk knows no named pipes               a log entry; hooks' events are found without being told
it cannot start                             exit `CANNOT_START` or `STORE_CORRUPT`
asked to stop                               what is under way ends, the rest is refused, exit `DONE`
the supervisor is gone                      exit `ORPHANED`
==========================================  =====================================================
"""

import faulthandler
import importlib
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

import zmq
from setproctitle import setproctitle

from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.errors import (
    BadMessageReceived,
    BadMessageSent,
    EmbedderUnavailable,
    IaiError,
    StoreAbsent,
    StoreCorrupt,
    StoreTooNew,
    StoreWriteFailed,
)
from iai.lifecycle.supervision import Exit
from iai.model import clock
from iai.model.clock import NS
from iai.process import files, lock, logs, system_clock
from iai.process.heartbeat import Beat
from iai.process.ledger import Ledger
from iai.protocol.behaviour import (
    Answer,
    Behaviour,
    Caller,
    Effect,
    LinkFile,
    MoveFile,
    Publish,
    RemoveFile,
    ReplaceFile,
    Steps,
)
from iai.protocol.ingest import Flush
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Event,
    Ping,
    Pong,
    Reply,
    Request,
)
from iai.protocol.wire import (
    FEED_KINDS,
    INBOX_KINDS,
    MAX_FRAME,
    decode,
    encode,
    kind,
)
from iai.store import environment

log = logging.getLogger(__name__)

MAILBOX = 256  # requests that may wait; the next one is told `busy`
FRAMES = 1_000  # frames that ZeroMQ keeps for each peer before it drops (feeds) or waits (inboxes)
SLICE_S = 0.05  # answers are given for so long before there is a slice of work
WAKE_S = 2.0  # the longest that the loop stands still before it stamps its beat
PREDECESSOR_S = 5.0  # how long to wait for the lock of one that was killed
ORPHAN_GRACE_S = 2.0  # from the supervisor's end to the process's own, if its loop is stuck
ABSENT_S = 0.1  # until looking again for a store that its writer has not made yet
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0  # after a write that the disk refused
NOBODY = Caller(b"", "")  # who rang the bell: no answer finds it


class Mailbox:
    """The inbox and the feed of one actor."""

    def __init__(
        self, layout: Layout, actor: Actor, context: "zmq.Context[zmq.SyncSocket]"
    ) -> None:
        self._actor = actor
        self.dropped = 0
        self.inbox = context.socket(zmq.ROUTER)
        self.inbox.set(zmq.RCVHWM, FRAMES)
        self.inbox.set(zmq.SNDHWM, FRAMES)
        self.inbox.set(zmq.ROUTER_MANDATORY, 1)
        self.inbox.set(zmq.LINGER, 500)
        # A little over our own limit: that is told to the peer, this only guards the memory.
        self.inbox.set(zmq.MAXMSGSIZE, 4 * MAX_FRAME)
        self.inbox.bind(layout.inbox(actor))
        self.feed = context.socket(zmq.PUB)
        self.feed.set(zmq.SNDHWM, FRAMES)
        self.feed.set(zmq.LINGER, 500)
        self.feed.bind(layout.feed(actor))

    def drain(self, room: int) -> list[tuple[Caller, Request]]:
        """Take all that waits. Pings, bad frames and what finds no room are answered here."""
        taken: list[tuple[Caller, Request]] = []
        for _ in range(FRAMES):
            try:
                identity, *frames = self.inbox.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            frame = frames[-1] if frames else b""
            try:
                request_id, message = decode(frame, INBOX_KINDS[self._actor])
            except BadMessageReceived as error:
                log.warning("refused a frame: %s", error)
                caller = Caller(identity, error.request_id)
                self.answer(caller, Error(code=ErrorCode(error.code), detail=error.reason))
                continue
            caller = Caller(identity, request_id)
            if isinstance(message, Ping):
                pong = Pong(actor=self._actor, pid=os.getpid(), dropped_frames=self.dropped)
                self.answer(caller, pong)
            elif len(taken) >= room:
                detail = f"{room} requests wait already; try again"
                self.answer(caller, Error(code=ErrorCode.BUSY, detail=detail))
            elif isinstance(message, Request):
                taken.append((caller, message))
        return taken

    def answer(self, caller: Caller, reply: Reply) -> None:
        """Send a reply, unless the peer is gone or does not read."""
        if caller == NOBODY:
            return
        try:
            frame = encode(reply, caller.request_id)
        except BadMessageSent as error:
            frame = encode(Error(code=ErrorCode.TOO_LARGE, detail=str(error)), caller.request_id)
        try:
            self.inbox.send_multipart([caller.identity, frame], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            log.info("nobody took the answer to %s: %s", caller.request_id, error)

    def publish(self, event: Event) -> None:
        """Send an event to whoever listens; slow listeners lose it, which costs them nothing."""
        self.feed.send_multipart([kind(event).encode(), encode(event)], zmq.NOBLOCK)

    def close(self) -> None:
        self.inbox.close()
        self.feed.close()


class Feeds:
    """The feeds of other actors that one actor listens to."""

    def __init__(
        self, layout: Layout, actors: tuple[Actor, ...], context: "zmq.Context[zmq.SyncSocket]"
    ) -> None:
        self.sockets = {actor: context.socket(zmq.SUB) for actor in actors}
        self.dropped = 0
        for actor, sub in self.sockets.items():
            sub.set(zmq.RCVHWM, FRAMES)
            sub.set(zmq.SUBSCRIBE, b"")
            sub.set(zmq.LINGER, 0)
            sub.connect(layout.feed(actor))

    def drain(self) -> list[Event]:
        events: list[Event] = []
        for actor, sub in self.sockets.items():
            for _ in range(FRAMES):
                try:
                    frames = sub.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                try:
                    message = decode(frames[-1], FEED_KINDS[actor]).message
                except BadMessageReceived as error:
                    self.dropped += 1
                    log.warning("dropped a frame of %s's feed: %s", actor, error)
                    continue
                if isinstance(message, Event):
                    events.append(message)
        return events

    def close(self) -> None:
        for sub in self.sockets.values():
            sub.close()


class Bell:
    """A named pipe: whoever cannot speak ZeroMQ writes a byte into it, and the loop wakes up.

    What is written while nobody has it open for reading is gone; so it can only hasten a look.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_fifo():
            files.remove(path)
            os.mkfifo(path, 0o600)
        # For writing, too: so it never comes to an end when the last hook closes it.
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def rung(self) -> bool:
        with suppress(BlockingIOError):
            return bool(os.read(self.descriptor, 4096))
        return False

    def close(self) -> None:
        os.close(self.descriptor)


def _bell(path: Path) -> Bell | None:
    """Return the bell; None where the disk knows no pipes: the spool is looked at without, too."""
    try:
        return Bell(path)
    except OSError as error:
        log.warning("hooks cannot wake this process: %s", error)
        return None


class Notes:
    """Signals, noted by their handlers and read by the loop."""

    def __init__(self, *signals: signal.Signals) -> None:
        self._noted: deque[int] = deque()
        self.reader, self._writer = socket.socketpair()
        self.reader.settimeout(0)
        self._writer.settimeout(0)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda signum, _frame: self._noted.append(signum))

    def taken(self) -> list[int]:
        """Return the signals that came since the last time."""
        with suppress(BlockingIOError):
            self.reader.recv(4096)
        return [self._noted.popleft() for _ in range(len(self._noted))]


class Loop:
    """One actor at work."""

    def __init__(
        self, actor: Actor, behaviour: Behaviour, settings: Settings, beat: Beat, notes: Notes
    ) -> None:
        layout = Layout(settings.store)
        self._actor = actor
        self._behaviour = behaviour
        self._beat = beat
        self._notes = notes
        self._ledger = Ledger(layout.ledger, actor, settings.ledger_days)
        self._context: zmq.Context[zmq.SyncSocket] = zmq.Context()
        self._mailbox = Mailbox(layout, actor, self._context)
        self._feeds = Feeds(layout, behaviour.hears, self._context)
        self._bell = _bell(layout.bell) if actor is Actor.INGEST else None
        self._pending: deque[tuple[Caller, Request]] = deque()
        self._owned = layout.owned(actor)
        self._wake_s = min(WAKE_S, settings.hang_after_s / 3)
        self._retry_s = 0.0
        self._held_until = 0  # monotonic; a refused write holds all work until then
        self._poller = zmq.Poller()
        for source in (self._mailbox.inbox, *self._feeds.sockets.values(), notes.reader.fileno()):
            self._poller.register(source, zmq.POLLIN)
        if self._bell:
            self._poller.register(self._bell.descriptor, zmq.POLLIN)

    def start(self) -> None:
        self._beat.stamp(time.monotonic_ns(), "start")
        self._perform(self._behaviour.start(system_clock.read()))

    def run(self) -> Exit:
        """Go round until asked to stop."""
        while not self._notes.taken():
            now = system_clock.read()
            self._beat.stamp(now.mono, "wait")
            self._poller.poll(int(self._patience_s(now) * 1_000))
            self._turn()
        return self._stop()

    def close(self) -> None:
        self._behaviour.close()
        self._feeds.close()
        self._mailbox.close()
        if self._bell:
            self._bell.close()
        self._context.term()

    def _patience_s(self, now: clock.Now) -> float:
        if self._pending:
            return 0.0
        held = (self._held_until - now.mono) / NS
        return max(0.0, min(self._wake_s, max(held, self._behaviour.due_s(now))))

    def _turn(self) -> None:
        for event in self._feeds.drain():
            self._stamp(kind(event))
            self._perform(self._behaviour.hear(event, system_clock.read()))
        self._mailbox.dropped = self._feeds.dropped
        self._pending.extend(self._mailbox.drain(MAILBOX - len(self._pending)))
        if self._bell and self._bell.rung():
            self._pending.append((NOBODY, Flush()))
        deadline = time.monotonic() + SLICE_S
        while self._pending and time.monotonic() < deadline:
            self._receive(*self._pending.popleft())
        now = system_clock.read()
        if now.mono >= self._held_until and self._behaviour.due_s(now) <= 0:
            self._stamp("work")
            self._work(now)

    def _receive(self, caller: Caller, request: Request) -> None:
        self._stamp(kind(request))
        try:
            self._perform(self._behaviour.receive(request, caller, system_clock.read()))
        except IaiError as error:
            if self._ours(error):
                raise
            log.warning("%s failed: %s", kind(request), error)
            self._mailbox.answer(caller, Error(code=ErrorCode.FAILED, detail=str(error)))
        except Exception as error:
            log.exception("%s failed", kind(request))
            detail = f"{type(error).__name__}: {error}; the log of the group says more"
            self._mailbox.answer(caller, Error(code=ErrorCode.FAILED, detail=detail))

    def _work(self, now: clock.Now) -> None:
        try:
            self._perform(self._behaviour.work(now))
            self._retry_s = 0.0
        except StoreAbsent:  # the stage before this one has only just been started
            self._held_until = now.mono + int(ABSENT_S * NS)
        except (StoreWriteFailed, StoreCorrupt, OSError) as error:
            if self._ours(error):
                raise
            self._retry_s = min(max(FIRST_RETRY_S, 2 * self._retry_s), LONGEST_RETRY_S)
            self._held_until = now.mono + int(self._retry_s * NS)
            log.error("trying again in %g s: %s", self._retry_s, error)  # noqa: TRY400  one line

    def _ours(self, error: Exception) -> bool:
        """Is it our own store that is damaged? Another's is its owner's to make good."""
        return isinstance(error, StoreCorrupt) and error.path == self._owned

    def _stop(self) -> Exit:
        self._stamp("stop")
        self._perform(self._behaviour.stop(system_clock.read()))
        self._pending.extend(self._mailbox.drain(MAILBOX))
        for caller, _ in self._pending:
            detail = f"{self._actor} is stopping"
            self._mailbox.answer(caller, Error(code=ErrorCode.STOPPING, detail=detail))
        return Exit.DONE

    def _stamp(self, activity: str) -> None:
        self._beat.stamp(time.monotonic_ns(), activity)

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
                self._mailbox.answer(caller, reply)
            case Publish(event=event, keep=keep):
                if keep:
                    self._ledger.write(event, time.time_ns())
                self._mailbox.publish(event)
            case ReplaceFile(path=path, data=data, lasting=lasting):
                files.replace(path, data, lasting=lasting)
            case LinkFile(path=path, target=target):
                files.link(path, target)
            case MoveFile(path=path, to=to):
                private(to.parent)
                path.replace(to)
            case RemoveFile(path=path):
                files.remove(path)


def main(
    actor: Actor,
    module: str,
    settings: Settings,
    ready: Connection,
    doubt: bool,  # noqa: FBT001
) -> NoReturn:
    """Be the process of one actor, whose behaviour `module.make(settings)` returns.

    In doubt, the files that it owns are checked before they are opened.
    """
    logging.basicConfig(
        level=logging.INFO,
        format=f"%(asctime)s {actor} %(levelname)s %(message)s",
        handlers=[logs.handler(Layout(settings.store).group_log)],
    )
    logging.getLogger("faiss").setLevel(logging.WARNING)  # it reports how it was loaded
    os.umask(0o077)
    setproctitle(f"iai: {actor}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the supervisor
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    notes = Notes(signal.SIGTERM)
    _leave_with_the_supervisor()
    code = _run(actor, module, settings, ready, notes, doubt=doubt)
    logging.shutdown()
    os._exit(code)  # no destructor of a library may hang or crash on the way out


def _run(
    actor: Actor,
    module: str,
    settings: Settings,
    ready: Connection,
    notes: Notes,
    *,
    doubt: bool,
) -> Exit:
    layout = Layout(settings.store)
    try:
        mine = lock.take(layout.lock(actor), PREDECESSOR_S)
        if mine is None:
            log.error("another process is still this actor")
            return Exit.TRY_AGAIN
        if doubt:
            environment.check(layout.owned(actor))
        beat = Beat(layout.beat(actor))
        beat.stamp(time.monotonic_ns(), "start")
        behaviour: Behaviour = importlib.import_module(module).make(settings)
        loop = Loop(actor, behaviour, settings, beat, notes)
        try:
            loop.start()
            ready.send_bytes(b"ready")
            ready.close()
            return loop.run()
        finally:
            loop.close()
    except (EmbedderUnavailable, StoreTooNew) as error:
        log.error("cannot start: %s", error)  # noqa: TRY400  its text is for the user
        return Exit.CANNOT_START
    except StoreCorrupt as error:
        if actor is Actor.INGEST or error.path is None or error.path != layout.owned(actor):
            log.error("cannot go on: %s", error)  # noqa: TRY400  its text is for the user
            return Exit.STORE_CORRUPT
        log.error("%s is made again from the records: %s", error.path, error)  # noqa: TRY400
        shutil.rmtree(error.path)
        return Exit.CRASHED
    except Exception:
        log.exception("crashed")
        return Exit.CRASHED


def _leave_with_the_supervisor() -> None:
    """End this process when its parent has ended, even if its loop is stuck."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is None:
            return
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)  # the loop leaves in good order, if it still turns
        time.sleep(ORPHAN_GRACE_S)
        os._exit(Exit.ORPHANED)

    threading.Thread(target=watch, name="parent", daemon=True).start()
