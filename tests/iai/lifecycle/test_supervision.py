"""When processes are started, restarted and stopped; without any process."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.lifecycle.supervision import (
    DUMP_S,
    FIRST_DELAY_S,
    LATE_S,
    LONGEST_DELAY_S,
    READY_LIMIT_S,
    RESTART_LIMIT,
    STABLE_AFTER_S,
    STOP_LIMIT_S,
    Action,
    Down,
    Exit,
    Signal,
    Start,
    Supervision,
    Up,
)
from iai.protocol.message import PIPELINE, Actor

HANG_S = 10.0


def started(now: float = 0.0) -> Supervision:
    supervision = Supervision(PIPELINE, HANG_S)
    assert supervision.begin(now) == [Start(actor) for actor in PIPELINE]
    for actor in PIPELINE:
        assert supervision.ready(actor, now) == [Up(actor)]
    return supervision


def test_a_group_is_settled_when_each_is_ready_or_given_up() -> None:
    supervision = Supervision(PIPELINE, HANG_S)
    supervision.begin(0.0)
    for actor in PIPELINE[:-1]:
        supervision.ready(actor, 0.1)
    assert not supervision.settled
    supervision.ended(PIPELINE[-1], Exit.CANNOT_START, 0.2)
    assert supervision.settled


def test_what_dies_is_started_again_at_once_and_then_after_a_delay_that_doubles() -> None:
    supervision = started()
    now, delays = 1.0, []
    for _ in range(4):
        assert supervision.ended(Actor.INGEST, Exit.CRASHED, now)[0] == Down(
            Actor.INGEST, "crashed (1)"
        )
        due = supervision.next_deadline()
        assert due is not None
        delays.append(due - now)
        if due > now:
            assert supervision.tick(due - 0.001, {}) == []
        assert supervision.tick(due, {}) == [Start(Actor.INGEST)]
        now = due
    assert delays == pytest.approx([0.0, *(FIRST_DELAY_S * 2**n for n in range(3))])


def test_what_dies_too_often_in_a_row_counts_as_failed_and_is_still_tried() -> None:
    supervision = started()
    now = 0.0
    for _ in range(RESTART_LIMIT):
        supervision.ended(Actor.INGEST, -9, now)
        now += LONGEST_DELAY_S
        assert supervision.tick(now, {}) == [Start(Actor.INGEST)]
    supervision.ended(Actor.INGEST, -9, now)
    child = supervision.children[Actor.INGEST]
    assert child.state == "failed"
    assert child.last_exit == f"killed by signal 9, {RESTART_LIMIT + 1} times in a row"
    assert supervision.tick(now + LONGEST_DELAY_S - 0.1, {}) == []
    assert supervision.next_deadline() == now + LONGEST_DELAY_S
    assert supervision.tick(now + LONGEST_DELAY_S, {}) == [Start(Actor.INGEST)]
    supervision.ready(Actor.INGEST, now + LONGEST_DELAY_S)
    supervision.ended(Actor.INGEST, -9, now + LONGEST_DELAY_S + 1.0)
    assert child.state == "failed"
    now += 2 * LONGEST_DELAY_S + 1.0
    assert supervision.tick(now, {}) == [Start(Actor.INGEST)]
    supervision.ready(Actor.INGEST, now)
    supervision.ended(Actor.INGEST, -9, now + STABLE_AFTER_S)
    assert child.failures == 1, "it lived long enough to be forgiven"


def test_a_long_life_wipes_the_slate() -> None:
    supervision = started()
    now = 0.0
    for _ in range(3 * RESTART_LIMIT):
        now += STABLE_AFTER_S + 1
        supervision.ended(Actor.INGEST, Exit.CRASHED, now)
        assert supervision.tick(now, {}) == [Start(Actor.INGEST)], "and it is started at once"


@pytest.mark.parametrize("code", [Exit.CANNOT_START, Exit.STORE_CORRUPT])
def test_what_cannot_heal_is_not_started_again(code: Exit) -> None:
    supervision = started()
    supervision.ended(Actor.EMBEDDING, code, 1.0)
    assert supervision.children[Actor.EMBEDDING].state == "failed"
    assert supervision.tick(1e6, {}) == []


def test_one_that_was_killed_by_bad_files_is_started_in_doubt() -> None:
    supervision = started()
    supervision.ended(Actor.GRAPH_CACHE, -signal.SIGBUS, 1.0)
    assert supervision.tick(2.0, {}) == [Start(Actor.GRAPH_CACHE, verify=True)]
    supervision.ended(Actor.GRAPH_CACHE, Exit.CRASHED, 3.0)
    assert supervision.tick(4.0, {}) == [Start(Actor.GRAPH_CACHE, verify=False)]


def test_one_that_was_given_up_can_be_started_by_hand() -> None:
    supervision = started()
    supervision.ended(Actor.EMBEDDING, Exit.CANNOT_START, 1.0)
    assert supervision.restart(Actor.EMBEDDING, 2.0) == [Start(Actor.EMBEDDING)]


def test_a_restart_by_hand_stops_it_first_and_counts_as_no_failure() -> None:
    supervision = started()
    assert supervision.restart(Actor.INGEST, 1.0) == [Signal(Actor.INGEST, "stop")]
    assert supervision.restart(Actor.INGEST, 1.1) == []
    assert supervision.ended(Actor.INGEST, Exit.DONE, 1.2) == [
        Down(Actor.INGEST, "done (0)"),
        Start(Actor.INGEST),
    ]
    assert supervision.children[Actor.INGEST].failures == 0


def test_a_loop_that_stands_still_gets_two_blows() -> None:
    supervision = started()
    ages = {Actor.GRAPH_CACHE: HANG_S}
    assert supervision.tick(HANG_S - 0.1, ages) == []  # it has only just been started
    assert supervision.tick(HANG_S, ages) == [Signal(Actor.GRAPH_CACHE, "dump")]
    assert supervision.tick(HANG_S + DUMP_S / 2, ages) == []
    assert supervision.tick(HANG_S + DUMP_S, ages) == [Signal(Actor.GRAPH_CACHE, "kill")]


def test_what_does_not_become_ready_in_time_gets_two_blows() -> None:
    supervision = Supervision((Actor.INGEST,), HANG_S)
    supervision.begin(0.0)
    assert supervision.tick(READY_LIMIT_S, {}) == [Signal(Actor.INGEST, "dump")]
    assert supervision.tick(READY_LIMIT_S + DUMP_S, {}) == [Signal(Actor.INGEST, "kill")]


def test_the_group_is_stopped_one_after_the_other_in_pipeline_order() -> None:
    supervision = started()
    actions = supervision.stop(1.0)
    order = []
    while actions:
        asked = [action for action in actions if isinstance(action, Signal)]
        assert [action.what for action in asked] == ["stop"]
        order.append(asked[0].actor)
        actions = supervision.ended(asked[0].actor, Exit.DONE, 2.0)[1:]
    assert tuple(order) == PIPELINE
    assert supervision.finished


@pytest.mark.parametrize(
    ("code", "clean_exit"), [(Exit.DONE, True), (Exit.CRASHED, False), (-signal.SIGKILL, False)]
)
def test_a_group_has_ended_in_order_when_each_process_has_done_its_work(
    code: int, *, clean_exit: bool
) -> None:
    supervision = started()
    supervision.stop(0.0)
    for actor in PIPELINE:
        assert not supervision.clean_exit
        supervision.ended(actor, code if actor is PIPELINE[-1] else Exit.DONE, 1.0)
    assert supervision.clean_exit is clean_exit


def test_what_does_not_stop_in_time_is_killed_and_the_next_is_asked() -> None:
    supervision = started()
    supervision.stop(0.0)
    assert supervision.tick(STOP_LIMIT_S, {}) == [Signal(PIPELINE[0], "dump")]
    assert supervision.tick(STOP_LIMIT_S + DUMP_S, {}) == [Signal(PIPELINE[0], "kill")]
    assert supervision.ended(PIPELINE[0], -9, 20.0)[1:] == [Signal(PIPELINE[1], "stop")]


def test_nothing_is_started_while_the_group_stops() -> None:
    supervision = started()
    supervision.ended(Actor.EMBEDDING, Exit.CRASHED, 0.5)
    supervision.stop(0.6)
    assert supervision.restart(Actor.INGEST, 0.7) == []
    assert not [a for a in supervision.tick(100.0, {}) if isinstance(a, Start)]


EVENT = st.one_of(
    st.tuples(st.just("ready"), st.sampled_from(PIPELINE), st.just(0)),
    st.tuples(st.just("ended"), st.sampled_from(PIPELINE), st.sampled_from([0, 1, 3, 5, -9])),
    st.tuples(st.just("restart"), st.sampled_from(PIPELINE), st.just(0)),
    st.tuples(st.just("tick"), st.sampled_from(PIPELINE), st.integers(0, 60)),
    st.tuples(st.just("stop"), st.just(Actor.INGEST), st.just(0)),
)


@given(st.lists(EVENT, max_size=60))
def test_no_actor_ever_has_two_processes_and_a_stopped_group_ends(
    events: list[tuple[str, Actor, int]],
) -> None:
    supervision, now = Supervision(PIPELINE, HANG_S), 0.0
    alive: set[Actor] = set()

    def carry_out(actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Start):
                assert action.actor not in alive
                alive.add(action.actor)
            elif isinstance(action, Signal):
                assert action.actor in alive

    carry_out(supervision.begin(now))
    for name, actor, value in [*events, ("stop", Actor.INGEST, 0)]:
        now += 0.01
        if name == "ended" and actor in alive:
            alive.discard(actor)
            carry_out(supervision.ended(actor, value, now))
        elif name == "ready" and actor in alive:
            carry_out(supervision.ready(actor, now))
        elif name == "restart":
            carry_out(supervision.restart(actor, now))
        elif name == "tick":
            now += value
            carry_out(supervision.tick(now, {actor: float(value)}))
        elif name == "stop":
            carry_out(supervision.stop(now))
    for actor in PIPELINE:
        if actor in alive:
            alive.discard(actor)
            carry_out(supervision.ended(actor, 0, now))
    assert supervision.finished
    assert not alive


def test_all_is_well_as_long_as_what_hangs_comes_to_its_end() -> None:
    supervision = started()
    ages = dict.fromkeys(PIPELINE, 0.0)
    assert supervision.healthy(100.0, ages)
    ages[Actor.INGEST] = HANG_S + LATE_S
    assert supervision.healthy(100.0, ages), "it has been given two blows by now"
    ages[Actor.INGEST] += 1.0
    assert not supervision.healthy(100.0, ages), "and they have had no effect"
    supervision.ended(Actor.INGEST, -signal.SIGKILL, 100.0)
    assert supervision.healthy(100.0, ages)


def test_a_process_that_is_given_up_is_no_reason_to_start_the_whole_group_again() -> None:
    supervision = started()
    supervision.ended(Actor.EMBEDDING, Exit.CANNOT_START, 1.0)
    assert supervision.healthy(1_000.0, {})
    assert supervision.summary == "4 of 5 processes ready; embedding: cannot start (3)"


@pytest.mark.parametrize(("ready", "limit"), [(False, READY_LIMIT_S), (True, STOP_LIMIT_S)])
def test_a_process_that_neither_starts_nor_stops_is_not_well(*, ready: bool, limit: float) -> None:
    supervision = started() if ready else Supervision(PIPELINE, HANG_S)
    actions = supervision.stop(0.0) if ready else supervision.begin(0.0)
    assert actions
    assert supervision.healthy(limit + LATE_S, {})
    assert not supervision.healthy(limit + LATE_S + 1.0, dict.fromkeys(PIPELINE, 99.0))
