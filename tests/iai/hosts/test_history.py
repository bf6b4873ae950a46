"""Which commits of a session are taken back by what was run after them."""

import os
import subprocess
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

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


@pytest.mark.parametrize("stayed", ["git branch -v", "git checkout -- a.py", "git status"])
def test_what_leaves_the_commits_where_they_are_does_not_hide_a_reset(stayed: str) -> None:
    assert session(ONE, stayed, "git reset --hard HEAD~1") == [("one", True)]


NOW_AT_TWO = "HEAD is now at bbbbbbb two"


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([ONE, TWO, "git reset --hard HEAD@{1}"], ["one"]),
        ([ONE, TWO, "git reset --hard HEAD@{2}"], []),
        ([ONE, TWO, "git reset --hard HEAD@{3}"], ["one", "two"]),  # where that is nobody knows
        ([ONE, TWO, "git reset --hard HEAD~1", "git reset --hard HEAD@{1}"], ["one", "two"]),
        ([ONE, TWO, "git reset --hard HEAD~2", "git reset --soft bbbbbbb"], ["one", "two"]),
        ([ONE, TWO, "git reset --hard HEAD~2", ("git reset --hard ORIG_HEAD", NOW_AT_TWO)],
         ["one", "two"]),
        ([ONE, TWO, "git reset --hard HEAD~2", "git reset --soft ORIG_HEAD"], ["one", "two"]),
        ([ONE, "git reset HEAD~1", TWO, "git reset --soft ORIG_HEAD"], ["one"]),
        ([ONE, TWO, "git reset HEAD~1", "git reset", "git reset --soft ORIG_HEAD"], ["one"]),
        # From here on nobody knows where that is.
        ([ONE, TWO, "git reset HEAD~1", "git stash", "git reset --soft ORIG_HEAD"], ["one", "two"]),
        ([ONE, TWO, "git reset --soft ORIG_HEAD"], ["one", "two"]),
        ([ONE, "git checkout -b new", TWO, "git reset --hard HEAD@{1}"], ["one"]),
        ([ONE, "git checkout -b new", TWO, "git reset --hard HEAD@{3}"], ["one"]),
        ([ONE, "git checkout -b new origin/main", "git reset --hard HEAD~1"], ["one"]),
        ([ONE, TWO, "git stash", "git reset --soft HEAD~1", "git stash pop"], ["one"]),
        ([ONE, TWO, "git stash", "git reset --soft HEAD@{1}"], ["one", "two"]),
        ([ONE, TWO, "git reset --hard some-tag", "git reset --hard HEAD~1"], ["one", "two"]),
    ],
)  # fmt: skip
def test_a_reset_goes_where_head_was_before(
    lines: list[str | tuple[str, str]], left: list[str]
) -> None:
    assert {text for text, gone in session(*lines) if not gone} == set(left)


@pytest.mark.parametrize(
    "kept", ["git branch kept", "git switch -c kept", "git checkout -b kept", "git branch -m kept"]
)
def test_a_commit_that_another_branch_holds_is_not_taken_back_by_a_reset(kept: str) -> None:
    assert session(ONE, kept, "git reset --hard HEAD~1") == [("one", False)]


def test_the_commit_before_an_amended_one_is_brought_back_by_a_reset() -> None:
    amended = ("git commit --amend -m better", "[main ccccccc] better")
    assert session(ONE, amended, "git reset --hard HEAD@{1}") == [
        ("one", True), ("better", True), ("one", False),
    ]  # fmt: skip


SQUASHED = ("git rebase -i --autosquash HEAD~2", "Successfully rebased and updated refs/heads/x.")


def test_a_commit_that_a_rebase_folds_into_another_is_taken_back() -> None:
    fixup = ("git commit --fixup=aaaaaaa", "[main ddddddd] fixup! one")
    assert session(ONE, fixup, SQUASHED) == [("one", False), ("fixup! one", True)]
    assert session(ONE, fixup, (SQUASHED[0], "CONFLICT (content)")) == [
        ("one", False), ("fixup! one", False),
    ]  # fmt: skip


def test_a_fixup_of_a_commit_that_the_rebase_may_not_have_had_is_not_taken_back() -> None:
    fixup = ("git commit --fixup=9999999", "[main ddddddd] fixup! of somebody else")
    assert session(fixup, SQUASHED) == [("fixup! of somebody else", False)]


@pytest.mark.parametrize(
    ("target", "onto", "folded"),
    [
        ("--fixup=9999999", "9999999^", True),
        ("--fixup 9999999aaaa", "9999999~2", True),
        ("--squash=amend:9999999", "9999999~1", True),
        ("--fixup=HEAD", "HEAD~2", True),
        ("--fixup=HEAD~1", "HEAD~3", True),
        ("--fixup=:/tide", "--root", True),
        ("--fixup=9999999", "9999999", False),
        ("--fixup=9999999", "8888888^", False),
        ("--fixup=HEAD", "HEAD~1", False),
        ("--fixup=HEAD~2", "HEAD~3", False),
        ("--fixup=9999999", "--onto main 9999999^", False),
        ("--fixup=:/tide", "9999999^", False),
    ],
)
def test_a_fixup_of_an_older_commit_is_taken_back_where_the_rebase_surely_had_that(
    target: str, onto: str, *, folded: bool
) -> None:
    fixup = (f"git commit {target}", "[main ddddddd] fixup! of before")
    rebase = (f"git rebase -i --autosquash {onto}", SQUASHED[1])
    assert session(fixup, rebase) == [("fixup! of before", folded)]


