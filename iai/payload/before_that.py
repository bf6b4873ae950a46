"""The sessions before the last, a line each: goal, outcome, commits, files. Pure."""

from collections.abc import Iterator, Sequence

from iai.model import framing
from iai.payload import phrases, still_open
from iai.payload.file_work import names_of
from iai.payload.headline import done, verdict
from iai.payload.phrases import Names
from iai.payload.summary import Summary

EARLIER = 8  # sessions that get a line each
_RESULT = 110  # of what an earlier session came to
_FILES_EARLIER = 4  # of each earlier one


def line(session: Summary, names: Names) -> str:
    """One session in a line: when, goal, outcome, commits, tests, files."""
    machine = session.info.machine
    on = f", on {phrases.whose(machine, names).machine}" if machine else ""
    return f"- {phrases.day(session.ended_at)}{on}{phrases.branch(session)}: {came_to(session)}"


def came_to(session: Summary) -> str:
    """What a session was about and what was done in it: goal, outcome, commits, tests, files."""
    parts = [_outcome(session)]
    parts += [phrases.commit(action) for action in session.commits[-2:]]
    parts += [phrases.pull(action) for action in session.pull_requests[-1:]]
    parts.append(_files(session))
    return f"{_goal(session)} -> {'; '.join(part for part in parts if part)}"


def _files(session: Summary) -> str:
    changed = names_of([file.path for file in session.changed if not file.gone])
    return phrases.listed(changed, _FILES_EARLIER) if changed else ""


def _goal(session: Summary) -> str:
    number = phrases.number(session.goal) if session.goal else ""
    if session.title:
        return f"{framing.inline(session.title, phrases.REQUEST)} ({number})"
    if session.goal is None:
        return "(nothing asked)"
    return f'"{phrases.said(session.goal, phrases.REQUEST)}" ({number})'


def _outcome(session: Summary) -> str:
    """Say what a session came to, in the words of the answer to most of its work."""
    test = session.test
    answers = (session.result, session.work and session.work.answer, session.last.answer)
    texts = [answer.text for answer in answers if answer]
    interrupted = session.outcome == "interrupted"
    says = (done,) if interrupted or session.commits else (done, verdict)
    parts = [next(filter(None, (say(text, _RESULT) for say in says for text in texts)), "")]
    if interrupted:
        parts.append("interrupted")
    elif test is not None and still_open.fails(session):
        parts.append(f"tests fail ({phrases.command(test)})")
    told = "; ".join(filter(None, parts))
    if told or session.changed:
        return told  # the files say the rest
    return "answered" if session.outcome == "answered" else "not answered"


def unattended(sessions: Sequence[Summary]) -> Iterator[str]:
    """All sessions that nobody held, in one line."""
    for latest in sessions[:1]:
        more = f"{len(sessions)} unattended sessions, the last"
        count = more if len(sessions) > 1 else "unattended,"
        yield f"- {count} {phrases.day(latest.ended_at)}: {_goal(latest)}"


def elsewhere(project: str, session: Summary, names: Names) -> str:
    """The last session of another project."""
    name, who = framing.inline(project, phrases.NAME), phrases.whose(session.info.machine, names)
    by = "" if who.yours else f", {who.brief}"
    when = phrases.day(session.ended_at)
    return f"- {name}{by}, {when}: {_goal(session)} -> {_outcome(session) or _files(session)}"
