"""Recognising a moved checkout by its birth."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.config.layout import Layout
from iai.model.record import Project
from iai.projects import relocation
from iai.projects.identity import ProjectIdentity
from iai.store.records import Records
from tests.iai.store.builders import NOW

OLD, NEW, OTHER = (letter * 16 for letter in "abc")


@pytest.fixture
def records(layout: Layout) -> Iterator[Records]:
    opened = Records(layout.records, writer=True)
    yield opened
    opened.close()


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
    records.commit(lambda unit: unit.merge(project(OLD, "/gone"), None), NOW)
    assert first_seen(records, project(NEW, "/here")) == ""
    assert owner(records, OLD) == OLD


def test_a_moved_checkout_stays_ignored(records: Records) -> None:
    first_seen(records, project(OLD, "/gone"))
    records.commit(lambda unit: unit.ignore(project(OLD, "/gone"), "below"), NOW)
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
