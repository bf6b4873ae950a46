"""Kills and stops processes of a group, and measures how long it takes them to be back.

A process is killed up to `_SOON` times in a row before it has run long enough to have its failures
forgiven, so that starting processes are hit too; the supervisor then waits before it restarts one,
so that only the first of these counts among the times.
"""

import os
import random
import signal
import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

import psutil
from harness.group import Group, TooLate, alive, wait_until

from iai.errors import IaiError
from iai.lifecycle.supervision import STABLE_AFTER_S
from iai.process import files
from iai.process.client import DEADLINE_S, Client
from iai.protocol.message import PIPELINE, Actor, Ping, Pong

OPERATIONS = ("commit", "fsync", "rename")
WHEN = ("before", "after")
_BACK_S = 60.0  # after which a process counts as not coming back
_LOOK_S = 0.005
_REACHED_S = 6.0  # for a process to reach the point where it is to be killed
_SOON = 3  # kills of a process that was restarted within `STABLE_AFTER_S`; 10 would end it for good


class Kills:
    """All kills of one campaign."""

    def __init__(self, group: Group, points: Path, seed: int) -> None:
        self._group = group
        self._points = points
        self._chance = random.Random(seed)  # noqa: S311
        self._began: dict[Actor, float] = {}  # when its process was first seen
        self._in_a_row: Counter[Actor] = Counter()  # kills, each soon after the restart before
        self.done: Counter[str] = Counter()  # kills of each process, and at each point
        self.back_s: dict[str, list[float]] = defaultdict(list)  # by actor
        self.orphaned_s: list[float] = []  # from a supervisor's end to that of its last child
        self.findings: list[str] = []

    def any(self) -> str:
        """Kill one process, or all; return what was done."""
        ripe = [a for a in PIPELINE if self._stable(a) or self._in_a_row[a] < _SOON]
        roll = self._chance.random()
        if roll < 0.05:  # noqa: PLR2004
            return self._supervisor()
        if not ripe:
            return "every process has only just started"
        actor = self._chance.choice(ripe)
        if roll < 0.6:  # noqa: PLR2004
            return self._at_a_point(actor)
        return self._actor(actor)

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

    def _stable(self, actor: Actor) -> bool:
        """Are its failures forgiven?"""
        return time.monotonic() - self._began[actor] > STABLE_AFTER_S

    def _actor(self, actor: Actor) -> str:
        pid = self._pid(actor)
        if not pid:
            return f"{actor} is not there"
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return f"{actor} is just ending"
        self._await(actor, pid, "at any time")
        return f"{actor} killed"

    def _at_a_point(self, actor: Actor) -> str:
        """Have it kill itself right before or after it writes."""
        operation, when = self._chance.choice(OPERATIONS), self._chance.choice(WHEN)
        number = self._chance.randint(1, 3)
        pid = self._pid(actor)
        if not pid:
            return f"{actor} is not there"
        order = self._points / actor
        files.replace(order, f"{operation} {when} {number}".encode())
        try:
            wait_until(lambda: not alive(pid), "it got there", _REACHED_S, _LOOK_S)
        except TooLate:
            with suppress(FileNotFoundError):  # unless it is just getting there
                order.unlink()
                return f"{actor} never got to a {operation}"
        self._await(actor, pid, f"{when} {operation}")
        return f"{actor} killed {when} {operation} {number}"

    def _supervisor(self) -> str:
        try:
            pid = self._group.report(DEADLINE_S).pid
        except IaiError:
            self.start()
            return "the group was not there"
        children = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        self.done["supervisor, at any time"] += 1
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

    def _await(self, actor: Actor, old: int, point: str) -> None:
        """Wait until another process of the actor answers."""
        killed = time.monotonic()
        self.done[f"{actor}, {point}"] += 1
        try:
            back = lambda: answering(self._group, actor, not_=old)  # noqa: E731
            wait_until(back, f"{actor} is back", _BACK_S, _LOOK_S)
        except TooLate as error:
            self.findings.append(str(error))
            return
        if self._stable(actor):
            self._in_a_row[actor] = 0
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
