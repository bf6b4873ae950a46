"""From a slice of a transcript to new records: the plain part of what ingest does.

What comes with its text, not from a transcript, is in `iai.ingest.captured`.
"""

import os
from collections import Counter
from collections.abc import Callable, Container, Mapping
from functools import cache
from typing import NamedTuple

from msgspec import Struct, structs

from iai.hosts.turn import FAULTS, Host, Rewound, Skip, Turn
from iai.ingest import transcripts
from iai.ingest.items import Found, Reader
from iai.ingest.transcripts import Slice
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.context import Context, without_words
from iai.model.exchange import NARRATION, is_answer, same_exchange
from iai.model.ids import record_id
from iai.model.record import (
    NewRecord,
    Project,
    Source,
    Transcript,
    session_key,
)
from iai.model.session import SessionInfo
from iai.projects import relocation
from iai.projects.identity import ProjectIdentity
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView

Identify = Callable[[str, str], ProjectIdentity]  # cwd, remote -> project

LEFT_ALONE_S = 3_600.0  # a transcript whose last line is older gets no result of a call any more


class Fault(Struct, frozen=True):
    """A line that could not be read, and where it is."""

    offset: int
    reason: Skip


class Performed(Struct, frozen=True, kw_only=True):
    """An action, and the session and place that it counts for."""

    action: Action
    host: str
    session: str
    project: str
    cwd: str
    branch: str
    offset: int  # of the line that completed it; turns and actions of a file are in this order


class WorkPlace(Struct, frozen=True, kw_only=True):
    """A directory that was worked in, and the project that this counts for."""

    project: Project
    cwd: str
    directory: str  # to remember with the project; not one that is gone, if it had others
    home: Project | None  # of the session's first directory, if that is another one
    branch: str


class TakenBack(Struct, frozen=True):
    """A request that was taken back, with all from it to a place in its transcript."""

    key: str
    transcript: str  # path
    offset: int  # of the line that says so
    restored: frozenset[str] = frozenset()  # see `iai.hosts.turn.Host`


class Batch(Struct, frozen=True, kw_only=True):
    """What one slice of a transcript held, ready to be committed as one."""

    transcript: Transcript  # as it is after the slice
    records: tuple[NewRecord, ...]
    places: tuple[WorkPlace, ...]
    actions: tuple[Performed, ...]
    sessions: tuple[SessionInfo, ...]
    rewound: tuple[TakenBack, ...]
    unknown_markup: Counter[str]  # names of tags that users' turns begin with, and no rule knows
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
    piece = transcripts.read(transcript.path, transcripts.mark(transcript), most)
    if piece.restarted:  # another file by the same name, or the same one rewritten
        transcript = Transcript(
            path=transcript.path,
            host="",
            followed_until=transcript.followed_until,
            heard_at=transcript.heard_at,
        )
    reader = Reader(transcript)
    gathered = _Gathered(transcript, identify)
    for raw in piece.lines:
        for found in reader.line(raw):
            gathered.take(found, reader.host)
    if not piece.more and now - reader.context.last_at > LEFT_ALONE_S * NS:
        for found in reader.end():
            gathered.take(found, reader.host)
    return gathered.batch(reader, piece, now)


