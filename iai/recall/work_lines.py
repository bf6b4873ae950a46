"""What was done, in lines for people and models. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from msgspec import structs

from iai.model.action import Action, Step
from iai.model.printable import one_line
from iai.model.units import count, excerpt, span
from iai.payload import hot_files
from iai.payload.file_work import FileWork, files_of, names_of
from iai.payload.summary import Summary

LISTED = 40  # files of a kind, or commands, that get a line or a name each
NAMED = 5  # files or commits of a session
LINE = 200  # characters of a command or a subject
CLOSED = frozenset({"completed", "done", "cancelled", "deleted"})  # states of a step, by any host

_COUNTED = {
    "search": "search", "web": "web page", "agent": "sub-agent", "skill": "skill", "tool": "tool",
}  # fmt: skip
_Item = TypeVar("_Item")


def work_lines(actions: Sequence[Action], bases: Sequence[str] = ()) -> Iterator[str]:
    """Yield what was done: files, commands and tests, commits, lists, and the rest by number.

    Paths are shown as seen from the first of `bases` that they are in. What belongs to a line is
    indented below it.
    """
    yield from map(one_line, _work_lines(actions, bases))


def _work_lines(actions: Sequence[Action], bases: Sequence[str]) -> Iterator[str]:
    yield from _files(actions, bases)
    tested = {action.key for action in actions if action.kind == "test"}
    runs = [
        action
        for action in actions
        if action.kind == "test"
        or (action.kind == "command" and f"{action.key}:test" not in tested)
    ]
    yield from (line for run in _first(runs) for line in run_lines(run))
    yield from _left_out(runs, "more command")
    yield from (f"commit {commit_line(a)}" for a in actions if a.kind == "commit")
    yield from (f"branch {a.text}" for a in actions if a.kind == "branch")
    yield from (pull_line(a) for a in actions if a.kind == "pull-request")
    yield from _lists(actions)
    yield from _rest(actions)


def session_line(session: Summary) -> str:
    """Return a session in a line: how it ended, files by name, tests, commits, pull requests."""
    names = names_of([file.path for file in session.changed])
    named = zip(session.changed, names, strict=True)
    changed = [changed_line(structs.replace(file, path=name)) for file, name in named]
    more = [f"{len(changed) - NAMED} more"] if len(changed) > NAMED else []
    parts = [
        session.outcome,
        ", ".join([*changed[:NAMED], *more]),
        f"tests: {outcome(session.test)}" if session.test else "",
        *(f"commit {commit_line(action)}" for action in session.commits[-NAMED:]),
        *(pull_line(action) for action in session.pull_requests),
    ]
    return "; ".join(part for part in parts if part)


def changed_line(file: FileWork, bases: Sequence[str] = ()) -> str:
    """Return a file that was changed, with the lines added and removed."""
    lines = [f"+{file.added}" if file.added else "", f"-{file.removed}" if file.removed else ""]
    gone = "(removed)" if file.gone else ""
    return " ".join(part for part in (_relative(file.path, bases), *lines, gone) if part)


def commit_line(action: Action) -> str:
    """Return a commit as its short hash, where known, and its subject."""
    return one_line(f"{action.commit[:8]} {excerpt(action.text, LINE)}".strip())


def pull_line(action: Action) -> str:
    """Return a pull request as its number and its title or address."""
    number = f" {action.number}" if action.number else ""
    return f"pull request{number} {excerpt(action.text, LINE)}".rstrip()


def outcome(action: Action) -> str:
    """Return how a command or a test run ended; "" if that is not known."""
    tests = [
        f"{number} {what}"
        for number, what in ((action.passed, "passed"), (action.failed, "failed"))
        if number
    ]
    code = f"exit {action.exit_code}" if action.exit_code else ""
    took = span(action.seconds) if action.seconds else ""
    return ", ".join(part for part in (*(tests or [action.status]), code, took) if part)


def run_lines(action: Action) -> Iterator[str]:
    """Yield what was run, how it ended, and, if it failed, the last lines that it printed."""
    ended = outcome(action)
    yield f"$ {excerpt(action.text, LINE)}" + (f"  -> {ended}" if ended else "")
    yield from (f"    {line.rstrip()}" for line in action.output.splitlines() if line.strip())


def _files(actions: Sequence[Action], bases: Sequence[str]) -> Iterator[str]:
    files = files_of(actions, bases)
    paths = [file.path for file in files]
    bases = [one for base in bases for one in hot_files.seen_from(base, paths)]
    changed = [file for file in files if file.changes]
    read = [_relative(file.path, bases) for file in files if not file.changes]
    yield from (f"changed {changed_line(file, bases)}" for file in _first(changed))
    yield from _left_out(changed, "more file")
    if read:
        more = f", {len(read) - LISTED} more" if len(read) > LISTED else ""
        yield f"read {', '.join(_first(read))}{more}"


def _relative(path: str, bases: Iterable[str]) -> str:
    """Return a path as seen from the first of these directories that it is in."""
    inside = (f"{base.rstrip('/')}/" for base in bases if base)
    return next((path[len(base) :] for base in inside if path.startswith(base)), path)


def _lists(actions: Sequence[Action]) -> Iterator[str]:
    """Yield the plans, and the to-do list as it was left."""
    for plan in (action for action in actions if action.kind == "plan"):
        fate = {"ok": "accepted", "": ""}.get(plan.status, plan.status)
        yield f"plan{f' ({fate})' if fate else ''}: {excerpt(plan.text, LINE)}"
    todo = next((a for a in reversed(actions) if a.kind == "todo" and a.steps), None)
    if todo is not None:
        done = sum(step.state in CLOSED for step in todo.steps)
        yield f"to do, {done} of {len(todo.steps)} done:"
        yield from (_step(step) for step in todo.steps)


def _step(step: Step) -> str:
    mark = "x" if step.state in CLOSED else " "
    state = "" if step.state in CLOSED or step.state in ("", "pending") else f" ({step.state})"
    return f"    [{mark}] {excerpt(step.text, LINE)}{state}"


def _rest(actions: Iterable[Action]) -> Iterator[str]:
    numbers = Counter(_COUNTED[a.kind] for a in actions if a.kind in _COUNTED)
    if numbers:
        plural = {"search": "searches"}
        yield "also " + ", ".join(
            f"{number} {plural[what]}" if what in plural and number > 1 else count(number, what)
            for what, number in numbers.items()
        )


def _first(items: Sequence[_Item]) -> Sequence[_Item]:
    return items[:LISTED]


def _left_out(items: Sequence[object], what: str) -> Iterator[str]:
    if len(items) > LISTED:
        yield f"{count(len(items) - LISTED, what)}"
