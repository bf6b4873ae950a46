"""The history of a file: who changed it, when, what for, and whether it was committed."""

from typing import Any

from iai.model.action import Action
from iai.model.clock import NS
from iai.model.record import Project
from iai.model.session import SessionInfo
from iai.recall import file_history
from iai.recall.file_history import FileVisit, as_seen, history
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record

START = NOW.wall - 10_000 * NS


def session(records: Records, name: str, seconds: int, *done: dict[str, Any]) -> None:
    """Keep a session in which one thing was asked, and these were done, a second apart."""

    def change(unit: RecordChange) -> None:
        at = START + seconds * NS
        unit.records.insert(new_record(f"{name} asked", session=name, created_at=at))
        unit.work.note_session(SessionInfo(host="claude", session=name, branch=f"fix/{name}"))
        for number, fields in enumerate(done):
            given = {"kind": "edit", "status": "ok", **fields}
            one = Action(key=f"{name}{number}", at=at + (number + 1) * NS, **given)
            unit.work.act(one, "claude", name, PROJECT)

    records.commit(change, NOW)


def of(records: Records, path: str, project: str = "") -> list[FileVisit]:
    with records.view() as view:
        return list(history(view, path, project))


def test_it_tells_each_exchange_that_touched_the_file_the_latest_first(records: Records) -> None:
    session(records, "one", 0, {"path": "/w/src/tide.py", "added": 3, "kind": "write"})
    session(
        records,
        "two",
        100,
        {"path": "/w/src/tide.py", "kind": "read"},
        {"path": "/w/src/tide.py", "added": 5, "removed": 2},
        {"path": "/w/src/tide.py", "added": 1},
        {"path": "/w/src/other.py", "added": 9},
    )
    late, early = of(records, "tide.py")
    assert (late.session, late.added, late.removed, late.changes) == ("two", 6, 2, 2)
    assert late.request is not None
    assert late.request.text == "text of two asked"
    assert late.branch == "fix/two"
    assert (early.session, early.added) == ("one", 3)


def test_a_mere_yes_is_explained_by_what_came_of_it_a_log_by_its_error_and_the_path_by_the_project(
    records: Records,
) -> None:
    found = Project(id=PROJECT, name="quay", root="/w")
    records.commit(lambda unit: unit.projects.place(found, found.root), NOW)
    log = "Traceback (most recent call last):\n  ebb()\nLevelError: no berth"
    for seconds, asked in ((0, "yes please do"), (100, "mend the tide"), (200, log)):
        at = START + seconds * NS
        said = [
            (asked, "user", at),
            ("Done. Added the ebb to `tide.py`.", "assistant", at + 9 * NS),
        ]
        for text, role, when in said:
            new = new_record(text, text=text, session=asked, role=role, created_at=when)
            records.commit(lambda unit, new=new: unit.records.insert(new), NOW)  # type: ignore[misc]
        edit = Action(key=asked, kind="edit", status="ok", path="/w/src/tide.py", at=at + NS)
        records.commit(lambda unit, a=edit, s=asked: unit.work.act(a, "claude", s, PROJECT), NOW)  # type: ignore[misc]
    with records.view() as view:
        shown = [as_seen(view, visit) for visit in history(view, "tide.py", "")]
    assert [visit.request.text for visit in shown if visit.request] == [
        "LevelError: no berth",
        "mend the tide",
        "yes please do -> Added the ebb to `tide.py`",
    ]
    assert {visit.path for visit in shown} == {"src/tide.py"}


def test_a_path_matches_by_its_end_step_by_step(records: Records) -> None:
    session(records, "one", 0, {"path": "/w/src/tide.py"}, {"path": "/w/mysrc/tide.py"})
    assert len(of(records, "tide.py")) == 1
    (found,) = of(records, "src/tide.py")
    assert found.path == "/w/src/tide.py"
    assert of(records, "c/tide.py") == []
    assert of(records, "/w/src/tide.py") == [found]


