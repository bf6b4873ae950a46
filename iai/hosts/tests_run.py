"""Did a command run tests, and how many passed? From the command and what it printed. Pure."""

import re
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from iai.hosts.commands import Command

LATEST = 20_000  # characters from the end of an output, where runners sum up
_ALWAYS = frozenset({  # programs that do nothing else
    "pytest", "py.test", "unittest", "nose2", "gotestsum", "gotest", "ginkgo", "jest", "mocha",
    "ava", "tox", "nox", "rspec", "phpunit", "pest", "ctest", "bats", "vitest", "busted", "prove",
    "karma", "behave", "trial", "testcafe",
})  # fmt: skip
_BY_COMMAND = {  # programs that do it by one of these commands
    "cargo": {"t", "test", "nextest", "llvm-cov"}, "go": {"test"}, "richgo": {"test"},
    "cypress": {"run"}, "meson": {"test"}, "rake": {"spec"},
    "mvn": {"verify", "integration-test"}, "mvnw": {"verify", "integration-test"},
}  # fmt: skip
_BY_NAME = frozenset({  # programs whose commands, targets or scripts of that kind have it in a name
    "npm", "pnpm", "yarn", "bun", "deno", "make", "gmake", "ninja", "just", "mise", "task", "rake",
    "invoke", "inv", "bazel", "bazelisk", "mvn", "mvnw", "gradle", "gradlew", "composer",
    "playwright", "swift", "dotnet", "mix", "zig", "flutter", "dart", "rails", "lein", "sbt",
    "stack", "cabal", "xcodebuild", "cmake", "manage.py", "django", "artisan", "nx", "turbo",
    "lerna", "rush", "hatch",
})  # fmt: skip
_BY_OPTION = frozenset({"node", "tsx", "ts-node"})  # `--test`
_IN_A_LINE = re.compile(r"Pkg\.test\(|\btest_(?:dir|file|local|package)\(|\bdevtools::test\(")
_CHECKS = frozenset({"check", "verify", "ci", "spec", "specs", "e2e", "coverage"})
_NO_RUN = re.compile(
    r"(?:build|lint|clean|compile|generate|setup|install|uninstall|add|remove|format|fmt|view|docs)\b"
    r"|(?:build|compile|assemble)[A-Z]|test-?[Cc]ompile|testClasses"
)
_NOTHING_RUN = frozenset({  # options with which tests are listed, built or explained
    "--version", "--help", "--collect-only", "--co", "--list-tests", "--listTests", "--list",
    "--no-run", "--init", "--fixtures", "--markers", "--showConfig", "--dry-run",
})  # fmt: skip
_WITH_WORD = frozenset({
    "-C", "--prefix", "-f", "--file", "-w", "--workspace", "--filter", "-F", "-scheme", "--project",
})  # fmt: skip
_PARTS = re.compile(r"[:./_-]")
_OF_SCRIPTS = frozenset({
    "", "run", "all", "unit", "integration", "e2e", "ci", "sh", "bash", "py", "js", "ts", "rb",
})  # fmt: skip


class Runs(IntEnum):
    """Whether a command runs tests."""

    NO = 0
    MAYBE = 1  # if it prints what a runner prints at its end
    YES = 2


class Summary(NamedTuple):
    """What a run came to; both are 0 where the runner printed no count."""

    passed: int = 0
    failed: int = 0


def runs(command: Command) -> Runs:
    """Does a command call one of the common test runners?"""
    program, rest = command.program, command.words[1:]
    if not _NOTHING_RUN.isdisjoint(rest):
        return Runs.NO
    if program in _ALWAYS:
        return Runs.YES
    if program == "go" and not {"-c", "-list"}.isdisjoint(rest):
        return Runs.NO
    if program in ("make", "gmake", "just", "ninja") and "-n" in rest:
        return Runs.NO
    plain = _plain(rest)
    if (
        (plain[:1] and plain[0] in _BY_COMMAND.get(program, ()))
        or (program in _BY_OPTION and "--test" in rest)
        or (program in ("julia", "Rscript", "R") and any(map(_IN_A_LINE.search, rest)))
    ):
        return Runs.YES
    if program in _BY_NAME:
        return _by_name(plain[1:] if plain[:1] == ["build"] and program == "zig" else plain)
    return _by_script(command.words[0])


