"""Which directory starts with which payload."""

from pathlib import Path

from iai.config.layout import Layout
from iai.model.record import Project
from iai.projects.identity import identify
from iai.session_start.targets import targets
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record, put


def set_remote(directory: Path, url: str) -> None:
    config = directory / ".git" / "config"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[remote "origin"]\n\turl = {url}\n')


def work_in(records: Records, directory: Path, key: str) -> str:
    """Store a turn said in a directory; return the project it belongs to now."""
    found = identify(str(directory))
    project = Project(id=found.id, name=found.name, root=found.root)
    records.commit(lambda unit: unit.place(project, str(directory)), NOW)
    put(records, new_record(key, project=found.id, cwd=str(directory)))
    return found.id


def test_a_directory_that_became_another_project_starts_with_that_ones_payload(
    layout: Layout, tmp_path: Path
) -> None:
    records = Records(layout.records, writer=True)
    moved, stayed = tmp_path / "moved", tmp_path / "stayed"
    for directory in (moved, stayed):
        set_remote(directory, "https://example.org/old.git")
    old = work_in(records, moved, "a")
    assert work_in(records, stayed, "b") == old
    set_remote(moved, "https://example.org/new.git")
    new = work_in(records, moved, "c")
    with records.view() as view:
        found = {t.project: t.directories for t in targets(view, layout, 16)}
        alone = {t.project: t.directories for t in targets(view, layout, 1)}
    records.close()
    assert found[new] == (str(moved),)
    assert found[old] == (str(stayed),)
    assert str(moved) not in alone.get(old, ())
