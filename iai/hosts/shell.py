"""What a shell command did beside running: tests, commits, branches, pull requests, moved files.

What it is not sure of, it leaves out. Pure.
"""

import posixpath
import re
from collections.abc import Iterator
from itertools import islice, pairwise
from operator import itemgetter

from msgspec import structs

from iai.hosts import shell_edits, tests_run
from iai.hosts.commands import Command, commands
from iai.hosts.tests_run import Runs
from iai.model.action import Action, Kind

LONGEST = 8_000  # characters of a command that is looked into
MOST = 20  # files that one command moves or removes
_TAIL_LINES = 12
_OUTPUT = 200_000  # characters from the end of an output that is looked into
# Words without which a command is none of what is looked for here.
_TELLING = re.compile(
    r"git|\b(?:hg|jj|svn|sl|gh|glab|hub|mv|cp|rm|unlink|jest|mocha|ava|tox|nox|bats|busted|prove"
    r"|ginkgo|cypress|karma|behave|trial|cargo|npm|yarn)\b|[Tt]est|spec|[Cc]heck|verify|ci\b|phpunit"
    r"|\b(?i:(?:remove|move|copy)-item|del|erase|move|copy)\b"
)
_MOVING: dict[str, str] = {  # files, by POSIX, and by PowerShell's names
    "mv": "mv", "cp": "cp", "rm": "rm", "unlink": "rm", "move-item": "mv", "move": "mv",
    "copy-item": "cp", "copy": "cp", "remove-item": "rm", "del": "rm", "erase": "rm",
}  # fmt: skip
_RECURSIVE = re.compile(r"-[bfHiLlnPpsuvx]*[raR]\w{0,8}|--(?:recursive|archive)|-(?i:recurse)")
_WITH_A_WORD = re.compile(r"-(?i:erroraction|ea|filter|include|exclude)")  # of PowerShell
_TOOLS = frozenset({"git", "hg", "jj", "svn", "sl", "gh", "glab", "hub"})
_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]|\r(?=\n)")
_GIT_WORD = frozenset({
    "-c", "-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--super-prefix",
})  # fmt: skip
_COMMITTING = frozenset({
    "commit", "ci", "merge", "cherry-pick", "revert", "am", "pull", "rebase",
})  # fmt: skip
_OTHERS_THAT_COMMIT = frozenset({"hg", "jj", "svn", "sl"})
_COMMITTED = re.compile(
    r"^\[(?P<branch>[^\]\n]+?) (?:\(root-commit\) )?(?P<hash>[0-9a-f]{7,40})\] (?P<subject>.+)$",
    re.MULTILINE,
)
_DETACHED = "detached HEAD"
_NOT_COMMITTED = re.compile(
    r"^(?:nothing (?:added )?to commit|no changes added to commit|Aborting commit|error: |fatal: "
    r"|abort: |nothing changed|- hook id: )",
    re.MULTILINE,
)
_LOGGED = re.compile(r"^(?:commit )?([0-9a-f]{7,40})(?: \([^)\n]*\))?(?: (.*))?$", re.MULTILINE)
_PULL_URL = re.compile(r"https?://[^\s\"'<>]+/(?:pull|merge_requests|pulls)/(\d+)")
_PLAIN = re.compile(r"[^*?$`{}\[\]<>~]+")
_PULL_REQUESTS = {"gh": ("pr", "create"), "glab": ("mr", "create"), "hub": ("pull-request",)}
_MESSAGES = ("-m", "--message")


def last_lines(output: str) -> str:
    """Return the end of what a command printed."""
    return "\n".join(_without_colour(output[-4_000:]).rstrip().splitlines()[-_TAIL_LINES:])


def read(text: str) -> list[Command]:
    """Return the commands of a line that may be something beside commands."""
    telling = _TELLING.search(text) or shell_edits.TELLING.search(text)
    return list(commands(text[:LONGEST])) if telling else []


def also(command: Action, typed: list[Command], output: str) -> Iterator[Action]:
    """Yield what a command was beside a command, once its outcome is known.

    `command` is its action, whose key, time and status the others take; `typed` is what `read` has
    returned for the whole of it.
    """
    if command.status in ("refused", "interrupted"):
        return
    output = output[-_OUTPUT:]
    base = structs.replace(command, text="", output="", exit_code=None, seconds=0.0)
    found = list(_tests(base, command, typed, output))
    yield from found
    yield from _edited(base, typed if command.status == "ok" else _before_tests(typed, found))
    typed = [one for one in typed if one.program in _TOOLS or one.program.lower() in _MOVING]
    if typed:
        yield from _commits(base, typed, _without_colour(output))
        if command.status == "ok":
            yield from _branches(base, typed, output)
            yield from _pull_requests(base, typed, output)
            yield from _moved(base, typed)


