"""The requests, replies and events of the supervisor."""

from typing import Literal

from msgspec import Struct

from iai.protocol.message import Actor, Event, Reply, Request


class Health(Request, frozen=True):
    """Report on all processes of the group."""


class ActorHealth(Struct, frozen=True, kw_only=True):
    """One process of the group."""

    actor: Actor  # that it runs
    state: Literal["starting", "ready", "waiting", "failed", "stopping", "stopped"]  # `Child.state`
    pid: int | None  # None: there is no process
    restarts: int  # since the group was started
    beat_age_s: float | None  # seconds since its last heartbeat; None: no process, or none yet
    activity: str  # what its loop did at that heartbeat; "": as above
    last_exit: str  # how it last ended; "": it never has


class HealthReport(Reply, frozen=True):
    """The supervisor and all processes of its group."""

    pid: int  # of the supervisor
    version: str  # of the code that runs (see `process.build`)
    store: str  # absolute path
    started_at: int  # when the supervisor started, UTC nanoseconds
    actors: tuple[ActorHealth, ...]  # in pipeline order


class Stop(Request, frozen=True):
    """Stop the whole group, in pipeline order."""


class Restart(Request, frozen=True):
    """Stop one actor and start it again."""

    actor: Actor  # any but the supervisor


class Accepted(Reply, frozen=True):
    """The request will be carried out; `Health` shows when it is."""


class ActorUp(Event, frozen=True):
    """A process has become ready."""

    actor: Actor  # that it runs
    pid: int  # of the process


class ActorDown(Event, frozen=True):
    """A process has ended, whether asked to or not."""

    actor: Actor  # that it ran
    reason: str  # the exit code's name, or the signal
