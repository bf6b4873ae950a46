"""Times as people write them."""

import pytest

from iai.errors import BadUsage
from iai.model import units
from iai.model.clock import NS

WALL = 1_800_000_000 * NS


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", 0),
        ("90s", WALL - 90 * NS),
        ("2h", WALL - 7_200 * NS),
        ("3d", WALL - 259_200 * NS),
        ("2026-11-23T10:00", 1_795_428_000 * NS),
        ("2026-11-23T11:00+01:00", 1_795_428_000 * NS),
        ("2026-11-23", 1_795_392_000 * NS),
    ],
)
def test_a_time_is_given_as_such_or_as_how_long_ago(text: str, moment: int) -> None:
    assert units.moment("--since", text, WALL) == moment


@pytest.mark.parametrize("text", ["999999999d", "0001-01-01", "9999-12-31", "1970-01-01"])
def test_a_time_far_off_is_one_that_can_be_sent_and_is_not_taken_for_none(text: str) -> None:
    assert 0 < units.moment("--since", text, WALL) < 1 << 63


@pytest.mark.parametrize("text", ["yesterday", "2 h", "-2h", "1w", "2026-13-01", "9999999999d"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadUsage, match=r"--since .*: give a time like 2026-11-23T10:00, or 90s"):
        units.moment("--since", text, WALL)


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0.0 kB"), (6_430, "6.4 kB"), (100_000, "0.1 MB"), (2e9, "2000.0 MB")]
)
def test_a_size_is_never_shown_as_nothing_that_is_something(count: int, shown: str) -> None:
    assert units.size(count) == shown


def test_kinds_are_counted_with_their_plurals_the_most_first() -> None:
    assert units.kinds({"aws-key": 1, "token": 2}) == "2 tokens, 1 aws-key"
