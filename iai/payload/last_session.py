"""Where the last session stopped: what was asked, done and answered, and what is open. Pure."""

from collections.abc import Iterator, Sequence

from iai.model import framing
from iai.model.record import Record
from iai.payload import cues, decided, phrases, still_open
from iai.payload.file_work import FileWork, names_of
from iai.payload.headline import done
from iai.payload.material import Material
from iai.payload.summary import Summary, command

_GOAL = 240  # characters of what a session was about
_LAST_REQUEST = 400
_ANSWER = 600
_ASIDE = 300  # of the answer to what was asked after the work
_DONE_BEFORE = 140
_FILES = 12  # of the last session, by name
_READ = 8  # files that the last session only read
_STEPS = 5
_ALSO_ASKED = 3
_WORTH_A_LINE = 25  # characters of a request between the first and the last
_COMMITS = 4
_HOSTS = {"claude": "Claude Code", "codex": "Codex"}


def heading(material: Material, session: Summary, wall: int) -> str:
    """Say when and where it was, on which branch, and whether that is still checked out."""
    when = f"{_when(session)}{phrases.age(wall - session.ended_at)}"
    branch = framing.inline(session.info.branch, phrases.NAME)
    worktree = framing.inline(session.worktree, phrases.NAME)
    here = f"in worktree {worktree}" if worktree else "here"
    then = f"branch {branch}" if branch else ""
    if _later_elsewhere(material, session):
        here, then = f"here on branch {branch}", ""
    elif branch and material.branch not in ("", session.info.branch) and not session.worktree:
        then = f"{then} ({framing.inline(material.branch, phrases.NAME)} is checked out now)"
    place = [_HOSTS.get(session.info.host, framing.inline(session.info.host, phrases.NAME))]
    if session.info.machine:
        place.append(f"on {phrases.whose(session.info.machine, material.names).machine}")
    if session.info.cwd:
        place.append(f"in {framing.inline(session.info.cwd, 2 * phrases.NAME)}")
    return f"## Last session {here}: {', '.join([when, *place, *([then] if then else [])])}"


def _later_elsewhere(material: Material, session: Summary) -> bool:
    """Was a session held here later than the one that comes first for its branch?"""
    if not material.branch or session.info.branch != material.branch:
        return False
    return any(one.ended_at > session.ended_at and not one.worktree for one in material.sessions)


def account(session: Summary) -> Iterator[str]:
    """Yield what the last session was about, what was done, and how it ended."""
    if session.title:
        yield f"Title: {framing.inline(session.title, _GOAL)}"
    goal, work, last = session.goal, session.work, session.last
    requests = [work.request if work else None, last.request]
    if goal is not None and goal not in requests:
        yield f"Asked first: {phrases.cited(goal, _GOAL)}"
    if work is not None:  # the last exchange was talk about it, or something else
        request = work.request
        when = "Asked first" if request is goal else "Asked then"
        if request is not None and (request is goal or len(request.text) >= _WORTH_A_LINE):
            yield f"{when}: {phrases.cited(request, _GOAL)}"
        if work.answer is not None:
            yield f"Answer: {phrases.cited(work.answer, _ANSWER)}"
    yield from _asked_last(session)
    for turn in last.meanwhile:
        yield f"You, meanwhile: {_meanwhile(turn)}"
    if last.answer is not None:
        yield f"Answer: {phrases.cited(last.answer, _ASIDE if work else _ANSWER)}"
    else:
        yield "It was interrupted." if session.outcome == "interrupted" else "Not answered."
    yield from _done_before(session)
    yield from _work(session)
    for turn in _also(session, requests):
        yield f"Also asked: {phrases.cited(turn, phrases.REQUEST)}"


def _meanwhile(turn: Record) -> str:
    """What the user said while the agent worked; a decision in the words in which it is listed."""
    decides = turn.kind in ("answer", "refusal")
    return decided.words(turn) if decides else phrases.cited(turn, phrases.REQUEST)


def _done_before(session: Summary) -> Iterator[str]:
    """Yield what the request came to for which the most was changed, if it is not shown above."""
    result, shown = session.result, (session.work and session.work.answer, session.last.answer)
    told = done(result.text, _DONE_BEFORE) if result is not None and result not in shown else ""
    if result is not None and told:
        yield f"Done before: {told} ({phrases.number(result)})"


def _asked_last(session: Summary) -> Iterator[str]:
    """Yield the last request, or its slash command; of a mere yes the answer says what it meant."""
    request, only = session.last.request, not session.requests[1:]
    asked = phrases.cited(request, _LAST_REQUEST) if request else command(session.last)
    if asked and (only or request is None or not cues.agrees(request.text)):
        option = session.choices.get(request.order, "") if request else ""
        chosen = decided.choosing(option) if option else ""
        yield f"{'Asked' if only else 'Asked last'}: {asked}{chosen}"


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
        yield f"Files: {phrases.listed(list(map(_change, names, changed)), _FILES)}"
    if session.test is not None:
        failed = session.failed_before
        before = f"; before that {phrases.test(failed)}, not run again" if failed else ""
        edited = ", before the last edits" if session.edited_since else ""
        yield f"Tests: {phrases.test(session.test)}{edited}{before}"
    if session.commits:
        yield f"Commits: {'; '.join(map(phrases.commit, session.commits[-_COMMITS:]))}"
    elif changed:
        yield "Not committed in this session."
    for pull in session.pull_requests:
        yield f"Pull request: {phrases.pull(pull)}"
    if session.open_steps and not session.closed:
        steps = [framing.inline(step.text, phrases.REQUEST) for step in session.open_steps]
        yield f"Open: {phrases.listed(steps, _STEPS, '; ')}"
    if session.plan is not None and not session.closed:
        yield f"Open: {still_open.plan(session.plan)}"
    if session.files and not changed:
        yield f"Read: {phrases.listed(names_of([file.path for file in session.files]), _READ)}"


def _change(name: str, file: FileWork) -> str:
    if file.gone:
        return f"{name} (removed)"
    lines = [f"+{file.added}" if file.added else "", f"-{file.removed}" if file.removed else ""]
    return " ".join([name, *(part for part in lines if part)])


def _when(session: Summary) -> str:
    began, ended = phrases.utc(session.began_at), phrases.utc(session.ended_at)
    day = "" if began.date() == ended.date() else f"{phrases.date(ended)} "
    return f"{phrases.date(began)} {began:%H:%M} to {day}{ended:%H:%M} UTC"
