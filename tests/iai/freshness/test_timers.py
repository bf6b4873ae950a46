"""What an attempt, a cold graph or a held-back change means for the next decision."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from iai.freshness.decide import Skipped, Write, backoff_s, decide
from iai.freshness.inputs import LEFT_OUT, InputVersion, Snapshot
from iai.freshness.target import Target
from iai.freshness.timers import COLD_BOUND_S, QUIET_S, RefreshTimers
from iai.lifecycle.pace import LOOK_S
from iai.model.clock import NS, Now
from iai.model.record import Watermark
from iai.protocol.cache_writer import Reason

INTERVAL_S = 60.0
NOW = Now(0, 1_000 * NS)
OLD, NEW = (InputVersion(Watermark(revision, revision), 1) for revision in (5, 6))
FIRST, GLOBAL = Target(Path("a"), "a", "a"), Target(Path("all"), "", "")
CHANGED = Snapshot(live=NEW, graph=1, targets=(FIRST, GLOBAL), claimed=OLD, cache_present=True)
COLD = structs.replace(CHANGED, live=structs.replace(NEW, graph=LEFT_OUT), graph=LEFT_OUT)
UNREADABLE = Snapshot(live=None)


def wrote(at: Now) -> RefreshTimers:
    """Return timers after a payload was written."""
    timers = RefreshTimers(INTERVAL_S)
    timers.succeeded(OLD.watermark, at.mono / NS)
    return timers


def decided(timers: RefreshTimers, snapshot: Snapshot, now: Now) -> Write | Skipped:
    """Decide as the cache-writer does."""
    timers.observe(snapshot, now)
    decision = decide(timers.inputs(snapshot, now))
    if isinstance(decision, Skipped):
        timers.skipped(decision, snapshot, now)
    return decision


def test_a_held_back_change_is_due_when_the_interval_ends() -> None:
    timers = wrote(NOW)
    now = NOW.later(INTERVAL_S - 0.5)
    assert isinstance(decided(timers, CHANGED, now), Skipped)
    assert timers.to_prepare(now.later(QUIET_S)) == FIRST
    assert timers.due_s(now.later(QUIET_S)) == pytest.approx(0.5 - QUIET_S)
    assert isinstance(decided(timers, CHANGED, now.later(0.5)), Write)


@pytest.mark.parametrize("snapshot", [CHANGED, COLD])
def test_hints_that_follow_a_refresh_put_off_become_one_look(snapshot: Snapshot) -> None:
    timers = wrote(NOW)
    now = NOW.later(1)
    assert timers.hint_due_s(now) == 0
    assert isinstance(decided(timers, snapshot, now), Skipped)
    assert timers.hint_due_s(now) == QUIET_S
    assert timers.hint_due_s(now.later(QUIET_S)) == 0


def test_changes_that_go_on_are_looked_into_once_they_pause_or_the_interval_ends() -> None:
    timers = wrote(NOW)
    now = NOW.later(1)
    assert isinstance(decided(timers, CHANGED, now), Skipped)
    for _ in range(5):
        now = now.later(QUIET_S / 2)
        timers.changed(now)
        assert timers.hint_due_s(now) == QUIET_S
    assert timers.hint_due_s(now.later(QUIET_S)) == 0
    timers.changed(NOW.later(INTERVAL_S))
    assert timers.hint_due_s(NOW.later(INTERVAL_S)) == 0


def test_a_hint_that_bypasses_the_interval_is_looked_into_at_once() -> None:
    timers = wrote(NOW)
    now = NOW.later(1)
    decided(timers, CHANGED, now)
    timers.bypass_interval()
    assert timers.hint_due_s(now) == 0
    assert isinstance(decided(timers, CHANGED, now), Write)


def test_a_held_back_payload_is_prepared_once_when_changes_pause() -> None:
    timers = wrote(NOW)
    now = NOW.later(1)
    for _ in range(5):
        now = now.later(QUIET_S / 2)
        assert timers.to_prepare(now) is None
        decided(timers, CHANGED, now)
    assert timers.due_s(now) == QUIET_S
    assert timers.to_prepare(now.later(QUIET_S)) == FIRST
    assert timers.to_prepare(now.later(QUIET_S)) is None


def test_what_is_being_written_is_not_prepared() -> None:
    timers = wrote(NOW)
    decided(timers, CHANGED, NOW.later(1))
    timers.began()
    assert timers.to_prepare(NOW.later(2)) is None


def test_bypassing_the_interval_holds_for_one_decision() -> None:
    timers = wrote(NOW)
    timers.bypass_interval()
    assert isinstance(decided(timers, CHANGED, NOW.later(1)), Write)
    timers.succeeded(NEW.watermark, NOW.later(1).mono / NS)
    assert isinstance(decided(timers, CHANGED, NOW.later(2)), Skipped)


def test_a_back_off_is_never_bypassed() -> None:
    timers = RefreshTimers(INTERVAL_S)
    timers.failed(None, OLD.watermark, NOW.mono / NS)
    timers.bypass_interval()
    decision = decided(timers, CHANGED, NOW)
    assert isinstance(decision, Skipped)
    assert decision.until_s == NOW.mono / NS + backoff_s(1)


def test_at_the_last_chance_nothing_is_put_off() -> None:
    timers = wrote(NOW)
    timers.observe(COLD, NOW)
    inputs = timers.inputs(COLD, NOW, last_chance=True)
    assert isinstance(decide(inputs), Write)


def test_a_cold_graph_is_waited_for_up_to_the_bound() -> None:
    timers = RefreshTimers(INTERVAL_S)
    assert decided(timers, COLD, NOW) == Skipped(
        Reason.RUNTIME_GRAPH_CACHE_COLD, Reason.WATERMARK_CHANGED
    )
    assert timers.due_s(NOW) == min(COLD_BOUND_S, LOOK_S)
    assert decided(timers, COLD, NOW.later(COLD_BOUND_S)) == Write(
        Reason.WATERMARK_CHANGED, with_graph=False
    )
    assert isinstance(decided(timers, CHANGED, NOW.later(COLD_BOUND_S)), Write)
    assert isinstance(decided(timers, COLD, NOW.later(COLD_BOUND_S + 1)), Skipped)


def test_the_bound_of_a_cold_graph_runs_while_the_records_are_unreadable() -> None:
    timers = RefreshTimers(INTERVAL_S)
    assert decided(timers, UNREADABLE, NOW) == Skipped(Reason.PROBE_FAILED)
    assert isinstance(decided(timers, COLD, NOW.later(COLD_BOUND_S)), Write)


@given(
    st.lists(st.tuples(st.sampled_from([CHANGED, COLD, UNREADABLE]), st.floats(0, 5)), min_size=1)
)
def test_whatever_is_skipped_is_looked_at_again_within_one_look(
    story: list[tuple[Snapshot, float]],
) -> None:
    timers, now = wrote(NOW), NOW
    for snapshot, seconds in story:
        now = now.later(seconds)
        decision = decided(timers, snapshot, now)
        if isinstance(decision, Write):
            timers.succeeded(NEW.watermark, now.mono / NS)
        assert 0 <= timers.due_s(now) <= LOOK_S
        if isinstance(decision, Skipped) and decision.until_s is not None:
            assert timers.due_s(now) <= decision.until_s - now.mono / NS + 1e-6
