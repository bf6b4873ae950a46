"""Fixtures that more than one test file needs."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.group import Group
from hypothesis import settings

from iai.layout import Layout

# No example fails for being slow. CI tries the same ones each time: its answer is about the change.
settings.register_profile("iai", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("iai")


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