def git(command: Command) -> tuple[str, tuple[str, ...], str]:
    """Return the command of git's, its arguments, and the directory it runs in; "" if not git."""
    if command.program != "git":
        return "", (), ""
    words, directory, place = command.words, command.directory, 1
    while place < len(words) and words[place].startswith("-"):
        if words[place] == "-C" and place + 1 < len(words):
            directory = posixpath.join(directory, words[place + 1])
        place += 1 + (words[place] in _GIT_WORD)
    return "".join(words[place : place + 1]), words[place + 1 :], directory


def pull_request(base: Action, number: int, url: str, title: str) -> Action:
    """Return the action of a pull request, which is one however often a session speaks of it."""
    session = ":".join(base.key.split(":")[:2])
    return structs.replace(
        base, key=f"{session}:pull:{url or number}", kind="pull-request", number=number,
        text=title or url, status="ok",
    )  # fmt: skip


def _without_colour(output: str) -> str:
    return _COLOUR.sub("", output) if "\x1b" in output or "\r" in output else output


def _tests(base: Action, command: Action, typed: list[Command], output: str) -> Iterator[Action]:
    sure, run = max(
        ((tests_run.runs(one), one) for one in typed), key=itemgetter(0), default=(Runs.NO, None)
    )
    if run is None or sure is Runs.NO:
        return
    found = tests_run.counts(_without_colour(output[-tests_run.LATEST :]))
    if found is None and (sure is Runs.MAYBE or not run.decides or command.status == ""):
        return  # the exit status is another command's
    passed, failed = found or (0, 0)
    status = "failed" if failed or command.status == "failed" else command.status
    yield structs.replace(
        base, key=f"{base.key}:test", kind="test", status=status, text=command.text,
        output=last_lines(output) if status == "failed" else "", seconds=command.seconds,
        exit_code=command.exit_code, passed=passed, failed=failed,
    )  # fmt: skip


def _before_tests(typed: list[Command], found: list[Action]) -> list[Command]:
    """Return what a line that failed had done by the time that its tests ran."""
    if not any(test.passed or test.failed for test in found):
        return []
    runs = (place for place, one in enumerate(typed) if tests_run.runs(one) is not Runs.NO)
    return typed[: next(runs)]


def branches_of_commits(output: str) -> dict[str, str]:
    """Return the branch that each commit of an output was made on, by its hash."""
    found = _COMMITTED.finditer(_without_colour(output[-_OUTPUT:]))
    return {one["hash"]: one["branch"] for one in found if one["branch"] != _DETACHED}


def commits(command: Command) -> bool:
    """May this have made a commit?"""
    sub, rest, _ = git(command)
    if command.program in _OTHERS_THAT_COMMIT:
        sub, rest = "".join(command.words[1:2]), command.words[2:]
        return sub in ("commit", "ci")
    return sub in _COMMITTING and "--dry-run" not in rest and "--abort" not in rest


def _commits(base: Action, typed: list[Command], output: str) -> Iterator[Action]:
    made = [command for command in typed if commits(command)]
    if not made:
        return
    printed = list(_COMMITTED.finditer(output))
    for number, found in enumerate(printed):
        yield structs.replace(
            base, key=f"{base.key}:commit:{number}", kind="commit", status="ok",
            commit=found["hash"], text=found["subject"].strip(),
        )  # fmt: skip
    if printed or base.status != "ok" or _NOT_COMMITTED.search(output):
        return
    number = 0
    for command in made:
        if subject := _subject(command):
            yield structs.replace(
                base, key=f"{base.key}:commit:{number}", kind="commit", text=subject,
                commit=_hash(subject, typed, output),
            )  # fmt: skip
            number += 1


def _subject(command: Command) -> str:
    """First line of the message that a commit was given."""
    if git(command)[0] not in ("commit", "ci", ""):
        return ""
    message = _option(command.words[1:], _MESSAGES, short="m") or command.given
    return message.strip().partition("\n")[0].strip()


