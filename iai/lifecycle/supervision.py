"""When to start, restart, kill and stop the processes of the group. Starts nothing itself."""

import signal
from collections.abc import Mapping
from enum import IntEnum
from typing import Literal, TypeAlias

from msgspec import Struct

from iai.protocol.message import Actor

FIRST_DELAY_S = 0.1  # before the second restart in a row, the first is at once; then it doubles
LONGEST_DELAY_S = 30.0
RESTART_LIMIT = 10  # restarts in a row; after that it counts as failed, and is still tried
STABLE_AFTER_S = 10.0  # a process that lived this long has its failures forgiven
READY_LIMIT_S = 30.0  # from start to ready
STOP_LIMIT_S = 10.0  # from the request to stop to the first escalation
LATE_S = 10.0  # a process overdue by more than this, despite all escalation, is unhealthy
DUMP_S = 0.5  # between the signal for a stack trace and SIGKILL


class Exit(IntEnum):
    """Exit codes of an actor: they tell the supervisor whether a restart can help."""

    DONE = 0
    CRASHED = 1
    CANNOT_START = 3  # a missing model, a store that is too new: restarting cannot help
    STORE_CORRUPT = 4  # the records themselves are damaged: restarting cannot help
    TRY_AGAIN = 5  # its predecessor still holds the lock
    ORPHANED = 6  # the supervisor is gone
    REPLACED = 7  # supervisor only: the code on disk has changed, start the group again
    LOST = 8  # unknown: the template was killed, so nobody saw how the process ended


PERMANENT_FAILURES = frozenset({Exit.CANNOT_START, Exit.STORE_CORRUPT})
CORRUPTION_SIGNALS = frozenset({-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT})


class Start(Struct, frozen=True):
    """Start the process of an actor."""

    actor: Actor
    verify: bool = False  # check its LMDB files first: it died as damaged ones make it die


class Signal(Struct, frozen=True):
    """Send a signal: `stop` (SIGTERM), `dump` (a stack trace) or `kill` (SIGKILL)."""

    actor: Actor
    what: Literal["stop", "dump", "kill"]


class Up(Struct, frozen=True):
    """Report that an actor is ready."""

    actor: Actor


class Down(Struct, frozen=True):
    """Report that an actor has ended."""

    actor: Actor
    reason: str


Action: TypeAlias = Start | Signal | Up | Down
ChildState: TypeAlias = Literal["starting", "ready", "waiting", "failed", "stopping", "stopped"]


class Child:
    """The state of one process. Times are seconds on the monotonic clock."""

    def __init__(self) -> None:
        self.state: ChildState = "stopped"
        self.since = 0.0  # when this state began
        self.started = 0.0
        self.until = 0.0  # waiting, failed: when to start it; starting, stopping: when to escalate
        self.dumped = False  # it was sent the signal for a stack trace
        self.failures = 0  # in a row
        self.restarts = 0  # in all
        self.start_again = False  # once it has stopped
        self.verify = False  # its files, at the next start
        self.last_exit = ""  # "": it has not ended yet

    @property
    def alive(self) -> bool:
        """Is there a process?"""
        return self.state in ("starting", "ready", "stopping")

    def due(self, now: float) -> bool:
        """Is it time to start it again? Never, where a restart cannot help."""
        if self.state == "failed" and not self.until:
            return False
        return self.state in ("waiting", "failed") and now >= self.until


