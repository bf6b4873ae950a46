"""What a shell command did beside running: tests, commits, branches, pull requests, moved files.

It reads commands as people and agents write them, not as a shell does: what it is not sure of, it
leaves out. Pure.
"""

import re
import shlex
from collections.abc import Iterator
from itertools import groupby

from msgspec import structs

from iai.hosts import tests_run
from iai.model.action import Action

LONGEST = 8_000  # characters of a command that is looked into
MOST = 20  # files that one command moves or removes
_TAIL_LINES = 12
_OUTPUT = 200_000  # characters from the end of an output that is looked into
_GIT = r"\bgit(?:\s+-[cC]\s+\S+|\s+--?[\w=/.-]+)*\s+"
_COMMITS = re.compile(_GIT + r"(?:commit|merge|cherry-pick|revert|am|pull|rebase)\b")
_COMMIT = re.compile(_GIT + r"commit\b(?!.*--dry-run)")
_COMMITTED = re.compile(
    r"^\[(?P<branch>[^\]\n]+?) (?:\(root-commit\) )?(?P<hash>[0-9a-f]{7,40})\] (?P<subject>.+)$",
    re.MULTILINE,
)
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?\n\s*(.*)")
_BODY = re.compile(r"<<-?\s*(['\"]?)(\w+)\1(.*?)\n\s*\2\b", re.DOTALL)
_MESSAGE = re.compile(r"""\s-[a-zA-Z]*m\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+))""", re.DOTALL)
_BRANCH = re.compile(
    _GIT + r"(?:checkout\s+(?:-\w+\s+)*?-[bB]|switch\s+(?:-\w+\s+)*?(?:-[cC]|--create)"
    r"|worktree\s+add\s+(?:-\w+\s+)*?-[bB])\s+['\"]?([\w./-]+)"
)
_PULL_REQUEST = re.compile(r"\b(?:gh\s+pr\s+create|glab\s+mr\s+create|hub\s+pull-request)\b")
_PULL_URL = re.compile(r"https?://[^\s\"'<>]+/(?:pull|merge_requests|pulls)/(\d+)")
_PIPED = re.compile(r"[^|]\|[^|]")
_TITLE = re.compile(r"""\s(?:--title|-t)[\s=]+(?:"((?:[^"\\]|\\.)*)"|'([^']*)')""", re.DOTALL)
_MOVES = re.compile(r"(?:^|[;&|\n(]\s*)(?:sudo\s+)?(?:git\s+)?(?:mv|rm)\s")
_SEPARATORS = frozenset({";", "&&", "||", "|", "&", "(", ")", "\n"})
_PLAIN = re.compile(r"[^*?$`{}\[\]<>~]+")


def last_lines(output: str) -> str:
    """Return the end of what a command printed."""
    return "\n".join(output[-4_000:].rstrip().splitlines()[-_TAIL_LINES:])


def also(command: Action, text: str, output: str) -> Iterator[Action]:
    """Yield what a command was beside a command, once its outcome is known.

    `command` is its action, whose key, time and status the others take; `text` the whole command.
    """
    if command.status in ("refused", "interrupted"):
        return
    text, output = text[:LONGEST], output[-_OUTPUT:]
    base = structs.replace(command, text="", output="", exit_code=None, seconds=0.0)
    typed = _BODY.sub("", text) if "<<" in text else text
    if tests_run.runs_tests(typed):
        yield from _tests(base, command, output, piped=_PIPED.search(typed) is not None)
    if "git" in text:
        yield from _commits(base, text, output)
    if command.status == "ok":
        for number, found in enumerate(_BRANCH.finditer(typed)):
            key = f"{base.key}:branch:{number}"
            yield structs.replace(base, key=key, kind="branch", text=found[1])
        if (url := _PULL_URL.search(output)) and _PULL_REQUEST.search(text):
            yield pull_request(base, int(url[1][:9]), url[0], _quoted(_TITLE, text))
        if _MOVES.search(typed):
            yield from _moved(base, typed)


def pull_request(base: Action, number: int, url: str, title: str) -> Action:
    """Return the action of a pull request, which is one however often a session speaks of it."""
    session = ":".join(base.key.split(":")[:2])
    return structs.replace(
        base, key=f"{session}:pull:{url or number}", kind="pull-request", number=number,
        text=title or url, status="ok",
    )  # fmt: skip


def _tests(base: Action, command: Action, output: str, *, piped: bool) -> Iterator[Action]:
    found = tests_run.counts(output)
    if found is None and (piped or command.status == ""):
        return  # the exit status is that of the last command in the pipe
    passed, failed = found or (0, 0)
    status = "failed" if failed or command.status == "failed" else command.status
    yield structs.replace(
        base, key=f"{base.key}:test", kind="test", status=status, text=command.text,
        output=last_lines(output) if status == "failed" else "", seconds=command.seconds,
        exit_code=command.exit_code, passed=passed, failed=failed,
    )  # fmt: skip


def _commits(base: Action, text: str, output: str) -> Iterator[Action]:
    if not _COMMITS.search(text):
        return
    printed = list(_COMMITTED.finditer(output))
    for number, found in enumerate(printed):
        yield structs.replace(
            base, key=f"{base.key}:commit:{number}", kind="commit", status="ok",
            commit=found["hash"], text=found["subject"].strip(),
        )  # fmt: skip
    if not printed and base.status == "ok" and _COMMIT.search(text):
        subject = _subject(text)
        if subject:
            yield structs.replace(base, key=f"{base.key}:commit:0", kind="commit", text=subject)


def _subject(text: str) -> str:
    """First line of the message that a commit was given."""
    text = text[_COMMIT.search(text).start() :] if _COMMIT.search(text) else text  # type: ignore[union-attr]
    message = _quoted(_MESSAGE, text)
    if message and "<<" not in message.partition("\n")[0]:
        return message.strip().partition("\n")[0].strip()
    heredoc = _HEREDOC.search(text)
    return heredoc[2].strip() if heredoc else ""


def _quoted(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return next((group for group in found.groups() if group), "") if found else ""


def _moved(base: Action, text: str) -> Iterator[Action]:
    number = 0
    for words in _simple_commands(text):
        tool, *rest = words[1:] if words[:1] == ["git"] else words
        paths = [word for word in rest if not word.startswith("-")]
        if tool not in ("mv", "rm") or not all(map(_PLAIN.fullmatch, paths)):
            continue
        pairs = [(paths[0], paths[1])] if tool == "mv" and len(paths) == 2 else []  # noqa: PLR2004
        if tool == "rm":
            pairs = [(path, "") for path in paths]
        for path, to in pairs[: MOST - number]:
            kind = "move" if to else "delete"
            key = f"{base.key}:{kind}:{number}"
            yield structs.replace(base, key=key, kind=kind, path=path, to=to)
            number += 1


def _simple_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in a line, or nothing if the quoting is not understood."""
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return
    for between, group in groupby(words, key=lambda word: word in _SEPARATORS):
        command = list(group)
        if not between and len(command) > 1:
            yield command
