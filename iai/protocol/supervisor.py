"""What the supervisor is asked, answers and publishes."""

from typing import Literal

from msgspec import Struct

from iai.protocol.message import Actor, Event, Reply, Request


class Health(Request, frozen=True):
    """How are the processes?"""


class ActorHealth(Struct, frozen=True, kw_only=True):
    actor: Actor
    state: Literal["starting", "ready", "waiting", "failed", "stopping", "stopped"]
    pid: int | None
    restarts: int
    beat_age_s: float | None  # since its loop last moved
    activity: str  # what that loop was doing
    last_exit: str  # why it last ended, or ""


class HealthReport(Reply, frozen=True):
    pid: int
    version: str
    store: str
    started_at: int
    actors: tuple[ActorHealth, ...]


class Stop(Request, frozen=True):
    """Stop the whole group, in pipeline order."""


class Restart(Request, frozen=True):
    """Stop one actor and start it again."""

    actor: Actor


class Accepted(Reply, frozen=True):
    """It will be done; look at the health for when."""


class ActorUp(Event, frozen=True):
    actor: Actor
    pid: int


class ActorDown(Event, frozen=True):
    actor: Actor
    reason: str
