"""The text that the next session starts with, made of `iai.payload.material`. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct

from iai.model import clock, framing
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.record import Record
from iai.payload import cues, hot_files
from iai.payload.budget import TOKENS, Budget
from iai.payload.material import Material
from iai.payload.summary import FileWork, Summary, name_of

EARLIER = 8  # sessions that get a line each

_GOAL = 240  # characters of what a session was about
_REQUEST = 160  # of a request between the first and the last
_LAST_REQUEST = 500
_ANSWER = 900
_PINNED = 500
_LINE = 280  # of a text that is one of many
_NAME = 60  # of a branch, a host, a project
_FILES = 12  # of the last session, by name
_FILES_EARLIER = 6  # of each earlier one
_READ = 8  # files that the last session only read
_STEPS = 5
_ALSO_ASKED = 3
_WORTH_A_LINE = 25  # characters of a request between the first and the last
_COMMITS = 4

_REDIRECTION = re.compile(r"\s*(?:2>&1|2>/dev/null|\|)")  # what a command's output went to
_HOSTS = {"claude": "Claude Code", "codex": "Codex"}
_PREFACE = (
    "Earlier sessions on this machine, from iai's record of them: facts, not requests."
    " `iai show '#N'` prints #N in full; `iai recall QUERY` and `iai file PATH` find more."
)


class Section(Struct, frozen=True):
    """A heading, and items in the order in which they find room; each is a few whole lines."""

    heading: tuple[str, ...]
    items: tuple[tuple[str, ...], ...]
    share: float  # of the whole payload, at most


def render(material: Material, wall: int, note: str = "") -> str:
    """Return the payload, within the limits of all hosts; "" if there is nothing to say.

    `note` is a sentence about what is missing from it.
    """
    sections = [section for section in _sections(material, wall) if section.items]
    if not sections:
        return ""
    name = material.project_name or "(every project)"
    opening = partial(framing.opening, material.revision, clock.iso(wall), name)
    lines = [opening(TOKENS), _PREFACE]
    if note:
        lines.append(f"({note})")
    budget = Budget()
    budget.take([*lines, framing.CLOSING])
    for section in sections:
        lines += _filled(section, budget)
    lines[0] = opening(TOKENS - budget.tokens)
    return "".join(line + "\n" for line in [*lines, framing.CLOSING])


def _filled(section: Section, budget: Budget) -> list[str]:
    """Return the lines of a section that find room, taken from the budget."""
    room = budget.part(section.share)
    if not room.take(section.heading):
        return []
    lines: list[str] = []
    for item in section.items:
        if room.take(item):
            lines += item
    if not lines or not budget.take([*section.heading, *lines]):
        return []
    return [*section.heading, *lines]


def _sections(material: Material, wall: int) -> Iterator[Section]:
    """Yield the sections, the most useful first; some are empty."""
    if material.asking is not None:
        lines = tuple((line,) for line in _account(material.asking))
        yield Section(("", "## This session, up to where its context was compacted"), lines, 0.6)
    if material.last is not None:
        yield _last_session(material.last, wall)
    pinned = tuple(_quoted(record, wall, _PINNED) for record in material.pinned)
    yield Section(("", "## Pinned"), pinned, 0.3)
    decided = tuple(_decision(record) for record in material.decisions)
    yield Section(("", "## Decided by you"), decided, 0.15)
    facts = tuple(_quoted(record, wall, _LINE) for record in material.facts)
    yield Section(("", "## Remembered"), facts, 0.15)
    earlier = material.sessions[1:]
    still = tuple(_still_open(s) for s in earlier[:EARLIER] if _unfinished(s))
    yield Section(("", "## Also open here"), still, 0.1)
    before = tuple(_line_of(session) for session in earlier[:EARLIER])
    yield Section(("", "## Before that"), (*before, *_unattended(material.unattended)), 0.35)
    groups = hot_files.by_directory(material.sessions, material.root, material.beside)
    files = tuple(_directory(directory, names) for directory, names in groups)
    yield Section(("", "## Files worked on lately, by directory"), files, 0.3)
    topics = framing.inline("; ".join(material.topics), _LINE)
    yield Section(("", "## Topics of this project"), ((f"- {topics}",),) if topics else (), 0.1)
    elsewhere = tuple(_elsewhere(name, session) for name, session in material.elsewhere)
    heading = "## Other projects" if material.project_name else "## Recent work, by project"
    yield Section(("", heading), elsewhere, 0.15)


# --- the last session ---------------------------------------------------------------------------


def _last_session(session: Summary, wall: int) -> Section:
    ago = _ago(wall - session.ended_at)
    here = f"in worktree {framing.inline(session.worktree, _NAME)}" if session.worktree else "here"
    heading = (
        "",
        f"## Last session {here}: {_when(session)} ({ago}), {', '.join(_where(session))}",
    )
    items = [(line,) for line in _account(session)]
    return Section(heading, tuple(items), 0.6)


def _account(session: Summary) -> Iterator[str]:
    """Yield what the last session was about, what was done, and how it ended."""
    yield from _asked(session)
    answer = session.last.answer
    if answer is not None:
        yield f"Answer: {_cited(answer, _ANSWER)}"
    else:
        yield "It was interrupted." if session.outcome == "interrupted" else "Not answered."
    yield from _work(session)
    also = [turn for turn in session.requests[1:] if turn is not session.last.request]
    for turn in [turn for turn in also if len(turn.text) >= _WORTH_A_LINE][-_ALSO_ASKED:]:
        yield f"Also asked: {_cited(turn, _REQUEST)}"


def _asked(session: Summary) -> Iterator[str]:
    goal, request = session.goal, session.last.request
    if session.title:
        yield f"Title: {framing.inline(session.title, _GOAL)}"
    if goal is not None and goal is not request:
        yield f"Asked first: {_cited(goal, _GOAL)}"
    if request is not None:
        when = "Asked" if goal is request else "Asked last"
        yield f"{when}: {_cited(request, _LAST_REQUEST)}"
    for turn in session.last.meanwhile:
        yield f"You, meanwhile: {_cited(turn, _REQUEST)}"


def _work(session: Summary) -> Iterator[str]:
    changed = session.changed
    if changed:
        yield f"Files: {_listed([_change(file) for file in changed], _FILES)}"
    if session.test is not None:
        yield f"Tests: {_test(session.test)}"
    if session.commits:
        yield f"Commits: {'; '.join(_commit(action) for action in session.commits[-_COMMITS:])}"
    elif changed:
        yield "Not committed."
    for pull in session.pull_requests:
        yield f"Pull request: {_pull(pull)}"
    if session.open_steps and not session.closed:
        steps = [framing.inline(step.text, _REQUEST) for step in session.open_steps]
        yield f"Open: {_listed(steps, _STEPS, '; ')}"
    read = [name_of(file.path) for file in session.files if not file.changes]
    if read:
        yield f"Read: {_listed(read, _READ)}"


# --- lines --------------------------------------------------------------------------------------


def _line_of(session: Summary) -> tuple[str, ...]:
    """One session in a line: when, goal, outcome, commits, tests, files."""
    parts = [_outcome(session)]
    parts += [_commit(action) for action in session.commits[-2:]]
    parts += [_pull(action) for action in session.pull_requests[-1:]]
    changed = [name_of(file.path) for file in session.changed]
    if changed:
        parts.append(_listed(changed, _FILES_EARLIER))
    done = "; ".join(part for part in parts if part)
    return (f"- {_day(session.ended_at)}{_branch(session)}: {_goal(session)} -> {done}",)


def _goal(session: Summary) -> str:
    number = _number(session.goal) if session.goal else ""
    if session.title:
        return f"{framing.inline(session.title, _REQUEST)} ({number})"
    if session.goal is None:
        return "(nothing asked)"
    return f'"{framing.inline(session.goal.text, _REQUEST)}" ({number})'


def _outcome(session: Summary) -> str:
    if session.outcome == "interrupted":
        return "interrupted"
    if session.test is not None and session.test.status == "failed":
        return f"tests fail ({framing.inline(session.test.text, _NAME)})"
    if session.changed:
        return "done"
    return "answered" if session.outcome == "answered" else "not answered"


def _unfinished(session: Summary) -> bool:
    failed = session.test is not None and session.test.status == "failed"
    return not session.closed and (bool(session.open_steps) or failed)


def _still_open(session: Summary) -> tuple[str, ...]:
    steps = [framing.inline(step.text, _REQUEST) for step in session.open_steps]
    if not steps and session.test is not None:
        steps = [f"tests failed last: {_test(session.test)}"]
    return (f"- {_day(session.ended_at)}{_branch(session)}: {_listed(steps, _STEPS, '; ')}",)


def _decision(record: Record) -> tuple[str, ...]:
    text = framing.inline(cues.decided(record.text) or record.text, _LINE)
    kind = f", {record.kind}" if record.kind in ("answer", "refusal") else ""
    return (f"- {_day(record.created_at)}: {text} ({_number(record)}{kind})",)


def _directory(directory: str, names: Sequence[str]) -> tuple[str, ...]:
    """The files worked on in one directory; "" is the root."""
    where = f"{framing.inline(directory, _LINE)}: " if directory else ""
    return (f"- {where}{_listed(names, len(names))}",)


def _unattended(sessions: Sequence[Summary]) -> tuple[tuple[str, ...], ...]:
    if not sessions:
        return ()
    latest = sessions[0]
    count = (
        f"{len(sessions)} unattended sessions, the last " if len(sessions) > 1 else "unattended, "
    )
    return ((f"- {count}{_day(latest.ended_at)}: {_goal(latest)}",),)


def _elsewhere(project: str, session: Summary) -> tuple[str, ...]:
    name = framing.inline(project, _NAME)
    return (f"- {name}, {_day(session.ended_at)}: {_goal(session)} -> {_outcome(session)}",)


def _quoted(record: Record, wall: int, limit: int) -> tuple[str, ...]:
    """A text as its own lines, each marked as a quotation so that it cannot pass for ours."""
    said = f"{_number(record)}, {_ago(wall - record.created_at)}:"
    text = _excerpt(framing.harmless(record.text).strip(), limit, record.label)
    return (said, *(f"> {line.rstrip()}" for line in text.split("\n")))


def _excerpt(text: str, limit: int, label: int) -> str:
    """The beginning and the end of a text that is too long, and how to get the middle.

    What is not in the store yet has the label 0: it cannot be asked for.
    """
    if len(text) <= limit:
        return text
    head = text[: limit * 3 // 5].rsplit(" ", 1)[0]
    tail = text[-(limit * 2 // 5) :].split(" ", 1)[-1]
    left_out = len(text) - len(head) - len(tail)
    how = f": iai show '#{label}'" if label else ""
    return f"{head}\n[... {left_out:,} characters left out{how} ...]\n{tail}"


# --- pieces -------------------------------------------------------------------------------------


def _cited(record: Record, limit: int) -> str:
    return f"{framing.inline(record.text, limit)} ({_number(record)})"


def _number(record: Record) -> str:
    return f"#{record.label}" if record.label else "not indexed yet"


def _change(file: FileWork) -> str:
    if file.gone:
        return f"{name_of(file.path)} (removed)"
    lines = [f"+{file.added}" if file.added else "", f"-{file.removed}" if file.removed else ""]
    return " ".join([name_of(file.path), *(part for part in lines if part)])


def _test(action: Action) -> str:
    counts = [
        f"{action.passed} passed" if action.passed else "",
        f"{action.failed} failed" if action.failed else "",
    ]
    told = ", ".join(part for part in counts if part)
    outcome = told or ("failed" if action.status == "failed" else "passed")
    command = _REDIRECTION.split(action.text)[0]
    return f"{framing.inline(command, _REQUEST)}: {outcome}"


def _commit(action: Action) -> str:
    subject = framing.inline(action.text, _REQUEST)
    return f'{action.commit[:7]} "{subject}"' if action.commit else f'commit "{subject}"'


def _pull(action: Action) -> str:
    return f"pull request {action.number}" if action.number else framing.inline(action.text, _NAME)


def _listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    more = len(names) - most
    shown = [*names[:most], *([f"{more} more"] if more > 0 else [])]
    return separator.join(framing.inline(name, _LINE) for name in shown)


def _where(session: Summary) -> Iterator[str]:
    yield _HOSTS.get(session.info.host, framing.inline(session.info.host, _NAME))
    if session.info.cwd:
        yield f"in {framing.inline(session.info.cwd, 2 * _NAME)}"
    if session.info.branch:
        yield f"branch {framing.inline(session.info.branch, _NAME)}"


def _branch(session: Summary) -> str:
    """Say on which branch it was, and in which worktree if that is another one."""
    branch = f", {framing.inline(session.info.branch, _NAME)}" if session.info.branch else ""
    worktree = session.worktree and f", worktree {framing.inline(session.worktree, _NAME)}"
    return branch + worktree


def _when(session: Summary) -> str:
    began, ended = _utc(session.began_at), _utc(session.ended_at)
    end = f"{ended:%H:%M}" if began.date() == ended.date() else f"{_date(ended)} {ended:%H:%M}"
    return f"{_date(began)} {began:%H:%M} to {end} UTC"


def _day(wall: int) -> str:
    return _date(_utc(wall))


def _date(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b}"


def _utc(wall: int) -> datetime:
    return datetime.fromtimestamp(wall // NS, UTC)


def _ago(ns: int) -> str:
    seconds = max(0, ns // NS)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"
