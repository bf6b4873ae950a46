"""What was done, in lines: each kind of action once, and no more lines than can be read."""

from typing import Any

from iai.model.action import Action, Kind, Step
from iai.model.exchange import Exchange
from iai.model.session import SessionInfo
from iai.payload.summary import summarise
from iai.recall.work_lines import LISTED, session_line, work_lines
from tests.iai.store.builders import kept


def done(kind: Kind, key: str = "k", **fields: Any) -> Action:
    return Action(**{"key": key, "kind": kind, "at": 1, "status": "ok", **fields})


def test_each_kind_of_work_gets_its_lines() -> None:
    steps = (Step("answer the reviewer", "in_progress"), Step("mend it", "completed"))
    actions = [
        done("read", "1", path="/w/README.md"),
        done("edit", "2", path="/w/src/tide.py", added=31, removed=4),
        done("edit", "3", path="/w/src/no.py", added=1, status="refused"),
        done(
            "command", "4", text="make lint", status="failed", exit_code=2, output="line 1\nline 2"
        ),
        done("command", "5", text="pytest -q"),
        done("test", "5:test", text="pytest -q", passed=212, failed=1, seconds=3.2),
        done("commit", "6", text="Mend the tide", commit="a1b2c3d4e5f6"),
        done("pull-request", "7", text="Mend it", number=57),
        done("plan", "8", text="Count short berths", status="refused"),
        done("todo", "9", steps=steps),
        done("search", "10"),
        done("search", "11"),
        done("web", "12"),
    ]
    assert list(work_lines(actions, ["/w"])) == [
        "changed src/tide.py +31 -4",
        "read README.md",
        "$ make lint  -> failed, exit 2",
        "    line 1",
        "    line 2",
        "$ pytest -q  -> 212 passed, 1 failed, 3.2 s",
        "commit a1b2c3d4 Mend the tide",
        "pull request 57 Mend it",
        "plan (refused): Count short berths",
        "to do, 1 of 2 done:",
        "    [ ] answer the reviewer (in_progress)",
        "    [x] mend it",
        "also 2 searches, 1 web page",
    ]


def test_files_of_a_project_that_was_moved_since_are_seen_from_it() -> None:
    done = [Action(key="1", kind="edit", at=1, status="ok", path="/old/quay/src/tide.py", added=1)]
    assert list(work_lines(done, ["/new/quay", ""])) == ["changed src/tide.py +1"]


def test_nothing_done_is_no_line() -> None:
    assert list(work_lines([])) == []


def test_of_many_commands_the_rest_is_counted() -> None:
    lines = list(work_lines([done("command", str(n), text="ls") for n in range(LISTED + 3)]))
    assert len(lines) == LISTED + 1
    assert lines[-1] == "3 more commands"


def test_a_session_is_a_line() -> None:
    actions = (
        done("edit", "1", path="/w/src/tide.py", added=3),
        done("test", "2", passed=4),
        done("commit", "3", text="Mend the tide", commit="a1b2c3d"),
    )
    whole = Exchange(request=kept(1, "a"), answer=kept(2, "b", role="assistant"), actions=actions)
    summary = summarise([whole], SessionInfo(host="claude", session="s"), (0, 1))
    assert session_line(summary) == (
        "answered; tide.py +3; tests: 4 passed; commit a1b2c3d Mend the tide"
    )
