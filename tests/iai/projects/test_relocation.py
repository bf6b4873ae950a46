"""Recognising a moved checkout by its birth."""

import shutil
from pathlib import Path

from iai.model.record import Project
from iai.projects import relocation
from iai.projects.identity import ProjectIdentity, identify
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.projects.test_identity import git, repository
from tests.iai.store.builders import NOW

OLD, NEW, OTHER = (letter * 16 for letter in "abc")


def project(id_: str, git: Path | str, born: str = "birth") -> Project:
    return Project(id=id_, name=id_[0], root=f"/{id_[0]}", git=str(git), born=born)


def first_seen(records: Records, seen: Project) -> str:
    """Record a checkout as ingest does; return the id of its predecessor, "" for none."""
    merged, _ = records.commit(lambda unit: relocation.merge_predecessors(seen, unit), NOW)
    return merged[0].id if merged else ""


def resolved(records: Records, seen: Project) -> str:
    identity = ProjectIdentity(seen.id, seen.name, seen.root, seen.git, seen.born)
    with records.view() as view:
        return relocation.resolve(identity, view).id


def owner(records: Records, id_: str) -> str:
    with records.view() as view:
        return view.belongs(id_)


def test_a_moved_checkout_is_resolved_before_it_is_merged(records: Records) -> None:
    first_seen(records, project(OLD, "/gone"))
    moved = project(NEW, "/here")
    assert resolved(records, moved) == OLD
    assert first_seen(records, moved) == OLD
    assert owner(records, OLD) == NEW
    assert resolved(records, moved) == NEW


def test_a_copy_beside_its_original_is_not_a_move(records: Records, tmp_path: Path) -> None:
    first_seen(records, project(OLD, tmp_path))  # its git directory still exists
    assert first_seen(records, project(NEW, "/here")) == ""
    assert owner(records, OLD) == OLD


def test_of_two_predecessors_neither_is_chosen(records: Records, tmp_path: Path) -> None:
    tmp_path.joinpath("git").mkdir()
    first_seen(records, project(OLD, tmp_path / "git"))
    first_seen(records, project(OTHER, "/gone"))
    tmp_path.joinpath("git").rmdir()
    assert first_seen(records, project(NEW, "/here")) == ""


def test_a_project_is_merged_once_and_stays_unmerged(records: Records) -> None:
    first_seen(records, project(OLD, "/gone"))
    first_seen(records, project(NEW, "/here"))
    records.commit(lambda unit: unit.projects.merge(project(OLD, "/gone"), None), NOW)
    assert first_seen(records, project(NEW, "/here")) == ""
    assert owner(records, OLD) == OLD


def test_a_moved_checkout_stays_ignored(records: Records) -> None:
    first_seen(records, project(OLD, "/gone"))
    records.commit(lambda unit: unit.projects.ignore(project(OLD, "/gone"), "below"), NOW)
    first_seen(records, project(NEW, "/here"))
    with records.view() as view:
        new = view.project_named(NEW)
    assert new is not None
    assert new.ignored == "below"


def test_a_project_without_a_birth_is_never_moved(records: Records) -> None:
    first_seen(records, project(OLD, "", born=""))
    seen = project(NEW, "", born="")
    assert resolved(records, seen) == NEW
    assert first_seen(records, seen) == ""


def known(records: Records, cwd: str, remote: str = "") -> Project:
    """Record a directory as ingest does; return its project."""
    seen = Project(**identify(cwd, remote)._asdict())

    def change(unit: RecordChange) -> Project:
        home = relocation.owner(seen, cwd, None, unit.view)
        relocation.merge_predecessors(home, unit, cwd)
        unit.projects.place(home, cwd)
        return home

    return records.commit(change, NOW)[0]


def began(records: Records, cwd: str) -> str:
    with records.view() as view:
        return relocation.begin_with(identify(cwd), view).name


def test_what_an_older_version_made_of_a_spelling_joins_once(records: Records) -> None:
    seen = identify("/clone", "git@github.com:Acme/Tides.git")
    old = Project(id=seen.former[0], name="Tides", root="/clone")
    records.commit(lambda unit: unit.projects.place(old, "/clone"), NOW)
    with records.view() as view:
        assert relocation.resolve(seen, view).id == old.id
    new = known(records, "/clone", "git@github.com:Acme/Tides.git")
    assert owner(records, old.id) == new.id == seen.id
    records.commit(lambda unit: unit.projects.merge(old, None), NOW)
    known(records, "/other", "git@github.com:Acme/Tides.git")
    assert owner(records, old.id) == old.id


