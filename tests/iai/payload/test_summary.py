"""A session as facts: what was done to files, what was committed, how it ended."""

from typing import Any

import pytest

from iai.model.action import Action, Step
from iai.model.exchange import Exchange
from iai.model.record import Record
from iai.model.session import SessionInfo
from iai.payload.file_work import FileWork, files_of
from iai.payload.summary import Summary, summarise

INFO = SessionInfo(host="claude", session="s")


def action(kind: str, **fields: Any) -> Action:
    return Action(**{"key": "k", "kind": kind, "at": 7, "status": "ok", **fields})


def turn(text: str, **fields: Any) -> Record:
    given = {"id": "0" * 26, "label": 1, "tier": "episodic", "role": "user", "host": "claude"}
    given |= {"session": "s", "project": "p", "cwd": "/p", "created_at": 1, "ingested_at": 1}
    return Record(**{**given, "updated_at": 1, "text": text, **fields})


def summary(*actions: Action, asked: str = "mend the tide", **fields: Any) -> Summary:
    exchange = Exchange(request=turn(asked), actions=actions, **fields)
    return summarise([exchange], INFO, (1, 2))


def test_what_was_done_to_a_file_is_added_up() -> None:
    found = files_of([
        action("read", path="/p/a.py"),
        action("edit", path="/p/a.py", added=3, removed=1),
        action("edit", path="/p/a.py", added=2),
        action("read", path="/p/b.py"),
    ])  # fmt: skip
    assert found == (
        FileWork(path="/p/a.py", added=5, removed=1, changes=2, reads=1, last_at=7),
        FileWork(path="/p/b.py", reads=1, last_at=7),
    )


def test_a_file_named_from_below_the_project_is_the_one_that_ends_so() -> None:
    path = "/elsewhere/src/tide.py"
    edit = action("edit", path=path, added=3)
    found = files_of([edit, action("delete", path="src/tide.py")], ["/p"])
    assert [(file.path, file.gone) for file in found] == [(path, True)]
    twice = [edit, action("edit", path="/other/src/tide.py")]
    found = files_of([*twice, action("delete", path="src/tide.py")], ["/p"])
    assert [file.path for file in found if file.gone] == ["src/tide.py"]


@pytest.mark.parametrize("status", ["refused", "interrupted"])
def test_what_did_not_happen_changes_no_file(status: str) -> None:
    assert files_of([action("edit", path="/p/a.py", status=status)]) == ()


def test_a_temporary_file_is_none_of_the_project() -> None:
    assert files_of([action("write", path="/tmp/scratch.py")]) == ()  # noqa: S108


def test_files_of_a_project_that_is_in_a_temporary_directory_itself_are_its_files() -> None:
    paths = ("/tmp/quay/src/a.py", "/tmp/quay-2/b.py", "/tmp/c.py")  # noqa: S108
    actions = [action("write", path=path) for path in paths]
    for places in (("/tmp/quay/",), ("", "/tmp/quay/src"), ("/tmp", "/tmp/quay")):  # noqa: S108
        assert [file.path for file in files_of(actions, places)] == ["/tmp/quay/src/a.py"]  # noqa: S108
    session = summarise([Exchange(actions=tuple(actions))], INFO, (1, 2), "/tmp/quay")  # noqa: S108
    assert [file.path for file in session.changed] == ["/tmp/quay/src/a.py"]  # noqa: S108


def test_plans_of_the_host_are_no_files_of_the_project() -> None:
    plan = action("write", path="/home/dev/.claude/plans/majestic-plotting-valiant.md", added=9)
    assert files_of([plan, action("edit", path="/p/a.py")]) == files_of(
        [action("edit", path="/p/a.py")]
    )


def test_a_moved_file_is_gone_from_where_it_was() -> None:
    old, new = files_of([action("move", path="/p/a.py", to="/p/b.py")])
    assert (old.path, old.gone, new.path, new.gone) == ("/p/a.py", True, "/p/b.py", False)


