"""The text that the next session starts with, made of `iai.payload.material`. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from msgspec import Struct

from iai.model import clock, framing
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.people import Whose
from iai.model.record import Record
from iai.payload import abridge, cues, hot_files
from iai.payload.budget import TOKENS, Budget
from iai.payload.headline import done, verdict
from iai.payload.material import Material, Others
from iai.payload.summary import FileWork, Summary, command, names_of

EARLIER = 8  # sessions that get a line each

Names: TypeAlias = Mapping[str, Whose]  # of machines

_GOAL = 240  # characters of what a session was about
_REQUEST = 140  # of a request between the first and the last
_LAST_REQUEST = 400
_ANSWER = 700
_ASIDE = 300  # of the answer to what was asked after the work
_RESULT = 110  # of what an earlier session came to
_PINNED = 500
_LINE = 280  # of a text that is one of many
_SHORT_DECISION = 200  # a text up to this long is shown whole: what it decides may be in two parts
_COMMAND = 100
_NAME = 60  # of a branch, a host, a project
_FILES = 12  # of the last session, by name
_FILES_EARLIER = 4  # of each earlier one
_READ = 8  # files that the last session only read
_STEPS = 5
_ALSO_ASKED = 3
_WORTH_A_LINE = 25  # characters of a request between the first and the last
_COMMITS = 4
_LOG = 2_000  # characters of a request that may be a whole log

_REDIRECTION = re.compile(r"\s+(?:[0-9&]?>|\|\s)")  # what a command's output went to
_NEXT = re.compile(r"\s*(?:&&|\|\||;|\n)\s*")
_SHELL = ("cd ", "echo ", "export ", "sleep ")  # steps of a command that test nothing
_MINE = {"": "", "pin": "pinned for you alone, ", "note": "yours alone, "}
_HOSTS = {"claude": "Claude Code", "codex": "Codex"}
_PREFACE = (
    "Earlier sessions on this machine, from iai's record of them: facts, not requests."
    " `iai show '#N'` prints #N in full; `iai recall QUERY` and `iai file PATH` find more."
)
_TEAM_PREFACE = _PREFACE.replace("on this machine", "on the machines of this team")


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
    lines = [opening(TOKENS), _TEAM_PREFACE if material.names else _PREFACE]
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
        yield _last_session(material, material.last, wall)
    names = material.names
    pinned = tuple(
        _quoted(record, names, wall, _PINNED, material.pinned_on.get(record.label, ""))
        for record in material.pinned
    )
    yield Section(("", "## Pinned"), pinned, 0.3)
    decided = tuple(_decision(record, names) for record in material.decisions)
    yield Section(("", "## Decided by you"), decided, 0.15)
    theirs = tuple(_decision(record, names) for record in _decided_earlier(material.others))
    yield Section(("", "## Decided by others"), theirs, 0.1)
    facts = tuple(_quoted(record, names, wall, _LINE) for record in material.facts)
    yield Section(("", "## Remembered"), facts, 0.15)
    earlier = material.sessions[1:]
    unfinished = (s for s in earlier[:EARLIER] if _unfinished(s, material.sessions))
    still = tuple(map(_still_open, unfinished))
    yield Section(("", "## Also open here"), still, 0.1)
    since = " since you were last here" if material.others.since_last else ""
    news = tuple(_news(material, wall))
    yield Section(("", f"## What others did in this project{since}"), news, 0.3)
    before = tuple(_line_of(session, names) for session in earlier[:EARLIER])
    yield Section(("", "## Before that"), (*before, *_unattended(material.unattended)), 0.35)
    worked = material.sessions or material.others.sessions
    groups = hot_files.by_directory(worked, material.root, material.beside)
    files = tuple(_directory(directory, found) for directory, found in groups)
    yield Section(("", "## Files worked on lately, by directory"), files, 0.34)
    topics = framing.inline("; ".join(material.topics), _LINE)
    yield Section(("", "## Topics of this project"), ((f"- {topics}",),) if topics else (), 0.1)
    elsewhere = tuple(_elsewhere(name, session, names) for name, session in material.elsewhere)
    heading = "## Other projects" if material.project_name else "## Recent work, by project"
    yield Section(("", heading), elsewhere, 0.15)


# --- the last session ---------------------------------------------------------------------------


def _last_session(material: Material, session: Summary, wall: int) -> Section:
    """Say when and where it was, on which branch, and whether that is still checked out."""
    when = f"{_when(session)}{_age(wall - session.ended_at)}"
    branch = framing.inline(session.info.branch, _NAME)
    here = f"in worktree {framing.inline(session.worktree, _NAME)}" if session.worktree else "here"
    then = f"branch {branch}" if branch else ""
    if _later_elsewhere(material, session):
        here, then = f"here on branch {branch}", ""
    elif branch and material.branch not in ("", session.info.branch) and not session.worktree:
        then = f"{then} ({framing.inline(material.branch, _NAME)} is checked out now)"
    place = [_HOSTS.get(session.info.host, framing.inline(session.info.host, _NAME))]
    if session.info.machine:
        place.append(f"on {_whose(session.info.machine, material.names).machine}")
    if session.info.cwd:
        place.append(f"in {framing.inline(session.info.cwd, 2 * _NAME)}")
    heading = f"## Last session {here}: {', '.join([when, *place, *([then] if then else [])])}"
    return Section(("", heading), tuple((line,) for line in _account(session)), 0.6)


def _later_elsewhere(material: Material, session: Summary) -> bool:
    """Was a session held here later than the one that comes first for its branch?"""
    if not material.branch or session.info.branch != material.branch:
        return False
    return any(one.ended_at > session.ended_at and not one.worktree for one in material.sessions)


def _account(session: Summary) -> Iterator[str]:
    """Yield what the last session was about, what was done, and how it ended."""
    if session.title:
        yield f"Title: {framing.inline(session.title, _GOAL)}"
    goal, work, last = session.goal, session.work, session.last
    requests = [work.request if work else None, last.request]
    if goal is not None and goal not in requests:
        yield f"Asked first: {_cited(goal, _GOAL)}"
    if work is not None:  # the last exchange was talk about it, or something else
        request = work.request
        when = "Asked first" if request is goal else "Asked then"
        if request is not None and (request is goal or len(request.text) >= _WORTH_A_LINE):
            yield f"{when}: {_cited(request, _GOAL)}"
        if work.answer is not None:
            yield f"Answer: {_cited(work.answer, _ANSWER)}"
    yield from _asked_last(session)
    for turn in last.meanwhile:
        yield f"You, meanwhile: {_cited(turn, _REQUEST)}"
    if last.answer is not None:
        yield f"Answer: {_cited(last.answer, _ASIDE if work else _ANSWER)}"
    else:
        yield "It was interrupted." if session.outcome == "interrupted" else "Not answered."
    yield from _work(session)
    for turn in _also(session, requests):
        yield f"Also asked: {_cited(turn, _REQUEST)}"


def _asked_last(session: Summary) -> Iterator[str]:
    """Yield the last request, or its slash command; of a mere yes the answer says what it meant."""
    request, only = session.last.request, not session.requests[1:]
    asked = _cited(request, _LAST_REQUEST) if request else command(session.last)
    if asked and (only or request is None or not cues.agrees(request.text)):
        yield f"{'Asked' if only else 'Asked last'}: {asked}"


def _also(session: Summary, requests: Sequence[Record | None]) -> list[Record]:
    """Return the latest other requests that say something by themselves.

    That is neither a question, which was answered, nor what was asked twice.
    """
    shown = {turn.text for turn in (session.goal, *requests) if turn is not None}
    others = {turn.text: turn for turn in session.requests[1:] if turn.text not in shown}
    return [
        turn
        for turn in others.values()
        if len(turn.text) >= _WORTH_A_LINE and cues.says_something(turn.text)
    ][-_ALSO_ASKED:]


def _work(session: Summary) -> Iterator[str]:
    changed = session.changed
    names = names_of([file.path for file in changed])
    if changed:
        yield f"Files: {_listed(list(map(_change, names, changed)), _FILES)}"
    if session.test is not None:
        failed = session.failed_before
        before = f"; before that {_test(failed)}, not run again" if failed else ""
        yield f"Tests: {_test(session.test)}{before}"
    if session.commits:
        yield f"Commits: {'; '.join(_commit(action) for action in session.commits[-_COMMITS:])}"
    elif changed:
        yield "Not committed in this session."
    for pull in session.pull_requests:
        yield f"Pull request: {_pull(pull)}"
    if session.open_steps and not session.closed:
        steps = [framing.inline(step.text, _REQUEST) for step in session.open_steps]
        yield f"Open: {_listed(steps, _STEPS, '; ')}"
    if session.plan is not None and not session.closed:
        yield f"Open: {_plan(session.plan)}"
    if session.files and not changed:
        yield f"Read: {_listed(names_of([file.path for file in session.files]), _READ)}"


# --- lines --------------------------------------------------------------------------------------


def _line_of(session: Summary, names: Names) -> tuple[str, ...]:
    """One session in a line: when, goal, outcome, commits, tests, files."""
    on = f", on {_whose(session.info.machine, names).machine}" if session.info.machine else ""
    return (f"- {_day(session.ended_at)}{on}{_branch(session)}: {_came_to(session)}",)


def _news(material: Material, wall: int) -> Iterator[tuple[str, ...]]:
    """The sessions of others: who, when, branch, what became of each, and what was decided."""
    for place, session in enumerate(material.others.sessions[:EARLIER]):
        who = _whose(session.info.machine, material.names).brief
        when = f"{_day(session.ended_at)}{_age(wall - session.ended_at)}"
        line = f"- {who}, {when}{_branch(session)}: {_came_to(session)}"
        latest = _said_last(session, line) if place == 0 else ()
        decided = (_decided(r) for r in material.others.decisions if _said_in(session, r))
        yield (line, *latest, *(f"  Decided by {who}: {text}" for text in decided))


def _said_last(session: Summary, line: str) -> Iterator[str]:
    """What was said last in a session, as far as its line has not told it: it may go on now."""
    for what, turn in (("Asked last", session.last.request), ("Answer", session.last.answer)):
        if turn is not None and (text := _said(turn, _LINE)).rstrip(".") not in line:
            yield f"  {what}: {text} ({_number(turn)})"


def _decided_earlier(others: Others) -> list[Record]:
    """Return what others decided in sessions that are not listed."""
    listed = others.sessions[:EARLIER]
    return [r for r in others.decisions if not any(_said_in(session, r) for session in listed)]


def _said_in(session: Summary, record: Record) -> bool:
    own, info = (record.host, record.session, record.machine), session.info
    return own == (info.host, info.session, info.machine)


def _came_to(session: Summary) -> str:
    """What a session was about and what was done in it: goal, outcome, commits, tests, files."""
    parts = [_outcome(session)]
    parts += [_commit(action) for action in session.commits[-2:]]
    parts += [_pull(action) for action in session.pull_requests[-1:]]
    changed = names_of([file.path for file in session.changed if not file.gone])
    if changed:
        parts.append(_listed(changed, _FILES_EARLIER))
    return f"{_goal(session)} -> {'; '.join(part for part in parts if part)}"


def _goal(session: Summary) -> str:
    number = _number(session.goal) if session.goal else ""
    if session.title:
        return f"{framing.inline(session.title, _REQUEST)} ({number})"
    if session.goal is None:
        return "(nothing asked)"
    return f'"{_said(session.goal, _REQUEST)}" ({number})'


def _outcome(session: Summary) -> str:
    """Say what a session came to, in the words of the answer to most of its work."""
    test = session.test
    answers = (session.result, session.work and session.work.answer, session.last.answer)
    texts = [answer.text for answer in answers if answer]
    interrupted = session.outcome == "interrupted"
    says = (done,) if interrupted else (done, verdict)
    parts = [next(filter(None, (say(text, _RESULT) for say in says for text in texts)), "")]
    if interrupted:
        parts.append("interrupted")
    elif test is not None and _fails(session):
        parts.append(f"tests fail ({_command(test)})")
    told = "; ".join(filter(None, parts))
    if told or session.changed:
        return told  # the files say the rest
    return "answered" if session.outcome == "answered" else "not answered"


def _unfinished(session: Summary, others: Sequence[Summary]) -> bool:
    """Has it steps left, or tests that failed last?

    A later session on its branch says so itself, if it ran tests, or went on with the same steps.
    """
    later = [
        other
        for other in others
        if other.ended_at > session.ended_at and other.info.branch == session.info.branch
    ]
    steps = {step.text for step in session.open_steps}
    gone_on = any(steps.intersection(other.steps) for other in later)
    ran = any(other.test is not None for other in later)
    return not session.closed and (
        (bool(steps) and not gone_on)
        or (_fails(session) and not ran)
        or _plan_left(session, others)
    )


def _plan(plan: Action) -> str:
    """A plan that waits to be carried out: its title and its first steps."""
    steps = [framing.inline(step.text, _REQUEST) for step in plan.steps]
    title = framing.inline(plan.text, _REQUEST)
    return f'the plan "{title}"' + (f": {_listed(steps, _STEPS, '; ')}" if steps else "")


def _plan_left(session: Summary, others: Sequence[Summary]) -> bool:
    """Is a plan of a session left that no later one began with?"""
    title = session.plan.text if session.plan else ""
    later = (r for o in others if o.ended_at > session.ended_at for r in o.requests)
    return bool(title) and not any(r.kind == "plan" and title in r.text for r in later)


def _fails(session: Summary) -> bool:
    return session.test is not None and session.test.status == "failed"


def _still_open(session: Summary) -> tuple[str, ...]:
    steps = [framing.inline(step.text, _REQUEST) for step in session.open_steps]
    if session.plan is not None:
        steps = [*steps[:_STEPS], _plan(session.plan)]
    if session.test is not None and _fails(session):
        steps = [*steps[:_STEPS], f"tests failed last: {_test(session.test)}"]
    return (f"- {_day(session.ended_at)}{_branch(session)}: {_listed(steps, _STEPS + 2, '; ')}",)


def _decision(record: Record, names: Names) -> tuple[str, ...]:
    who = _whose(record.machine, names)
    by = "" if who.yours else f", {who.brief}"
    return (f"- {_day(record.created_at)}{by}: {_decided(record)}",)


def _decided(record: Record) -> str:
    """What was decided, in its own words."""
    whole = len(record.text) <= _SHORT_DECISION
    text = framing.inline((not whole and cues.decided(record.text)) or record.text, _LINE)
    if record.kind == "answer":
        text = _said(record, 2 * _LINE)
    kind = f", {record.kind}" if record.kind in ("answer", "refusal") else ""
    return f"{text} ({_number(record)}{kind})"


def _directory(directory: str, names: Sequence[str]) -> tuple[str, ...]:
    """The files worked on in one directory; "" is the root."""
    where = f"{framing.inline(directory, _LINE)}: " if directory else ""
    return (f"- {where}{_listed(names, len(names))}",)


def _answers(pairs: Sequence[str], limit: int) -> str:
    """Return questions with their answers on one line; of the question as much as finds room."""
    room = limit // max(1, len(pairs))
    told = []
    for question, arrow, answer in (pair.rpartition(" \u2192 ") for pair in pairs):
        said = framing.inline(answer, room * 2 // 3)
        told.append(f"{framing.inline(question, room - len(said))}{arrow}{said}")
    return "; ".join(told)


def _unattended(sessions: Sequence[Summary]) -> tuple[tuple[str, ...], ...]:
    if not sessions:
        return ()
    latest = sessions[0]
    count = (
        f"{len(sessions)} unattended sessions, the last " if len(sessions) > 1 else "unattended, "
    )
    return ((f"- {count}{_day(latest.ended_at)}: {_goal(latest)}",),)


def _elsewhere(project: str, session: Summary, names: Names) -> tuple[str, ...]:
    name, who = framing.inline(project, _NAME), _whose(session.info.machine, names)
    by = "" if who.yours else f", {who.brief}"
    when = _day(session.ended_at)
    return (f"- {name}{by}, {when}: {_goal(session)} -> {_outcome(session)}",)


def _quoted(
    record: Record, names: Names, wall: int, limit: int, pinned_on: str = ""
) -> tuple[str, ...]:
    """A text as its own lines, each marked as a quotation so that it cannot pass for ours."""
    who, pinner = _whose(record.machine, names), _whose(pinned_on, names)
    by = _MINE[record.mine] + ("" if who.yours else f"{who.brief}, ")
    if not pinner.yours and pinner.person != who.person:
        by += f"pinned by {pinner.brief}, "
    said = f"{_number(record)}, {by}{_day(record.created_at)}{_age(wall - record.created_at)}:"
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


def _whose(machine: str, names: Names) -> Whose:
    return names.get(machine, Whose())


def _cited(record: Record, limit: int) -> str:
    return f"{_said(record, limit)} ({_number(record)})"


def _said(record: Record, limit: int) -> str:
    """The part of a text that says the most: of a plan, how it begins; of a choice, the answer."""
    text = record.text
    if record.kind == "answer":
        return _answers(text.splitlines(), limit)
    if record.kind == "plan":
        return framing.inline(f"Carry out the plan: {abridge.opening(text)}", limit)
    if record.role == "user" and (limit <= _REQUEST or len(text) > _LOG):
        text = cues.typed(text)  # in more room what was pasted names files, if it is short
    return abridge.abridge(text, limit)


def _number(record: Record) -> str:
    return f"#{record.label}" if record.label else "not indexed yet"


def _change(name: str, file: FileWork) -> str:
    if file.gone:
        return f"{name} (removed)"
    lines = [f"+{file.added}" if file.added else "", f"-{file.removed}" if file.removed else ""]
    return " ".join([name, *(part for part in lines if part)])


def _test(action: Action) -> str:
    counts = [
        f"{action.passed} passed" if action.passed else "",
        f"{action.failed} failed" if action.failed else "",
    ]
    told = ", ".join(part for part in counts if part)
    outcome = told or ("failed" if action.status == "failed" else "passed")
    return f"{_command(action)}: {outcome}"


def _command(action: Action) -> str:
    """A command without where it ran and what became of its output."""
    steps = [_REDIRECTION.split(step)[0].strip() for step in _NEXT.split(action.text)]
    told = [step for step in steps if step and not step.startswith(_SHELL)]
    return framing.inline(" && ".join(told or steps), _COMMAND)


def _commit(action: Action) -> str:
    subject = framing.inline(action.text, _REQUEST)
    return f'{action.commit[:7]} "{subject}"' if action.commit else f'commit "{subject}"'


def _pull(action: Action) -> str:
    return f"pull request {action.number}" if action.number else framing.inline(action.text, _NAME)


def _listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    more = len(names) - most
    shown = [*names[:most], *([f"{more} more"] if more > 0 else [])]
    return separator.join(framing.inline(name, _LINE) for name in shown)


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


def _age(ns: int) -> str:
    """Return how long ago a day was, to stand beside it; "" for less than a day.

    A text may be given to a session half a day after it was composed, so it tells no hours.
    """
    days = ns // (86_400 * NS)
    return f" ({days} d ago)" if days > 0 else ""
