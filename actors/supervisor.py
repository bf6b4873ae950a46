"""The supervisor: starts the actors, restarts those that die, kills those that hang, stops all.

It decides nothing itself (`iai.lifecycle.supervision` does) and reads no store. One supervisor runs
per store, as long as it holds the lease, which ends with its process, however that ends.
"""

import logging
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import zmq
from setproctitle import setproctitle

from actors.runtime import Order
from actors.template import Child, Template
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption import keys
from iai.errors import StoreError
from iai.lifecycle.supervision import (
    Action,
    Down,
    Exit,
    Signal,
    Start,
    Supervision,
    Up,
)
from iai.process import (
    files,
    heartbeat,
    lock,
    logs,
    system_clock,
)
from iai.process.build import build
from iai.process.endpoint import MAX_WAITING, Endpoint
from iai.process.ledger import Ledger
from iai.process.sd_notify import Notifier
from iai.process.wakeups import SignalQueue
from iai.protocol.behaviour import Caller
from iai.protocol.message import (
    PIPELINE,
    Actor,
    Error,
    ErrorCode,
    Event,
    Request,
)
from iai.protocol.supervisor import (
    Accepted,
    ActorDown,
    ActorHealth,
    ActorUp,
    Health,
    HealthReport,
    Restart,
    Stop,
)

log = logging.getLogger(__name__)

MODULES: dict[Actor, str] = {
    actor: f"actors.{actor.replace('-', '_')}" for actor in (*PIPELINE, Actor.REPLICATOR)
}  # each has a `make(settings)` that returns the actor's behaviour

PAYLOAD_MAKERS = {Actor.INGEST, Actor.CACHE_WRITER}  # without both, no payload stays current

_POLL_S = 2.0  # longest time between two checks of the heartbeats
_SIGNALS = {"stop": signal.SIGTERM, "dump": signal.SIGUSR1, "kill": signal.SIGKILL}
# One thread in numeric libraries: more would only compete for the cores with other processes. And
# one arena of glibc's malloc for all threads but the first: each keeps what it once needed, some 15
# MB if tantivy merged there, and its threads come and go.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MALLOC_ARENA_MAX": "2",
}


