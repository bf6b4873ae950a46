"""Turns that come with their text: what clients capture, and hook events without a transcript."""

import hashlib
import re

from msgspec import structs

from iai.hosts import claude, claude_texts, codex, codex_texts
from iai.ingest.batch import Identify, new_project, new_turn
from iai.ingest.spool import HookEvent
from iai.model import framing
from iai.model.record import NewRecord, Project, Source, session_key
from iai.projects import relocation
from iai.protocol.ingest import CapturedTurn
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-")  # Codex's sessions; Claude Code's: 4


def insert_turn(
    change: RecordChange, turn: CapturedTurn, identify: Identify, now: int
) -> tuple[str, bool]:
    """Store a turn that a client captured; return its id and whether it is new.

    The id is "" if nothing is stored: the same text was forgotten before, or its project is
    ignored.
    """
    new = _filed(change, *new_record(turn, identify, now), identify)
    if new is None:
        return "", False
    label, added = change.records.insert(new)
    record = change.view.get(label)
    if record is not None and turn.pinned:
        change.edits.pin(record, pinned=True, mine=turn.mine)
    return record.id if record is not None else "", added


def _filed(
    change: RecordChange, new: NewRecord, own: Project, identify: Identify
) -> NewRecord | None:
    """Return a turn in the project that it counts for; None if that is ignored.

    `own` is the project of its directory.
    """
    project = relocation.owner(own, new.cwd, _home(new, change.view, identify), change.view)
    if change.view.ignored(project.id, project.root, new.cwd):
        return None
    change.projects.place(project, new.cwd if project is own else project.root)
    return structs.replace(new, project=project.id)


def _home(new: NewRecord, view: RecordView, identify: Identify) -> Project | None:
    """Return the project of the directory in which the session of a turn began."""
    first = next(view.session(session_key(new.host, new.session)), None) if new.session else None
    return new_project(identify(first.cwd, "")) if first is not None else None


def new_record(turn: CapturedTurn, identify: Identify, now: int) -> tuple[NewRecord, Project]:
    """Return the record of a turn that came with its text, and the project it belongs to."""
    project = identify(turn.cwd, "")
    mine = ("mine",) if turn.mine else ()  # beside the same note for the project, if there is one
    said = (turn.host, turn.session, turn.role, turn.cwd, str(turn.created_at), turn.text, *mine)
    digest = hashlib.blake2b("\0".join(said).encode("utf-8", "replace"), digest_size=16)
    key = turn.key or f"captured:{digest.hexdigest()}"
    created_at = turn.created_at or now
    record = new_turn(
        key,
        created_at,
        role=turn.role,
        text=turn.text,
        host=turn.host,
        session=turn.session,
        project=project.id,
        cwd=turn.cwd,
        source=Source(),
    )
    chosen = structs.replace(
        record,
        tier=turn.tier,
        tags=turn.tags,
        pinned=turn.pinned,
        mine="note" if turn.mine else "",
    )
    return chosen, new_project(project)


def insert_event(change: RecordChange, event: HookEvent, arrived: int, identify: Identify) -> None:
    """Store the turns in a hook event, unless their project is ignored."""
    for new, own in turns_in_event(event, arrived, identify):
        filed = _filed(change, new, own, identify)
        if filed is not None:
            change.records.insert(filed)


def turns_in_event(
    event: HookEvent, arrived: int, identify: Identify
) -> list[tuple[NewRecord, Project]]:
    """Return the turns in a hook event itself, each with its project.

    They are read where there is no transcript. The host's words in them are left out.
    """
    if event.turn_id or _UUID7.match(event.session_id):
        host, user, assistant = codex.NAME, codex_texts.request, codex_texts.answer
    else:
        host, user, assistant = claude.NAME, claude_texts.typed, claude_texts.answer
    occasion = event.prompt_id or event.turn_id
    said = (
        ("user", user(framing.without(event.prompt)).text),
        ("assistant", assistant(framing.without(event.last_assistant_message)).text),
    )
    project = new_project(identify(event.cwd, ""))
    turns = []
    for role, text in said:
        if text.strip():
            key = f"{host}:{event.session_id}:{occasion or arrived}:{role}"
            record = new_turn(
                key,
                arrived,
                role=role,
                text=text,
                host=host,
                session=event.session_id,
                project=project.id,
                cwd=event.cwd,
                source=Source(uuid=occasion),
            )
            turns.append((structs.replace(record, heard=True), project))
    return turns