class _Gathered:
    """The items of one slice, sorted."""

    def __init__(self, transcript: Transcript, identify: Identify) -> None:
        self._transcript = transcript
        self._identify = cache(identify)
        self._records: list[NewRecord] = []
        self._places: dict[tuple[str, str], WorkPlace] = {}
        self._actions: list[Performed] = []
        self._sessions: dict[str, Context] = {}  # the latest of each
        self._rewound: list[TakenBack] = []
        self._markup: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._faults: list[Fault] = []

    def take(self, found: Found, host: Host | None) -> None:
        item = found.item
        if not found.context.off:
            self._sessions[found.context.session] = found.context
        if isinstance(item, Skip):
            self._skipped[item] += 1
            if item in FAULTS:
                self._faults.append(Fault(found.offset, item))
        elif host is None:
            pass
        elif isinstance(item, Rewound):
            path = self._transcript.path
            self._rewound += [
                TakenBack(key, path, found.offset, host.RESTORED) for key in item.keys
            ]
        elif isinstance(item, Action):
            self._actions.append(self._performed(item, host, found))
        else:
            self._records.append(self._record(item, host, found))
            if item.markup:
                self._markup[item.markup] += 1

    def batch(self, reader: Reader, piece: Slice, now: int) -> Batch:
        mark, host = piece.mark, reader.host
        after = structs.replace(
            self._transcript,
            host=host.NAME if host else "",
            offset=mark.offset,
            inode=mark.inode,
            head=mark.head,
            tail=mark.tail,
            read_at=now,
            **structs.asdict(reader.context),
        )
        contexts = [context for session, context in self._sessions.items() if session]
        return Batch(
            transcript=after,
            records=tuple(self._dated(now)),
            places=tuple(self._places.values()),
            actions=tuple(self._actions),
            sessions=tuple(_facts(host, context) for context in contexts) if host else (),
            rewound=tuple(self._rewound),
            unknown_markup=self._markup,
            skipped=self._skipped,
            faults=tuple(self._faults),
            more=piece.more,
            bytes=max(0, mark.offset - self._transcript.offset),
        )

    def _dated(self, now: int) -> list[NewRecord]:
        """Give what was said before any time was known the time that comes next."""
        if all(record.created_at for record in self._records):
            return self._records
        next_at = next((record.created_at for record in self._records if record.created_at), 0)
        at = next_at or transcripts.written_at(self._transcript.path) or now
        return [
            record
            if record.created_at
            else structs.replace(record, created_at=at, id=record_id(record.key, at))
            for record in self._records
        ]

    def _record(self, turn: Turn, host: Host, found: Found) -> NewRecord:
        context = found.context
        project = self._at_home(context)
        return new_turn(
            turn.key,
            turn.created_at,
            role=turn.role,
            text=turn.text,
            host=host.NAME,
            session=turn.session or context.session,
            project=project.id,
            cwd=context.cwd,
            source=Source(transcript=self._transcript.path, offset=found.offset, uuid=turn.uuid),
            kind=NARRATION if turn.kind == "commentary" else turn.kind,
        )

    def _performed(self, action: Action, host: Host, found: Found) -> Performed:
        context = found.context
        return Performed(
            action=action,
            host=host.NAME,
            session=context.session,
            project=self._at_home(context).id,
            cwd=context.cwd,
            branch=context.branch,
            offset=found.offset,
        )

    def _at_home(self, context: Context) -> ProjectIdentity:
        project = self._identify(context.cwd, context.remote)
        if (project.id, context.cwd) not in self._places:
            began = context.began_in and self._identify(context.began_in, context.remote)
            self._places[project.id, context.cwd] = WorkPlace(
                project=new_project(project),
                cwd=context.cwd,
                directory=_lasting(project, context.cwd),
                home=new_project(began) if began and began.id != project.id else None,
                branch=context.branch,
            )
        return project


def _lasting(project: ProjectIdentity, cwd: str) -> str:
    """Return a directory, or the root of its project if that is the repository of a gone one."""
    return cwd if not project.former or os.path.isdir(cwd) else project.root  # noqa: PTH112


def _facts(host: Host, context: Context) -> SessionInfo:
    return SessionInfo(
        host=host.NAME,
        session=context.session,
        title=context.title,
        title_rank=context.title_rank,
        branch=context.branch,
        cwd=context.cwd,
        unattended=context.unattended,
        forked_from=context.forked_from,
    )


class Inserted(NamedTuple):
    """What a batch added."""

    added: int  # new records; the others are known already
    ignored: int  # turns of ignored projects and of sessions not to be recorded
    actions: int = 0  # new ones
    redacted: Mapping[str, int] = {}  # secrets in what was added, by kind


def wanted(batch: Batch, view: RecordView, also: Container[str] = ()) -> Batch:
    """Return what is to be stored of a batch, and where, by what the records know.

    `also`: see `recorded`.
    """
    return settled(recorded(batch, view, also), view)


def settled(batch: Batch, view: RecordView) -> Batch:
    """Return a batch with each turn in the project that it belongs to by what the records know."""
    places = {(place.project.id, place.cwd): _settled(place, view) for place in batch.places}
    if tuple(places.values()) == batch.places:
        return batch

    def project(own: str, cwd: str) -> str:
        return places[own, cwd].project.id

    return structs.replace(
        batch,
        places=tuple(places.values()),
        records=tuple(structs.replace(r, project=project(r.project, r.cwd)) for r in batch.records),
        actions=tuple(structs.replace(a, project=project(a.project, a.cwd)) for a in batch.actions),
    )


