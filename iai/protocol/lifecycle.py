"""The requests, replies and events of lifecycle."""

from iai.protocol.message import Event, Reply, Request, State


class LifecycleStatus(Request, frozen=True):
    """Report how awake the group is."""


class RequestState(Request, frozen=True):
    """Wake the group, or put it to sleep; answered with the state that it is in then."""

    state: State  # WAKE or SLEEP; others change nothing


class LifecycleReport(Reply, frozen=True):
    """How awake the group is."""

    state: State  # the present one
    since: int  # when it began, UTC nanoseconds
    last_activity_at: int  # when a record was last committed or recalled, UTC nanoseconds


class Tick(Event, frozen=True):
    """The clock of the group: every `IAI_MCP_TICK_SEC`, less often in SLEEP and HIBERNATION."""

    state: State  # the present one, in case a `StateChanged` was lost


class Idle(Event, frozen=True):
    """Published with each tick while the group is not in WAKE."""

    state: State  # the present one
    idle_s: float  # seconds since a record was last committed or recalled


class StateChanged(Event, frozen=True):
    """The group has become more or less awake."""

    previous: State  # until now
    state: State  # from now on
