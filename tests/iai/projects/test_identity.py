"""Which project a directory belongs to."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.model.remote import normalised
from iai.projects.identity import holds_many, identify


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


def test_a_repository_is_one_project_in_all_its_directories(tmp_path: Path) -> None:
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


def test_clones_of_one_remote_are_one_project_whatever_its_url(tmp_path: Path) -> None:
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


def test_a_missing_directory_is_identified_by_its_path_or_the_remote_its_host_noted() -> None:
    gone = "/nowhere/at/all"
    assert identify(gone).name == "all"
    assert identify(gone) == identify(gone)
    noted = identify(gone, "git@example.com:owner/thing.git")
    assert noted.id == identify("/other/place", "https://example.com/owner/thing").id


def test_no_git_command_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository(tmp_path / "repo")
    expected = project(top)
    monkeypatch.setenv("PATH", "")
    assert project(top) == expected


def test_worktrees_of_a_bare_repository_join_it_and_each_other(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    git(tmp_path, "clone", "-q", "--bare", str(origin), "thing.git")
    git(tmp_path / "thing.git", "config", "--remove-section", "remote.origin")
    trees = [tmp_path / "a", tmp_path / "deep" / "b"]
    for tree in trees:
        git(tmp_path / "thing.git", "worktree", "add", "-q", str(tree), "-b", tree.name)
    inside = [tmp_path / "thing.git", tmp_path / "thing.git" / "refs"]
    assert len({project(directory) for directory in (*trees, *inside)}) == 1
    assert identify(str(trees[0])).name == "thing"


def test_a_worktree_keeps_its_project_when_its_repository_is_moved(
    tmp_path: Path,
) -> None:
    top = repository(tmp_path / "repo")
    git(top, "worktree", "add", "-q", str(tmp_path / "tree"))
    before = project(top)
    top.rename(tmp_path / "moved")
    assert project(tmp_path / "tree") == before


def test_a_package_with_a_marker_is_a_project_of_its_own(tmp_path: Path) -> None:
    top = repository(tmp_path / "mono", "git@example.com:o/mono.git")
    for name in ("api", "web", "lib"):
        (top / "packages" / name / "src").mkdir(parents=True)
    (top / "packages" / "api" / ".iai-project").touch()
    (top / "packages" / "web" / ".iai-project").write_text("shop\n")
    api, web, lib = (top / "packages" / name for name in ("api", "web", "lib"))
    assert len({project(api), project(web), project(lib)}) == 3
    assert project(lib) == project(top)
    assert project(api / "src") == project(api)
    assert identify(str(api)).root == str(api)
    assert (identify(str(api)).name, identify(str(web)).name) == ("api", "shop")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(top), str(clone))
    git(clone, "remote", "set-url", "origin", "https://example.com/o/mono")
    for package in (api, web):
        copy = clone / package.relative_to(top)
        copy.mkdir(parents=True)
        (copy / ".iai-project").write_text((package / ".iai-project").read_text())
        assert project(copy) == project(package)


def test_a_named_package_can_be_moved_within_its_repository(tmp_path: Path) -> None:
    top = repository(tmp_path / "mono")
    (top / "old").mkdir()
    (top / "old" / ".iai-project").write_text("shop")
    before = project(top / "old")
    (top / "old").rename(top / "new")
    assert project(top / "new") == before


def test_a_marker_at_the_top_of_a_repository_only_names_it(tmp_path: Path) -> None:
    top = repository(tmp_path / "repo")
    before = project(top)
    (top / ".iai-project").write_text("\x1b[31mThe Thing\x1b[0m\nmore\n")
    assert project(top) == before
    assert identify(str(top)).name == "[31mThe Thing[0m"


def test_a_marker_above_a_repository_does_not_reach_into_it(tmp_path: Path) -> None:
    (tmp_path / ".iai-project").write_text("everything")
    top = repository(tmp_path / "repo")
    (tmp_path / "notes" / "old").mkdir(parents=True)
    assert project(top) != project(tmp_path)
    assert project(tmp_path / "notes" / "old") == project(tmp_path)


def test_marked_namesakes_outside_repositories_stay_apart(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / ".iai-project").write_text("api")
    assert project(tmp_path / "a") != project(tmp_path / "b")


def test_a_name_never_contains_a_password(tmp_path: Path) -> None:
    for number, url in enumerate((
        "https://me:s3cret@example.com/o/r.git",
        "https://me:s3cret@x@example.com/o/r.git",
        "https://example.com/o/r.git?token=s3cret",
        "https://example.com/o/r#s3cret",
        "me:s3cret@example.com:o/r.git",
    )):  # fmt: skip
        one = identify(str(repository(tmp_path / str(number), url)))
        assert one.name == "r", url
        assert one.id == identify("/nowhere", "ssh://git@example.com/o/r").id, url


# What identifies a checkout in the property below: a remote, or only its own path.
REMOTES = ("", "https://example.com/o/r.git", "git@example.com:o/r", "https://example.com/o/other")


class Checkout(NamedTuple):
    """A generated repository: its directory, the URL of its remote, what else it has."""

    place: str
    remote: str
    worktree: bool
    marked: str  # content of the marker in its package `pkg`; "-": no marker


checkouts = st.lists(
    st.builds(
        Checkout,
        st.sampled_from(["a", "a/in", "b", "b/in/deep", "c/api", "d/api"]),
        st.sampled_from(REMOTES),
        st.booleans(),
        st.sampled_from(["-", "", "shop"]),
    ),
    max_size=5,
    unique_by=lambda one: one.place,
)


def lay_out(root: Path, one: Checkout) -> list[tuple[Path, tuple[str, ...]]]:
    """Create a checkout; return its directories, each with what identifies its project."""
    top = root / one.place
    common = top / ".git"
    common.mkdir(parents=True)
    section = f'[remote "origin"]\n\turl = {one.remote}\n' if one.remote else ""
    (common / "config").write_text("[core]\n\tbare = false\n" + section)
    repo: tuple[str, ...] = (normalised(one.remote) if one.remote else f"at {one.place}",)
    tops = [top]
    if one.worktree:
        own = common / "worktrees" / "w"
        own.mkdir(parents=True)
        (own / "commondir").write_text("../..\n")
        tops.append(root / "trees" / one.place.replace("/", "-"))
        tops[-1].mkdir(parents=True)
        (tops[-1] / ".git").write_text(f"gitdir: {own}\n")
    found: list[tuple[Path, tuple[str, ...]]] = []
    for tree in tops:
        (tree / "pkg" / "src").mkdir(parents=True)
        package = repo
        if one.marked != "-":
            (tree / "pkg" / ".iai-project").write_text(one.marked)
            package = (*repo, one.marked or "pkg")
        found += [(tree, repo), (tree / "pkg", package), (tree / "pkg" / "src", package)]
    return found


@given(checkouts)
def test_directories_are_one_project_exactly_if_they_share_what_identifies_them(
    made: list[Checkout],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(os.path.realpath(directory))
        found: list[tuple[Path, tuple[str, ...]]] = [
            each for one in made for each in lay_out(root, one)
        ]
        for name in ("plain", "plain/api", "plain/in/api"):
            (root / name).mkdir(parents=True, exist_ok=True)
            found.append((root / name, ("plain", name)))
        links = []
        for number, (target, same) in enumerate(found):
            (root / f"link{number}").symlink_to(target)
            links.append((root / f"link{number}", same))
        every = [(project(place), same) for place, same in (*found, *links)]
        for id_, same in every:
            assert {s for i, s in every if i == id_} == {same}
            assert {i for i, s in every if s == same} == {id_}


@pytest.mark.parametrize("content", ["", "garbage", "gitdir: /nowhere", "gitdir:"])
def test_a_broken_git_file_is_not_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert identify(str(tmp_path)).id


def test_spellings_of_one_remote_are_one_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host github-work\n  HostName github.com\n")
    found = [
        identify(str(repository(tmp_path / str(number), url)))
        for number, url in enumerate((
            "git@github.com:Acme/Tides.git",
            "git@github-work:acme/tides.git",
            "https://github.com/acme/tides",
            "ssh://git@ssh.github.com:443/acme/tides.git",
            "https://github.com/Acme/Tides/",
        ))
    ]  # fmt: skip
    assert len({one.id for one in found}) == 1
    assert {one.name for one in found} == {"Tides", "tides"}


def test_another_spelling_still_knows_the_id_that_it_had() -> None:
    plain = identify("/gone", "git@github.com:acme/tides.git")
    assert plain.former == ()
    (former,) = identify("/gone", "git@github.com:Acme/Tides.git").former
    assert former != plain.id


def test_a_repository_at_the_home_directory_is_of_that_directory_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    remote = "git@github.com:me/dotfiles.git"
    repository(tmp_path, remote)
    notes, app, checkout = (tmp_path / name for name in ("notes", "scratch/app", "work/cli"))
    for directory in (notes, app, checkout / "sub"):
        directory.mkdir(parents=True)
    repository(checkout)
    assert len({project(one) for one in (tmp_path, notes, app, checkout)}) == 4
    assert project(checkout / "sub") == project(checkout)
    assert identify(str(tmp_path)).name == "dotfiles"
    assert identify(str(notes), remote).id == project(notes)  # as a host notes it


@pytest.mark.parametrize(
    "below", [".worktrees/soph/fix-it", "worktrees/1", ".claude/worktrees/2", ".worktrees/3/src"]
)
def test_a_worktree_that_is_gone_is_of_the_repository_in_its_path(
    tmp_path: Path, below: str
) -> None:
    repo = tmp_path / "cli"
    assert project(repo / below) == project(repo)
    assert identify(str(repo / below)).root == str(repo)
    repository(repo)
    assert project(repo / below) == project(repo)


def test_a_directory_of_worktrees_in_a_home_directory_names_no_repository() -> None:
    one, other = identify("/home/a/worktrees/one"), identify("/home/a/worktrees/two")
    assert one.id != other.id


@pytest.mark.parametrize("directory", ["/", "/home", "/home/a", "/Users/a", "/root"])
def test_roots_homes_and_temporary_directories_hold_many_projects(directory: str) -> None:
    assert holds_many(directory)
    assert holds_many(tempfile.gettempdir())
    assert not holds_many("/home/a/work")


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("git@github.com:o/r.git", "github.com/o/r"),
        ("ssh://git@github.com:22/o/r.git", "github.com/o/r"),
        ("https://token@GitHub.com/o/r/", "github.com/o/r"),
        ("https://github.com/o/r.git", "github.com/o/r"),
        ("https://me:p@ss@github.com/o/r.git", "github.com/o/r"),
        ("https://github.com/o/r.git?token=x", "github.com/o/r"),
        ("/srv/git/r.git", "/srv/git/r"),
        ("file:///srv/git/r.git", "/srv/git/r"),
        ("C:\\git\\r", "C:\\git\\r"),
    ],
)
def test_a_remote_has_one_name_whatever_its_url(url: str, same: str) -> None:
    assert normalised(url) == same
