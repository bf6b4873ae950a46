"""The group in one process, under a clock that the test moves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simulation.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Return a maker of worlds, each with its own store."""
    made: list[World] = []

    def make(**given: Any) -> World:
        made.append(World(tmp_path / f"world-{len(made)}", **given))
        return made[-1]

    yield make
    for one in made:
        one.close()
