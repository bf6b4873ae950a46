"""How candidates become a ranking."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.recall.fusion import NEIGHBOUR, fuse, normalised, ranked

SCORES = st.lists(st.tuples(st.integers(1, 20), st.floats(-5, 50)), max_size=20)


def nobody(_: int) -> tuple[list[int], list[int]]:
    return [], []


def in_a_row(label: int) -> tuple[list[int], list[int]]:
    return [label - 1, label - 2], [label + 1, label + 2]


@given(SCORES)
def test_normalised_scores_are_above_nothing_and_the_best_is_one(
    candidates: list[tuple[int, float]],
) -> None:
    scores = normalised(candidates)
    assert all(0 < score <= 1 for score in scores.values())
    positive = [score for _, score in candidates if score > 0]
    assert bool(scores) == bool(positive)


def test_a_score_too_small_to_be_told_from_nothing_is_nothing() -> None:
    assert normalised([(1, 2.0), (2, 5e-324)]) == {1: 1.0}


def test_scores_of_all_parts_add_up() -> None:
    why = fuse({"words": {1: 1.0, 2: 0.5}, "vectors": {2: 1.0, 3: 0.2}}, nobody)
    assert ranked(why) == [(2, 1.5), (1, 1.0), (3, 0.2)]
    assert why[2] == {"words": 0.5, "vectors": 1.0}


def test_a_turn_gains_from_those_beside_it() -> None:
    why = fuse({"words": {5: 1.0}}, in_a_row)
    near, far = NEIGHBOUR
    gains = {label: parts.get("neighbours") for label, parts in why.items()}
    assert gains == {3: far, 4: near, 5: None, 6: near, 7: far}


def test_a_gain_is_not_passed_on() -> None:
    why = fuse({"words": {1: 1.0, 4: 1.0}}, in_a_row)
    assert why[2]["neighbours"] == pytest.approx(sum(NEIGHBOUR))


def test_the_older_comes_first_among_equals() -> None:
    assert [label for label, _ in ranked(fuse({"words": {9: 1.0, 3: 1.0, 6: 1.0}}, nobody))] == [
        3,
        6,
        9,
    ]


@given(SCORES, SCORES)
def test_the_ranking_does_not_depend_on_the_order_of_candidates(
    words: list[tuple[int, float]], vectors: list[tuple[int, float]]
) -> None:
    one = {"words": dict(words), "vectors": dict(vectors)}
    other = {
        "words": dict(reversed(dict(words).items())),
        "vectors": dict(reversed(dict(vectors).items())),
    }
    assert ranked(fuse(one, in_a_row)) == ranked(fuse(other, in_a_row))