def _option(words: tuple[str, ...], names: tuple[str, ...], short: str = "") -> str:
    """Return the value of the first of these options, also at the end of joined short ones."""
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names and equals:
            return value
        joined = short and re.fullmatch(rf"-[A-Za-z]*{short}", word)
        if (word in names or joined) and place + 1 < len(words):
            return words[place + 1]
        if short and (glued := re.match(rf"-[aqsnv]*{short}(?=.)", word)):
            return word[glued.end() :]
    return ""


def _hash(subject: str, typed: list[Command], output: str) -> str:
    """Return the hash of a silent commit, where a command after it has printed that."""
    asked = {git(command)[0] for command in typed}
    for found in _LOGGED.finditer(output):
        if ("log" in asked and found[2] == subject) or ("rev-parse" in asked and not found[2]):
            return found[1]
    return ""


def _branches(base: Action, typed: list[Command], output: str) -> Iterator[Action]:
    number = 0
    for command in typed:
        name = _new_branch(*git(command)[:2])
        if name and _PLAIN.fullmatch(name) and f"'{name}' already exists" not in output:
            yield structs.replace(base, key=f"{base.key}:branch:{number}", kind="branch", text=name)
            number += 1


def _new_branch(sub: str, rest: tuple[str, ...]) -> str:
    match sub:
        case "checkout":
            return _option(rest, ("-b", "-B", "--orphan"))
        case "switch":
            return _option(rest, ("-c", "-C", "--create", "--force-create", "--orphan"))
        case "worktree" if rest[:1] == ("add",):
            return _option(rest, ("-b", "-B"))
        case "branch" if rest and not rest[0].startswith("-") and len(rest) <= 2:  # noqa: PLR2004
            return rest[0]
        case _:
            return ""


def _pull_requests(base: Action, typed: list[Command], output: str) -> Iterator[Action]:
    for command in typed:
        words = command.words
        asks = _PULL_REQUESTS.get(command.program)
        if asks and asks in (words[1:2], *pairwise(words)) and (url := _PULL_URL.search(output)):
            title = _option(words[1:], ("--title", "-t"))
            yield pull_request(base, int(url[1][:9]), url[0], title)
            return


def _moved(base: Action, typed: list[Command]) -> Iterator[Action]:
    number = 0
    for command in typed:
        for kind, path, to in _moves(command)[: MOST - number]:
            key = f"{base.key}:{kind}:{number}"
            yield structs.replace(base, key=key, kind=kind, path=path, to=to)
            number += 1


def _edited(base: Action, typed: list[Command]) -> Iterator[Action]:
    found = (edit for command in typed if command.known for edit in shell_edits.edits(command))
    plain = {edit.path: edit for edit in found if _PLAIN.fullmatch(edit.path)}
    for number, edit in enumerate(islice(plain.values(), MOST)):
        yield structs.replace(
            base, key=f"{base.key}:{edit.kind}:{number}", kind=edit.kind, path=edit.path,
            added=edit.added, status="ok",
        )  # fmt: skip


def _moves(command: Command) -> list[tuple[Kind, str, str]]:
    """Return the files that a command removed, moved, with where to, or wrote as a copy."""
    sub, rest, directory = git(command)
    tool, words = (
        (sub, rest) if sub else (_MOVING.get(command.program.lower(), ""), command.words[1:])
    )
    if tool not in ("mv", "rm", "cp") or not command.known or "--cached" in words:
        return []
    if any(map(_WITH_A_WORD.fullmatch, words)):
        return []
    copied = tool == "cp"
    if copied and any(map(_RECURSIVE.fullmatch, words)):
        return []
    target = _option(words, ("-t", "--target-directory")) if tool != "rm" else ""
    paths = _operands(words, target)
    if not paths or not all(map(_PLAIN.fullmatch, paths)):
        return []
    paths = [posixpath.join(directory or command.directory, path) for path in paths]
    if tool == "rm":
        return [("delete", path, "") for path in paths]
    if target:
        target = posixpath.join(directory or command.directory, target) + "/"
    *sources, to = [*paths, target] if target else paths
    into = to.endswith("/")
    if len(sources) > 1 and not into:
        return []
    places = [(path, posixpath.join(to, _name(path)) if into else to) for path in sources]
    return [("write", there, "") if copied else ("move", path, there) for path, there in places]


def _operands(words: tuple[str, ...], target: str) -> list[str]:
    """Return the words that are no options; all of them are behind `--`."""
    if "--" in words:
        place = words.index("--")
        return [*_operands(words[:place], target), *words[place + 1 :]]
    return [word for word in words if not word.startswith("-") and word != target]


def _name(path: str) -> str:
    return posixpath.basename(path.rstrip("/"))
