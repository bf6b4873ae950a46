"""Memory as text for a model: quoted, and framed so that capture leaves it out."""

from collections.abc import Iterable, Iterator

from iai.mcp.schemas import (
    BriefTurn,
    FileHistoryResult,
    Found,
    RecallResult,
    Session,
    Shown,
    ShowResult,
    TimelineResult,
)
from iai.model import clock, framing
from iai.model.units import excerpt

LINE = 240  # characters of a text shown on one line


def line(text: str, limit: int = LINE) -> str:
    """Return a text from memory on one line, cut at a word."""
    return excerpt(framing.harmless(text), limit)


def framed(lines: Iterable[str], revision: int, wall: int) -> str:
    """Return lines in a frame that capture recognises."""
    opening = framing.opening(revision, clock.iso(wall), "(memory)")
    return "\n".join([opening, *lines, framing.CLOSING]) + "\n"


def recalled(result: RecallResult, nothing: str) -> Iterator[str]:
    """Yield the hits; `nothing` says why there are none."""
    yield result.note
    yield f"You are in project {result.here}." + ("" if result.found else f" {nothing}.")
    here = False
    for found in result.found:
        if found.elsewhere and here:
            yield "In other projects:"
        here = not found.elsewhere
        where = f"{found.project}, {found.host}, {found.role}{_by(found.by)}, {found.age}"
        more = f", superseded by {found.superseded_by}" if found.superseded_by else ""
        more += f"{_pinned(pinned=found.pinned)}, {found.said_at}"
        yield f"{found.id} {where}, score {found.score:.2f}{more}"
        yield f"> {found.said}"
        yield from _exchange(found)
        yield from _explained(found)
    yield from (f"(degraded: {missing})" for missing in result.degraded)


def shown(result: ShowResult) -> Iterator[str]:
    """Yield whole records."""
    yield result.note
    for record in result.records:
        yield ""
        yield from (part for turn in record.before for part in _brief(turn))
        yield from _whole(record)
        yield from (part for turn in record.after for part in _brief(turn))
    yield from (f"there is no record {ref}" for ref in result.unknown)


def sessions(result: TimelineResult) -> Iterator[str]:
    """Yield sessions."""
    yield result.note
    yield f"You are in project {result.here}." + ("" if result.sessions else " No session fits.")
    for session in result.sessions:
        yield from _session(session)


def _exchange(found: Found) -> Iterator[str]:
    if found.asked:
        yield f"> asked {found.asked}"
    yield from (f"> {one}" for one in found.lines)
    if found.answer:
        yield f"> answer: {found.answer}"
    for name in ("files", "commits", "commands", "errors"):
        if parts := getattr(found, name):
            yield f"> {name}: {'; '.join(parts)}"
    if found.same:
        yield f"  said again: {', '.join(found.same)}"


def visits(result: FileHistoryResult) -> Iterator[str]:
    """Yield what was done to a file."""
    yield result.note
    nothing = "" if result.visits else " Nothing is known of that file."
    yield f"You are in project {result.here}.{nothing}"
    for visit in result.visits:
        branch = f", branch {visit.branch}" if visit.branch else ""
        yield f"{visit.at} ({visit.age}): {visit.project}, {visit.host}{_by(visit.by)}{branch}"
        yield f"> {visit.what}"
        if visit.asked:
            yield f"> asked {visit.asked.id}: {visit.asked.said}"
        yield from (f"> commit {commit}" for commit in visit.commits)


def _explained(found: Found) -> Iterator[str]:
    if found.why:
        parts = sorted(found.why.items(), key=lambda part: -part[1])
        yield "  why: " + ", ".join(f"{name} {gain:.3f}" for name, gain in parts)
    if found.words:
        yield "  words: " + ", ".join(found.words)
    if found.source:
        yield f"  said in {found.source}"
    if found.session:
        yield f"  session {found.session}"


def _whole(record: Shown) -> Iterator[str]:
    where = f"{record.project}, {record.host}, {record.role}{_by(record.by)}"
    said = f"{record.said_at} ({record.age})"
    yield f"{record.id} {where}, {said}{_pinned(pinned=record.pinned)}"
    if record.part:
        yield f"  {record.part}"
    yield from (f"> {part}" for part in record.text.split("\n"))
    if record.left_out:
        yield f"({record.left_out:,} more characters: memory_show with a higher `start`)"
    yield from (f"  done: {one}" for one in record.done)


def _brief(turn: BriefTurn) -> Iterator[str]:
    yield f"{turn.id} {turn.role}, {turn.age}"
    yield f"> {turn.said}"


def _session(session: Session) -> Iterator[str]:
    where = f"{session.project}, {session.host}{_by(session.by)}, {session.exchanges}"
    yield f"{session.began_at} to {session.ended_at} ({session.age}): {where}"
    if session.title:
        yield f"> title: {session.title}"
    if session.first:
        yield f"> first {session.first.id} {session.first.role}: {session.first.said}"
    if session.last != session.first:
        yield f"> last {session.last.id} {session.last.role}: {session.last.said}"
    yield f"> {f'on {session.branch}: ' if session.branch else ''}{session.work}"


def _pinned(*, pinned: bool) -> str:
    return ", pinned" if pinned else ""


def _by(by: str) -> str:
    return f", {by}" if by else ""
