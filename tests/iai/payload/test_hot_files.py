"""Which files a start names: the hot ones, once each, as seen from the project."""

from typing import Any

from iai.model.session import SessionInfo
from iai.payload import hot_files
from iai.payload.file_work import FileWork
from iai.payload.summary import Summary

ROOT = "/w/harbor"


def session(*files: FileWork, cwd: str = ROOT) -> Summary:
    info = SessionInfo(host="claude", session="s", cwd=cwd)
    return Summary(info=info, began_at=0, ended_at=1, files=files)


def changed(path: str, changes: int = 1, **fields: Any) -> FileWork:
    return FileWork(path=path, changes=changes, **fields)


def by_directory(*args: Any) -> list[tuple[str, list[str]]]:
    return [(one.path, list(one.names)) for one in hot_files.by_directory(*args)]


def test_directories_are_named_once_and_the_hottest_first() -> None:
    latest = session(changed(f"{ROOT}/src/tide.py"), changed(f"{ROOT}/README.md"))
    before = session(*(changed(f"{ROOT}/src/{n}.py", 5) for n in "ab"))
    old = [session(changed(f"{ROOT}/old.py"))] * 2
    found = by_directory([latest, before, *old], ROOT)
    assert found == [("src/", ["a.py", "b.py", "tide.py"]), ("", ["old.py", "README.md"])]


def test_where_all_is_from_other_machines_files_keep_the_directories_that_they_share() -> None:
    theirs = session(changed("src/tide.py"), changed("src/ebb.py"), cwd="")
    assert by_directory([theirs], ROOT) == [("src/", ["tide.py", "ebb.py"])]


def test_a_file_that_is_read_counts_less_than_one_that_is_changed() -> None:
    one = session(FileWork(path=f"{ROOT}/read.py", reads=1), changed(f"{ROOT}/changed.py"))
    assert by_directory([one], ROOT) == [("", ["changed.py", "read.py"])]


def test_a_file_in_a_worktree_is_the_same_file() -> None:
    tree = f"{ROOT}/.worktrees/fix/tide"
    there = session(changed(f"{tree}/src/tide.py"), cwd=tree)
    here = session(changed(f"{ROOT}/src/tide.py"))
    assert by_directory([there, here], ROOT) == [("src/", ["tide.py"])]


def test_a_new_file_of_a_worktree_is_in_the_directory_that_it_would_come_into() -> None:
    there = session(changed(f"{ROOT}/.worktrees/fix/tide/src/ebb.py"))
    here = session(changed(f"{ROOT}/src/tide.py"))
    assert by_directory([there, here], ROOT) == [("src/", ["ebb.py", "tide.py"])]


def test_a_file_in_another_checkout_is_the_same_file() -> None:
    there = session(changed("/w/quay/src/tide.py"), cwd="/w/quay")
    here = session(changed(f"{ROOT}/src/tide.py"))
    assert by_directory([there, here], ROOT, ["/w/quay"]) == [("src/", ["tide.py"])]


def test_files_of_a_checkout_that_was_elsewhere_are_seen_from_the_directory_of_its_name() -> None:
    moved = session(*(changed(f"/old/harbor/src/{n}.py") for n in "ab"))
    relative = session(changed("docs/harbor/tides.md"))  # names the directory, and is not below it
    assert by_directory([moved, relative], ROOT) == [
        ("src/", ["a.py", "b.py"]),
        ("docs/harbor/", ["tides.md"]),
    ]


def test_files_of_no_checkout_of_the_project_are_not_listed() -> None:
    here = session(changed(f"{ROOT}/quay.py"), changed("/home/me/research/other/src/x.rs", 9))
    assert by_directory([here], ROOT) == [("", ["quay.py"])]


def test_of_a_checkout_that_had_another_name_the_shared_directory_is_left_out() -> None:
    moved = session(*(changed(f"/old/port/src/{n}.py") for n in "ab"))
    assert by_directory([moved], ROOT) == [("", ["a.py", "b.py"])]


def test_a_file_elsewhere_that_ends_as_one_of_the_checkout_is_the_same_file() -> None:
    here = session(changed(f"{ROOT}/src/tide.py"))
    for place in ("/home/alex/port", f"{ROOT}/.worktrees/alex/gone"):
        files = (changed(f"{place}/src/tide.py"), changed(f"{place}/tide.py"))
        there = session(*files, cwd=place)
        assert by_directory([here, there], ROOT)[0] == ("src/", ["tide.py"])
        assert len(by_directory([here, there], ROOT)) == 2, "one name is too little to tell"


def test_what_is_gone_is_not_named() -> None:
    assert by_directory([session(changed(f"{ROOT}/gone.py", gone=True))], ROOT) == []


def test_what_a_later_session_removed_is_not_named_until_it_is_written_again() -> None:
    path = f"{ROOT}/tide.py"
    first, removed, again = (
        session(changed(path, gone=gone, last_at=at))
        for at, gone in ((1, False), (2, True), (3, False))
    )
    assert by_directory([removed, first], ROOT) == []
    assert by_directory([first, removed], ROOT) == [], "whichever comes first for its branch"
    assert by_directory([again, removed, first], ROOT) == [("", ["tide.py"])]


def test_a_directory_has_the_time_and_the_session_of_the_last_touch_in_it() -> None:
    latest = session(changed(f"{ROOT}/src/a.py", last_at=7), changed(f"{ROOT}/b.py", last_at=9))
    hot = session(changed(f"{ROOT}/src/c.py", 30, last_at=5))
    src, top = hot_files.by_directory([latest, hot], ROOT)
    assert (src.path, src.names, src.last_at) == ("src/", ("c.py", "a.py"), 7)
    assert src.session is latest
    assert (top.path, top.last_at) == ("", 9)


def test_what_most_directories_are_below_is_shared() -> None:
    top = "src/main/java/harbor/cli/"
    assert hot_files.shared([top, f"{top}tide/", f"{top}berth/", "src/docs/", ""]) == top
    assert hot_files.shared([]) == ""


def test_what_saves_little_is_not_shared() -> None:
    assert hot_files.shared(["ledger/", "ledger/api/", "ledger/db/", "ledger/jobs/", ""]) == ""
