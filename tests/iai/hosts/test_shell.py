"""What a shell command did beside running."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts import shell, tests_run
from iai.hosts.commands import commands
from iai.hosts.tests_run import Runs, Summary
from iai.model.action import Action, Status


def runs(line: str) -> Runs:
    return max((tests_run.runs(command) for command in commands(line)), default=Runs.NO)


def also(command: str, output: str = "", status: Status = "ok") -> list[Action]:
    base = Action(key="claude:s:t", kind="command", at=1, status=status, text=command)
    return list(shell.also(base, shell.read(command), output))


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q", "python -m pytest tests", ".venv/bin/python -m pytest -n 0", "uv run pytest",
        "python3 -m unittest", "go test ./...", "cd x && go test -v ./a", "cargo test",
        "cargo nextest run", "npx jest", "npx vitest run", "node --test", "npm test",
        "npm run test:unit", "yarn test", "make test", "mise run lint && mise run test:ci",
        "CI=1 pytest", "timeout 60 pytest", "tox -e py311", "mvn -q test", "./gradlew test",
        "bundle exec rspec", "php vendor/bin/phpunit", "zig build test", "dotnet test",
        "go test -c ./a && go test ./b", "pytest -c setup.cfg", "cd x && pytest | tail -5",
        "bash -lc 'cd app && npm test'", "docker compose exec -T web pytest", "uv run -- pytest",
        "docker exec -it web sh -c 'pytest -q'", "if pytest; then echo ok; fi", "{ pytest; }",
        "for x in a b; do pytest $x; done", "timeout -k 5 60 pytest", "sudo -u x pytest",
        "python -X dev -m pytest", "./manage.py test", "conda run -n x pytest", "(cd x; go test .)",
        "pytest\\\n  -q\\\n  tests", "pnpm --filter web test", "npm --prefix web test",
        "py -3 -m pytest",
        "bash <<'EOF'\npytest\nEOF", "xvfb-run -a npx cypress run", "nix develop -c pytest",
        "npx nx test web", "./scripts/test.sh", "ssh host 'cd a && pytest'", "php artisan test",
        "Rscript -e 'devtools::test()'", "./gradlew :app:testDebugUnitTest", "sbt testOnly",
        "npm run coverage -- test", "coverage run -m pytest", "kubectl exec pod -- pytest",
    ],
)  # fmt: skip
def test_a_run_of_tests_is_known_by_its_runner(command: str) -> None:
    assert runs(command) is Runs.YES


@pytest.mark.parametrize(
    "command",
    ["ls tests", "cat test.py", "git commit -m 'pytest passes'", "grep -r pytest .", "go build .",
     "pip install pytest", "vim tests/test_a.py", "npm install", "make", "echo go test",
     "go test -tags=e2e -c ./e2e/... -o /dev/null", "cargo test --no-run", "pytest --collect-only",
     "pytest --version", "npm run build:test-fixtures", "make -n test", "echo 'cd x; pytest'",
     "cat > run.sh <<'EOF'\npytest\nEOF", "pkill pytest", "command -v pytest", "# pytest",
     "jest --init", "mvn test-compile", "dotnet build Quay.Tests",
     "make help | grep test", "npm install test-kit", "python -c 'import pytest'"],
)  # fmt: skip
def test_what_only_speaks_of_tests_is_no_run(command: str) -> None:
    assert runs(command) is Runs.NO


@pytest.mark.parametrize("command", ["make check", "bash tests/run.sh", "python test_quay.py"])
def test_what_may_run_tests_does_if_it_prints_what_a_runner_prints(command: str) -> None:
    assert runs(command) is Runs.MAYBE
    assert also(command, "done") == []
    assert [(a.kind, a.passed) for a in also(command, "3 passed in 0.1s")] == [("test", 3)]


@pytest.mark.parametrize(
    ("output", "tests"),
    [
        ("=== 3 failed, 210 passed, 1 skipped in 3.21s ===", Summary(210, 3)),
        ("2 passed, 1 error in 0.12s", Summary(2, 1)),
        ("Ran 12 tests in 0.1s\n\nFAILED (failures=2, errors=1)", Summary(9, 3)),
        ("Ran 12 tests in 0.1s\n\nOK", Summary(12, 0)),
        ("--- PASS: TestA (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL", Summary(1, 1)),
        ("ok  \th/a\t0.4s\nok  \th/b\t(cached)\nFAIL\th/c\t1s", Summary(0, 1)),
        ("DONE 212 tests, 3 failures in 2s", Summary(209, 3)),
        ("DONE 12 tests, 1 skipped, 2 failures, 1 error in 1s", Summary(8, 3)),
        ("12 passed in 0.52s\r\n", Summary(12, 0)),
        ("1,234 passed in 12.5s", Summary(1234, 0)),
        ("Ran 12 tests in 0.1s\n\nOK (skipped=2)", Summary(10, 0)),
        ("42 examples, 2 failures, 1 pending", Summary(39, 2)),
        ("  2 failed\n    a\n  40 passed (1.2m)", Summary(40, 2)),
        ("Tests: 42, Assertions: 99, Skipped: 1.", Summary(41, 0)),
        ("\u2714 Test run with 12 tests passed after 0.1 seconds.", Summary(12, 0)),
        ("Total tests: 12\n     Passed: 10\n     Failed: 2", Summary(10, 2)),
        ("Test summary: total: 12, failed: 2, succeeded: 10, skipped: 0", Summary(10, 2)),
        ("00:03 +40 -2: Some tests failed.", Summary(40, 2)),
        ("Ok:                 40\nExpected Fail:      0\nFail:               2", Summary(40, 2)),
        ("1..3\nok 1 - a\nok 2 - b # SKIP\nnot ok 3 - c", Summary(1, 1)),
        ("Executed 2 out of 2 tests: 1 test passes and 1 fails locally.", Summary(1, 1)),
        ("  Passing:  40\n  Failing:  2", Summary(40, 2)),
        ("FAIL! -- 40 Passed | 2 Failed | 0 Pending | 8 Skipped", Summary(40, 2)),
        ("[  PASSED  ] 40 tests.\n[  FAILED  ] 2 tests, listed below:", Summary(40, 2)),
        ("test cases:  4 |  3 passed | 1 failed", Summary(3, 1)),
        ("All tests passed (9 assertions in 4 test cases)", Summary(4, 0)),
        ("40 successes / 2 failures / 0 errors / 0 pending", Summary(40, 2)),
        ("[ FAIL 2 | WARN 0 | SKIP 1 | PASS 40 ]", Summary(40, 2)),
        ("Files=3, Tests=42,  0 wallclock secs\nResult: PASS", Summary(42, 0)),
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
        ("3 doctests, 42 tests, 2 failures", Summary(43, 2)),
        ("42 runs, 99 assertions, 1 failures, 1 errors, 0 skips", Summary(40, 2)),
        ("Executed 42 tests, with 2 failures (0 unexpected) in 1.0 seconds", Summary(40, 2)),
        ("# tests 4\n# pass 3\n# fail 1", Summary(3, 1)),
        ("  5 passing (20ms)\n  2 failing\n", Summary(5, 2)),
        ("nothing of the kind", None),
    ],
)  # fmt: skip
def test_the_summaries_of_the_common_runners_are_read(output: str, tests: Summary | None) -> None:
    assert tests_run.counts(output) == tests


def test_colours_do_not_hide_what_was_printed() -> None:
    (run,) = also(
        "pytest", "\x1b[31m1 failed\x1b[0m, \x1b[32m3 passed\x1b[0m\x1b[32m in 0.5s\x1b[0m"
    )
    assert (run.passed, run.failed) == (3, 1)
    (commit,) = also("git commit -m x", "\x1b[32m[main abc1234] Count\x1b[0m\r\n")
    assert (commit.commit, commit.text) == ("abc1234", "Count")


def test_a_run_has_an_outcome_of_its_own() -> None:
    (run,) = also("pytest -q | tail -1", "1 failed, 2 passed in 0.1s")
    assert (run.kind, run.status, run.passed, run.failed) == ("test", "failed", 2, 1)
    assert run.key == "claude:s:t:test"
    assert "1 failed" in run.output
    (crashed,) = also("pytest -q", "ImportError", status="failed")
    assert (crashed.status, crashed.passed, crashed.failed) == ("failed", 0, 0)


def test_behind_a_pipe_a_run_without_a_count_is_unknown() -> None:
    for command in ("pytest -q | grep foo", "pytest -q; echo done", "pytest || true"):
        assert also(command, "") == []
    assert [run.status for run in also("cd x && pytest && echo done", "")] == ["ok"]


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
        'git commit -q -m "$(cat <<\'EOF\'\nCount short berths\n\nThey "overlap".\nEOF\n)"',
        "git commit -q --message='Count short berths' -m 'They overlap.'",
        "git commit -qm$'Count short berths\\n\\nbody'",
        "cd quay\ngit add . && GIT_AUTHOR_NAME=x git commit -qm 'Count short berths'",
        "bash -c 'git commit -qm \"Count short berths\"'",
        "hg commit -m 'Count short berths'",
        "jj commit -m 'Count short berths'",
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
    for command in ("grep -n 'git commit -m x' a", "echo \"git commit -m 'x'\"",
                    "cat <<'EOF' | sh -n\ngit commit -m x\nEOF"):  # fmt: skip
        assert also(command, "3:git commit -m x") == []
    for printed in ("nothing to commit, working tree clean", "ruff....Failed\n- hook id: ruff"):
        assert also("git commit -m x; git status", printed) == []


def test_a_silent_commit_has_the_hash_that_a_later_command_printed() -> None:
    for after, printed in (
        ("git log -1 --oneline", "abc1234 (HEAD -> main) Count\n"),
        ("git rev-parse --short HEAD", "abc1234\n"),
    ):
        (commit,) = also(f"git commit -qm Count && {after}", printed)
        assert (commit.text, commit.commit) == ("Count", "abc1234")


@pytest.mark.parametrize(
    "command",
    ["git checkout -b fix/quay", "git switch -c fix/quay x", "git -C . switch --create fix/quay",
     "git worktree add ../wt -b fix/quay main", "git branch fix/quay && git switch fix/quay"],
)  # fmt: skip
def test_a_new_branch_is_named(command: str) -> None:
    assert [(a.kind, a.text) for a in also(command)] == [("branch", "fix/quay")]
    assert also(command, status="failed") == []
    assert also(f"{command}; ls", "fatal: a branch named 'fix/quay' already exists") == []


@pytest.mark.parametrize("command", ["git branch", "git branch -d x", "git checkout x",
                                     "git checkout -b fix/$ID"])  # fmt: skip
def test_what_makes_no_branch_or_one_of_a_name_that_is_not_known_is_none(command: str) -> None:
    assert also(command) == []


def test_a_pull_request_is_known_by_the_address_that_making_it_printed() -> None:
    url = "https://github.com/a/b/pull/57"
    for command in ("gh pr create --title 'Count'", "git push && gh -R a/b pr create -t Count"):
        (made,) = also(command, f"Warning: 1 uncommitted change\n{url}\n")
        assert (made.kind, made.number, made.text) == ("pull-request", 57, "Count")
    assert also("gh pr view 57", url) == []
    assert also("echo 'gh pr create'", url) == []


def test_files_moved_and_removed_by_plain_names_are_told() -> None:
    found = also("git mv a.py b.py && rm -f 'c d.py' e.py; mv x y")
    assert [(a.kind, a.path, a.to) for a in found] == [
        ("move", "a.py", "b.py"), ("delete", "c d.py", ""), ("delete", "e.py", ""),
        ("move", "x", "y"),
    ]  # fmt: skip
    assert len({action.key for action in found}) == 4


@pytest.mark.parametrize(
    ("command", "gone"),
    [
        ("cd sub && rm a.py", "sub/a.py"), ("(cd sub; ls); rm a.py", "a.py"),
        ("bash -c 'cd sub; ls'; rm a.py", "a.py"), ("if cd sub; then rm a.py; fi", "sub/a.py"),
        ("rm -- -odd", "-odd"),
        ("git -C sub rm -q a.py", "sub/a.py"), ("rm a.py 2>/dev/null || true", "a.py"),
        ("sudo rm a.py", "a.py"), ("bash -c 'rm a.py'", "a.py"), ("/bin/rm a.py", "a.py"),
        ("cd /w && cd x && unlink a.py", "/w/x/a.py"), ("LC_ALL=C command rm a.py", "a.py"),
    ],
)  # fmt: skip
def test_a_file_that_is_removed_is_named_from_where_the_line_began(command: str, gone: str) -> None:
    assert [(a.kind, a.path) for a in also(command)] == [("delete", gone)]


def test_a_copy_is_a_file_that_was_written() -> None:
    for command, there in (
        ("cp a.py b.py", ["b.py"]),
        ("cd sub && cp -p ../a.py ./b.py", ["sub/./b.py"]),
        ("cp a.py c.py lib/", ["lib/a.py", "lib/c.py"]),
        ("cp -t lib a.py c.py", ["lib/a.py", "lib/c.py"]),
        ("Copy-Item -Force a.py b.py", ["b.py"]),
    ):
        assert [(a.kind, a.path, a.to) for a in also(command)] == [
            ("write", path, "") for path in there
        ]  # fmt: skip
    for command in ("cp -r lib old", "cp -aT lib old", "cp *.py lib/", "docker cp a.py box:/w"):
        assert also(command) == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("Remove-Item ./old.py -Force", ("delete", "./old.py", "")),
        ("remove-item -Path C:/w/old.py", ("delete", "C:/w/old.py", "")),
        ("del old.py", ("delete", "old.py", "")),
        ("Move-Item a.py -Destination b.py", ("move", "a.py", "b.py")),
    ],
)
def test_files_are_moved_and_removed_by_powershell_as_well(
    command: str, told: tuple[str, str, str]
) -> None:
    assert [(a.kind, a.path, a.to) for a in also(command)] == [told]


def test_files_moved_into_a_directory_are_named_there() -> None:
    for command in ("mv a.py b.py lib/", "mv -t lib a.py b.py"):
        assert [(a.path, a.to) for a in also(command)] == [
            ("a.py", "lib/a.py"), ("b.py", "lib/b.py"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        "rm *.pyc",
        "rm $FILE",
        "mv a b c",
        "docker rm box",
        "cd $DIR && rm a.py",
        "git rm --cached a.py",
        "echo 'rm a.py'",
        "Remove-Item a.py -ErrorAction SilentlyContinue",
    ],
)
def test_what_a_shell_would_have_to_expand_is_left_out(command: str) -> None:
    assert also(command) == []


def test_text_inside_a_here_document_is_no_command() -> None:
    assert also("cat <<'EOF'\npytest\nrm a.py\nEOF", "") == []


PIECES = [
    "git commit -m",
    " 'a b'",
    ' "$(cat <<EOF\nx\nEOF\n)"',
    "cd x",
    "&&",
    "|",
    ";",
    "\n",
    "(",
    ")",
    "$(",
    "`",
    "'",
    '"',
    "\\",
    "<<EOF\n",
    "EOF\n",
    "bash -c ",
    "sudo ",
    "rm a",
    "2>",
    "#",
    "{ ",
    "}",
    "\x010\x01",
    "bash -c \"cat <<'E'\nx\nE\"",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_line_is_too_odd_to_be_looked_at(line: str) -> None:
    for command in commands(line):
        assert command.words
    assert all(action.key for action in also(line, "[main abc1234] x\n1 passed in 0.1s"))