class Supervision:
    """The state of the group. Each method takes one occurrence and returns the actions to take."""

    def __init__(self, actors: tuple[Actor, ...], hang_after_s: float) -> None:
        """`actors` are in the order in which they are stopped."""
        self.children = {actor: Child() for actor in actors}
        self.stopping = False
        self._hang_after_s = hang_after_s

    @property
    def settled(self) -> bool:
        """Has every actor become ready or failed?"""
        return all(child.state in ("ready", "failed") for child in self.children.values())

    @property
    def finished(self) -> bool:
        """Was the group asked to stop, and is no process left?"""
        return self.stopping and not any(child.alive for child in self.children.values())

    @property
    def clean_exit(self) -> bool:
        """Has every process stopped as asked, with exit code 0?"""
        done = _reason(Exit.DONE)
        return self.finished and all(c.last_exit == done for c in self.children.values())

    @property
    def summary(self) -> str:
        """One line of status, for the service manager."""
        ready = sum(child.state == "ready" for child in self.children.values())
        lost = [f"{a}: {c.last_exit}" for a, c in self.children.items() if c.state == "failed"]
        count = f"{ready} of {len(self.children)} processes ready"
        return "; ".join(["stopping" if self.stopping else count, *lost])

    def healthy(self, now: float, beat_ages: Mapping[Actor, float]) -> bool:
        """Is no process overdue by more than `LATE_S`? Failed ones do not count.

        If one is, signals have had no effect on it, and the service manager should step in.
        """
        return not any(
            child.alive and self._overdue_s(child, beat_ages.get(actor, 0.0), now) > LATE_S
            for actor, child in self.children.items()
        )

    def begin(self, now: float) -> list[Action]:
        """Start all actors."""
        return [self._start(actor, now) for actor in self.children]

    def ready(self, actor: Actor, now: float) -> list[Action]:
        """Take note that an actor is ready."""
        child = self.children[actor]
        if child.state != "starting":
            return []
        child.state, child.since, child.until = "ready", now, 0.0
        return [Up(actor)]

    def ended(self, actor: Actor, code: int, now: float) -> list[Action]:
        """Take note that a process has ended; a negative code is a signal."""
        child = self.children[actor]
        asked = child.state == "stopping"
        child.last_exit = _reason(code)
        child.verify = code in CORRUPTION_SIGNALS
        down: list[Action] = [Down(actor, child.last_exit)]
        if self.stopping:
            self._settle(child, "stopped", now)
            return down + self._stop_next(now)
        if asked and child.start_again:
            child.restarts += 1
            return [*down, self._start(actor, now)]
        if code in PERMANENT_FAILURES:
            self._settle(child, "failed", now)
            return down
        if now - child.started >= STABLE_AFTER_S:
            child.failures = 0
        child.failures += 1
        if child.failures > RESTART_LIMIT:
            self._settle(child, "failed", now)
            child.until = now + LONGEST_DELAY_S
            child.last_exit += f", {child.failures} times in a row"
            return down
        self._settle(child, "waiting", now)
        delay = min(FIRST_DELAY_S * 2.0 ** (child.failures - 2), LONGEST_DELAY_S)
        child.until = now + delay if child.failures > 1 else now
        return down

    def stop(self, now: float) -> list[Action]:
        """Stop the whole group, one actor after another."""
        if self.stopping:
            return []
        self.stopping = True
        for child in self.children.values():
            if not child.alive:
                self._settle(child, "stopped", now)
        return self._stop_next(now)

    def restart(self, actor: Actor, now: float) -> list[Action]:
        """Stop one actor and start it again, even one that has failed."""
        child = self.children[actor]
        if self.stopping:
            return []
        child.failures = 0
        if not child.alive:
            child.restarts += 1
            return [self._start(actor, now)]
        child.start_again = True
        return [] if child.state == "stopping" else [self._ask_to_stop(actor, now)]

    def tick(self, now: float, beat_ages: dict[Actor, float]) -> list[Action]:
        """Start what is due and escalate what is overdue.

        `beat_ages` are the seconds since each actor's last heartbeat.
        """
        actions: list[Action] = []
        for actor, child in self.children.items():
            if child.due(now) and not self.stopping:
                child.restarts += 1
                actions.append(self._start(actor, now))
            elif self._overdue(child, beat_ages.get(actor, 0.0), now):
                actions.append(self._escalate(actor, now))
        return actions

    def next_deadline(self) -> float | None:
        """Return when `tick` next has something to do, heartbeats aside; None for never."""
        return min((c.until for c in self.children.values() if c.until), default=None)

    def _overdue(self, child: Child, beat_age: float, now: float) -> bool:
        """Did it miss a deadline, or its heartbeat? Or is the next escalation due?"""
        if not child.alive:
            return False
        if child.state == "ready" and not child.dumped:
            return min(beat_age, now - child.since) >= self._hang_after_s
        return now >= child.until

    def _overdue_s(self, child: Child, beat_age: float, now: float) -> float:
        """Return for how many seconds it has been overdue."""
        lived = now - child.since
        limits = {"starting": READY_LIMIT_S, "stopping": STOP_LIMIT_S}
        if child.state in limits:
            return lived - limits[child.state]
        return min(beat_age, lived) - self._hang_after_s

    def _escalate(self, actor: Actor, now: float) -> Action:
        """Ask for a stack trace first, to show where it hangs; then kill it."""
        child = self.children[actor]
        if child.dumped:
            child.until = now + DUMP_S
            return Signal(actor, "kill")
        child.dumped = True
        child.until = now + DUMP_S
        return Signal(actor, "dump")

    def _start(self, actor: Actor, now: float) -> Action:
        child = self.children[actor]
        child.state, child.since, child.started = "starting", now, now
        child.until = now + READY_LIMIT_S
        child.dumped = child.start_again = False
        return Start(actor, child.verify)

    def _ask_to_stop(self, actor: Actor, now: float) -> Action:
        child = self.children[actor]
        child.state, child.since, child.until = "stopping", now, now + STOP_LIMIT_S
        child.dumped = False
        return Signal(actor, "stop")

    def _stop_next(self, now: float) -> list[Action]:
        """Ask the first running actor to stop, unless one is stopping already."""
        alive = [actor for actor, child in self.children.items() if child.alive]
        if not alive or self.children[alive[0]].state == "stopping":
            return []
        return [self._ask_to_stop(alive[0], now)]

    @staticmethod
    def _settle(child: Child, state: ChildState, now: float) -> None:
        child.state, child.since, child.until = state, now, 0.0


def _reason(code: int) -> str:
    if code < 0:
        return f"killed by signal {-code}"
    named = {member.value: member.name.lower().replace("_", " ") for member in Exit}
    return f"{named.get(code, 'exit code')} ({code})"
