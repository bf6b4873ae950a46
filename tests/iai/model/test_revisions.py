"""Sets of revisions against Python's own sets."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from iai.model.revisions import Revisions, of, through

RANGES = st.lists(
    st.tuples(st.integers(1, 60), st.integers(0, 10)).map(lambda r: (r[0], r[0] + r[1])),
    max_size=8,
)


def made(ranges: list[tuple[int, int]]) -> tuple[Revisions, set[int]]:
    revisions, model = Revisions(), set[int]()
    for first, last in ranges:
        revisions = revisions.union(of(range(first, last + 1)))
        model |= set(range(first, last + 1))
    return revisions, model


@given(RANGES)
def test_adding_in_any_order_holds_just_what_was_added(ranges: list[tuple[int, int]]) -> None:
    revisions, model = made(ranges)
    assert list(revisions) == sorted(model)
    assert revisions.count() == len(model)
    assert revisions.head == max(model, default=0)
    assert revisions == made(list(reversed(ranges)))[0]


@given(RANGES)
def test_ranges_are_sorted_and_neither_overlap_nor_touch(ranges: list[tuple[int, int]]) -> None:
    held = made(ranges)[0].ranges
    assert all(first <= last for first, last in held)
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(held))


@given(RANGES)
def test_the_floor_is_where_the_first_one_is_missing(ranges: list[tuple[int, int]]) -> None:
    revisions, model = made(ranges)
    assert revisions.floor == next(n for n in range(100) if n + 1 not in model)


@given(RANGES, RANGES)
def test_difference_intersection_and_union_are_those_of_sets(
    here: list[tuple[int, int]], there: list[tuple[int, int]]
) -> None:
    (a, model_a), (b, model_b) = made(here), made(there)
    assert list(a.minus(b)) == sorted(model_a - model_b)
    assert list(a.both(b)) == sorted(model_a & model_b)
    assert list(a.union(b)) == sorted(model_a | model_b)
    assert [n for n in range(80) if n in a] == sorted(model_a)


@given(RANGES, st.integers(1, 12))
def test_taking_the_newest_again_and_again_takes_all(
    ranges: list[tuple[int, int]], limit: int
) -> None:
    left, model = made(ranges)
    taken: list[int] = []
    while (newest := left.newest(limit)).ranges:
        assert newest.head == left.head
        assert newest.count() <= limit
        taken += newest
        left = left.minus(newest)
    assert sorted(taken) == sorted(model)


def test_up_to_nothing_is_the_empty_set() -> None:
    assert through(0) == Revisions()
    assert through(3).floor == 3
    assert of([3, 1, 2]) == through(3)
