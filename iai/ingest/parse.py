"""From a slice of a transcript to new records: the plain part of what ingest does."""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Literal, NamedTuple

from msgspec import Struct, structs

from iai.hosts import claude, codex, registry
from iai.hosts.turn import FAULTS, Context, Host, Line, Skip, Turn
from iai.ingest import transcripts
from iai.ingest.spool import HookEvent
from iai.ingest.transcripts import Mark, RawLine
from iai.model import framing
from iai.model.ids import record_id
from iai.model.record import (
    NewRecord,
    Project,
    Source,
    Transcript,
)
from iai.projects.identity import ProjectIdentity
from iai.protocol.ingest import CapturedTurn
from iai.store.record_change import RecordChange

Identify = Callable[[str, str], ProjectIdentity]  # cwd, remote -> project


class Fault(Struct, frozen=True):
    """A line that could not be read, and where it is."""

    offset: int
    reason: Skip


class Batch(Struct, frozen=True, kw_only=True):
    """What one slice of a transcript held, ready to be committed as one."""

    transcript: Transcript  # as it is after the slice
    records: tuple[NewRecord, ...]
    projects: tuple[tuple[Project, str], ...]  # with the directory in which it was worked on
    skipped: Counter[str]
    faults: tuple[Fault, ...]
    more: bool
    bytes: int


def read(
    transcript: Transcript, identify: Identify, now: int, most: int = transcripts.SLICE
) -> Batch:
    """Read the next slice of a transcript, of at most so many bytes. Touches no store.

    Raises OSError if the file cannot be read.
    """
    piece = transcripts.read(transcript.path, mark(transcript), most)
    if piece.lines and piece.lines[0].offset < transcript.offset:  # another file by the same name
        transcript = Transcript(
            path=transcript.path, host="", followed_until=transcript.followed_until
        )
    host = registry.named(transcript.host)
    context = Context(**{name: getattr(transcript, name) for name in Context.__struct_fields__})
    records: list[NewRecord] = []
    places: dict[tuple[str, str], tuple[Project, str]] = {}
    skipped: Counter[str] = Counter()
    faults: list[Fault] = []
    for raw in piece.lines:
        problem, json = _decoded(raw)
        host = host or registry.detect(transcript.path, json)
        line: Line = problem or Skip.NOT_A_TURN
        if problem is None and host is not None:
            context, line = host.parse(json, context)
        if isinstance(line, Turn) and host is not None:
            project = identify(context.cwd, context.remote)
            records.append(_record(line, host, context, project, transcript.path, raw.offset, now))
            places[project.id, context.cwd] = new_project(project), context.cwd
        elif isinstance(line, Skip):
            skipped[line] += 1
            if line in FAULTS:
                faults.append(Fault(raw.offset, line))
    after = structs.replace(
        transcript,
        host=host.NAME if host else "",
        offset=piece.mark.offset,
        inode=piece.mark.inode,
        head=piece.mark.head,
        **structs.asdict(context),
    )
    return Batch(
        transcript=after,
        records=tuple(records),
        projects=tuple(places.values()),
        skipped=skipped,
        faults=tuple(faults),
        more=piece.more,
        bytes=max(0, piece.mark.offset - transcript.offset),
    )


class Inserted(NamedTuple):
    """What a batch added."""

    added: int  # new records; the others are known already
    ignored: int  # turns of ignored projects, which are not stored


def insert_batch(change: RecordChange, batch: Batch) -> Inserted:
    """Store a batch and how far its transcript was read, without turns of ignored projects."""
    wanted = set()
    for project, cwd in batch.projects:
        if not change.ignored(project.id, project.root, cwd):
            change.place(project, cwd)
            wanted.add((project.id, cwd))
    change.follow(batch.transcript)
    records = [r for r in batch.records if (r.project, r.cwd) in wanted]
    added = sum([change.insert(record)[1] for record in records])
    return Inserted(added, len(batch.records) - len(records))


