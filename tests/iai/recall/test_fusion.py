"""How candidates become a ranking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.recall.fusion import (
    Floats,
    Neighbours,
    by_session,
    by_similarity,
    by_terms,
    in_exchange,
    rarity,
    shares,
    spread,
)
from iai.recall.weights import CONTEXT, SESSION_REACH, VECTOR_CONTEXT

ONE = np.ones(1)


def in_a_row(count: int) -> Neighbours:
    """Turns of one session, one after the other."""
    reach = len(CONTEXT)
    neighbours = [
        [row - d if row >= d else -1 for d in range(1, reach + 1)]
        + [row + d if row + d < count else -1 for d in range(1, reach + 1)]
        for row in range(count)
    ]
    return np.asarray(neighbours, np.int64)


def column(*numbers: float) -> Floats:
    return np.asarray(numbers, np.float64)


def test_a_rare_term_weighs_more_and_none_weighs_less_than_zero() -> None:
    rare = rarity([1, 10, 100, 101], 100)
    assert list(rare) == sorted(rare, reverse=True)
    assert all(rare >= 0)


def test_a_turn_gains_less_from_terms_farther_away() -> None:
    counts = np.zeros((9, 1))
    counts[4] = 1
    own, whole = by_terms(counts, ONE, in_a_row(9))
    assert [bool(score) for score in own] == [row == 4 for row in range(9)]
    assert [bool(score) for score in whole] == [1 <= row <= 7 for row in range(9)]
    assert whole[4] > whole[3] > whole[2] > whole[1]
    assert list(whole) == list(whole[::-1])


def test_the_context_of_a_turn_in_an_exchange_ends_where_another_request_begins() -> None:
    inside = np.asarray([True] * 6)
    opens = np.asarray([True, False, False, True, False, True])
    kept = in_exchange(in_a_row(6), inside, opens)
    beside = [sorted(set(row) - {-1}) for row in kept.tolist()]
    assert beside == [[1, 2], [0, 2], [0, 1], [4], [3], []]
    assert in_exchange(in_a_row(6), ~inside, opens).tolist() == in_a_row(6).tolist()


def test_different_terms_of_a_question_on_both_sides_say_more_than_one_of_them_twice() -> None:
    both = np.asarray([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    twice = np.asarray([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    rare = np.ones(2)
    assert by_terms(both, rare, in_a_row(3))[1][1] > by_terms(twice, rare, in_a_row(3))[1][1]


def test_gains_are_not_passed_on() -> None:
    gains = spread(column(1, 0, 0), in_a_row(3), (0.5,))
    assert list(gains) == [0, 0.5, 0]


def test_what_is_unlike_the_question_takes_nothing_from_its_neighbours() -> None:
    near, far = VECTOR_CONTEXT
    own, whole = by_similarity(column(-0.9, 1.0, 0.0, -0.5), in_a_row(4))
    assert list(own) == [0, 1, 0, 0]
    assert list(whole) == [near, 1, near, far]


def test_the_most_similar_turn_lifts_those_near_it_and_no_other_session() -> None:
    labels = np.asarray([1, 2, SESSION_REACH + 1, SESSION_REACH + 2, 4, 5])
    sessions = np.asarray([7, 7, 7, 7, 8, 0])
    best = by_session(column(0.9, 0.2, 0.1, 0.1, 0.3, 0.4), labels, sessions, labels > 0)
    assert list(best) == [0.9, 0.9, 0.9, 0.2, 0.3, 0.4]


def test_a_note_outside_a_session_lifts_only_itself() -> None:
    best = by_session(column(0.9, 0.2), np.arange(2), np.zeros(2, np.int64), np.ones(2, np.bool_))
    assert list(best) == [0.9, 0.2]


def test_only_allowed_turns_lift_a_session_and_dissimilar_ones_lower_nothing() -> None:
    sessions = np.ones(3, np.int64)
    best = by_session(
        column(0.9, -0.5, 0.1), np.arange(3), sessions, np.asarray([False, True, True])
    )
    assert list(best) == [0.1, 0.1, 0.1]
    none = by_session(column(0.9, 0.5, 0.1), np.arange(3), sessions, np.zeros(3, np.bool_))
    assert list(none) == [0, 0, 0]


def test_only_turns_with_a_row_of_their_own_are_scored() -> None:
    counts = np.asarray([[0.0], [1.0]])
    neighbours = np.asarray([[-1] * len(CONTEXT) + [1] + [-1] * (len(CONTEXT) - 1)])
    own, whole = by_terms(counts, ONE, neighbours)
    assert len(own) == len(whole) == 1
    assert whole[0] > own[0]


def test_the_best_whole_is_one_and_zero_stays_zero() -> None:
    own, others = shares(column(1, 2), column(4, 2))
    assert list(own + others) == [1, 0.5]
    assert list(own) == [0.25, 0.5]
    assert [list(part) for part in shares(column(0), column(0))] == [[0], [0]]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_the_order_of_the_rows_changes_no_score(counts: list[int]) -> None:
    rows = np.asarray(counts, np.float64).reshape(-1, 1)
    order = sorted(range(len(rows)), key=lambda row: (counts[row], row))
    place = {old: new for new, old in enumerate(order)}
    neighbours = in_a_row(len(rows))
    moved = np.asarray(
        [[place.get(int(b), -1) for b in neighbours[old]] for old in order], np.int64
    )
    _, whole = by_terms(rows, ONE, neighbours)
    _, again = by_terms(rows[order], ONE, moved)
    assert list(again) == pytest.approx(list(whole[order]))
