"""The state table, walked whole."""

import itertools

import pytest

from iai.lifecycle.states import (
    TRANSITIONS,
    Cause,
    Thresholds,
    diagram,
    idle_cause,
    step,
)
from iai.protocol.message import State

LIMITS = Thresholds(drowsy=10, sleep=20, hibernate=30)


@pytest.mark.parametrize(("state", "cause"), list(itertools.product(State, Cause)))
def test_every_pair_is_in_the_table_or_changes_nothing(state: State, cause: Cause) -> None:
    assert step(state, cause) is TRANSITIONS[state].get(cause, state)


@pytest.mark.parametrize("state", State)
def test_activity_leads_from_every_state_to_wake(state: State) -> None:
    assert step(state, Cause.ACTIVITY) is State.WAKE


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached_from_wake_and_left_again(state: State) -> None:
    reached = {State.WAKE}
    for _ in State:
        reached |= {to for at in reached for to in TRANSITIONS[at].values()}
    assert state in reached
    assert TRANSITIONS[state]


def test_idleness_leads_through_all_states_in_turn() -> None:
    state, seen = State.WAKE, []
    for idle_s in range(0, 40, 5):
        cause = idle_cause(state, idle_s, LIMITS)
        state = step(state, cause) if cause else state
        seen.append(state)
    assert seen == [
        State.WAKE, State.WAKE, State.DROWSY, State.DROWSY,
        State.SLEEP, State.SLEEP, State.HIBERNATION, State.HIBERNATION,
    ]  # fmt: skip


def test_a_long_absence_passes_through_every_state_rather_than_getting_stuck() -> None:
    state = State.WAKE
    for _ in range(3):
        cause = idle_cause(state, 1e9, LIMITS)
        assert cause is not None
        state = step(state, cause)
    assert state is State.HIBERNATION


def test_the_diagram_shows_every_line_of_the_table() -> None:
    lines = diagram().splitlines()
    assert len(lines) == 2 + sum(len(row) for row in TRANSITIONS.values())