def test_a_fixup_of_a_fixup_is_not_folded_into_that() -> None:
    twice = ("git commit --fixup=HEAD", "[main ddddddd] fixup! fixup! of before")
    assert session(twice, SQUASHED) == [("fixup! fixup! of before", False)]


TRIED = commit("tried", "eeeeeee")
DELETED = ("git branch -D main", "Deleted branch main (was eeeeeee).")


@pytest.mark.parametrize(
    ("between", "undone"),
    [
        (["git switch other"], True),
        (["git switch other", "git push"], True),
        (["git push", "git switch other"], False),
        (["git switch other", "git merge main"], False),
        (["git switch other", "git rebase main"], False),
        (["git branch kept", "git switch other"], False),
        (["git switch -c kept"], False),
    ],
)
def test_what_was_on_a_deleted_branch_only_is_taken_back(between: list[str], undone: bool) -> None:  # noqa: FBT001
    assert session(TRIED, *between, DELETED) == [("tried", undone)]


def test_a_branch_deleted_safely_or_with_another_tip_takes_nothing_back() -> None:
    safely = ("git branch -d main", "Deleted branch main (was eeeeeee).")
    assert session(TRIED, "git switch other", safely) == [("tried", False)]
    other = ("git branch -D main", "Deleted branch main (was 9999999).")
    assert session(TRIED, "git switch other", other) == [("tried", False)]


def test_after_a_line_that_failed_head_may_be_anywhere() -> None:
    command = Action(key="k", kind="command", at=1, status="failed")
    context, _ = history.ran(Context(cwd="/p"), structs.replace(command, status="ok"), *ONE)
    context, _ = history.ran(context, command, "git checkout other && pytest", "1 failed")
    again = structs.replace(command, key="l", status="ok")
    assert history.ran(context, again, "git reset --hard HEAD~1", "")[1] == ()


LINES = (
    "echo {n} > f{n} && git add -A && git commit -m c{n}",
    "echo {n} > g{n} && git add -A && git commit -m d{n}",
    "git reset --hard HEAD~1", "git reset --soft HEAD^", "git reset --hard HEAD@{{1}}",
    "git reset --soft HEAD@{{2}}", "git reset --hard ORIG_HEAD", "git reset", "git stash",
    "git commit --amend -m a{n} --allow-empty", "git checkout -b b{n}", "git checkout main",
    "git branch x{n}", "git branch -D main", "git rebase main", "git merge main",
    "git commit --allow-empty --fixup=HEAD && git rebase -i --autosquash HEAD~2",
    "git reset --soft ORIG_HEAD", "git commit --allow-empty --fixup=HEAD~1",
    "git rebase -i --autosquash --root", "git rebase -i --autosquash HEAD~3",
    "git cherry-pick main", "git revert --no-edit HEAD", "git rebase --onto main HEAD~1",
    "git rebase -i HEAD~2 --exec 'git commit --amend --no-edit --allow-empty'",
)  # fmt: skip


@given(lines=st.lists(st.sampled_from(LINES), min_size=3, max_size=10))
@settings(max_examples=8, deadline=None)
def test_what_is_said_to_be_undone_is_on_no_branch_of_a_real_repository(lines: list[str]) -> None:
    with TemporaryDirectory() as place:
        shell(place, "git init -q -b main && git commit -q --allow-empty -m base")
        context, made = Context(cwd=place), dict[str, Action]()
        for n, line in enumerate(lines):
            text = line.format(n=n)
            code, printed = shell(place, text)
            status: Status = "failed" if code else "ok"
            command = Action(key=f"k{n}", kind="command", at=n + 1, status=status)
            context, also = history.ran(context, command, text, printed)
            made |= {one.key: one for one in also if one.kind == "commit"}
        there = shell(place, "git log --all --format=%h --abbrev=7")[1].split()
    said = {one.commit[:7] for one in made.values() if not one.undone}
    undone = {one.commit[:7] for one in made.values() if one.undone} - said
    assert undone.isdisjoint(there)


def shell(place: str, line: str) -> tuple[int, str]:
    names = [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    environment = dict.fromkeys((*names, "GIT_EDITOR", "GIT_SEQUENCE_EDITOR"), "true")
    environment |= {"PATH": os.environ["PATH"], "HOME": place}
    done = subprocess.run(  # noqa: S602  the lines above
        line, shell=True, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_commit_and_its_reset_in_one_line_are_read_in_order() -> None:
    assert session((f"{ONE[0]} && git reset --soft HEAD~1 && {TWO[0]}", f"{ONE[1]}\n{TWO[1]}")) == [
        ("one", True), ("two", False),
    ]  # fmt: skip


def test_no_more_commits_are_known_than_the_context_holds() -> None:
    many = [commit(f"c{n}", f"{n:07x}") for n in range(COMMITS + 2)]
    undone = [gone for _, gone in session(*many, f"git reset --hard HEAD~{COMMITS + 2}")]
    assert undone == [False, False, *[True] * COMMITS]
