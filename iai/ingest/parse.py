"""From a slice of a transcript to a batch of what it held. Touches no store.

What comes with its text, not from a transcript, is in `iai.ingest.captured`.
"""

import os
from collections import Counter
from functools import cache

from msgspec import structs

from iai.hosts.turn import FAULTS, Host, Rewound, Skip, Turn
from iai.ingest import transcripts
from iai.ingest.batch import (
    Batch,
    Fault,
    Identify,
    Performed,
    TakenBack,
    WorkPlace,
    new_project,
    new_turn,
)
from iai.ingest.items import Found, Reader
from iai.ingest.transcripts import Slice
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.context import Context
from iai.model.exchange import NARRATION
from iai.model.ids import record_id
from iai.model.record import NewRecord, Source, Transcript
from iai.model.session import SessionInfo
from iai.projects.identity import ProjectIdentity, known_by_path

LEFT_ALONE_S = 3_600.0  # after the last line and the last event, no result of a call comes any more


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
    latest = max(reader.context.last_at, transcript.heard_at)  # lines may have earlier times
    if not piece.more and now - latest > LEFT_ALONE_S * NS:
        for found in reader.end():
            gathered.take(found, reader.host)
    return gathered.batch(reader, piece, now)


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
    gone = any(known_by_path(id_, cwd) for id_ in project.former)
    return cwd if not gone or os.path.isdir(cwd) else project.root  # noqa: PTH112


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
