"""Remotes in git's configuration."""

import os
import subprocess
from pathlib import Path

import pytest

from iai.projects.git_config import GitDirectory, origin, rewritten
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
    assert origin(GitDirectory(git, git)) == "a:b"
    (git / "config").write_text(f"{first}[branch]\n\turl = x\n{second}")
    assert origin(GitDirectory(git, git)) == "c:d"


def test_an_abbreviation_is_replaced_and_the_longest_one_wins(git: Path) -> None:
    assert rewritten("gh:Other/Tides", None) == "git@github.com:Other/Tides"
    assert rewritten("gh:acme/Tides", None) == "https://mirror.example.org/acme/Tides"
    assert rewritten("https://github.com/o/r", None) == "https://github.com/o/r"
    (git / "config").write_text('[url "ssh://git@example.org/"]\n\tinsteadOf = here:\n')
    assert rewritten("here:o/r", GitDirectory(git, git)) == "ssh://git@example.org/o/r"


def test_an_abbreviated_remote_is_the_same_project(git: Path) -> None:
    (git / "config").write_text('[remote "origin"]\n\turl = gh:Other/Tides.git\n')
    same = identify("/gone", "https://github.com/other/tides")
    assert identify(str(git.parent)).id == same.id


def by_git(directory: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(Path.home())}
    command = ["git", "-C", str(directory), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(git: Path) -> Path:
    """Return a real repository below the home directory."""
    (git.parents[1] / ".gitconfig").unlink()
    (git.parents[1] / ".gitconfig").write_text("[init]\n\tdefaultBranch = main\n")
    by_git(git.parents[1], "init", "-q", "clone")
    return git.parent


SHORT = '[url "x://y/"] insteadOf = gh:'
CONFIG = """[remote "origin"]
\turl = %s
"""


@pytest.mark.parametrize(
    ("own", "user", "included"),
    [
        ("[include]\n\tpath = more\n", "", CONFIG % "a:b/c"),
        ('[include] path = "~/more"\n', "", CONFIG % "a:b/c"),
        (CONFIG % "gh:b/c", '[includeIf "gitdir:~/clone/"] path = more', SHORT),
        (CONFIG % "gh:b/c", '[includeIf "gitdir:clone/.git"] path = more', SHORT),
        (CONFIG % "gh:b/c", '[includeIf "gitdir:~/other/"] path = more', SHORT),
        (CONFIG % "gh:b/c", '[includeIf "gitdir/i:~/CLONE/**"] path=more', SHORT),
        (CONFIG % "gh:b/c", '[includeIf "hasconfig:remote.*.url:gh:*/**"] path = more',
         SHORT),
        (CONFIG % "gh:b/c", '[includeIf "hasconfig:remote.*.url:lab:**"] path = more',
         SHORT),
        ("[remote.origin]\nurl=a:b/c ; a comment\n", "", ""),
        ('[remote "origin"]\n\turl = "/srv/our repo.git" # here\n', "", ""),
        ('[remote "origin"]\n\turl = /srv/our\\\n/long.git\n', "", ""),
        ('[remote "origin"]\n\turl = /srv/our repo.git\n\turl = z:z\n', "", ""),
        (CONFIG % "a:b",
         '[url "x:"]\n\tinsteadOf = a:\n\tinsteadOf = q:\n[url "z:"] pushInsteadOf = a:', ""),
    ],
)  # fmt: skip
def test_a_remote_is_read_as_git_reads_it(clone: Path, own: str, user: str, included: str) -> None:
    (clone / ".git/config").write_text((clone / ".git/config").read_text() + own)
    (clone.parent / ".gitconfig").write_text(user)
    (clone.parent / "more").write_text(included)
    (clone / ".git/more").write_text(included)
    directory = GitDirectory(clone / ".git", clone / ".git")
    expected = by_git(clone, "ls-remote", "--get-url", "origin")
    assert rewritten(origin(directory), directory) == expected


def test_files_that_include_one_another_are_read_once(git: Path) -> None:
    (git / "config").write_text("[include] path = config\n[include] path = more\n")
    (git / "more").write_text(f"[include] path = config\n{CONFIG % 'a:b'}")
    assert origin(GitDirectory(git, git)) == "a:b"


def test_a_remote_in_the_settings_of_the_user_makes_no_projects_one(git: Path) -> None:
    (git.parents[1] / ".gitconfig").write_text(CONFIG % "a:b")
    assert origin(GitDirectory(git, git)) == ""


def test_a_worktree_may_have_a_remote_of_its_own(clone: Path) -> None:
    by_git(clone, "-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "x", "--allow-empty")
    by_git(clone, "config", "extensions.worktreeConfig", "true")
    by_git(clone, "worktree", "add", "-q", "../there")
    there = clone.parent / "there"
    by_git(there, "config", "--worktree", "remote.origin.url", "https://example.org/Own/thing")
    assert identify(str(there)).id == identify("/gone", "https://example.org/Own/thing").id
    assert identify(str(clone)).id != identify(str(there)).id


@pytest.mark.parametrize("remote", ["", "https://example.org/inner"])
def test_a_submodule_is_one_project_in_all_worktrees(clone: Path, remote: str) -> None:
    author = ("-c", "user.name=a", "-c", "user.email=a", "-c", "protocol.file.allow=always")
    by_git(clone.parent, "init", "-q", "inner")
    inner = clone.parent / "inner"
    by_git(inner, *author, "commit", "-qm", "x", "--allow-empty")
    by_git(clone, *author, "submodule", "--quiet", "add", str(inner), "sub")
    by_git(clone, *author, "commit", "-qm", "x")
    by_git(clone, "worktree", "add", "-q", "../there")
    there = clone.parent / "there"
    by_git(there, *author, "submodule", "--quiet", "update", "--init")
    for checkout in (clone, there):
        by_git(checkout / "sub", "remote", "remove", "origin")
        if remote:
            by_git(checkout / "sub", "remote", "add", "fork", remote)
    subs = [identify(str(checkout / "sub")).id for checkout in (clone, there)]
    assert subs[0] == subs[1] != identify(str(clone)).id
    assert identify(str(clone)).id == identify(str(there)).id