def _plain(rest: tuple[str, ...]) -> list[str]:
    """Return the words that are no options, nor belong to one."""
    found = []
    for before, word in zip(("", *rest), rest, strict=False):
        if not word.startswith(("-", "+")) and before not in _WITH_WORD:
            found.append(word)
    return found


def _by_name(plain: list[str]) -> Runs:
    if not plain or _NO_RUN.match(plain[0]):
        return Runs.NO
    if any(_names_tests(word) for word in plain if not _NO_RUN.match(word)):
        return Runs.YES
    return Runs.NO if _CHECKS.isdisjoint(plain) else Runs.MAYBE


def _names_tests(word: str) -> bool:
    return word == "t" or any(
        part in ("test", "tests", "pytest", "unittest")
        or part.endswith(("Test", "Tests", "Spec"))
        or re.match(r"tests?[A-Z]", part)
        for part in _PARTS.split(word)
    )


def _by_script(path: str) -> Runs:
    """Is this a script that runs the tests, or one that may be a test?"""
    parts = _PARTS.split(path.lower())
    if "test" not in path.lower() or not {"test", "tests", "runtests"} & set(parts):
        return Runs.NO
    name = set(_PARTS.split(path.lower().rsplit("/", 1)[-1])) - _OF_SCRIPTS
    own = bool(name) and name <= {"test", "tests", "runtests"}
    return Runs.YES if own and "/" in path else Runs.MAYBE


def counts(output: str) -> Summary | None:
    """Return how many tests passed and failed; None if no runner known sums up in the output.

    Tests that were left out count as neither.
    """
    output = f"{output[-LATEST:]}\n"
    for hints, read in _READERS:
        if any(hint in output for hint in hints) and (found := read(output)) is not None:
            return found
    return None


Reader = Callable[[str], Summary | None]


def _line(pattern: str, *, each: bool = False) -> Reader:
    """Read a summary by the names of its groups: the last that is printed, or the sum of `each`.

    p... is a number that passed, f... that failed, s... that were left out, t... a total of all.
    """
    line = re.compile(pattern, re.MULTILINE)

    def read(output: str) -> Summary | None:
        found = [_summed_up(match) for match in line.finditer(output)]
        if not found:
            return None
        if not each:
            return found[-1]
        return Summary(sum(one.passed for one in found), sum(one.failed for one in found))

    return read


def _summed_up(found: re.Match[str]) -> Summary:
    numbers = {"p": 0, "f": 0, "s": 0, "t": 0}
    for name, number in found.groupdict(default="0").items():
        numbers[name[0]] += int(number.replace(",", ""))
    passed = numbers["p"] or max(0, numbers["t"] - numbers["f"] - numbers["s"])
    return Summary(passed, numbers["f"])


def _words(line: str, passed: str, failed: str) -> Reader:
    """Read the last line of a kind by the words that follow its numbers, in any order."""
    of_kind = re.compile(line, re.MULTILINE)
    good, bad = re.compile(rf"([\d,]+) (?:{passed})\b"), re.compile(rf"([\d,]+) (?:{failed})\b")

    def read(output: str) -> Summary | None:
        lines = of_kind.findall(output)
        if not lines:
            return None
        numbers = (words.findall(lines[-1]) for words in (good, bad))
        return Summary(*(sum(int(n.replace(",", "")) for n in found) for found in numbers))

    return read


def _listed(passed: str, failed: str, *, both: bool = False) -> Reader:
    """Read the two counts on lines of their own, of which the last are meant."""
    good, bad = re.compile(passed, re.MULTILINE), re.compile(failed, re.MULTILINE)

    def read(output: str) -> Summary | None:
        counted = good.findall(output), bad.findall(output)
        if not any(counted) or (both and not all(counted)):
            return None
        return Summary(*(int(found[-1]) if found else 0 for found in counted))

    return read