def test_the_commit_after_a_change_is_told_and_one_before_it_is_not(records: Records) -> None:
    commit = {"kind": "commit", "commit": "abc1234", "text": "Mend the tide"}
    session(records, "one", 0, {"path": "/w/tide.py"}, commit)
    session(records, "two", 100, commit, {"path": "/w/tide.py"})
    late, early = of(records, "tide.py")
    assert late.commits == ()
    assert [action.text for action in early.commits] == ["Mend the tide"]


def test_what_was_refused_is_no_history(records: Records) -> None:
    session(records, "one", 0, {"path": "/w/tide.py", "status": "refused"})
    assert of(records, "tide.py") == []


def test_a_move_is_in_the_history_of_both_names(records: Records) -> None:
    session(records, "one", 0, {"kind": "move", "path": "/w/tide.py", "to": "/w/ebb.py"})
    assert [visit.session for visit in of(records, "tide.py")] == ["one"]
    assert [visit.session for visit in of(records, "ebb.py")] == ["one"]


def test_one_project_can_be_asked_for(records: Records) -> None:
    session(records, "one", 0, {"path": "/w/tide.py"})
    assert len(of(records, "tide.py", PROJECT)) == 1
    assert of(records, "tide.py", "another") == []


def find(records: Records, named: str, cwd: str, k: int = 9) -> tuple[list[str], list[str]]:
    """Return the sessions that are found in the project at `/w`, and elsewhere."""
    with records.view() as view:
        found = file_history.find(view, named, cwd, "/w", PROJECT, k)
    return [v.session for v in found.here], [v.session for v in found.elsewhere]


def place(records: Records, *cwds: str) -> None:
    def change(unit: RecordChange) -> None:
        for cwd in cwds:
            unit.projects.place(Project(id=PROJECT, name="w", root="/w"), cwd)

    records.commit(change, NOW)


def test_a_relative_path_is_seen_from_the_directory_in_every_checkout(records: Records) -> None:
    place(records, "/w", "/trees/w2")
    session(records, "one", 0, {"path": "/w/src/tide.py"})
    session(records, "two", 100, {"path": "/trees/w2/src/tide.py"})
    session(records, "three", 200, {"path": "/w/docs/tide.py"})
    assert find(records, "tide.py", "/w/src")[0] == ["two", "one"]
    assert find(records, "../src/tide.py", "/w/docs")[0] == ["two", "one"]
    assert find(records, "/w/src/tide.py", "/elsewhere")[0] == ["two", "one"]
    assert find(records, "tide.py", "/w/src", k=1)[0] == ["two"]


def test_a_path_that_was_never_touched_there_is_the_end_of_any(records: Records) -> None:
    session(records, "one", 0, {"path": "/w/src/deep/tide.py"})
    assert find(records, "tide.py", "/w")[0] == ["one"]
    assert find(records, "deep/tide.py", "/w/docs")[0] == ["one"]
    assert find(records, "ebb.py", "/w") == ([], [])


def test_another_projects_file_comes_after_and_only_by_more_than_its_name(records: Records) -> None:
    def change(unit: RecordChange) -> None:
        at = START + 500 * NS
        unit.records.insert(new_record("theirs", session="theirs", project="b" * 16, created_at=at))
        for path in ("/x/src/tide.py", "/x/README.md"):
            one = Action(key=path, kind="edit", at=at + NS, path=path, status="ok")
            unit.work.act(one, "claude", "theirs", "b" * 16)

    records.commit(change, NOW)
    session(records, "one", 0, {"path": "/w/src/tide.py"}, {"path": "/w/README.md"})
    assert find(records, "src/tide.py", "/w") == (["one"], ["theirs"])
    assert find(records, "src/tide.py", "/w", k=1) == (["one"], [])
    assert find(records, "README.md", "/w") == (["one"], [])
    assert find(records, "/x/README.md", "/w") == ([], ["theirs"])
