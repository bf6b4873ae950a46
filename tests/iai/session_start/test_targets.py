"""Which directory starts with which payload."""

from pathlib import Path

from iai.config.layout import Layout
from iai.model.record import Project
from iai.payload.checkouts import Checkout
from iai.projects.identity import identify
from iai.session_start.targets import CHECKOUTS, checkout_of, targets
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
    records.commit(lambda unit: unit.projects.place(project, str(directory)), NOW)
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


def test_each_checkout_that_was_worked_in_has_a_payload_of_its_own(
    layout: Layout, tmp_path: Path
) -> None:
    records = Records(layout.records, writer=True)
    main, quay, plain = tmp_path / "cli", tmp_path / "quay", tmp_path / "plain"
    for directory in (main, quay):
        set_remote(directory, "https://example.org/cli.git")
    (main / "cmd").mkdir()
    plain.mkdir()
    own = work_in(records, main, "a")
    for number, directory in enumerate((quay, main / "cmd")):
        assert work_in(records, directory, f"b{number}") == own
    other = work_in(records, plain, "c")
    with records.view() as view:
        found = targets(view, layout, 16)
        here = checkout_of(str(quay / "deep"), own, view)
        elsewhere = checkout_of(str(tmp_path / "new"), own, view)
    records.close()
    by_project = {t.project: t for t in found if t.path == layout.project_payload(t.project)}
    assert set(by_project[own].directories) == {str(main), str(main / "cmd")}
    assert by_project[own].checkout == Checkout((str(main),), (str(quay),))
    assert by_project[other].checkout == Checkout(())
    (beside,) = (t for t in found if t.project == own and t != by_project[own])
    assert beside.directories == (str(quay),)
    assert beside.checkout == here == Checkout((str(quay),), (str(main),))
    assert elsewhere.others == (str(main), str(quay))
    assert found[-1].path == layout.payload
    assert len({t.path for t in found}) == len(found)


def test_each_checkout_is_known_with_the_branch_checked_out_there(
    layout: Layout, tmp_path: Path
) -> None:
    records = Records(layout.records, writer=True)
    own = ""
    for name in ("cli", "quay"):
        set_remote(tmp_path / name, "https://example.org/cli.git")
        (tmp_path / name / ".git" / "HEAD").write_text(f"ref: refs/heads/fix/{name}\n")
        own = work_in(records, tmp_path / name, name)
    with records.view() as view:
        *found, _ = targets(view, layout, 16)
        deep = checkout_of(str(tmp_path / "quay" / "deep"), own, view)
    records.close()
    branches = [target.checkout.branch for target in found if target.checkout]
    assert sorted(branches) == ["fix/cli", "fix/quay"]
    assert deep.branch == "fix/quay"


def test_only_the_latest_checkouts_of_a_project_have_payloads_of_their_own(
    layout: Layout, tmp_path: Path
) -> None:
    records = Records(layout.records, writer=True)
    own = ""
    clones = [tmp_path / str(number) for number in range(CHECKOUTS + 3)]
    for directory in clones:
        set_remote(directory, "https://example.org/cli.git")
        own = work_in(records, directory, directory.name)
    with records.view() as view:
        *found, _ = targets(view, layout, 16)
    records.close()
    assert len(found) == CHECKOUTS + 1
    main = next(t for t in found if t.path == layout.project_payload(own))
    assert set(main.directories) == {str(clone) for clone in clones[:3]}
