"""Did a command run tests, and how many passed? From the command and what it printed. Pure."""

import re
from collections.abc import Callable
from typing import NamedTuple

_LATEST = 20_000  # characters from the end of an output, where runners sum up
_RUNNER = re.compile(
    r"""(?:^|[;&|(\n!])\s*
    (?:\w+=\S*\s+)*  # environment
    (?:(?:sudo|time|env|command|exec|timeout\s+\S+|(?:uv|poetry|pdm|pipenv|rye|hatch)\s+run|npx|pnpx
        |bunx|php|bundle\s+exec|\S*python[\d.]*\s+(?:-\w\s+)*?-m|coverage\s+run\s+-m)\s+(?:\w+=\S*\s+)*)*
    (?:[^\s;&|()]*/)?  # directory of the program
    (?:
        (?:py\.?test | unittest | nose2 | gotestsum | jest | mocha | ava | tox | nox | rspec
         | phpunit | ctest | bats)
      | go\s+test | cargo\s+(?:\+\S+\s+)?(?:t|test|nextest) | node\s+(?:\S+\s+)*?--test
      | zig\s+build\s+test
      | (?:playwright|deno|bun|swift|dotnet|mix|zig|flutter|dart|rails|lein|sbt|stack|cabal)\s+test
      | vitest | cypress\s+run
      | (?:npm|pnpm|yarn|bun)\s+(?:-\S+\s+)*(?:run\s+|exec\s+)?(?:t|jest|vitest|[\w:-]*test[\w:-]*)
      | (?:make|just|mise|task|rake|invoke|bazel|mvnw?|gradlew?|composer|tools)(?:\s+|/)
        (?:[\w./=:-]+\s+)*?[\w:-]*test[\w:-]*
    )(?=$|[\s;&|)])""",
    re.VERBOSE,
)

_BUILT_ONLY = re.compile(  # builds or lists the tests and runs none
    r"\bgo\s+(?:test|vet)\b[^;&|\n]*\s-(?:c|list)\b[^;&|\n]*"
    r"|\b(?:cargo|py\.?test|dotnet|jest|vitest)\b[^;&|\n]*"
    r"\s--(?:no-run|collect-only|co|list-tests|listTests|list)\b[^;&|\n]*"
)


class Summary(NamedTuple):
    """What a run came to; both are 0 where the runner printed no count."""

    passed: int = 0
    failed: int = 0


def runs_tests(command: str) -> bool:
    """Does a command call one of the common test runners?"""
    return _RUNNER.search(_BUILT_ONLY.sub("", command)) is not None


def counts(output: str) -> Summary | None:
    """Return how many tests passed and failed; None if no runner known sums up in the output."""
    output = output[-_LATEST:]
    for read in _READERS:
        found = read(output)
        if found is not None:
            return found
    return None


def _summed(line: re.Pattern[str], passed: str, failed: str) -> Callable[[str], Summary | None]:
    """Read a summary line, of which the last is meant, by the words that follow its numbers."""
    good, bad = re.compile(rf"(\d+) (?:{passed})\b"), re.compile(rf"(\d+) (?:{failed})\b")

    def read(output: str) -> Summary | None:
        lines = line.findall(output)
        if not lines:
            return None
        return Summary(*(sum(map(int, words.findall(lines[-1]))) for words in (good, bad)))

    return read


def _cargo(output: str) -> Summary | None:
    """Each binary sums up for itself."""
    lines = re.findall(r"^test result: .*?(\d+) passed; (\d+) failed", output, re.MULTILINE)
    return Summary(sum(int(p) for p, _ in lines), sum(int(f) for _, f in lines)) if lines else None


def _unittest(output: str) -> Summary | None:
    ran = re.search(r"^Ran (\d+) tests? in ", output, re.MULTILINE)
    if ran is None:
        return None
    bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output))
    return Summary(max(0, int(ran[1]) - bad), bad)


def _node(output: str) -> Summary | None:
    """`node --test`, as TAP or with the signs of its own reporter."""
    passed = re.search(r"^(?:#|\u2139) pass (\d+)$", output, re.MULTILINE)
    failed = re.search(r"^(?:#|\u2139) fail (\d+)$", output, re.MULTILINE)
    return Summary(int(passed[1]), int(failed[1])) if passed and failed else None


