"""What a shell command did beside running."""

import pytest

from iai.hosts import shell, tests_run
from iai.hosts.tests_run import Summary
from iai.model.action import Action, Status


def also(command: str, output: str = "", status: Status = "ok") -> list[Action]:
    base = Action(key="claude:s:t", kind="command", at=1, status=status, text=command)
    return list(shell.also(base, command, output))


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q", "python -m pytest tests", ".venv/bin/python -m pytest -n 0", "uv run pytest",
        "python3 -m unittest", "go test ./...", "cd x && go test -v ./a", "cargo test",
        "cargo nextest run", "npx jest", "npx vitest run", "node --test", "npm test",
        "npm run test:unit", "yarn test", "make test", "mise run lint && mise run test:ci",
        "CI=1 pytest", "timeout 60 pytest", "tox -e py311", "mvn -q test", "./gradlew test",
        "bundle exec rspec", "php vendor/bin/phpunit", "zig build test", "dotnet test",
        "go test -c ./a && go test ./b", "pytest -c setup.cfg",
    ],
)  # fmt: skip
def test_a_run_of_tests_is_known_by_its_runner(command: str) -> None:
    assert tests_run.runs_tests(command)


@pytest.mark.parametrize(
    "command",
    ["ls tests", "cat test.py", "git commit -m 'pytest passes'", "grep -r pytest .", "go build .",
     "pip install pytest", "vim tests/test_a.py", "npm install", "make", "echo go test",
     "go test -tags=e2e -c ./e2e/... -o /dev/null", "cargo test --no-run", "pytest --collect-only"],
)  # fmt: skip
def test_what_only_speaks_of_tests_is_no_run(command: str) -> None:
    assert not tests_run.runs_tests(command)


@pytest.mark.parametrize(
    ("output", "tests"),
    [
        ("=== 3 failed, 210 passed, 1 skipped in 3.21s ===", Summary(210, 3)),
        ("2 passed, 1 error in 0.12s", Summary(2, 1)),
        ("Ran 12 tests in 0.1s\n\nFAILED (failures=2, errors=1)", Summary(9, 3)),
        ("Ran 12 tests in 0.1s\n\nOK", Summary(12, 0)),
        ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL", Summary(1, 1)),
        ("ok  \th/a\t0.4s\nok  \th/b\t(cached)\nFAIL\th/c\t1s", Summary(2, 1)),
        ("DONE 212 tests, 3 failures in 2s", Summary(212, 3)),
        ("test result: ok. 3 passed; 0 failed;\ntest result: FAILED. 4 passed; 1 failed;",
         Summary(7, 1)),
        ("     Summary [   0.1s] 5 tests run: 4 passed, 1 failed, 2 skipped", Summary(4, 1)),
        ("Test Suites: 1 failed, 2 passed\nTests:  1 failed, 5 passed, 6 total", Summary(5, 1)),
        (" Test Files  1 passed (1)\n      Tests  5 passed (5)", Summary(5, 0)),
        ("  2 failed\n    [chromium] > a.spec.ts\n  40 passed (12.1s)", Summary(40, 2)),
        (" 40 pass\n 2 fail\n 99 expect() calls", Summary(40, 2)),
        ("FAILED | 40 passed | 2 failed (1s)", Summary(40, 2)),
        ("Failed!  - Failed:     2, Passed:    40, Skipped:     0, Total:    42", Summary(40, 2)),
        ("95% tests passed, 2 tests failed out of 42", Summary(40, 2)),
        ("FAILURES!\nTests: 42, Assertions: 99, Failures: 2.", Summary(40, 2)),
        ("OK (42 tests, 99 assertions)", Summary(42, 0)),
        ("Tests run: 42, Failures: 1, Errors: 1, Skipped: 0", Summary(40, 2)),
        ("42 tests completed, 2 failed", Summary(40, 2)),
        ("3 doctests, 42 tests, 2 failures", Summary(40, 2)),
        ("42 runs, 99 assertions, 1 failures, 1 errors, 0 skips", Summary(40, 2)),
        ("Executed 42 tests, with 2 failures (0 unexpected) in 1.0 seconds", Summary(40, 2)),
        ("# tests 4\n# pass 3\n# fail 1", Summary(3, 1)),
        ("  5 passing (20ms)\n  2 failing\n", Summary(5, 2)),
        ("nothing of the kind", None),
    ],
)  # fmt: skip
def test_the_summaries_of_the_common_runners_are_read(output: str, tests: Summary | None) -> None:
    assert tests_run.counts(output) == tests


def test_a_run_has_an_outcome_of_its_own() -> None:
    (run,) = also("pytest -q | tail -1", "1 failed, 2 passed in 0.1s")
    assert (run.kind, run.status, run.passed, run.failed) == ("test", "failed", 2, 1)
    assert run.key == "claude:s:t:test"
    assert "1 failed" in run.output
    (crashed,) = also("pytest -q", "ImportError", status="failed")
    assert (crashed.status, crashed.passed, crashed.failed) == ("failed", 0, 0)


def test_behind_a_pipe_a_run_without_a_count_is_unknown() -> None:
    assert also("pytest -q | grep foo", "") == []


def test_a_commit_is_read_from_what_git_printed() -> None:
    printed = "[fix/quay abc1234] Count short berths\n 1 file changed"
    (commit,) = also("git add -A && git commit -qm wip", printed)
    assert (commit.kind, commit.commit, commit.text) == ("commit", "abc1234", "Count short berths")


@pytest.mark.parametrize(
    "command",
    [
        "git commit -q -m 'Count short berths'",
        'git -C /p commit -qam "Count short berths"',
        "git commit -q -F - <<'EOF'\nCount short berths\n\nThey overlap.\nEOF",
        "git commit -q -m \"$(cat <<'EOF'\nCount short berths\n\nThey overlap.\nEOF\n)\"",
    ],
)
def test_a_silent_commit_has_the_subject_it_was_given(command: str) -> None:
    (commit,) = also(command)
    assert (commit.kind, commit.text, commit.commit) == ("commit", "Count short berths", "")


def test_what_did_not_commit_is_no_commit() -> None:
    assert also("git commit -m x", "nothing to commit", status="failed") == []
    assert also("git commit --dry-run -m x") == []
    assert also("git log --grep commit", "[main abc1234] x") == []
    assert also("git commit -m x", status="refused") == []


@pytest.mark.parametrize(
    "command",
    ["git checkout -b fix/quay", "git switch -c fix/quay x", "git -C . switch --create fix/quay"],
)  # fmt: skip
def test_a_new_branch_is_named(command: str) -> None:
    assert [(a.kind, a.text) for a in also(command)] == [("branch", "fix/quay")]
    assert also(command, status="failed") == []


def test_files_moved_and_removed_by_plain_names_are_told() -> None:
    found = also("git mv a.py b.py && rm -f 'c d.py' e.py; mv x y")
    assert [(a.kind, a.path, a.to) for a in found] == [
        ("move", "a.py", "b.py"), ("delete", "c d.py", ""), ("delete", "e.py", ""),
        ("move", "x", "y"),
    ]  # fmt: skip
    assert len({action.key for action in found}) == 4


@pytest.mark.parametrize("command", ["rm *.pyc", "rm $FILE", "mv a b c", "docker rm box", "rm 'a"])
def test_what_a_shell_would_have_to_expand_is_left_out(command: str) -> None:
    assert also(command) == []


def test_text_inside_a_here_document_is_no_command() -> None:
    assert also("cat > notes <<'EOF'\npytest\nrm a.py\nEOF", "") == []
