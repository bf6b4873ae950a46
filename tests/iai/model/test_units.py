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