def _go(output: str) -> Summary | None:
    """Go counts tests only with -v; without, its packages are counted."""
    passed = len(re.findall(r"^\s*--- PASS: ", output, re.MULTILINE))
    failed = len(re.findall(r"^\s*--- FAIL: ", output, re.MULTILINE))
    if not passed:
        passed = len(re.findall(r"^ok  ?\t?\s*\S+\s+(?:[\d.]+s|\(cached\))", output, re.MULTILINE))
        failed = failed or len(re.findall(r"^FAIL\t\S+", output, re.MULTILINE))
    return Summary(passed, failed) if passed or failed else None


def _of_all(pattern: str, *, bad: int = 2) -> Callable[[str], Summary | None]:
    """Read a line with a total, the first group, and `bad` kinds of failures; the last counts."""
    line = re.compile(pattern, re.MULTILINE)

    def read(output: str) -> Summary | None:
        found = list(line.finditer(output))
        if not found:
            return None
        total, *failures = (int(found[-1][n + 1] or 0) for n in range(bad + 1))
        return Summary(max(0, total - sum(failures)), sum(failures))

    return read


def _listed(passed: str, failed: str) -> Callable[[str], Summary | None]:
    """Read the two counts on lines of their own, of which the last are meant."""
    good, bad = re.compile(passed, re.MULTILINE), re.compile(failed, re.MULTILINE)

    def read(output: str) -> Summary | None:
        counts = good.findall(output), bad.findall(output)
        return (
            Summary(*(int(found[-1]) if found else 0 for found in counts)) if any(counts) else None
        )

    return read


def _ctest(output: str) -> Summary | None:
    found = re.search(r"^\d+% tests passed, (\d+) tests failed out of (\d+)", output, re.MULTILINE)
    return Summary(int(found[2]) - int(found[1]), int(found[1])) if found else None


def _dotnet(output: str) -> Summary | None:
    """Each assembly sums up for itself."""
    found = re.findall(r"Failed: +(\d+), Passed: +(\d+), Skipped: ", output)
    return Summary(sum(int(p) for _, p in found), sum(int(f) for f, _ in found)) if found else None


_READERS: tuple[Callable[[str], Summary | None], ...] = (
    _cargo,
    _summed(  # nextest
        re.compile(r"^\s*Summary \[.*\] .*tests? run:.*$", re.MULTILINE), "passed", "failed"
    ),
    _summed(  # gotestsum
        re.compile(r"^DONE \d+ tests?.*$", re.MULTILINE), "tests?", "failures?|errors?"
    ),
    _summed(  # jest, vitest
        re.compile(r"^ *Tests:? +.*\d+ (?:passed|failed).*$", re.MULTILINE), "passed", "failed"
    ),
    _summed(  # pytest
        re.compile(r"^=* ?\d+ (?:passed|failed|error|skipped|xfailed|deselected).* in [\d.]+s.*$",
                   re.MULTILINE),
        "passed", "failed|errors?",
    ),
    _unittest,
    _node,
    _summed(re.compile(r"^ *\d+ passing[\s\S]*", re.MULTILINE), "passing", "failing"),  # mocha
    _summed(  # rspec: its failures are among its examples
        re.compile(r"^\d+ examples?, \d+ failures?.*$", re.MULTILINE), "examples?", "failures?"
    ),
    _summed(  # deno
        re.compile(r"^(?:ok|FAILED) \| .*\d+ passed.*$", re.MULTILINE), "passed", "failed"
    ),
    _listed(r"^ +(\d+) passed \([\d.]+m?s\)", r"^ +(\d+) failed$"),  # Playwright
    _listed(r"^ *(\d+) pass$", r"^ *(\d+) fail$"),  # bun
    _dotnet,
    _ctest,
    _of_all(r"^Tests: (\d+), Assertions: \d+(?:, Errors: (\d+))?(?:, Failures: (\d+))?"),  # PHPUnit
    _of_all(r"^OK \((\d+) tests?, \d+ assertions?\)", bad=0),  # PHPUnit
    _of_all(r"Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: \d+$"),  # Maven
    _of_all(r"^(\d+) tests? completed, (\d+) failed", bad=1),  # Gradle
    _of_all(r"^(?:\d+ doctests?, )?(\d+) tests?, (\d+) failures?", bad=1),  # Mix
    _of_all(r"^(\d+) runs, \d+ assertions, (\d+) failures, (\d+) errors"),  # Minitest
    _of_all(r"Executed (\d+) tests?, with (\d+) failures?", bad=1),  # XCTest
    _go,
)  # fmt: skip
