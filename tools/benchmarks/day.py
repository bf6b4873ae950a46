"""A day of work as data, and how far behind a payload is at each moment. Pure."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

HOUR = 3_600.0
BEGIN, END = 6 * HOUR, 30 * HOUR  # from six to six, in seconds since midnight
WORK = ((8.0, 12.0), (12.75, 19.0))  # hours; lunch is the only pause of half an hour
KILLS = ((8.75, "ingest"), (9.75, "embedding"), (11.75, "graph-cache"), (14.25, "lifecycle"),
         (15.5, "cache-writer"))  # fmt: skip
BACKFILLS = ((10.75, 600), (16.75, 1_500))  # turns of an old history that are imported then
NIGHT_JOB = 26.5  # hour at which an agent works alone
PROJECTS = ("ledgerline", "gateway", "notes")
TURNS = (6, 30)  # of a burst
TURN_S = (5.0, 45.0)  # between two turns
PAUSE_S = (60.0, 900.0)  # between two bursts

Deed: TypeAlias = Literal["capture", "hook", "backfill", "kill"]


class Act(NamedTuple):
    """One thing that happens, and when."""

    at: float
    do: Deed
    which: str  # session, actor, or number of turns


class Moment(NamedTuple):
    """The revision of the store, and that of a payload, at one time."""

    at: float
    live: int
    shown: int


class Lag(NamedTuple):
    """How far behind a payload is at one time."""

    at: float
    changes: int
    seconds: float  # since the oldest of them


class Day(NamedTuple):
    """The measurements. All times are times of the day."""

    factor: float  # how much faster than a real day it went
    changes: int  # in all of it
    ours: list[Lag]
    old: list[Lag]  # of the old system, computed
    kills: list[tuple[float, float, str]]  # from, until it was current again, which
    backfills: list[float]
    asleep: list[tuple[float, float]]


def plan(seed: int) -> list[Act]:
    """Return the day: bursts of turns, through a host's hook or from a client, and what happens."""
    chance = random.Random(seed)  # noqa: S311
    acts = [Act(hour * HOUR, "kill", actor) for hour, actor in KILLS]
    acts += [Act(hour * HOUR, "backfill", str(turns)) for hour, turns in BACKFILLS]
    for begin, end in WORK:
        at = begin * HOUR
        while at < end * HOUR:
            acts += _burst(at, chance)
            at = acts[-1].at + chance.uniform(*PAUSE_S)
    for hour, _ in KILLS:  # while somebody is at work
        acts += _burst(hour * HOUR - 60, chance)
    acts += _burst(NIGHT_JOB * HOUR, chance)
    return sorted(acts)


def after_sleep(changes: list[float], idle_s: float, end: float) -> list[float]:
    """Return when the old system wrote: when nothing had happened for so long, and not before.

    It also needed half a minute without a request. On this day nobody asks anything while nothing
    changes, so that it gets this with the other.
    """
    nexts = [*changes[1:], end]
    pairs = zip(changes, nexts, strict=True)
    return [before + idle_s for before, after in pairs if after - before >= idle_s]


def moments_of(writes: list[float], changes: list[float], at: list[float]) -> list[Moment]:
    """Return what a payload that is written at these times, in no time, would show."""
    shown = [0, *(bisect_right(changes, write) for write in writes)]
    return [
        Moment(when, bisect_right(changes, when), shown[bisect_right(writes, when)]) for when in at
    ]


def lags(moments: list[Moment], changes: list[float]) -> list[Lag]:
    """Return how far behind it was; `changes` has the time of each revision, from the first on."""
    return [
        Lag(m.at, m.live - m.shown, max(0.0, m.at - changes[m.shown]))
        if m.live > m.shown
        else Lag(m.at, 0, 0.0)
        for m in moments
    ]


def until_current(lags_: list[Lag], at: float) -> float:
    """Return when it was first current from then on."""
    return next((lag.at for lag in lags_ if lag.at >= at and not lag.changes), lags_[-1].at)


def outside(lags_: list[Lag], spans: list[tuple[float, float]]) -> list[Lag]:
    """Return those that lie in none of these spans, which are in order."""
    begins = [begin for begin, _ in spans]

    def inside(at: float) -> bool:
        place = bisect_left(begins, at)
        return place > 0 and at <= spans[place - 1][1]

    return [lag for lag in lags_ if not inside(lag.at)]


def _burst(begin: float, chance: random.Random) -> Iterator[Act]:
    do: Deed = chance.choice(("capture", "hook"))
    session = f"{chance.choice(PROJECTS)}-{begin:.0f}"
    at = begin
    for _ in range(chance.randint(*TURNS)):
        yield Act(at, do, session)
        at += chance.uniform(*TURN_S)