def test_a_repository_keeps_its_project_when_it_gets_a_remote(
    records: Records, tmp_path: Path
) -> None:
    checkout = repository(tmp_path / "tides")
    before = known(records, str(checkout))
    (tmp_path / "more").write_text('[remote "origin"]\n\turl = https://forge.example/a/tides\n')
    git(checkout, "config", "include.path", str(tmp_path / "more"))
    seen = identify(str(checkout))
    assert seen.id != before.id
    with records.view() as view:
        assert relocation.resolve(seen, view).id == before.id
    known(records, str(checkout))
    assert owner(records, before.id) == seen.id


def test_another_repository_in_the_place_of_one_is_another_project(
    records: Records, tmp_path: Path
) -> None:
    old = known(records, str(repository(tmp_path / "tides")))
    shutil.rmtree(tmp_path / "tides")
    git(tmp_path / "tides", "init", "-q")
    git(tmp_path / "tides", "commit", "-q", "--allow-empty", "-m", "of another one")
    git(tmp_path / "tides", "remote", "add", "origin", "https://forge.example/a/quay")
    new = known(records, str(tmp_path / "tides"))
    assert owner(records, old.id) == old.id != new.id


def test_a_folder_that_is_gone_belongs_to_the_nearest_known_directory_above(
    records: Records,
) -> None:
    for cwd in ("/w/cli", "/w/cli/vendor/lib"):
        known(records, cwd)
    repo = identify("/w/cli")
    assert known(records, "/w/cli/cmd/sub").id == repo.id
    assert known(records, "/w/cli/.worktrees/soph/branch").id == repo.id
    assert known(records, "/w/client").name == "client"
    with records.view() as view:
        assert {p.name for p in view.projects()} == {"cli", "client"}


def test_a_folder_that_became_known_first_joins_what_is_above_it(records: Records) -> None:
    known(records, "/w/cli/cmd/deep")
    known(records, "/w/cli/cmd")
    assert owner(records, identify("/w/cli/cmd/deep").id) == identify("/w/cli/cmd").id
    known(records, "/w/cli")
    assert owner(records, identify("/w/cli/cmd/deep").id) == identify("/w/cli").id
    assert owner(records, identify("/w/cli/cmd").id) == identify("/w/cli").id


def test_a_home_directory_takes_nothing_in(records: Records) -> None:
    known(records, "/Users/a/work/api")
    for cwd in ("/Users/a", "/Users", "/", "/Users/a/work/cli"):
        known(records, cwd)
    with records.view() as view:
        assert len(view.projects()) == 5
        assert all(view.belongs(p.id) == p.id for p in view.projects())


def test_a_repository_that_is_gone_is_no_folder_of_the_directory_beside_it(
    records: Records, tmp_path: Path
) -> None:
    known(records, str(tmp_path))  # is there, and is no repository
    gone = Project(**identify(str(tmp_path / "api"))._asdict())
    with records.view() as view:
        assert relocation.owner(gone, gone.root, None, view, "main") == gone
        assert relocation.owner(gone, gone.root, None, view, "").root == str(tmp_path)


def test_a_session_stays_in_its_repository_when_it_goes_into_one_below(
    records: Records, tmp_path: Path
) -> None:
    outer, inner, other = (tmp_path / name for name in ("outer", "outer/vendor/in", "other"))
    for directory in (outer, inner, other):
        (directory / ".git").mkdir(parents=True)
    home, below, beside = (Project(**identify(str(one))._asdict()) for one in (outer, inner, other))
    plain = Project(**identify(str(tmp_path))._asdict())
    with records.view() as view:
        assert relocation.owner(below, str(inner), home, view) == home
        assert relocation.owner(beside, str(other), home, view) == beside
        assert relocation.owner(home, str(outer), below, view) == home
        assert relocation.owner(beside, str(other), plain, view) == beside
    records.commit(lambda unit: unit.projects.ignore(below, "project"), NOW)
    with records.view() as view:
        assert relocation.owner(below, str(inner), home, view) == below  # and is not stored


def test_a_plain_directory_begins_with_what_is_known_above_it(
    records: Records, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    (notes / "2026" / "may").mkdir(parents=True)
    known(records, str(notes))
    assert began(records, str(notes / "2026" / "may")) == "notes"
    (notes / "repo" / ".git").mkdir(parents=True)
    assert began(records, str(notes / "repo")) == "repo"
    known(records, str(notes / "2026"))
    assert began(records, str(notes / "2026" / "may")) == "2026"


def test_a_removed_worktree_beside_its_repository_belongs_to_it_if_it_was_known(
    records: Records, tmp_path: Path
) -> None:
    repo, tree = tmp_path / "repo", tmp_path / "repo-fix"
    (repo / ".git").mkdir(parents=True)
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {repo}/.git/worktrees/fix")
    own = known(records, str(tree))
    assert own.id == identify(str(repo)).id
    (tree / ".git").unlink()
    tree.rmdir()
    assert known(records, str(tree)).id == own.id
    assert known(records, str(tree / "src")).id == own.id
    assert known(records, str(tmp_path / "repo-other")).id != own.id
