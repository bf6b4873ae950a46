"""What is left open by earlier sessions: steps, plans, tests that failed last. Pure."""

import re
from collections.abc import Sequence

from iai.model import framing
from iai.model.action import Action
from iai.payload import phrases
from iai.payload.file_work import name_of
from iai.payload.summary import Summary

_STEPS = 5
_FILE = re.compile(r"[\w-]+(?:\.\w+)+")


def unfinished(session: Summary, others: Sequence[Summary]) -> bool:
    """Return whether it has steps or a plan left, or tests that failed last.

    A later session on its branch says so itself, if it ran tests, or went on with the same steps,
    or with a file that they name.
    """
    later = [
        other
        for other in others
        if other.ended_at > session.ended_at and other.info.branch == session.info.branch
    ]
    steps = {step.text for step in session.open_steps}
    named = set(_FILE.findall(" ".join(steps)))
    gone_on = any(
        steps.intersection(other.steps) or named.intersection(_changed(other)) for other in later
    )
    ran = any(other.test is not None for other in later)
    return not session.closed and (
        (bool(steps) and not gone_on) or (fails(session) and not ran) or _plan_left(session, others)
    )


def _changed(session: Summary) -> list[str]:
    return [name_of(file.path) for file in session.changed]


def _plan_left(session: Summary, others: Sequence[Summary]) -> bool:
    """Is a plan of a session left that no later one began with?"""
    title = session.plan.text if session.plan else ""
    later = (r for o in others if o.ended_at > session.ended_at for r in o.requests)
    return bool(title) and not any(r.kind == "plan" and title in r.text for r in later)


def fails(session: Summary) -> bool:
    """Return whether its tests failed when they were last run."""
    return session.test is not None and session.test.status == "failed"


def line(session: Summary) -> str:
    """What one session left, with its day and branch."""
    steps = [framing.inline(step.text, phrases.REQUEST) for step in session.open_steps]
    if session.plan is not None:
        steps = [*steps[:_STEPS], plan(session.plan)]
    if session.test is not None and fails(session):
        steps = [*steps[:_STEPS], f"tests failed last: {phrases.test(session.test)}"]
    left = phrases.listed(steps, _STEPS + 2, "; ")
    return f"- {phrases.day(session.ended_at)}{phrases.branch(session)}: {left}"


def plan(left: Action) -> str:
    """A plan that waits to be carried out: its title and its first steps."""
    steps = [framing.inline(step.text, phrases.REQUEST) for step in left.steps]
    title = framing.inline(left.text, phrases.REQUEST)
    return f'the plan "{title}"' + (f": {phrases.listed(steps, _STEPS, '; ')}" if steps else "")
