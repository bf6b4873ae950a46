"""What others did in a project: who, when, and what they decided. Pure."""

from collections.abc import Iterator

from iai.model.record import Record
from iai.payload import before_that, decided, phrases
from iai.payload.material import Decision, Material, Others
from iai.payload.summary import Summary


def news(material: Material, wall: int) -> Iterator[tuple[str, ...]]:
    """The sessions of others: who, when, branch, what became of each, and what was decided."""
    for place, session in enumerate(material.others.sessions[: before_that.EARLIER]):
        who = phrases.whose(session.info.machine, material.names).brief
        when = f"{phrases.day(session.ended_at)}{phrases.age(wall - session.ended_at)}"
        line = f"- {who}, {when}{phrases.branch(session)}: {before_that.came_to(session)}"
        latest = _said_last(session, line) if place == 0 else ()
        made = (one for one in material.others.decisions if _said_in(session, one.record))
        yield (line, *latest, *(f"  Decided by {who}{decided.told(one)}" for one in made))


def _said_last(session: Summary, line: str) -> Iterator[str]:
    """What was said last in a session, as far as its line has not told it: it may go on now."""
    for what, turn in (("Asked last", session.last.request), ("Answer", session.last.answer)):
        if turn is not None and (text := phrases.said(turn, phrases.LINE)).rstrip(".") not in line:
            yield f"  {what}: {text} ({phrases.number(turn)})"


def decided_earlier(others: Others) -> list[Decision]:
    """Return what others decided in sessions that are not listed."""
    listed = others.sessions[: before_that.EARLIER]
    return [
        one
        for one in others.decisions
        if not any(_said_in(session, one.record) for session in listed)
    ]


def _said_in(session: Summary, record: Record) -> bool:
    own, info = (record.host, record.session, record.machine), session.info
    return own == (info.host, info.session, info.machine)