def test_only_open_steps_of_the_last_list_are_open() -> None:
    first = action("todo", steps=(Step("old", "pending"),))
    last = action("todo", steps=(Step("done", "completed"), Step("left", "in_progress")))
    assert [step.text for step in summary(first, last).open_steps] == ["left"]


def test_a_commit_that_says_nothing_is_left_out() -> None:
    commits = [action("commit", text=text) for text in ("Initial commit", "wip", "Mend the tide")]
    assert [commit.text for commit in summary(*commits).commits] == ["Mend the tide"]


def test_a_session_is_interrupted_if_its_last_step_was() -> None:
    assert summary(action("command", status="interrupted")).outcome == "interrupted"
    assert summary(action("command")).outcome == "unanswered"
    assert summary(action("command"), answer=turn("done", role="assistant")).outcome == "answered"


def test_what_was_said_before_an_interrupted_step_is_not_the_answer() -> None:
    cut = action("command", status="interrupted")
    before, after = (turn("I look at it.", role="assistant", created_at=at) for at in (7, 8))
    assert summary(cut, answer=before).last.answer is None
    assert summary(cut, answer=after).last.answer == after
    assert summary(action("command"), answer=before).last.answer == before
    long = turn("What is open is the test of the update path. " * 4, role="assistant", created_at=7)
    assert summary(cut, answer=long).last.answer == long


def test_a_file_that_could_not_be_read_was_not_worked_on() -> None:
    failed = [action(kind, path="/p/gone.py", status="failed") for kind in ("read", "write")]
    assert files_of(failed) == ()
    tried = action("edit", path="/p/a.py", status="failed")  # its text was not found there
    assert [file.path for file in files_of([tried])] == ["/p/a.py"]


def test_a_session_with_work_a_decision_or_a_long_request_is_not_trivial() -> None:
    assert summary(asked="hello").trivial
    assert summary(action("read", path="/p/a.py"), asked="what is in a.py?").trivial
    assert not summary(action("edit", path="/p/a.py"), asked="hello").trivial
    assert not summary(asked="hello " * 100).trivial
    assert not summary(action("command", status="failed"), asked="hello").trivial
    assert not summary(asked="from now on use tenacity").trivial
    assert not summary(asked="hello", meanwhile=(turn("no", kind="refusal"),)).trivial


def test_the_goal_is_the_first_request_that_says_what_it_is_about() -> None:
    def goal(*asked: str) -> str:
        found = summarise([Exchange(request=turn(text)) for text in asked], INFO, (1, 2)).goal
        return found.text if found else ""

    assert goal("/review", "https://example.org/pull/2", "mend the tide", "and") == "mend the tide"
    assert goal("/review") == "/review"
    assert goal() == ""


def test_the_result_is_the_answer_to_most_of_the_work() -> None:
    def done(lines: int, text: str) -> Exchange:
        edit = action("edit", path="/p/a.py", added=lines)
        return Exchange(actions=(edit,), answer=turn(text, role="assistant"))

    found = summarise([done(9, "rewritten"), done(1, "a word mended")], INFO, (1, 2))
    assert found.result is not None
    assert found.result.text == "rewritten"
    assert found.work is None


def test_tests_and_prose_count_little_beside_what_they_are_about() -> None:
    def worked(path: str, added: int) -> Exchange:
        edit = action("edit", path=path, added=added)
        return Exchange(request=turn("mend it"), answer=turn(path), actions=(edit,))

    for path in ("quay/tests/ebb.py", "test_ebb.py", "ebb_test.go", "e2e_test/run.go", "ebb.md"):
        done = summarise([worked("quay/ebb.py", 5), worked(path, 90)], INFO, (1, 2))
        assert done.result == turn("quay/ebb.py")
        done = summarise([worked(path, 90), worked(path, 5)], INFO, (1, 2))
        assert done.result == turn(path)
    latest = worked("quay/latest.py", 5)
    done = summarise([worked("quay/contest.py", 90), latest], INFO, (1, 2))
    assert done.result == turn("quay/contest.py")