def _unittest(output: str) -> Summary | None:
    ran = re.search(r"^Ran (\d+) tests? in ", output, re.MULTILINE)
    if ran is None:
        return None
    ended = re.search(r"^(?:OK|FAILED)\b.*$", output[ran.end() :], re.MULTILINE)
    numbers = dict(re.findall(r"([\w ]+)=(\d+)", ended[0] if ended else ""))
    bad = sum(int(numbers.get(name, 0)) for name in ("failures", "errors", " errors"))
    left_out = int(numbers.get("skipped", 0)) + int(numbers.get(" skipped", 0))
    return Summary(max(0, int(ran[1]) - bad - left_out), bad)


def _go(output: str) -> Summary | None:
    """Go counts tests only with -v. Its packages are no tests, but one may fail to build."""
    passed = len(re.findall(r"^\s*--- PASS: ", output, re.MULTILINE))
    failed = len(re.findall(r"^\s*--- FAIL: ", output, re.MULTILINE))
    if not passed:
        failed = failed or len(re.findall(r"^FAIL\t\S+", output, re.MULTILINE))
    ran = re.search(r"^ok  ?\t?\s*\S+\s+(?:[\d.]+s|\(cached\))", output, re.MULTILINE)
    return Summary(passed, failed) if passed or failed or ran else None


def _tap(output: str) -> Summary | None:
    """Test Anything Protocol, of version 12 to 14, without what is below a test."""
    if re.search(r"^1\.\.\d+", output, re.MULTILINE) is None:
        return None
    lines = re.findall(r"^(not )?ok\b(?: \d+)?(.*)$", output, re.MULTILINE)
    left = [bad for bad, rest in lines if not re.search(r"# (?:skip|todo)", rest, re.IGNORECASE)]
    return Summary(left.count(""), len(left) - left.count("")) if lines else None


