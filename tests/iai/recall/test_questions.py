"""The dates and speakers that a question names."""

from datetime import UTC, datetime

import pytest

from iai.model.clock import NS
from iai.recall import speakers, weights
from iai.recall.dates import named
from iai.store.turn_blocks import AROUND


def at(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * NS


NOW = at("2026-11-23T10:00:00")  # a Monday


@pytest.mark.parametrize(
    ("question", "day", "fits"),
    [
        ("What did we decide in May?", "2026-05-14", 1.0),
        ("What did we decide in May?", "2026-06-14", 0.0),
        ("What did we decide in May 2025?", "2026-05-14", 0.0),
        ("the outage on 14 August 2026", "2026-08-14", 1.0),
        ("the outage on August 14th", "2026-08-15", 0.5),
        ("what broke in 2025", "2025-01-01", 1.0),
        ("what broke on 2026-05-14", "2026-05-14", 1.0),
        ("what broke on 2026-05-14", "2026-05-15", 0.5),
        ("what did I do yesterday", "2026-11-22", 1.0),
        ("what did I do yesterday", "2026-11-23", 0.0),
        ("what did we do last week", "2026-11-20", 1.0),
        ("what did we do last week", "2026-11-15", 0.0),
        ("what did we do last Monday", "2026-11-16", 1.0),
        ("what did we do last month", "2026-10-31", 1.0),
    ],
)
def test_a_question_names_days(question: str, day: str, fits: float) -> None:
    when = named(question, NOW)
    assert when is not None
    assert when.fits(at(day)) == fits


@pytest.mark.parametrize(
    "question", ["May I merge it?", "what may fail", "who marched", "port 8080", "", "99-99"]
)
def test_most_questions_name_no_day(question: str) -> None:
    assert named(question, NOW) is None


def test_no_number_fails() -> None:
    when = named("2026-99-99 and 31 February 2026", NOW)
    assert when is not None
    assert when.fits(-(10**18)) == when.fits(9 * 10**18) == 0.0


@pytest.mark.parametrize(
    ("question", "roles"),
    [
        ("what did you suggest about retries", {"assistant"}),
        ("where did I put the key", {"user"}),
        ("you said something", {"assistant"}),
        ("how do I run the tests", set()),
        ("can you fix it", set()),
    ],
)
def test_a_question_names_who_said_it(question: str, roles: set[str]) -> None:
    assert speakers.roles(question) == roles


def test_no_weight_reaches_farther_than_the_stored_neighbours() -> None:
    reach = (len(weights.CONTEXT), len(weights.VECTOR_CONTEXT), weights.REACH)
    assert max(reach) <= AROUND