def test_a_mere_commit_is_not_the_work_of_a_session_that_changed_files() -> None:
    edit, commit = action("edit", path="/p/a.py"), action("commit", text="Mend the tide")
    answers = [turn(text, role="assistant") for text in ("The tide is mended.", "Committed.")]
    every = [
        Exchange(actions=(one,), answer=a) for one, a in zip((edit, commit), answers, strict=True)
    ]
    work = summarise(every, INFO, (1, 2)).work
    assert work is not None
    assert work.answer == answers[0]
    assert summarise(every[1:] * 2, INFO, (1, 2)).work is None  # the last


def test_a_goal_is_no_consent_and_may_be_a_word() -> None:
    for texts in (("next", "menu"), ("continue", "yes", "menu"), ("hi!", "https://quay/1", "menu")):
        goal = summarise([Exchange(request=turn(text)) for text in texts], INFO, (1, 2)).goal
        assert goal is not None
        assert goal.text == "menu"


def test_what_a_request_refers_to_and_what_was_refused_is_known() -> None:
    refused = action("edit", path="/p/quay.py", status="refused", at=3)
    words = turn("keep the old one", kind="refusal", order=5)
    first = Exchange(
        request=turn("mend it", order=1), actions=(refused,), meanwhile=(words,),
        answer=turn("Shall I?", role="assistant", order=6),
    )  # fmt: skip
    asked = [
        Exchange(request=turn(t, order=n)) for n, t in ((7, "do that one"), (9, "add a berth"))
    ]
    assert summarise([first, asked[0]], INFO, (1, 2)).about == {
        5: "an edit of quay.py",
        7: "Shall I?",
    }
    assert 9 not in summarise([first, asked[1]], INFO, (1, 2)).about


def test_what_was_edited_after_the_last_test_run_is_told_unless_it_is_prose() -> None:
    run = action("test", text="pytest", passed=3)
    assert summary(run, action("edit", path="/p/a.py", at=9)).edited_since
    assert not summary(action("edit", path="/p/a.py"), run).edited_since
    assert not summary(run, action("write", path="/p/a.md")).edited_since
    assert not summary(run, action("edit", path="/p/a.py", status="failed")).edited_since


def test_what_was_dismissed_is_not_the_work_of_a_session() -> None:
    edit = action("edit", path="/p/a.py")
    said = turn("done", role="assistant")

    def work(**fields: Any) -> Exchange | None:
        first = Exchange(request=turn("a b", **fields), actions=(edit,), answer=said)
        every = [Exchange(request=turn("x y")), first, Exchange(request=turn("c d"))]
        return summarise(every, INFO, (1, 2)).work

    assert work() is not None
    assert work(marks=("dismissed",)) is None


def test_a_title_that_may_be_another_sessions_is_not_used() -> None:
    for rank, title in ((1, ""), (2, "Mend the tide")):
        info = SessionInfo(host="claude", session="s", title="Mend the tide", title_rank=rank)
        assert summarise([], info, (1, 2)).title == title


def test_what_the_user_closed_or_dismissed_is_known() -> None:
    assert summarise([Exchange(request=turn("a", marks=("done",)))], INFO, (1, 2)).closed
    assert summarise([Exchange(request=turn("a", marks=("dismissed",)))], INFO, (1, 2)).dismissed


def test_a_question_about_the_project_with_a_long_answer_is_not_trivial() -> None:
    looked = action("command", text="gh pr list")
    said = turn("Three touch the berths. " * 12, role="assistant")
    assert not summary(looked, asked="which ones are open?", answer=said).trivial
    assert summary(asked="how do I turn on vim mode?", answer=said).trivial


def test_a_session_of_reviews_came_to_the_last_of_its_long_answers() -> None:
    texts = ("The check is wrong. " * 9, "A second refund would pass. " * 9, "Noted.")
    answers = [turn(text, role="assistant") for text in texts]
    reviewed = [Exchange(request=turn("look again"), answer=said) for said in answers]
    assert summarise(reviewed, INFO, (1, 2)).result == answers[1]


