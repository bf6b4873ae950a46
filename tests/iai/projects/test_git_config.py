"""Remotes in git's configuration."""

from pathlib import Path

import pytest

from iai.projects.git_config import origin, rewritten
from iai.projects.identity import identify

USER = """[url "git@github.com:"]
\tinsteadOf = gh:
[url "https://mirror.example.org/acme/"] insteadOf = "gh:acme/"
"""


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the git directory of an empty clone, in a home with settings of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    (tmp_path / ".gitconfig").write_text(USER)
    directory = tmp_path / "clone" / ".git"
    directory.mkdir(parents=True)
    return directory


def test_origin_goes_before_the_first_remote(git: Path) -> None:
    first, second = '[remote "up"]\n\turl = a:b\n', '[Remote "origin"]\n\tURL = "c:d"\n'
    (git / "config").write_text(first)
    assert origin(git) == "a:b"
    (git / "config").write_text(f"{first}[branch]\n\turl = x\n{second}")
    assert origin(git) == "c:d"


def test_an_abbreviation_is_replaced_and_the_longest_one_wins(git: Path) -> None:
    assert rewritten("gh:Other/Tides", None) == "git@github.com:Other/Tides"
    assert rewritten("gh:acme/Tides", None) == "https://mirror.example.org/acme/Tides"
    assert rewritten("https://github.com/o/r", None) == "https://github.com/o/r"
    (git / "config").write_text('[url "ssh://git@example.org/"]\n\tinsteadOf = here:\n')
    assert rewritten("here:o/r", git) == "ssh://git@example.org/o/r"


def test_an_abbreviated_remote_is_the_same_project(git: Path) -> None:
    (git / "config").write_text('[remote "origin"]\n\turl = gh:Other/Tides.git\n')
    same = identify("/gone", "https://github.com/other/tides")
    assert identify(str(git.parent)).id == same.id