def mark(transcript: Transcript) -> Mark:
    """Up to where a transcript has been read."""
    return Mark(transcript.offset, transcript.inode, transcript.head)


def unread_since(transcript: Transcript) -> int:
    """When the oldest turn was said that has not been read; 0 if the file is gone.

    A host that goes on writing moves the time of the file, but not that of the turn.
    """
    written = transcripts.written_at(transcript.path)
    try:
        batch = read(transcript, lambda _cwd, _remote: ProjectIdentity("", "", ""), written)
    except OSError:
        return written
    return min([written, *(record.created_at for record in batch.records)])


def insert_turn(
    change: RecordChange, turn: CapturedTurn, identify: Identify, now: int
) -> tuple[str, bool]:
    """Store a turn that came with its text; return its id and whether it is new.

    The id is "" if nothing is stored: the same text was forgotten before, or its project is
    ignored.
    """
    new, project = new_record(turn, identify, now)
    if change.ignored(project.id, project.root, turn.cwd):
        return "", False
    change.place(project, turn.cwd)
    label, added = change.insert(new)
    record = change.get(label)
    if record is not None and turn.pinned:
        change.pin(record, pinned=True)
    return record.id if record is not None else "", added


def new_record(turn: CapturedTurn, identify: Identify, now: int) -> tuple[NewRecord, Project]:
    """Return the record of a turn that came with its text, and the project it belongs to."""
    project = identify(turn.cwd, "")
    said = (turn.host, turn.session, turn.role, turn.cwd, str(turn.created_at), turn.text)
    digest = hashlib.blake2b("\0".join(said).encode("utf-8", "replace"), digest_size=16)
    key = turn.key or f"captured:{digest.hexdigest()}"
    created_at = turn.created_at or now
    record = NewRecord(
        key=key,
        id=record_id(key, created_at),
        tier=turn.tier,
        role=turn.role,
        text=turn.text,
        host=turn.host,
        session=turn.session,
        project=project.id,
        cwd=turn.cwd,
        created_at=created_at,
        tags=turn.tags,
        pinned=turn.pinned,
    )
    return record, new_project(project)


def turns_in_event(event: HookEvent, arrived: int) -> tuple[CapturedTurn, ...]:
    """Return the turns in a hook event itself, for when there is no transcript to read."""
    host = codex.NAME if event.turn_id else claude.NAME
    occasion = event.prompt_id or event.turn_id or str(arrived)
    said: tuple[tuple[Literal["user", "assistant"], str | None], ...] = (
        ("user", event.prompt),
        ("assistant", event.last_assistant_message),
    )
    return tuple(
        CapturedTurn(
            text=own,
            role=role,
            host=host,
            session=event.session_id,
            cwd=event.cwd,
            created_at=arrived,
            key=f"{host}:{event.session_id}:{occasion}:{role}",
        )
        for role, text in said
        if text and (own := framing.without(text)).strip()
    )


def _decoded(raw: RawLine) -> tuple[Skip | None, object]:
    if raw.data is None:
        return Skip.TOO_LONG, None
    try:
        return None, transcripts.decode(raw.data)
    except ValueError:
        return Skip.BAD_JSON, None


def _record(
    turn: Turn,
    host: Host,
    context: Context,
    project: ProjectIdentity,
    path: str,
    offset: int,
    now: int,
) -> NewRecord:
    created_at = turn.created_at or now
    return NewRecord(
        key=turn.key,
        id=record_id(turn.key, created_at),
        tier="episodic",
        role=turn.role,
        text=turn.text,
        host=host.NAME,
        session=context.session,
        project=project.id,
        cwd=context.cwd,
        created_at=created_at,
        source=Source(transcript=path, offset=offset, uuid=turn.uuid),
    )


def new_project(identity: ProjectIdentity) -> Project:
    """Return a project as it is stored when first seen."""
    return Project(**identity._asdict())