def talk(*pairs: tuple[str, str]) -> Summary:
    said = [Exchange(request=turn(q), answer=turn(a, role="assistant")) for q, a in pairs]
    return summarise(said, INFO, (1, 2))


def test_a_question_that_a_session_began_with_is_answered_by_its_own_answer() -> None:
    long, other = "The lowest deadline comes first. " * 3, "Nothing resumes them by time. " * 3
    found = talk(("which job comes next?", long), ("and where are they resumed?", other))
    assert found.result is not None
    assert found.result.text == long
    found = talk(("which job comes next?", "The first."), ("and how are they resumed?", other))
    assert found.result is not None
    assert found.result.text == other


def test_of_a_session_that_changed_nothing_the_longest_explanation_is_its_work() -> None:
    found = talk(("is there a limit?", "Yes, eight. " * 9), ("why 8?", "Nobody says. " * 8))
    assert found.work is not None
    assert found.work.request == turn("is there a limit?")
    assert talk(("is there a limit?", "Yes."), ("why 8?", "Nobody says. " * 8)).work is None
    assert talk(("is there a limit?", "Yes.")).work is None


def test_what_follows_a_slash_command_is_shown_behind_its_name() -> None:
    typed = action("skill", name="command", text="/failover", at=1)
    found = summarise(
        [Exchange(request=turn("staging", kind="command"), actions=(typed,))], INFO, (1, 2)
    )
    assert found.goal is not None
    assert found.goal.text == "/failover staging"
    assert not found.trivial
    words = turn("the staging quay", kind="command")
    later = Exchange(request=words, actions=(action("skill", at=9),))
    assert [r.text for r in summarise([later], INFO, (1, 2)).requests] == [words.text]


def test_what_only_sets_something_of_the_hosts_is_no_request() -> None:
    for value in ("opus", "harbour work"):
        setting = Exchange(request=turn(value, kind="command"))
        found = summarise([setting, Exchange(request=turn("add a berth"))], INFO, (1, 2))
        assert [request.text for request in found.requests] == ["add a berth"]


def test_a_page_of_markup_is_no_goal_unless_something_is_said_below_it() -> None:
    page = "<!DOCTYPE html>\n<html>\n<title>Berths</title>\n<body>\n  <p>x</p>\n</body>\n</html>"
    for first, goal in ((page, "menu"), (f"{page}\n\nmake it narrow", "make it narrow")):
        found = summarise([Exchange(request=turn(t)) for t in (first, "menu")], INFO, (1, 2)).goal
        assert found is not None
        assert found.text.endswith(goal)


def test_a_file_that_was_made_and_removed_again_is_no_work() -> None:
    made = [action("write", path="/p/t.py"), action("delete", path="t.py")]
    assert files_of(made, ("/p",)) == ()
    old = [action("edit", path="/p/t.py"), action("delete", path="t.py")]
    assert [(file.path, file.gone) for file in files_of(old, ("/p",))] == [("/p/t.py", True)]


def test_an_amended_commit_is_one() -> None:
    commits = [action("commit", text="Mend the tide", commit=name) for name in ("1a2b", "9f8e")]
    assert [commit.commit for commit in summary(*commits).commits] == ["9f8e"]


def test_a_plan_is_left_if_it_was_accepted_and_nothing_changed_since() -> None:
    plan = action("plan", text="Lift the crane")
    assert summary(action("edit", path="/p/a.py"), plan).plan == plan
    assert summary(plan, action("edit", path="/p/a.py")).plan is None
    assert summary(plan, action("plan", status="refused")).plan is None


def test_a_larger_run_that_failed_and_was_not_repeated_is_told() -> None:
    whole = action("test", text="pytest", status="failed", failed=3, passed=30)
    assert summary(whole, action("test", text="pytest a.py", passed=1)).failed_before == whole
    assert summary(whole, action("test", text="pytest a.py", passed=5)).failed_before is None
    assert summary(whole, action("test", text="pytest", passed=33)).failed_before is None
    uncounted = action("test", text="go test ./...")
    assert summary(whole, uncounted).failed_before is None
