"""What ingest is asked, answers and publishes."""

from typing import Literal

from msgspec import Struct

from iai.protocol.message import Event, Reply, Request


class CapturedTurn(Struct, frozen=True, kw_only=True):
    """One text to keep. Times are nanoseconds UTC; 0 means now."""

    text: str
    role: Literal["user", "assistant"] = "user"
    tier: Literal["episodic", "semantic", "procedural"] = "episodic"
    host: str = "client"
    session: str = ""
    cwd: str = ""
    created_at: int = 0
    tags: tuple[str, ...] = ()
    pinned: bool = False
    key: str = ""  # idempotency key; "": made from host, session, role, cwd and text


class Capture(Request, frozen=True):
    turns: tuple[CapturedTurn, ...]


class Captured(Reply, frozen=True):
    """Durable: the records are on disk when this is sent."""

    ids: tuple[str, ...]  # in the order of the turns, those stored before included
    added: int
    duplicates: int
    revision: int


class Pin(Request, frozen=True):
    ref: str  # a record's id, or `#` and its number
    pinned: bool = True


class Edit(Request, frozen=True):
    """Put another text in the place of a record's."""

    ref: str  # a record's id, or `#` and its number
    text: str


class Forget(Request, frozen=True):
    """Remove records for good, all of them or, if one is unknown, none.

    What was forgotten is not taken in again, not even by an import.
    """

    refs: tuple[str, ...]
    whole_sessions: bool = False  # also every other record of the sessions that they belong to


class Place(Struct, frozen=True, kw_only=True):
    """A project, as its directory names it (see `projects.identify`)."""

    id: str
    name: str
    root: str


class MergeProjects(Request, frozen=True):
    """Have all records of a project, past and to come, belong to another one.

    Answered when that holds for those to come; the others are moved from then on.
    """

    project: Place
    into: Place | None  # None: it is a project of its own again


class IgnoreProject(Request, frozen=True):
    """Keep nothing more of a project, and start no session with it. What was kept stays."""

    project: Place
    below: bool = False  # nor of anything that lies below its root
    ignored: bool = True  # False: keep it again


class Changed(Reply, frozen=True):
    count: int
    revision: int


class Flush(Request, frozen=True):
    """Read the spool and every followed transcript now, whatever the clock says."""


class Flushed(Reply, frozen=True):
    revision: int


class Import(Request, frozen=True):
    """Read whole transcripts, or every transcript below a directory."""

    paths: tuple[str, ...]


class ImportStatus(Request, frozen=True):
    job: str


class ImportProgress(Reply, frozen=True):
    job: str
    done: bool
    files: int
    files_done: int
    bytes: int
    bytes_done: int
    turns_read: int
    records_added: int
    duplicates: int
    skipped: dict[str, int]  # lines that are no turn, by reason
    unreadable: tuple[str, ...]  # files, each with its reason
    revision: int


class RecordsCommitted(Event, frozen=True):
    revision: int
    ingested: int


class SessionEnded(Event, frozen=True):
    """A session has ended, and all of it that its host has written down is kept."""

    revision: int
    project: str = ""  # its id: there the next session is about to start


class LineSkipped(Event, frozen=True):
    """A line of a transcript could not be read; all others were."""

    transcript: str
    offset: int
    reason: str


class SpoolRejected(Event, frozen=True):
    """A file in the spool is no hook event; it was moved to `spool/bad/`."""

    file: str
    reason: str


class ProjectMoved(Event, frozen=True):
    """A checkout was found in another place: what was kept of it belongs to the project there."""

    project: str  # id of what it was
    into: str  # id of what it is now
    was: str  # root
    now: str