class Supervisor:
    """The group on one store."""

    def __init__(
        self,
        settings: Settings,
        lease: lock.Lock,
        modules: Mapping[Actor, str],
        signals: SignalQueue,
        version: str,
    ) -> None:
        self._settings = settings
        self._version = version
        self._replaced = False
        self._layout = Layout(settings.store)
        self._lease = lease
        self._modules = modules
        self._heartbeats = {actor: self._layout.heartbeat(actor) for actor in modules}
        self._signals = signals
        self._service_manager = Notifier(os.environ)
        self._started_at = time.time_ns()
        self._state = Supervision(tuple(modules), settings.hang_after_s)
        self._template = Template(tuple(modules.values()), settings)
        self._processes: dict[Actor, Child] = {}
        self._ledger = Ledger(self._layout.ledger, Actor.SUPERVISOR, settings.ledger_days)
        self._context: zmq.Context[zmq.SyncSocket] = zmq.Context()
        self._endpoint = Endpoint(self._layout, Actor.SUPERVISOR, self._context)
        self._announced = False
        self._flag = ""

    def run(self) -> int:
        """Run the group until it is stopped; return the exit code of the process.

        Returns `REPLACED` if the code on disk has changed when a process is to be restarted.
        """
        try:
            self._run()
        finally:
            for process in self._processes.values():  # after an error
                process.signal(signal.SIGKILL)
            self._template.close()
        self._close()
        return Exit.REPLACED if self._replaced else Exit.DONE

    def _run(self) -> None:
        self._apply(self._state.begin(time.monotonic()))
        while not self._state.finished:
            self._wait()
            now = time.monotonic()
            if not self._lease.intact(self._layout.lease) and not self._state.stopping:
                self._tell_what_is_gone()
                self._stop(now)
            if self._signals.drain():
                self._stop(now)
            for caller, request in self._endpoint.drain(MAX_WAITING):
                self._receive(caller, request, now)
            self._reap(now)
            ages = self._beat_ages()
            self._apply(self._state.tick(now, ages))
            self._update_lease()
            self._notify_service_manager(now, ages)
            self._rotate_logs()

    def _tell_what_is_gone(self) -> None:
        if self._layout.root.exists():
            log.error("%s was removed, so another group could start", self._layout.lease)
        else:
            log.error("%s was deleted or moved while iai ran on it", self._layout.root)

    def _close(self) -> None:
        self._endpoint.close()
        self._context.term()
        if self._state.clean_exit:  # then the session-start hook may print the payload
            self._lease.write("")
        if self._layout.sockets != self._layout.run:  # the only files outside the store
            shutil.rmtree(self._layout.sockets, ignore_errors=True)

    def _update_lease(self) -> None:
        """Mark the lease `incomplete` while an actor that keeps the payload current has failed.

        The session-start hook takes a second word after the pid for a group that is down.
        """
        failed = {actor for actor, child in self._state.children.items() if child.state == "failed"}
        flag = "" if failed.isdisjoint(PAYLOAD_MAKERS) else " incomplete"
        if flag != self._flag:
            self._lease.write(_lease_note(self._version, flag))
            self._flag = flag

    def _wait(self) -> None:
        """Poll until something happens or is due."""
        poller = zmq.Poller()
        poller.register(self._endpoint.inbox, zmq.POLLIN)
        children = [process.fileno() for process in self._processes.values()]
        template = () if self._template.end is None else (self._template.end,)
        for descriptor in (self._signals.reader.fileno(), *template, *children):
            poller.register(descriptor, zmq.POLLIN)
        deadline = self._state.next_deadline()
        poll_s = min(_POLL_S, self._settings.hang_after_s / 3, self._service_manager.watchdog_s)
        left = poll_s if deadline is None else deadline - time.monotonic()
        poller.poll(int(max(0.0, min(left, poll_s)) * 1_000) + 1)

    def _reap(self, now: float) -> None:
        """Note which processes have become ready, and which have ended."""
        self._template.reap()
        for actor, process in list(self._processes.items()):
            for what, code in process.reports():
                if what == "ready":
                    self._apply(self._state.ready(actor, now))
                else:
                    del self._processes[actor]
                    self._apply(self._state.ended(actor, code, now))

    def _receive(self, caller: Caller, request: Request, now: float) -> None:
        match request:
            case Health():
                self._endpoint.answer(caller, self._health())
            case Stop():
                self._endpoint.answer(caller, Accepted())
                self._stop(now)
            case Restart(actor=actor) if actor in self._modules:
                self._endpoint.answer(caller, Accepted())
                self._apply(self._state.restart(actor, now))
            case _:
                detail = "only the actors can be restarted; stop the group with `iai down`"
                self._endpoint.answer(caller, Error(code=ErrorCode.BAD_REQUEST, detail=detail))

    def _stop(self, now: float) -> None:
        if not self._state.stopping:
            log.info("stopping")
            self._service_manager.stopping()
            self._apply(self._state.stop(now))

    def _apply(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Start(actor=actor) if build() != self._version:
                    self._replace(actor)
                case Start(actor=actor, verify=verify):
                    self._start(actor, verify=verify)
                case Signal(actor=actor, what=what):
                    if what != "stop":
                        log.error("%s is stuck: %s", actor, what)
                    self._processes[actor].signal(_SIGNALS[what])
                case Up(actor=actor):
                    log.info("%s is ready", actor)
                    self._publish(ActorUp(actor=actor, pid=self._processes[actor].pid or 0))
                case Down(actor=actor, reason=reason):
                    level = logging.INFO if self._state.stopping else logging.WARNING
                    log.log(level, "%s ended: %s", actor, reason)
                    self._publish(ActorDown(actor=actor, reason=reason))

    def _replace(self, actor: Actor) -> None:
        """Stop the group for a restart: this actor would run other code than the rest."""
        log.warning("the code was replaced by iai %s: restarting all processes", build())
        now = time.monotonic()
        self._replaced = True
        ended = self._state.ended(actor, Exit.CRASHED, now)  # it was never started
        signals = (action for action in ended if not isinstance(action, Down))
        self._apply([*signals, *self._state.stop(now)])

    def _start(self, actor: Actor, *, verify: bool) -> None:
        for directory in self._layout.replaced_in:
            files.remove_unfinished(directory)
        module = self._modules[actor]
        order = Order(actor, module, self._settings, verify, keys.unlocked())
        self._processes[actor] = self._template.fork(order)

    def _publish(self, event: Event) -> None:
        self._ledger.write(event, time.time_ns())
        self._endpoint.publish(event)

    def _beat_ages(self) -> dict[Actor, float]:
        mono = system_clock.read().mono
        beats = {actor: heartbeat.read(path) for actor, path in self._heartbeats.items()}
        return {actor: beat.age_s(mono) for actor, beat in beats.items() if beat}

    def _health(self) -> HealthReport:
        return HealthReport(
            pid=os.getpid(),
            version=self._version,
            store=str(self._settings.store),
            started_at=self._started_at,
            actors=tuple(self._actor_health(actor) for actor in self._modules),
        )

    def _actor_health(self, actor: Actor) -> ActorHealth:
        child = self._state.children[actor]
        process = self._processes.get(actor)
        beat = heartbeat.read(self._heartbeats[actor]) if process else None
        return ActorHealth(
            actor=actor,
            state=child.state,
            pid=process.pid if process else None,
            restarts=child.restarts,
            beat_age_s=beat.age_s(system_clock.read().mono) if beat else None,
            activity=beat.activity if beat else "",
            last_exit=child.last_exit,
        )

    def _rotate_logs(self) -> None:
        for path in (self._layout.group_log, self._layout.recall_log):
            if logs.rotate(path):
                log.info("%s was rotated", path)

    def _notify_service_manager(self, now: float, ages: Mapping[Actor, float]) -> None:
        if self._state.settled and not self._announced:
            self._announced = True
            self._service_manager.ready()
        if self._state.healthy(now, ages):
            self._service_manager.watchdog(now)
        self._service_manager.status(self._state.summary)


def run(settings: Settings, modules: Mapping[Actor, str] | None = None) -> int:
    """Be the supervisor of the group on `settings.store`; return the exit code.

    If a group of the same code already runs there, say so and return 0: that is what was asked for.
    """
    layout = Layout(settings.store)
    try:
        layout.create()
        layout.create_sockets()
    except StoreError as error:
        log.error("%s", error)  # noqa: TRY400  its text is for the user
        return Exit.CANNOT_START
    version = build()
    lease = lock.take(layout.lease, lock.GLANCE_S)
    if lease is None:
        return _already_running(layout, version)
    try:
        _unlock(layout)
    except StoreError as error:
        log.error("cannot start: %s", error)  # noqa: TRY400  its text is for the user
        lease.release()
        return Exit.CANNOT_START
    lease.write(_lease_note(version))
    files.replace(layout.command, f"{Path(sys.executable).with_name('iai')}\n".encode())
    files.replace(layout.max_age, f"{math.ceil(settings.max_age_s)}\n".encode())
    setproctitle("iai: supervisor")
    os.umask(0o077)
    os.environ.update(_ENVIRONMENT)
    if layout.sockets != layout.run:
        log.info("the store's path is too long for sockets; they are in %s", layout.sockets)
    signals = SignalQueue(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    return Supervisor(settings, lease, modules or _modules(layout), signals, version).run()


def _modules(layout: Layout) -> dict[Actor, str]:
    """Return the actors to start: the replicator only where this machine is in a team."""
    actors = (*PIPELINE, Actor.REPLICATOR) if layout.team_file.exists() else PIPELINE
    return {actor: MODULES[actor] for actor in actors}


def _unlock(layout: Layout) -> None:
    """Unlock an encrypted store, for all children: they get the keys with their arguments.

    Raises StoreError if that fails, or the store is only partly encrypted.
    """
    found = keys.read(layout.root)
    if found is None:
        return
    keys.unlock(layout.root, found)
    if found.state != "on":
        raise StoreError(
            f"{layout.root} is being encrypted or decrypted, and that was cut short:"
            " `iai up` completes it"
        )


def _already_running(layout: Layout, version: str) -> int:
    """Say so; return 1 if that group runs other code."""
    _, _, theirs = lock.note(layout.lease).partition("\n")
    if theirs in ("", version):  # "": it is just starting
        print(f"iai is already running on {layout.root} (pid {lock.holder(layout.lease)})")  # noqa: T201
        return 0
    log.error(
        "iai %s is running on %s, but this is iai %s; run `iai down` first",
        theirs,
        layout.root,
        version,
    )
    return 1


def _lease_note(version: str, flag: str = "") -> str:
    """Return the text of the lease: the holder's pid, and on the next line its code."""
    return f"{os.getpid()}{flag}\n{version}"
