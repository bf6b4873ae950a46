"""The options that several commands take."""

from argparse import ArgumentParser

import pytest

from iai.cli import options
from iai.errors import BadUsage
from iai.model import units
from iai.model.clock import NS

WALL = 1_800_000_000 * NS


def period(*words: str) -> tuple[int, int]:
    parser = ArgumentParser()
    options.add_period(parser)
    args = parser.parse_args(words)
    return units.period(args.since, args.until, WALL)


def test_a_period_is_open_where_nothing_is_given() -> None:
    assert period() == (0, 0)
    assert period("--since", "2h") == (WALL - 7_200 * NS, 0)
    assert period("--until", "2h") == (0, WALL - 7_200 * NS)


def test_a_period_in_which_nothing_can_lie_is_refused() -> None:
    with pytest.raises(BadUsage, match="the period from 1h to 2h is empty"):
        period("--since", "1h", "--until", "2h")
