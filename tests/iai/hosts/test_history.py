"""Which commits of a session are taken back by what was run after them."""

import pytest

from iai.hosts import history
from iai.model.action import Action, Status
from iai.model.context import COMMITS, Context


def session(*lines: str | tuple[str, str], status: Status = "ok") -> list[tuple[str, bool]]:
    """Run lines of shell, each with what it printed; return each commit, and whether it is undone.

    `status` is that of the last line.
    """
    context, done = Context(cwd="/p"), dict[str, Action]()
    for number, line in enumerate(lines):
        command, printed = (line, "") if isinstance(line, str) else line
        ended: Status = status if number == len(lines) - 1 else "ok"
        action = Action(key=f"claude:s:{number}", kind="command", at=1, status=ended, text=command)
        context, also = history.ran(context, action, command, printed)
        done |= {one.key: one for one in also if one.kind == "commit"}
    return [(one.text, one.undone) for one in done.values()]


def commit(subject: str, hash_: str = "") -> tuple[str, str]:
    return f"git commit -m {subject}", f"[main {hash_ or 'abc1234'}] {subject}"


ONE, TWO = commit("one", "aaaaaaa"), commit("two", "bbbbbbb")


@pytest.mark.parametrize(
    ("reset", "undone"),
    [
        ("git reset HEAD~1", [False, True]),
        ("git reset --soft HEAD^", [False, True]),
        ("git reset --hard HEAD~2", [True, True]),
        ("git reset --hard @^^", [True, True]),
        ("git reset --hard HEAD~9", [True, True]),
        ("git reset --hard aaaaaaa", [False, True]),
        ("git reset --hard aaaaaaa0123456789", [False, True]),
        ("git reset --hard origin/main", [True, True]),
        ("git -C /p reset -q --hard HEAD~1 && ls", [False, True]),
        ("git reset", [False, False]),
        ("git reset HEAD", [False, False]),
        ("git reset --hard", [False, False]),
        ("git reset HEAD~1 -- a.py", [False, False]),
        ("git reset HEAD~1 a.py", [False, False]),
        ("git reset --hard some-tag", [False, False]),
        ("git -C /other reset --hard HEAD~1", [False, False]),
        ("cd $DIR && git reset --hard HEAD~1", [False, False]),
        ("echo git reset --hard HEAD~1", [False, False]),
    ],
)
def test_a_reset_takes_back_the_commits_that_it_leaves_behind(
    reset: str, undone: list[bool]
) -> None:
    assert session(ONE, TWO, reset) == list(zip(["one", "two"], undone, strict=True))


def test_a_reset_that_failed_takes_nothing_back() -> None:
    assert session(ONE, "git reset --hard HEAD~1", status="failed") == [("one", False)]


def test_an_amended_commit_takes_the_place_of_the_last() -> None:
    amended = ("git commit --amend -m better", "[main ccccccc] better")
    assert session(ONE, TWO, amended) == [("one", False), ("two", True), ("better", False)]
    nothing = ("git commit --amend --no-edit; true", "error: hook failed")
    assert session(ONE, nothing) == [("one", False)]


def test_what_was_pushed_is_not_behind_a_reset_to_the_upstream() -> None:
    assert session(ONE, "git push", TWO, "git reset --hard origin/main") == [
        ("one", False), ("two", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "moved", ["git checkout other", "git switch other", "git rebase main", "git pull"]
)
def test_once_the_branch_may_be_another_nothing_is_proved(moved: str) -> None:
    assert session(ONE, moved, "git reset --hard HEAD~1") == [("one", False)]


@pytest.mark.parametrize("stayed", ["git switch -c new", "git checkout -- a.py", "git status"])
def test_what_leaves_the_commits_where_they_are_does_not_hide_a_reset(stayed: str) -> None:
    assert session(ONE, stayed, "git reset --hard HEAD~1") == [("one", True)]


def test_a_commit_and_its_reset_in_one_line_are_read_in_order() -> None:
    assert session((f"{ONE[0]} && git reset --soft HEAD~1 && {TWO[0]}", f"{ONE[1]}\n{TWO[1]}")) == [
        ("one", True), ("two", False),
    ]  # fmt: skip


def test_no_more_commits_are_known_than_the_context_holds() -> None:
    many = [commit(f"c{n}", f"{n:07x}") for n in range(COMMITS + 2)]
    undone = [gone for _, gone in session(*many, f"git reset --hard HEAD~{COMMITS + 2}")]
    assert undone == [False, False, *[True] * COMMITS]
