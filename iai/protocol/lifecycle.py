"""What lifecycle is asked, answers and publishes."""

from iai.protocol.message import Event, Reply, Request, State


class LifecycleStatus(Request, frozen=True):
    pass


class RequestState(Request, frozen=True):
    state: State


class LifecycleReport(Reply, frozen=True):
    state: State
    since: int
    last_activity_at: int


class Tick(Event, frozen=True):
    state: State


class Idle(Event, frozen=True):
    """Nothing has been remembered or recalled for this long."""

    state: State
    idle_s: float


class StateChanged(Event, frozen=True):
    previous: State
    state: State