# Words that are in an output if its reader finds anything, and the reader. To look for words takes
# a hundredth of the time.
_READERS: tuple[tuple[tuple[str, ...], Reader], ...] = (
    (("test result: ",),  # cargo: each binary
     _line(r"^test result: .*?(?P<p>\d+) passed; (?P<f>\d+) failed", each=True)),
    (("Summary [",),  # nextest
     _words(r"^\s*Summary \[.*\] .*tests? run:.*$", "passed", "failed")),
    (("DONE ",),  # gotestsum
     _line(r"^DONE (?P<t>\d+) tests?(?:, (?P<s>\d+) skipped)?(?:, (?P<f>\d+) failures?)?"
           r"(?:, (?P<f2>\d+) errors?)?")),
    (("Tests",),  # jest, vitest, pest
     _words(r"^[ \u2502]*Tests:? +.*\d+ (?:passed|failed).*$", "passed", "failed")),
    ((" passed", " failed", " error", " skipped", " xfailed", " deselected"),  # pytest
     _words(r"^=* ?[\d,]+ (?:passed|failed|error|skipped|xfailed|deselected).* in [\d.]+s.*$",
            "passed", "failed|errors?")),
    (("Ran ",), _unittest),
    ((" pass ",),  # node
     _listed(r"^(?:#|\u2139) pass (\d+)$", r"^(?:#|\u2139) fail (\d+)$", both=True)),
    ((" passing",),  # mocha
     _words(r"^ *\d+ passing[\s\S]*", "passing", "failing")),
    ((" example",),  # rspec
     _line(r"^(?P<t>\d+) examples?, (?P<f>\d+) failures?(?:, (?P<s>\d+) pending)?")),
    ((" | ",),  # deno
     _words(r"^(?:ok|FAILED) \| .*\d+ passed.*$", "passed", "failed")),
    ((" passed (",),  # Playwright
     _listed(r"^ +(\d+) passed \([\d.]+m?s?\)", r"^ +(\d+) failed$")),
    ((" pass\n", " fail\n"),  # bun
     _listed(r"^ *(\d+) pass$", r"^ *(\d+) fail$")),
    (("Passed:",),  # .NET: each assembly
     _line(r"Failed: +(?P<f>\d+), Passed: +(?P<p>\d+), Skipped: ", each=True)),
    (("succeeded: ",),  # .NET 9
     _line(r"total: \d+, failed: (?P<f>\d+), succeeded: (?P<p>\d+), skipped: ")),
    (("Total tests: ",),  # .NET, vstest
     _line(r"^Total tests: (?P<t>\d+)(?:\s+Passed: \d+)?(?:\s+Failed: (?P<f>\d+))?"
           r"(?:\s+Skipped: (?P<s>\d+))?")),
    (("% tests passed",),  # CTest
     _line(r"^\d+% tests passed, (?P<f>\d+) tests failed out of (?P<t>\d+)")),
    (("Assertions: ",),  # PHPUnit
     _line(r"^Tests: (?P<t>\d+), Assertions: \d+(?:, Errors: (?P<f>\d+))?"
           r"(?:, Failures: (?P<f2>\d+))?(?:, Warnings: \d+)?(?:, Skipped: (?P<s>\d+))?")),
    (("OK (",),  # PHPUnit
     _line(r"^OK \((?P<t>\d+) tests?, \d+ assertions?\)")),
    (("Tests run: ",),  # Maven
     _line(r"Tests run: (?P<t>\d+), Failures: (?P<f>\d+), Errors: (?P<f2>\d+), "
           r"Skipped: (?P<s>\d+)$")),
    ((" completed",),  # Gradle
     _line(r"^(?P<t>\d+) tests? completed(?:, (?P<f>\d+) failed)?(?:, (?P<s>\d+) skipped)?")),
    ((" failure",),  # Mix, bats
     _line(r"^(?:(?P<t>\d+) doctests?, )?(?P<t2>\d+) tests?, (?P<f>\d+) failures?"
           r"(?:, (?P<s>\d+) skipped)?")),
    ((" runs, ",),  # Minitest
     _line(r"^(?P<t>\d+) runs, \d+ assertions, (?P<f>\d+) failures, (?P<f2>\d+) errors"
           r"(?:, (?P<s>\d+) skips)?")),
    (("Executed ",),  # XCTest
     _line(r"Executed (?P<t>\d+) tests?, with (?P<f>\d+) failures?")),
    (("Test run with ",),  # Swift Testing
     _line(r"Test run with (?P<t>\d+) tests? (?:in \d+ suites? )?(?:passed|failed) after"
           r"(?: [\d.]+ seconds with (?P<f>\d+) issues?)?")),
    ((" +",),  # Dart, Flutter
     _line(r"^\d\d:\d\d \+(?P<p>\d+)(?: ~\d+)?(?: -(?P<f>\d+))?: (?:All|Some) tests")),
    (("Ok: ",),  # Meson
     _line(r"^Ok: +(?P<p>\d+)\s+(?:Expected Fail: +\d+\s+)?Fail: +(?P<f>\d+)")),
    ((" out of ",),  # Bazel
     _line(r"^Executed \d+ out of \d+ tests?: (?P<p>\d+) tests? pass(?:es)?"
           r"(?: and (?P<f>\d+) fail)?")),
    (("Passing: ",),  # Cypress
     _listed(r"^[ \u2502]+Passing: +(\d+)", r"^[ \u2502]+Failing: +(\d+)", both=True)),
    (("! -- ",),  # Ginkgo
     _line(r"^(?:SUCCESS|FAIL)! -- (?P<p>\d+) Passed \| (?P<f>\d+) Failed")),
    (("[  PASSED", "[  FAILED"),  # GoogleTest
     _listed(r"^\[  PASSED  \] (\d+) tests?\.", r"^\[  FAILED  \] (\d+) tests?, listed")),
    (("test cases: ",),  # Catch2, doctest
     _words(r"^test cases: .*$", "passed", "failed")),
    (("All tests passed (",),  # Catch2
     _line(r"^All tests passed \(\d+ assertions? in (?P<p>\d+) test cases?\)")),
    ((" successes / ",),  # busted
     _line(r"^(?P<p>\d+) successes / (?P<f>\d+) failures / (?P<f2>\d+) errors")),
    (("[ FAIL ",),  # testthat
     _line(r"^\[ FAIL (?P<f>\d+) \| WARN \d+ \| SKIP \d+ \| PASS (?P<p>\d+) \]")),
    (("Files=",),  # prove
     _line(r"^Files=\d+, Tests=(?P<p>\d+), [\s\S]*^Result: PASS")),
    (("1..",), _tap),
    (("--- PASS", "--- FAIL", "ok  ", "ok \t", "ok\t", "FAIL\t"), _go),
)  # fmt: skip
