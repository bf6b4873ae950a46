"""The phrases that the lines of a payload are made of. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from iai.model import framing
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.people import Whose
from iai.model.record import Record
from iai.payload import abridge, cues
from iai.payload.summary import Summary

Names: TypeAlias = Mapping[str, Whose]  # of machines

REQUEST = 140  # of a request between the first and the last
LINE = 280  # of a text that is one of many
NAME = 60  # of a branch, a host, a project
_COMMAND = 100
_LOG = 2_000  # characters of a request that may be a whole log
_REDIRECTION = re.compile(r"\s+(?:[0-9&]?>|\|\s)")  # what a command's output went to
_NEXT = re.compile(r"\s*(?:&&|\|\||;|\n)\s*")
_SHELL = ("cd ", "echo ", "export ", "sleep ")  # steps of a command that test nothing


def whose(machine: str, names: Names) -> Whose:
    return names.get(machine, Whose())


def cited(record: Record, limit: int) -> str:
    return f"{said(record, limit)} ({number(record)})"


def said(record: Record, limit: int) -> str:
    """The part of a text that says the most: of a plan, how it begins; of a choice, the answer."""
    text = record.text
    if record.kind == "answer":
        return _answers(text.splitlines(), limit)
    if record.kind == "plan":
        return framing.inline(f"Carry out the plan: {abridge.opening(text)}", limit)
    if record.role == "user" and (limit <= REQUEST or len(text) > _LOG or cues.is_page(text)):
        text = cues.typed(text)  # in more room what was pasted names files, if it is short
    return abridge.abridge(text, limit)


def number(record: Record) -> str:
    return f"#{record.label}" if record.label else "not indexed yet"


def _answers(pairs: Sequence[str], limit: int) -> str:
    """Return questions with their answers on one line; of the question as much as finds room."""
    room = limit // max(1, len(pairs))
    told = []
    for question, arrow, answer in (pair.rpartition(" \u2192 ") for pair in pairs):
        said = framing.inline(answer, room * 2 // 3)
        told.append(f"{framing.inline(question, room - len(said))}{arrow}{said}")
    return "; ".join(told)


def test(action: Action) -> str:
    counts = [
        f"{action.passed} passed" if action.passed else "",
        f"{action.failed} failed" if action.failed else "",
    ]
    told = ", ".join(part for part in counts if part)
    outcome = told or ("failed" if action.status == "failed" else "passed")
    return f"{command(action)}: {outcome}"


def command(action: Action) -> str:
    """A command without where it ran and what became of its output."""
    steps = [_REDIRECTION.split(step)[0].strip() for step in _NEXT.split(action.text)]
    told = [step for step in steps if step and not step.startswith(_SHELL)]
    return framing.inline(" && ".join(told or steps), _COMMAND)


def commit(action: Action) -> str:
    subject = framing.inline(action.text, REQUEST)
    return f'{action.commit[:7]} "{subject}"' if action.commit else f'commit "{subject}"'


def pull(action: Action) -> str:
    return f"pull request {action.number}" if action.number else framing.inline(action.text, NAME)


def listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    more = len(names) - most
    shown = [*names[:most], *([f"{more} more"] if more > 0 else [])]
    return separator.join(framing.inline(name, LINE) for name in shown)


def branch(session: Summary) -> str:
    """Say on which branch it was, and in which worktree if that is another one."""
    branch = f", {framing.inline(session.info.branch, NAME)}" if session.info.branch else ""
    worktree = session.worktree and f", worktree {framing.inline(session.worktree, NAME)}"
    return branch + worktree


def day(wall: int) -> str:
    return date(utc(wall))


def date(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b}"


def utc(wall: int) -> datetime:
    return datetime.fromtimestamp(wall // NS, UTC)


def age(ns: int) -> str:
    """Return how long ago a day was, to stand beside it; "" for less than a day.

    A text may be given to a session half a day after it was composed, so it tells no hours.
    """
    days = ns // (86_400 * NS)
    return f" ({days} d ago)" if days > 0 else ""
