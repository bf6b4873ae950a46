"""Teams for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.iai.replication.nodes import Make, Team


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Make]:
    made: list[Team] = []

    def make(number: int) -> Team:
        made.append(Team(tmp_path, number))
        return made[-1]

    yield make
    for one in made:
        one.close()
