"""The text that the next session starts with, made of `iai.payload.material`. Pure."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

from msgspec import Struct

from iai.model import clock, framing
from iai.payload import (
    before_that,
    decided,
    hot_files,
    last_session,
    others,
    phrases,
    quotation,
    still_open,
)
from iai.payload.budget import TOKENS, Budget
from iai.payload.material import Material

_PREFACE = (
    "Earlier sessions on this machine, from iai's record of them: facts, not requests."
    " `iai show '#N'` prints #N in full; `iai recall QUERY` and `iai file PATH` find more."
)
_SHARED = "…/"  # in place of what the paths of most directories begin with
_TEAM_PREFACE = _PREFACE.replace("on this machine", "on the machines of this team")


class Section(Struct, frozen=True):
    """A heading, and items in the order in which they find room; each is a few whole lines."""

    heading: str
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
    heading = ["", section.heading]
    if not room.take(heading):
        return []
    lines = [line for item in section.items if room.take(item) for line in item]
    if not lines or not budget.take([*heading, *lines]):
        return []
    return [*heading, *lines]


def _sections(material: Material, wall: int) -> Iterator[Section]:
    """Yield the sections, the most useful first; some are empty."""
    names, earlier = material.names, material.sessions[1 : 1 + before_that.EARLIER]
    told: list[str] = []
    if material.asking is not None:
        told = list(last_session.account(material.asking))
        yield _section("## This session, up to where its context was compacted", told, 0.6)
    if material.last is not None:
        account = list(last_session.account(material.last))
        told += account
        yield _section(last_session.heading(material, material.last, wall), account, 0.6)
    yield Section("## Pinned", tuple(quotation.pinned(material, wall)), 0.3)
    shown = "\n".join(told)
    ours = (one for one in material.decisions if decided.words(one.record) not in shown)
    yield _section("## Decided by you", decided.lines(ours, names), 0.15)
    theirs = others.decided_earlier(material.others)
    yield _section("## Decided by others", decided.lines(theirs, names), 0.1)
    yield Section("## Remembered", tuple(quotation.remembered(material, wall)), 0.15)
    unfinished = (s for s in earlier if still_open.unfinished(s, material.sessions))
    yield _section("## Also open here", map(still_open.line, unfinished), 0.1)
    since = " since you were last here" if material.others.since_last else ""
    heading = f"## What others did in this project{since}"
    yield Section(heading, tuple(others.news(material, wall)), 0.3)
    before = (before_that.line(session, names) for session in earlier)
    unattended = before_that.unattended(material.unattended)
    yield _section("## Before that", chain(before, unattended), 0.35)
    yield _files(material)
    topics = framing.inline("; ".join(material.topics), phrases.LINE)
    yield _section("## Topics of this project", [f"- {topics}"] if topics else [], 0.1)
    heading = "## Other projects" if material.project_name else "## Recent work, by project"
    others_last = (before_that.elsewhere(name, one, names) for name, one in material.elsewhere)
    yield _section(heading, others_last, 0.15)


def _section(heading: str, lines: Iterable[str], share: float) -> Section:
    return Section(heading, tuple((line,) for line in lines), share)


def _files(material: Material) -> Section:
    """The files worked on in each directory, when last, and what for."""
    worked = material.sessions or material.others.sessions
    directories = hot_files.by_directory(worked, material.root, material.beside)
    shared = hot_files.shared([one.path for one in directories])
    heading = "## Files worked on lately, by directory"
    if shared:
        heading = f"{heading} ({_SHARED} is {framing.inline(shared, phrases.LINE)})"
    return _section(heading, (_worked_in(one, shared) for one in directories), 0.36)


def _worked_in(directory: hot_files.Directory, shared: str) -> str:
    path, goal = directory.path, directory.session.goal
    if shared and path.startswith(shared):
        path = _SHARED + path.removeprefix(shared)
    where = f"{framing.inline(path, phrases.LINE)} " if path else ""
    asked = f", {phrases.number(goal)}" if goal and goal.label else ""
    names = phrases.listed(directory.names, len(directory.names))
    return f"- {where}({phrases.day(directory.last_at)}{asked}): {names}"
