"""The lag of the payload over a period, against one that is sampled tick by tick."""

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.freshness.lag import Distribution, Gap, gaps, longest_by_bin

END = 60  # ticks, each a nanosecond

# When each change was made, and how far each write comes after which of them.
changes = st.lists(st.integers(1, END - 1), max_size=12).map(sorted)
writes = st.lists(st.tuples(st.integers(1, END - 1), st.integers(0, 12)), max_size=8).map(
    lambda pairs: list(zip(sorted(at for at, _ in pairs), sorted(r for _, r in pairs), strict=True))
)


def sampled(made: list[int], written: list[tuple[int, int]], at: int) -> int:
    """Return the lag in one tick as anyone would compute it who looks at that moment."""
    done = [revision for when, revision in written if when <= at]
    missing = [when for number, when in enumerate(made, 1) if number > done[-1] and when <= at]
    return at + 1 - missing[0] if missing else 0  # at the end of the tick


def found(made: list[int], written: list[tuple[int, int]], start: int = 0) -> list[Gap]:
    def first_after(revision: int) -> int | None:
        return made[revision] if revision < len(made) else None

    return list(gaps(written, first_after, start, END))


@given(changes, writes, st.integers(0, END - 2))
def test_it_is_what_one_would_see_at_each_moment(
    made: list[int], written: list[tuple[int, int]], start: int
) -> None:
    written = [(0, 0), *((at, min(revision, len(made))) for at, revision in written)]
    own = found(made, written, start)
    lags = [sampled(made, written, at) for at in range(start, END)]
    spread = Distribution(own, END - start)
    assert sum(gap.end - gap.start for gap in own) == spread.behind == sum(lag > 0 for lag in lags)
    assert spread.longest == max(lags)
    for limit in range(END):
        assert spread.share_longer(limit) == pytest.approx(
            sum(lag > limit for lag in lags) / len(lags)
        )
    ordered = sorted(lags)
    for share in (0.1, 0.5, 0.9, 0.99):
        seen = ordered[
            min(len(ordered) - 1, bisect_right(range(len(ordered)), share * len(lags)) - 1)
        ]
        assert seen - 1 <= spread.quantile(share) <= seen
    assert all(before.end <= after.start for before, after in pairwise(own))


@given(changes, writes, st.integers(1, 20))
def test_each_part_of_the_period_has_its_longest(
    made: list[int], written: list[tuple[int, int]], bins: int
) -> None:
    written = [(0, 0), *((at, min(revision, len(made))) for at, revision in written)]
    lags = [sampled(made, written, at) for at in range(END)]
    width = -(-END // bins)
    parts = [max(lags[at : at + width], default=0) for at in range(0, END, width)]
    own = longest_by_bin(found(made, written), 0, END, bins)
    assert own[: len(parts)] == parts
    assert not any(own[len(parts) :])


def test_a_text_that_is_never_written_again_stays_behind() -> None:
    """The failure of the system before this one: nothing is written, and nothing is said."""
    (frozen,) = found([5, 20], [(0, 0), (10, 1)], start=10)
    assert frozen == Gap(20, 20, END, closed=False)
    assert found([5], [(0, 0), (10, 1)], start=10) == []
    assert Distribution([], END).quantile(0.99) == Distribution([], 0).longest == 0
