"""Which sessions of a project come first in the payload for one of its checkouts."""

import pytest

from iai.model.session import SessionInfo
from iai.payload.checkouts import RECENT, Checkout, here_first
from iai.payload.summary import Summary

MAIN = Checkout(("/w/cli",), ("/w/quay", "/w/cli/.worktrees/b"))
QUAY = Checkout(("/link/quay", "/w/quay"), ("/w/cli",))


def sessions(*cwds: str) -> list[Summary]:
    return [
        Summary(info=SessionInfo(host="claude", session=cwd, cwd=cwd), began_at=0, ended_at=0)
        for cwd in cwds
    ]


@pytest.mark.parametrize(
    ("checkout", "cwd", "name"),
    [
        (MAIN, "/w/cli", ""),
        (MAIN, "/w/cli/cmd", ""),
        (MAIN, "/w/quay/sub", "quay"),
        (MAIN, "/w/cli/.worktrees/b/cmd", "b"),
        (MAIN, "/w/cli/.claude/worktrees/gone", "gone"),
        (MAIN, "/w/cli/.worktrees/soph/gone", "soph/gone"),
        (MAIN, "/elsewhere", ""),
        (MAIN, "", ""),
        (QUAY, "/w/quay/sub", ""),
        (QUAY, "/link/quay", ""),
        (QUAY, "/w/cli/sub", "cli"),
        (Checkout(("/w/cli/.worktrees/b",), ("/w/cli",)), "/w/cli/.worktrees/b/cmd", ""),
    ],
)
def test_a_session_is_held_in_the_checkout_of_its_directory(
    checkout: Checkout, cwd: str, name: str
) -> None:
    assert checkout.other(cwd) == name


def test_the_last_session_of_this_checkout_comes_first_and_the_rest_in_order() -> None:
    every = sessions("/w/cli", "/w/cli/x", "/w/quay", "/w/cli/y", "/w/quay/z")
    found = [(s.info.cwd, s.worktree) for s in here_first(every, QUAY)]
    assert found == [
        ("/w/quay", ""),
        ("/w/cli", "cli"),
        ("/w/cli/x", "cli"),
        ("/w/cli/y", "cli"),
        ("/w/quay/z", ""),
    ]
    assert list(here_first(every, None)) == every
    nowhere_yet = [s.worktree for s in here_first(sessions("/w/cli"), QUAY)]
    assert nowhere_yet == ["cli"]


def held(*branches: str, cwd: str = "/w/quay") -> list[Summary]:
    return [
        Summary(
            info=SessionInfo(host="claude", session=str(n), cwd=cwd, branch=branch),
            began_at=0,
            ended_at=-n,
        )
        for n, branch in enumerate(branches)
    ]


def first(sessions: list[Summary], branch: str) -> str:
    found = list(here_first(sessions, Checkout(("/w/quay",), ("/w/cli",), branch)))
    assert sorted(s.info.session for s in found) == sorted(s.info.session for s in sessions)
    return found[0].info.branch


def test_the_last_session_on_the_branch_checked_out_comes_first_if_it_is_recent() -> None:
    assert first(held("main", "fix", "old"), "fix") == "fix"
    assert first(held("main", "fix", "old"), "new") == "main"
    assert first(held("main", "fix", "old"), "") == "main"
    assert first(held("", "fix"), "") == ""
    assert first(held(*["main"] * RECENT, "fix"), "fix") == "main"


def test_a_session_on_the_branch_in_another_checkout_does_not_come_first() -> None:
    assert first(held("fix", cwd="/w/cli") + held("main"), "fix") == "main"
