"""What a person runs at Claude Code's prompt with `!`."""

from typing import Any

import pytest

from iai.hosts.turn import Skip
from iai.model.action import Action
from tests.iai.hosts.claude_lines import actions, answer, call, items, prompt, turns


def printed(second: int, stdout: str, stderr: str = "") -> dict[str, Any]:
    said = f"<bash-stdout>{stdout}</bash-stdout><bash-stderr>{stderr}</bash-stderr>"
    return prompt(second, said)


def run(command: str, stdout: str = "", stderr: str = "") -> list[Action]:
    return actions(prompt(1, f"<bash-input>{command}</bash-input>"), printed(2, stdout, stderr))


def test_a_command_of_the_users_is_an_action_and_no_turn() -> None:
    lines = (prompt(1, "<bash-input>make ferry</bash-input>"), printed(2, "cc ferry.c"))
    (action,) = actions(*lines)
    assert (action.kind, action.text, action.name) == ("command", "make ferry", "!")
    assert (action.status, action.exit_code, action.output) == ("ok", 0, "")
    assert turns(*lines) == []
    assert items(*lines) == [Skip.COMMAND, action]


def test_it_is_known_by_the_line_that_it_was_typed_in() -> None:
    (action,) = run("ls")
    assert (action.key, action.at % 60_000_000_000) == ("claude:s1:u1:shell", 1_000_000_000)


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "end"),
    [
        ("gate.c:3: no ;", "Exit code 2", 2, "gate.c:3: no ;\nExit code 2"),
        ("", "zsh: command not found: quay\nExit code 127", 127,
         "zsh: command not found: quay\nExit code 127"),
        ("", "Command failed: the shell is gone", None, "Command failed: the shell is gone"),
        ("", "make: *** [ferry] Error 1", None, "make: *** [ferry] Error 1"),
        ("", "(eval):1: command not found: quay", None, "(eval):1: command not found: quay"),
        ("", "fatal: not a git repository", None, "fatal: not a git repository"),
        ("", "cat: a&lt;b&gt;: No such file or directory", None,
         "cat: a<b>: No such file or directory"),
    ],
)  # fmt: skip
def test_a_failure_keeps_its_last_lines(
    stdout: str, stderr: str, code: int | None, end: str
) -> None:
    (action,) = run("make ferry", stdout, stderr)
    assert (action.status, action.exit_code, action.output) == ("failed", code, end)


def test_of_a_command_that_only_may_have_failed_nothing_is_said() -> None:
    (action,) = run("git push", "", "To git.harbor.net:quay\n   1a2b3c4..5d6e7f8  main -> main")
    assert (action.status, action.exit_code, action.output) == ("", None, "")


def test_tests_commits_and_moved_files_are_found_in_it() -> None:
    found = run("pytest -q &amp;&amp; git commit -am x", "3 passed in 0.1s\n[main 1a2b3c4] x")
    assert [(a.kind, a.status, a.passed, a.commit) for a in found] == [
        ("command", "ok", 0, ""), ("test", "ok", 3, ""), ("commit", "ok", 0, "1a2b3c4"),
    ]  # fmt: skip
    assert [(a.kind, a.path, a.to) for a in run("mv a.c b.c")[1:]] == [("move", "a.c", "b.c")]


def test_failed_tests_say_that_it_failed_where_nothing_else_does() -> None:
    command, test = run("pytest", "", "1 failed, 2 passed in 0.1s")
    assert (command.status, test.status, test.failed) == ("failed", "failed", 1)
    assert command.output == "1 failed, 2 passed in 0.1s"


def test_both_may_be_in_one_message_with_words_beside_them() -> None:
    blocks = [
        {"type": "text", "text": "<bash-input>\nmake\n</bash-input>"},
        {"type": "text", "text": "<bash-stdout>no</bash-stdout><bash-stderr>Exit code 1"
                                 "</bash-stderr>"},
        {"type": "text", "text": "why does it fail?"},
    ]  # fmt: skip
    (action,) = actions(prompt(1, blocks))
    assert (action.text, action.status) == ("make", "failed")
    assert turns(prompt(1, blocks)) == [("user", "why does it fail?")]
    one = "<bash-input>make</bash-input>\n<bash-stdout>fine</bash-stdout>"
    assert [a.status for a in actions(prompt(1, one))] == ["ok"]


def test_one_that_is_interrupted_says_so() -> None:
    waiting = prompt(1, "<bash-input>make</bash-input>")
    (action,) = actions(waiting, prompt(2, "[Request interrupted by user]"))
    assert (action.kind, action.text, action.status) == ("command", "make", "interrupted")


def test_one_that_a_person_quotes_is_not_run() -> None:
    said = "what does <bash-input>ls</bash-input> in a transcript mean?"
    assert items(prompt(1, said), printed(2, "a")) == [items(prompt(1, said))[0], Skip.COMMAND]


def test_the_agents_own_calls_go_on_waiting() -> None:
    found = actions(
        answer(1, call("t", "Bash", command="make")),
        prompt(2, "<bash-input>ls</bash-input>"),
        printed(3, "a"),
    )
    assert [action.text for action in found] == ["ls"]
