"""Lifecycle: decides how awake the group is, and publishes its ticks.

Only memory activity counts: records that ingest committed, and recalls. Probes, open connections
and the group's own work do not.
"""

import logging

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.lifecycle.saved_state import Saved, decode, encode
from iai.lifecycle.states import (
    Cause,
    Thresholds,
    idle_cause,
    step,
)
from iai.model.clock import NS, Now
from iai.protocol.behaviour import (
    Answer,
    Caller,
    Publish,
    ReplaceFile,
    Steps,
)
from iai.protocol.graph_cache import MemoryUsed
from iai.protocol.ingest import RecordsCommitted
from iai.protocol.lifecycle import (
    Idle,
    LifecycleReport,
    RequestState,
    StateChanged,
    Tick,
)
from iai.protocol.message import (
    Actor,
    Event,
    Request,
    State,
)

log = logging.getLogger(__name__)

ASLEEP_TICK = 6  # in SLEEP and HIBERNATION, the tick interval is this many times as long


class Lifecycle:
    """The lifecycle actor (see `Behaviour`)."""

    subscriptions = (Actor.INGEST, Actor.GRAPH_CACHE)

    def __init__(self, layout: Layout, limits: Thresholds, tick_s: float) -> None:
        self._path = layout.lifecycle
        self._limits = limits
        self._tick_s = tick_s
        self._state = State.WAKE
        self._since = 0
        self._active = Now(0, 0)
        self._next_tick = 0

    def start(self, now: Now) -> Steps:
        """Continue in the state of the last run; the time since then counts as idle."""
        saved = decode(self._path.read_bytes() if self._path.exists() else b"")
        self._state, self._since, self._active = State.WAKE, now.wall, now
        if saved is not None:
            idle_ns = max(0, now.wall - saved.last_activity_at)
            self._state, self._since = saved.state, saved.since
            self._active = Now(saved.last_activity_at, now.mono - idle_ns)
        yield from self._save()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        if isinstance(request, RequestState):
            if request.state is State.WAKE:
                yield from self._activity(now)
            elif request.state is State.SLEEP:
                yield from self._move(Cause.ASKED_TO_SLEEP, now)
        yield Answer(
            caller,
            LifecycleReport(
                state=self._state, since=self._since, last_activity_at=self._active.wall
            ),
        )

    def on_event(self, event: Event, now: Now) -> Steps:
        used = isinstance(event, MemoryUsed)
        if used or (isinstance(event, RecordsCommitted) and event.local):
            yield from self._activity(now)

    def due_s(self, now: Now) -> float:
        return max(0.0, (self._next_tick - now.mono) / NS)

    def work(self, now: Now) -> Steps:
        """Publish a tick; change the state if the idle time calls for it."""
        idle_s = (now.mono - self._active.mono) / NS
        cause = idle_cause(self._state, idle_s, self._limits)
        if cause is not None:
            yield from self._move(cause, now)
        asleep = self._state in (State.SLEEP, State.HIBERNATION)
        self._next_tick = now.mono + int(self._tick_s * (ASLEEP_TICK if asleep else 1) * NS)
        yield Publish(Tick(state=self._state))
        if self._state is not State.WAKE:
            yield Publish(Idle(state=self._state, idle_s=idle_s))

    def stop(self, now: Now) -> Steps:
        yield from self._save()

    def close(self) -> None:
        """Do nothing: no file is held open."""

    def _activity(self, now: Now) -> Steps:
        self._active = now
        yield from self._move(Cause.ACTIVITY, now)

    def _move(self, cause: Cause, now: Now) -> Steps:
        previous, self._state = self._state, step(self._state, cause)
        if self._state is previous:
            return
        self._since = now.wall
        self._next_tick = now.mono  # so that the new state is known at once
        log.info("%s -> %s", previous.name, self._state.name)
        yield from self._save()
        yield Publish(StateChanged(previous=previous, state=self._state), keep=True)

    def _save(self) -> Steps:
        saved = Saved(state=self._state, since=self._since, last_activity_at=self._active.wall)
        try:
            yield ReplaceFile(self._path, encode(saved))
        except OSError as error:  # then the next start begins in WAKE
            log.warning("cannot save the state: %s", error)


def make(settings: Settings) -> Lifecycle:
    """Return the behaviour of the lifecycle process."""
    limits = Thresholds(
        drowsy=settings.drowsy_after_s,
        sleep=settings.sleep_after_s,
        hibernate=settings.hibernate_after_s,
    )
    return Lifecycle(Layout(settings.store), limits, settings.tick_s)