def recorded(batch: Batch, view: RecordView, also: Container[str] = ()) -> Batch:
    """Return a batch without the words and places of sessions that are not to be recorded.

    `also` are such sessions of which the records do not know it yet.
    """
    sessions = {(info.session, info.forked_from) for info in batch.sessions}
    sessions |= {(name, "") for name in (batch.transcript.session, batch.transcript.forked_from)}
    sessions |= {(record.session, "") for record in batch.records}
    off = {s[0] for s in sessions if view.not_recorded(*s) or s[0] in also or s[1] in also}
    if not off:
        return batch
    transcript = batch.transcript
    if transcript.session in off:
        transcript = without_words(transcript)
    records = tuple(record for record in batch.records if record.session not in off)
    actions = tuple(done for done in batch.actions if done.session not in off)
    kept = {(r.project, r.cwd) for r in records} | {(done.project, done.cwd) for done in actions}
    return structs.replace(
        batch,
        transcript=transcript,
        records=records,
        actions=actions,
        places=tuple(place for place in batch.places if (place.project.id, place.cwd) in kept),
        sessions=tuple(info for info in batch.sessions if info.session not in off),
    )


def unignored(batch: Batch, view: RecordView) -> Batch:
    """Return a settled batch without what was said and done in ignored projects."""
    kept = {
        (place.project.id, place.cwd)
        for place in batch.places
        if not view.ignored(place.project.id, place.project.root, place.cwd)
    }
    if len(kept) == len(batch.places):
        return batch
    return structs.replace(
        batch,
        records=tuple(record for record in batch.records if (record.project, record.cwd) in kept),
        actions=tuple(done for done in batch.actions if (done.project, done.cwd) in kept),
    )


def _settled(place: WorkPlace, view: RecordView) -> WorkPlace:
    found = relocation.owner(place.project, place.cwd, place.home, view, place.branch)
    if found.id == place.project.id:
        return place
    return structs.replace(place, project=found, directory=found.root)


def insert_batch(change: RecordChange, batch: Batch) -> Inserted:
    """Store a batch and how far its transcript was read, without turns of ignored projects."""
    before = change.filing.newly_redacted.copy()
    kept = places_kept(change, batch)
    records = [r for r in batch.records if (r.project, r.cwd) in kept]
    added = sum([change.records.insert(record)[1] for record in told_apart(records)])
    if added:  # else all of it was counted before
        change.transcripts.note_markup(batch.unknown_markup)
    acted = 0
    for done in batch.actions:
        if (done.project, done.cwd) in kept:
            acted += change.work.act(done.action, done.host, done.session, done.project)
    for back in batch.rewound:
        change.work.rewind(back.key, back.transcript, back.offset, back.restored)
    if kept:
        for info in batch.sessions:
            if change.view.has_turns(session_key(info.host, info.session)):  # else it was forgotten
                change.work.note_session(info)
    if session := batch.transcript.session:
        change.transcripts.switch_recording(session, on=not batch.transcript.off)
    change.transcripts.follow(batch.transcript)  # when it is known what of its session is there
    ignored = len(batch.records) - len(records)
    return Inserted(added, ignored, acted, change.filing.newly_redacted - before)


def places_kept(change: RecordChange, batch: Batch) -> set[tuple[str, str]]:
    """Note where a batch was said; return project and directory of what is not ignored."""
    kept = set()
    for place in batch.places:
        if not change.view.ignored(place.project.id, place.project.root, place.cwd):
            change.projects.place(place.project, place.directory)
            kept.add((place.project.id, place.cwd))
    return kept


def told_apart(records: list[NewRecord]) -> list[NewRecord]:
    """Return records in order, with what is narration by what follows in the same list marked.

    The store would mark it as well, one by one.
    """
    answers: dict[tuple[str, str], NewRecord] = {}  # session -> a later text of the exchange
    marked: list[NewRecord] = []
    for record in reversed(records):
        session = (record.host, record.session)
        if session in answers and not same_exchange(answers[session], record):
            del answers[session]
        if is_answer(record) and answers.setdefault(session, record) is not record:
            marked.append(structs.replace(record, kind=NARRATION))
        else:
            marked.append(record)
    return marked[::-1]


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


def new_turn(
    key: str,
    created_at: int,
    *,
    role: str,
    text: str,
    host: str,
    session: str,
    project: str,
    cwd: str,
    source: Source,
    kind: str = "",
) -> NewRecord:
    """Return what was said in a session, to be stored. The id follows from the key and the time."""
    return NewRecord(
        key=key,
        id=record_id(key, created_at),
        tier="episodic",
        role=role,
        text=text,
        host=host,
        session=session,
        project=project,
        cwd=cwd,
        created_at=created_at,
        source=source,
        kind=kind,
    )


def new_project(identity: ProjectIdentity) -> Project:
    """Return a project as it is stored when first seen."""
    return Project(**identity._asdict())
