"""Kills and stops processes of a group, and measures how long it takes them to be back.

Each process is killed at any time and at each of its points: right before and right after it
commits to LMDB, commits to tantivy, calls fsync or renames a file. The next kill is of the process
and at the point that had the fewest so far, and it is given a reason to write. Up to `_SOON` times
in a row a process is killed before it has run long enough to have its failures forgiven, so that
starting processes are hit too. The supervisor then waits before it restarts one, so that only the
kill of a process whose failures were forgiven counts among the times: it had lived long enough, and
not crashed meanwhile over a full disk or a damaged file.

A process is back once another one answers a ping: then it has opened what it reads and writes, has
loaded its index or its model, and answers whatever else it is asked.
"""

import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from harness.group import Group, TooLate, alive, wait_until

from campaign.damage import Damage
from iai.errors import IaiError
from iai.lifecycle.supervision import STABLE_AFTER_S
from iai.process import files
from iai.process.client import DEADLINE_S, Client
from iai.protocol.cache_writer import Refresh, RefreshOutcome
from iai.protocol.ingest import Flush, Flushed
from iai.protocol.lifecycle import LifecycleReport, RequestState
from iai.protocol.message import PIPELINE, Actor, Ping, Pong, State

WRITES = {  # how each process writes: `words` is a commit of tantivy, `fsync` of a file of ours
    Actor.INGEST: ("commit", "fsync", "rename"),
    Actor.EMBEDDING: ("commit",),
    Actor.GRAPH_CACHE: ("commit", "words"),
    Actor.LIFECYCLE: ("fsync", "rename"),
    Actor.CACHE_WRITER: ("fsync", "rename"),
}
ANY_TIME = "at any time"
_BACK_S = 60.0  # after which a process counts as not coming back
_LOOK_S = 0.005
_NUDGE_S = 0.3  # between two reasons to write
_REACHED_S = 6.0  # for a process to reach the point where it is to be killed
_SOON = 5  # kills of a process that was restarted within `STABLE_AFTER_S`; 10 would end it for good
_SUPERVISOR, _TEMPLATE = 0.04, 0.02  # shares of the kills


class Point(NamedTuple):
    """Where a process is killed."""

    actor: Actor
    where: str  # like `before commit`

    @property
    def order(self) -> str:
        """Return the order to be killed there; see `tests/faults`."""
        when, operation = self.where.split()
        return f"{operation} {when}"


POINTS = tuple(
    Point(actor, where)
    for actor, operations in WRITES.items()
    for where in (ANY_TIME, *(f"{when} {op}" for op in operations for when in ("before", "after")))
)


