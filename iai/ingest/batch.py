"""What a slice of a transcript held, ready to be stored: plain data."""

from collections import Counter
from collections.abc import Callable

from msgspec import Struct

from iai.hosts.turn import Skip
from iai.model.action import Action
from iai.model.ids import record_id
from iai.model.record import NewRecord, Project, Source, Transcript
from iai.model.session import SessionInfo
from iai.projects.identity import ProjectIdentity

Identify = Callable[[str, str], ProjectIdentity]  # cwd, remote -> project


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
