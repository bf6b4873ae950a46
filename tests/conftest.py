"""Fixtures that more than one test file needs."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.group import Group

from iai.layout import Layout


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Return a directory with a path short enough for sockets, as pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="iai-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def layout(short_path: Path) -> Layout:
    """Return the layout of an empty store."""
    layout = Layout(short_path / "store")
    layout.create()
    return layout


@pytest.fixture
def group() -> Iterator[Callable[..., Group]]:
    """Return a maker of groups; what they leave running is ended, and fails no test by itself."""
    made: list[Group] = []

    def make(**settings: str) -> Group:
        made.append(Group(**settings))
        return made[-1]

    yield make
    for one in made:
        one.destroy()