class Kills:
    """All kills of one campaign."""

    def __init__(self, group: Group, points: Path, damage: Damage, seed: int) -> None:
        self._group = group
        self._points = points
        self._damage = damage
        self._chance = random.Random(seed)  # noqa: S311
        self._began: dict[Actor, float] = {}  # when its process was first seen
        self._in_a_row: Counter[Actor] = Counter()  # kills, each soon after the restart before
        self._tried: Counter[Point] = Counter()
        self.done: Counter[Point] = Counter()
        self.others = 0  # kills of the supervisor and of the template
        self.back_s: dict[str, list[float]] = defaultdict(list)  # by process
        self.orphaned_s: list[float] = []  # from a supervisor's end to that of its last child
        self.findings: list[str] = []

    @property
    def total(self) -> int:
        """Return how many processes were killed."""
        return self.done.total() + self.others

    def table(self) -> dict[str, str]:
        """Return how often each process was killed where, of how many attempts to."""
        return {
            actor: ", ".join(
                f"{point.where} {self.done[point]}/{self._tried[point]}"
                for point in POINTS
                if point.actor is actor
            )
            for actor in PIPELINE
        }

    def any(self) -> str:
        """Kill one process, or all; return what was done."""
        roll = self._chance.random()
        if roll < _SUPERVISOR:
            return self._supervisor()
        if roll < _SUPERVISOR + _TEMPLATE:
            return self._template()
        ripe = [p for p in POINTS if self._stable(p.actor) or self._in_a_row[p.actor] < _SOON]
        if not ripe:
            time.sleep(_NUDGE_S)
            return "every process has only just started"
        fewest = min(self._tried[point] for point in ripe)
        point = self._chance.choice([p for p in ripe if self._tried[p] == fewest])
        self._tried[point] += 1
        return self._at_any_time(point) if point.where == ANY_TIME else self._at_a_write(point)

    def each(self) -> Iterator[Actor]:
        """Kill each process once, long enough after its last start; yield it once it is back."""
        for actor in PIPELINE:
            wait_until(lambda: self._stable(actor), "its failures are forgiven", look_s=0.1)  # noqa: B023
            self._at_any_time(Point(actor, ANY_TIME))
            yield actor

    def freeze(self) -> str:
        """Stop a process for a while."""
        actor = self._chance.choice(PIPELINE)
        pid = self._pid(actor)
        if not pid:
            return f"{actor} is not there"
        for_s = self._chance.uniform(0.05, 2.0)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(for_s)
            os.kill(pid, signal.SIGCONT)
        return f"{actor} stopped for {for_s:.2f} s"

    def start(self) -> None:
        """Have the group run, and note since when."""
        if not self._group.all_ready():
            self._group.up()
        self._began = dict.fromkeys(PIPELINE, time.monotonic())
        self._in_a_row.clear()

    def _stable(self, actor: Actor) -> bool:
        """Are its failures forgiven?"""
        return time.monotonic() - self._began[actor] > STABLE_AFTER_S

    def _at_any_time(self, point: Point) -> str:
        pid = self._pid(point.actor)
        if not pid:
            return f"{point.actor} is not there"
        lived_s = _age_s(pid)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return f"{point.actor} is just ending"
        self._await(point, pid, lived_s)
        return f"{point.actor} killed"

    def _at_a_write(self, point: Point) -> str:
        """Have it kill itself right before or after it writes."""
        number = self._chance.randint(1, 2)
        pid = self._pid(point.actor)
        if not pid:
            return f"{point.actor} is not there"
        lived_s = _age_s(pid)
        order = self._points / point.actor
        files.replace(order, f"{point.order} {number}".encode())
        if not self._reached(point.actor, pid):
            with suppress(FileNotFoundError):  # unless it is just getting there
                order.unlink()
                return f"{point.actor} never got to {point.where}"
        self._await(point, pid, lived_s)
        return f"{point.actor} killed {point.where} {number}"

    def _reached(self, actor: Actor, pid: int) -> bool:
        """Give an actor reasons to write until it is gone; return whether that came to pass."""
        deadline = time.monotonic() + _REACHED_S
        while time.monotonic() < deadline:
            with suppress(IaiError):
                self._nudge(actor)
            with suppress(TooLate):
                wait_until(lambda: not alive(pid), "it got there", _NUDGE_S, _LOOK_S)
                return True
        return False

    def _nudge(self, actor: Actor) -> None:
        with Client(self._group.layout) as client:
            match actor:
                case Actor.LIFECYCLE:  # what is captured meanwhile wakes it again
                    asleep = RequestState(state=State.SLEEP)
                    client.call(actor, asleep, LifecycleReport, _NUDGE_S)
                case Actor.CACHE_WRITER:
                    client.call(actor, Refresh(force=True), RefreshOutcome, _NUDGE_S)
                case Actor.INGEST:
                    self._damage.spool()
                    client.call(actor, Flush(), Flushed, _NUDGE_S)
                case _:  # what is captured meanwhile is enough
                    pass

    def _supervisor(self) -> str:
        try:
            pid = self._group.report(DEADLINE_S).pid
        except IaiError:
            self.start()  # it may be there, and only busy
            return "the group was not there"
        children = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        self.others += 1
        try:
            gone = lambda: not any(alive(child.pid) for child in children)  # noqa: E731
            wait_until(gone, "no child is left", _BACK_S, _LOOK_S)
            self.orphaned_s.append(time.monotonic() - killed)
        except TooLate:
            self.findings.append("children of a killed supervisor live on")
        begun = time.monotonic()
        self.start()
        self.back_s["group, by `iai up`"].append(time.monotonic() - begun)
        return "the supervisor killed"

    def _template(self) -> str:
        """Kill the template: nobody may notice, and the next kill is answered by another."""
        with suppress(IaiError, psutil.Error, StopIteration):
            self._group.template().kill()
            self.others += 1
            return "the template killed"
        return "there is no template at the moment"

    def _await(self, point: Point, old: int, lived_s: float) -> None:
        """Wait until another process of the actor answers than the one that lived so long."""
        killed = time.monotonic()
        actor = point.actor
        self.done[point] += 1
        try:
            back = lambda: answering(self._group, actor, not_=old)  # noqa: E731
            wait_until(back, f"{actor} is back", _BACK_S, _LOOK_S)
        except TooLate as error:
            self.findings.append(str(error))
            return
        if self._stable(actor):
            self._in_a_row[actor] = 0
        if lived_s > STABLE_AFTER_S:
            self.back_s[actor].append(time.monotonic() - killed)
        self._in_a_row[actor] += 1
        self._began[actor] = time.monotonic()

    def _pid(self, actor: Actor) -> int:
        try:
            with Client(self._group.layout) as client:
                return client.call(actor, Ping(), Pong, DEADLINE_S).pid
        except IaiError:
            return 0


def answering(group: Group, actor: Actor, *, not_: int) -> bool:
    """Does another process of an actor answer than the one with this pid?"""
    try:
        with Client(group.layout) as client:
            return client.call(actor, Ping(), Pong, 0.25).pid != not_
    except IaiError:
        return False


def _age_s(pid: int) -> float:
    """Return for how many seconds a process has lived; 0 if it has just ended."""
    with suppress(psutil.Error):
        return time.time() - psutil.Process(pid).create_time()
    return 0.0
