"""Fixtures that more than one test file needs."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from harness.group import FOREIGN, Group
from hypothesis import HealthCheck, settings

from iai.config.layout import Layout
from tests.shell import Shell

# The same examples each time, and none fails for being slow or by bad luck: the answer is about the
# change. `--hypothesis-profile=search` looks for others.
LUCK = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("iai", deadline=None, suppress_health_check=LUCK, derandomize=True)
settings.register_profile("search", settings.get_profile("iai"), derandomize=False)
settings.load_profile("iai")

# Nor is it about what this user has set.
for variable in [name for name in os.environ if name.startswith((*FOREIGN, "GIT_"))]:
    del os.environ[variable]
# A shell has what it runs in the background ignore Ctrl-C; so would every command that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


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
def shell(short_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a shell in which a user types commands that need no group."""
    return Shell(short_path, capsys)


@pytest.fixture
def in_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Group], Group]:
    """Return what has the commands for a group run in this process, for the rest of the test.

    But for `up`: what it leaves running would be our child.
    """

    def change(group: Group) -> Group:
        shell = Shell(group.work, capsys)
        shell.environment = group.environment
        start = group.iai

        def iai(*args: str) -> "CompletedProcess[str]":
            return (start if args[0] == "up" else shell.iai)(*args)

        monkeypatch.setattr(group, "iai", iai)
        return group

    return change


@pytest.fixture(scope="session")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a PATH on which the clock of the hooks, `sleep`, goes a hundred times as slow.

    But for the few milliseconds between two looks, which end nothing.
    """
    clock = tmp_path_factory.mktemp("clock") / "sleep"
    clock.write_text(
        "#!/bin/bash\n"
        'case "$1" in 0.00*) exec /bin/sleep "$1" ;; esac\n'
        'exec /bin/sleep "$((${1%.*} * 100 + 100))"\n'
    )
    clock.chmod(0o755)
    return f"{clock.parent}:{os.environ['PATH']}"


@pytest.fixture
def group(unhurried: str) -> Iterator[Callable[..., Group]]:
    """Return a maker of groups; what they leave running is ended, and fails no test by itself.

    Neither the supervisor nor a hook ends what takes long, unless a test asks for that.
    """
    yield from groups(unhurried)


@pytest.fixture
def group_in_process(
    group: Callable[..., Group], in_process: Callable[[Group], Group]
) -> Callable[..., Group]:
    """Return a maker of groups for which commands run in this process."""
    return lambda **settings: in_process(group(**settings))


@pytest.fixture(scope="module")
def group_of_module(unhurried: str) -> Iterator[Callable[..., Group]]:
    """Return the same for groups that tests share: to start one takes three seconds of CPU."""
    yield from groups(unhurried)


def groups(unhurried: str) -> Iterator[Callable[..., Group]]:
    """Yield a maker of groups, and then destroy what it made."""
    made: list[Group] = []

    def make(**settings: str) -> Group:
        made.append(Group(**{"hang_after_sec": "600", **settings}))
        made[-1].environment["PATH"] = unhurried
        # Codex calls hooks in a login shell, which resets the PATH and then reads this.
        (made[-1].work / ".profile").write_text(f"PATH='{unhurried}'\n")
        return made[-1]

    yield make
    for one in made:
        one.destroy()
