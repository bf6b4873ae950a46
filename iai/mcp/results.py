"""Hits, records and sessions as results of the tools: harmless, and only what was asked for."""

from collections.abc import Mapping, Sequence

from iai.mcp import schemas
from iai.mcp.text import LINE, line
from iai.model import clock, framing
from iai.model.people import People
from iai.model.record import Record
from iai.model.units import ago
from iai.payload import phrases
from iai.protocol.graph_cache import Hit
from iai.recall import conversation
from iai.recall.file_history import FileVisit, change_line, explained
from iai.recall.timeline import Stretch, length
from iai.recall.work_lines import commit_line, session_line, work_lines
from iai.store.record_view import RecordView

AROUND = 600  # characters shown of the turns around a record
DONE = 40  # lines about what was done
WORK = 800  # characters of what a session did
PATH = 4_096  # characters of a path


def hits(found_: Sequence[Hit], wall: int, *, explain: bool) -> list[schemas.Found]:
    """Return the hits of one question."""
    labels = {hit.id: f"#{hit.label}" for hit in found_}
    return [found(hit, labels, wall, explain=explain) for hit in found_]


def found(hit: Hit, labels: Mapping[str, str], wall: int, *, explain: bool) -> schemas.Found:
    """Return a hit; `labels` are those of all hits, by id."""
    why = {name: round(gain, 4) for name, gain in hit.why.items()}
    return schemas.Found(
        id=f"#{hit.label}",
        said=line(hit.passage or hit.text, LINE + 4),  # which may be cut at both ends
        role=hit.role,
        age=ago(hit.created_at, wall),
        said_at=clock.iso(hit.created_at),
        project=line(hit.project_name),
        host=line(hit.host),
        score=round(hit.score, 4),
        pinned=hit.pinned,
        why=why if explain else {},
        words=[line(word) for word in hit.matched],
        source=source(hit.source.transcript, hit.source.offset) if explain else "",
        session=line(hit.session_id) if explain else "",
        asked=f"#{hit.request} {line(hit.asked)}" if hit.asked else "",
        answer=line(hit.answer),
        lines=[f"#{one.label} {one.role}: {line(one.text)}" for one in hit.lines],
        files=[line(path) for path in hit.files],
        commits=[line(commit) for commit in hit.commits],
        commands=[line(command) for command in hit.commands],
        errors=[line(error) for error in hit.errors],
        same=[f"#{label}" for label in hit.same],
        elsewhere=hit.elsewhere,
        superseded_by=labels.get(hit.superseded_by, hit.superseded_by),
        by=line(hit.by),
    )


def shown(view: RecordView, record: Record, arguments: schemas.Show, wall: int) -> schemas.Shown:
    project = view.project_named(record.project)
    before, after = (
        [brief(turn, wall, AROUND) for label in side if (turn := view.get(label))]
        for side in view.around(record, arguments.around)
    )
    end = arguments.start + arguments.length
    text = framing.harmless(record.text)  # before it is cut, which would hide half of a mark
    exchange = conversation.around(view, record, 0)[1]
    bases = [project.root if project else "", record.cwd]
    return schemas.Shown(
        id=f"#{record.label}",
        text=framing.harmless(text[arguments.start : end]),
        role=record.role,
        age=ago(record.created_at, wall),
        said_at=clock.iso(record.created_at),
        project=line(project.name if project else "-"),
        host=line(record.host),
        left_out=max(0, len(text) - end),
        pinned=record.is_pinned,
        tags=[line(tag) for tag in record.tags],
        session=line(record.session),
        directory=line(record.cwd, PATH),
        source=source(record.source.transcript, record.source.offset),
        part=conversation.part(exchange, record) if exchange.turns else "",
        done=[line(one) for one in work_lines(exchange.actions, bases)][:DONE],
        before=before[::-1],
        after=after,
        by=line(str(People(view.member).whose(record.machine))),
    )


def session(one: Stretch, wall: int) -> schemas.Session:
    return schemas.Session(
        project=line(one.project_name),
        host=line(one.host),
        session=line(one.session_id),
        began_at=clock.iso(one.began_at),
        ended_at=clock.iso(one.ended_at),
        age=ago(one.ended_at, wall),
        turns=one.turns,
        exchanges=length(one),
        title=line(one.summary.title),
        branch=line(one.summary.info.branch),
        work=line(session_line(one.summary), WORK),
        last=brief(one.last_said, wall),
        first=brief(one.first_request, wall) if one.first_request else None,
        by=line(one.by),
    )


def visit(view: RecordView, one: FileVisit, wall: int) -> schemas.Visit:
    project = view.project_named(one.project)
    return schemas.Visit(
        what=line(change_line(one), PATH),
        at=clock.iso(one.at),
        age=ago(one.at, wall),
        project=line(project.name if project else "-"),
        host=line(one.host),
        session=line(one.session),
        branch=line(one.branch),
        asked=brief(explained(view, one.request), wall) if one.request else None,
        commits=[line(commit_line(action)) for action in one.commits],
        by=line(one.by),
    )


def brief(record: Record, wall: int, limit: int = LINE) -> schemas.BriefTurn:
    said = phrases.said(record, limit)
    return schemas.BriefTurn(
        id=f"#{record.label}", role=record.role, age=ago(record.created_at, wall), said=said
    )


def source(transcript: str, offset: int) -> str:
    return f"{line(transcript, PATH)}:{offset}" if transcript else ""
