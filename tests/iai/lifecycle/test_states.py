"""The state table, walked whole."""

import itertools

import pytest

from iai.lifecycle.states import (
    TRANSITIONS,
    Occasion,
    Thresholds,
    diagram,
    idle_occasion,
    step,
)
from iai.protocol.message import State

LIMITS = Thresholds(drowsy=10, sleep=20, hibernate=30)


@pytest.mark.parametrize(("state", "occasion"), list(itertools.product(State, Occasion)))
def test_every_pair_is_in_the_table_or_changes_nothing(state: State, occasion: Occasion) -> None:
    assert step(state, occasion) is TRANSITIONS[state].get(occasion, state)


@pytest.mark.parametrize("state", State)
def test_activity_leads_from_every_state_to_wake(state: State) -> None:
    assert step(state, Occasion.ACTIVITY) is State.WAKE


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
        occasion = idle_occasion(state, idle_s, LIMITS)
        state = step(state, occasion) if occasion else state
        seen.append(state)
    assert seen == [
        State.WAKE, State.WAKE, State.DROWSY, State.DROWSY,
        State.SLEEP, State.SLEEP, State.HIBERNATION, State.HIBERNATION,
    ]  # fmt: skip


def test_a_long_absence_passes_through_every_state_rather_than_getting_stuck() -> None:
    state = State.WAKE
    for _ in range(3):
        occasion = idle_occasion(state, 1e9, LIMITS)
        assert occasion is not None
        state = step(state, occasion)
    assert state is State.HIBERNATION


def test_the_diagram_shows_every_line_of_the_table() -> None:
    lines = diagram().splitlines()
    assert len(lines) == 2 + sum(len(row) for row in TRANSITIONS.values())
