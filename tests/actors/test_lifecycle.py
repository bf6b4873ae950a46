"""Lifecycle: who keeps the group awake, and what wakes it."""

import itertools
from collections.abc import Callable

import pytest
from simulation.world import Chances, World

from iai.model.clock import NS
from iai.protocol.cache_writer import Refresh
from iai.protocol.graph_cache import Recall, SleepFinished
from iai.protocol.ingest import RecordsCommitted
from iai.protocol.lifecycle import (
    Idle,
    LifecycleReport,
    LifecycleStatus,
    RequestState,
    StateChanged,
    Tick,
)
from iai.protocol.message import Actor, State
from tests.simulation.stories import capture, events

Make = Callable[..., World]
LIMITS = {"drowsy_after_s": 100.0, "sleep_after_s": 200.0, "hibernate_after_s": 300.0}


def state(world: World) -> State:
    reply = world.answer(Actor.LIFECYCLE, LifecycleStatus())
    assert isinstance(reply, LifecycleReport)
    return reply.state


def test_without_activity_the_group_goes_to_sleep_step_by_step(world: Make) -> None:
    w = world(**LIMITS)
    seen = []
    for _ in range(4):
        seen.append(state(w))
        w.run(135.0)  # asleep, ticks are further apart
    assert seen == [State.WAKE, State.DROWSY, State.SLEEP, State.HIBERNATION]
    changes = [(e.previous, e.state) for e in events(w, StateChanged)]
    assert changes == list(itertools.pairwise(seen))
    assert len(events(w, SleepFinished)) == 1


@pytest.mark.parametrize("asleep_for", [110.0, 220.0, 360.0])
def test_a_memory_or_a_question_wakes_it_from_every_state(world: Make, asleep_for: float) -> None:
    for wake in (
        lambda w: capture(w, "one"),
        lambda w: w.answer(Actor.GRAPH_CACHE, Recall(query="x")),
        lambda w: w.answer(Actor.LIFECYCLE, RequestState(state=State.WAKE)),
    ):
        w = world(**LIMITS)
        w.run(asleep_for)
        assert state(w) is not State.WAKE
        wake(w)
        w.run(1.0)
        assert state(w) is State.WAKE


def test_looking_is_no_activity(world: Make) -> None:
    w = world(**LIMITS)
    for _ in range(50):
        w.answer(Actor.LIFECYCLE, LifecycleStatus())
        w.answer(Actor.CACHE_WRITER, Refresh())
        w.run(5.0)
    assert state(w) in (State.SLEEP, State.HIBERNATION)


def test_what_other_machines_say_is_no_activity(world: Make) -> None:
    w = world(**LIMITS)
    w.run(110.0)
    for local, awake in ((False, False), (True, True)):
        w._deliver(Actor.INGEST, RecordsCommitted(revision=9, ingested=1, local=local))
        w.run(1.0)
        assert (state(w) is State.WAKE) == awake


def test_activity_keeps_it_awake(world: Make) -> None:
    w = world(**LIMITS)
    for number in range(10):
        capture(w, f"turn {number}")
        w.run(90.0)
    assert state(w) is State.WAKE
    assert events(w, StateChanged) == []


def test_it_ticks_and_says_how_long_it_has_been_idle(world: Make) -> None:
    w = world(**LIMITS, tick_s=5.0)
    w.run(60.0)
    assert 11 <= len(events(w, Tick)) <= 13
    assert events(w, Idle) == []
    w.run(60.0)
    assert events(w, Idle)[-1].idle_s == pytest.approx(120.0, abs=6.0)


def test_the_state_outlives_the_process(world: Make) -> None:
    w = world(**LIMITS)
    w.run(210.0)
    assert state(w) is State.SLEEP
    w.crash(Actor.LIFECYCLE)
    w.run(1.0)
    assert state(w) is State.SLEEP


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b'{"state": "dead"}', b"[]", b'"\xff"', b'{"a":' * 3_000]
)
def test_a_state_that_cannot_be_read_means_awake(world: Make, content: bytes) -> None:
    w = world(**LIMITS)
    w.run(210.0)
    w.actors.pop(Actor.LIFECYCLE)
    w.layout.lifecycle.write_bytes(content)
    w.start(Actor.LIFECYCLE)
    assert state(w) is State.WAKE


@pytest.mark.parametrize("jump", [365, -365])
def test_a_jump_of_the_wall_clock_neither_wakes_it_nor_puts_it_to_sleep(
    world: Make, jump: int
) -> None:
    w = world(**LIMITS)
    w.run(50.0)
    w.now = w.now._replace(wall=w.now.wall + jump * 86_400 * NS)
    w.run(20.0)
    assert state(w) is State.WAKE
    w.run(40.0)
    assert state(w) is State.DROWSY


def test_a_disk_that_refuses_the_state_stops_nothing(world: Make) -> None:
    w = world(**LIMITS)
    w.layout.lifecycle.unlink()
    w.layout.lifecycle.mkdir()
    w.run(210.0)
    assert state(w) is State.SLEEP


@pytest.mark.parametrize("seed", range(5))
def test_whatever_messages_are_lost_a_user_who_works_finds_it_awake(world: Make, seed: int) -> None:
    """Only for so long as it takes one message to come through."""
    w = world(seed=seed, chances=Chances(lost=0.5, late=0.2, crash=0.01), **LIMITS)
    for number in range(40):
        capture(w, f"turn {number}")
        w.run(30.0)
    w.chances = Chances()
    capture(w, "the last")
    w.run(2.0)
    assert state(w) is State.WAKE
