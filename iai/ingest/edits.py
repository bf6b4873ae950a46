"""The changes that users request, such as a pin or a forget, and the rules for a capture.

Each runs in one transaction, which is aborted if it raises: so a refused request changes nothing.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from iai.errors import BadUsage, NoRecord, NotFound
from iai.ingest.batch import Identify
from iai.model.action import Action
from iai.model.phrase import says
from iai.model.record import Project, Record, session_key
from iai.protocol.ingest import (
    CapturedTurn,
    Edit,
    Erase,
    Forget,
    IgnoreProject,
    Mark,
    MergeProjects,
    NameProject,
    Pin,
    Place,
)
from iai.protocol.message import Request
from iai.store.actions import EVER
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView


def apply(request: Request, change: RecordChange, forgotten: Sequence[Record]) -> int:
    """Do what a request asks for; return how many records that concerns.

    `forgotten` are those that it names to be forgotten: see `named`. Raises NoRecord, and
    BadUsage for what cannot be done.
    """
    match request:
        case Pin(ref=ref, pinned=pinned, mine=mine):
            change.edits.pin(_find(ref, change), pinned=pinned, mine=mine)
            return 1
        case Mark():
            return _mark(request, change)
        case Edit(ref=ref, text=text):
            return _edit(ref, text, change)
        case Forget(whole_sessions=whole_sessions):
            return _forget(forgotten, change, whole_sessions=whole_sessions)
        case Erase():
            return _erase(request, forgotten, change)
        case MergeProjects(project=project, into=into):
            return _merge(project, into, change)
        case IgnoreProject():
            how: Literal["below", "project"] = "below" if request.below else "project"
            change.projects.ignore(_project(request.project), how if request.ignored else "")
            return change.view.count(request.project.id)
        case NameProject():
            change.projects.name(_project(request.project))
            return change.view.count(request.project.id)
        case _:
            raise BadUsage(f"{type(request).__name__} is not a change of records")


def check(turns: tuple[CapturedTurn, ...], identify: Identify, view: RecordView) -> None:
    """Raise BadUsage if any of these turns must not be stored."""
    if not all(turn.text.strip() for turn in turns):
        raise BadUsage("a turn needs text")
    if any(turn.mine and turn.tier == "episodic" for turn in turns):
        raise BadUsage("only a note can be kept from the team, not what was said in a session")
    for cwd in dict.fromkeys(turn.cwd for turn in turns):
        project = identify(cwd, "")
        if view.ignored(project.id, project.root, cwd):
            raise BadUsage(f"nothing was stored: {cwd} is ignored; see `iai project list`")


def named(request: Request, view: RecordView) -> list[Record]:
    """Return the records that a request names to be forgotten, each once.

    Raises NotFound where `Forget` names one that does not exist; `Erase` may.
    """
    match request:
        case Forget(refs=refs):
            found = {ref: view.find(ref) for ref in refs}
            if missing := [ref for ref, record in found.items() if record is None]:
                raise NotFound(f"{NoRecord(*missing)}; nothing was forgotten")
        case Erase(labels=labels):
            found = {str(label): view.find(str(label)) for label in labels}
        case _:
            found = {}
    return [*{record.label: record for record in found.values() if record is not None}.values()]


def _mark(request: Mark, change: RecordChange) -> int:
    """Mark a record, or in place of what the assistant said, the request that it followed.

    A session is done if any turn of it is marked so. So taking that off takes it off all of them.
    """
    record = _find(request.ref, change)
    session = session_key(record.host, record.session, record.machine)
    if record.in_session and record.role == "assistant":
        record = change.view.request_before(session, record.order) or record
    marked = [record]
    if record.in_session and request.mark == "done" and not request.on:
        marked = [turn for turn in change.view.session(session) if request.mark in turn.marks]
    for one in marked:
        change.edits.mark(one, request.mark, on=request.on)
    return len(marked)


def _edit(ref: str, text: str, change: RecordChange) -> int:
    if not text.strip():
        raise BadUsage("the new text is empty; to remove a record, forget it")
    change.edits.set_text(_find(ref, change), text)
    change.log.demand_scrub()
    return 1


def _forget(named: Sequence[Record], change: RecordChange, *, whole_sessions: bool) -> int:
    records = {record.label: record for record in named}
    if whole_sessions:
        view = change.view
        for key in {session_key(r.host, r.session, r.machine) for r in records.values()}:
            turns = (*view.session(key), *view.narration(key), *view.rewound(key))
            records.update({turn.label: turn for turn in turns})
    for record in records.values():
        change.forget.record(record)
    return len(records)


def _erase(request: Erase, named: Sequence[Record], change: RecordChange) -> int:
    for record in named:
        change.forget.record(record)
    count = len(named)
    for part in request.parts:
        session = bytes.fromhex(part.session)
        if part.title:
            count += change.forget.title(session)
        elif part.branch:
            count += change.forget.branch(session)
        else:
            since, until = part.since or EVER, part.until or None
            count += change.forget.work(session, since, until, partial(_says, part.text))
    count += sum([change.projects.forget(project) for project in request.projects])
    if request.text:
        change.forget.phrase(request.text)
    return count


def _says(text: str, action: Action) -> bool:
    return any(says(words, text) for words in action.words)


def _merge(project: Place, into: Place | None, change: RecordChange) -> int:
    """Return how many records `ProjectChange.reassign` has yet to move."""
    merged = change.projects.merge(_project(project), _project(into) if into else None)
    if into is not None and into.id == project.id:
        raise BadUsage(f"{into.name} ({into.id}) is one project already")
    if into is not None and not merged:
        raise BadUsage(
            f"{into.name} ({into.id}) belongs to {project.name} already: unmerge it first"
        )
    return len(list(change.view.misfiled()))


def _find(ref: str, change: RecordChange) -> Record:
    record = change.view.find(ref)
    if record is None:
        raise NoRecord(ref)
    return record


def _project(place: Place) -> Project:
    return Project(id=place.id, name=place.name, root=place.root)
