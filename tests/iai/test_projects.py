"""Which project a directory belongs to."""

import subprocess
from pathlib import Path

import pytest

from iai.projects import identify, normalised


def git(directory: Path, *args: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    settings = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", *settings, *args], cwd=directory, check=True, capture_output=True)  # noqa: S607


def repository(directory: Path, remote: str = "") -> Path:
    git(directory, "init", "-q")
    git(directory, "commit", "-q", "--allow-empty", "-m", "first")
    if remote:
        git(directory, "remote", "add", "origin", remote)
    return directory


def project(directory: Path) -> str:
    return identify(str(directory)).id


def test_every_directory_of_a_repository_is_one_project(tmp_path: Path) -> None:
    top = repository(tmp_path / "repo")
    (top / "src" / "deep").mkdir(parents=True)
    assert project(top) == project(top / "src" / "deep")
    assert identify(str(top / "src")).root == str(top)
    assert identify(str(top / "src")).name == "repo"


def test_a_worktree_joins_its_repository(tmp_path: Path) -> None:
    top = repository(tmp_path / "repo")
    git(top, "worktree", "add", "-q", str(tmp_path / "elsewhere" / "tree"))
    assert project(tmp_path / "elsewhere" / "tree") == project(top)
    assert identify(str(tmp_path / "elsewhere" / "tree")).name == "repo"


def test_clones_of_one_remote_join_however_they_reach_it(tmp_path: Path) -> None:
    one = repository(tmp_path / "one", "git@example.com:owner/thing.git")
    two = repository(tmp_path / "two", "https://user@Example.com/owner/thing")
    assert project(one) == project(two)
    assert identify(str(one)).name == "thing"


def test_a_moved_checkout_with_a_remote_stays_the_same_project(tmp_path: Path) -> None:
    before = project(repository(tmp_path / "old", "git@example.com:owner/thing.git"))
    (tmp_path / "old").rename(tmp_path / "new")
    assert project(tmp_path / "new") == before


def test_namesakes_stay_apart(tmp_path: Path) -> None:
    repositories = [repository(tmp_path / str(n) / "api") for n in range(2)]
    (tmp_path / "2" / "api").mkdir(parents=True)
    (tmp_path / "3" / "api").mkdir(parents=True)
    plain = [tmp_path / "2" / "api", tmp_path / "3" / "api"]
    ids = {project(directory) for directory in (*repositories, *plain)}
    assert len(ids) == 4


def test_a_symbolic_link_leads_to_the_same_project(tmp_path: Path) -> None:
    top = repository(tmp_path / "repo")
    (tmp_path / "link").symlink_to(top)
    assert project(tmp_path / "link") == project(top)


def test_a_submodule_is_a_project_of_its_own(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner")
    outer = repository(tmp_path / "outer")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    assert project(outer / "sub") != project(outer)


def test_a_directory_that_is_gone_is_known_by_its_path_or_by_what_the_host_noted() -> None:
    gone = "/nowhere/at/all"
    assert identify(gone).name == "all"
    assert identify(gone) == identify(gone)
    noted = identify(gone, "git@example.com:owner/thing.git")
    assert noted.id == identify("/other/place", "https://example.com/owner/thing").id


def test_no_git_command_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository(tmp_path / "repo")
    expected = project(top)
    monkeypatch.setenv("PATH", "")
    assert project(top) == expected


@pytest.mark.parametrize("content", ["", "garbage", "gitdir: /nowhere", "gitdir:"])
def test_a_broken_git_file_is_no_error(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert identify(str(tmp_path)).id


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("git@github.com:o/r.git", "github.com/o/r"),
        ("ssh://git@github.com:22/o/r.git", "github.com/o/r"),
        ("https://token@GitHub.com/o/r/", "github.com/o/r"),
        ("https://github.com/o/r.git", "github.com/o/r"),
        ("/srv/git/r.git", "/srv/git/r"),
        ("file:///srv/git/r.git", "/srv/git/r"),
        ("C:\\git\\r", "C:\\git\\r"),
    ],
)
def test_a_remote_has_one_name_for_all_ways_to_reach_it(url: str, same: str) -> None:
    assert normalised(url) == same
