"""Every message between processes, declared once: requests, replies and what the feeds carry.

Adding a field later means giving it a default; a field is never renamed and never changes its type.
"""

from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct


class Actor(StrEnum):
    """The processes of the group; the value names sockets, locks and ledger files."""

    SUPERVISOR = "supervisor"
    INGEST = "ingest"
    EMBEDDING = "embedding"
    GRAPH_CACHE = "graph-cache"
    LIFECYCLE = "lifecycle"
    CACHE_WRITER = "cache-writer"


PIPELINE = (
    Actor.INGEST,
    Actor.EMBEDDING,
    Actor.GRAPH_CACHE,
    Actor.LIFECYCLE,
    Actor.CACHE_WRITER,
)  # the supervisor's children, in the order in which they are stopped


class ErrorCode(StrEnum):
    """Why a request was not answered with what it asked for."""

    BAD_MESSAGE = "bad-message"  # not msgpack, not a map, or a field of the wrong type
    UNKNOWN_KIND = "unknown-kind"  # not a request that this actor knows
    BAD_VERSION = "bad-version"  # another protocol
    TOO_LARGE = "too-large"
    BUSY = "busy"  # the mailbox is full; try again in a moment
    STOPPING = "stopping"  # the actor is on its way out
    NOT_FOUND = "not-found"  # nothing by that name
    BAD_REQUEST = "bad-request"  # well formed, but cannot be done as asked
    FAILED = "failed"  # the actor's own fault; its log says more


class State(StrEnum):
    """How awake the group is (see `lifecycle.TRANSITIONS`)."""

    WAKE = "wake"
    DROWSY = "drowsy"
    SLEEP = "sleep"
    HIBERNATION = "hibernation"


def _kebab(name: str) -> str:
    return "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-")


class Message(Struct, frozen=True, kw_only=True, tag_field="kind", tag=_kebab):
    """Base of all messages."""


class Request(Message, frozen=True):
    """A client asks; exactly one `Reply` comes back."""


class Reply(Message, frozen=True):
    """The answer to one request."""


class Event(Message, frozen=True):
    """Published on a feed. A hint: losing, repeating or reordering it changes no result."""


# --- every actor -----------------------------------------------------------------------------


class Ping(Request, frozen=True):
    """Is the actor's loop getting on?"""


class Pong(Reply, frozen=True):
    actor: Actor
    pid: int
    dropped_frames: int  # frames that were no message and had nobody to answer


class Error(Reply, frozen=True):
    code: ErrorCode
    detail: str


# --- supervisor ------------------------------------------------------------------------------


class Health(Request, frozen=True):
    """How are the processes?"""


class ActorHealth(Struct, frozen=True, kw_only=True):
    actor: Actor
    state: Literal["starting", "ready", "waiting", "failed", "stopping", "stopped"]
    pid: int | None
    restarts: int
    beat_age_s: float | None  # since its loop last moved
    activity: str  # what that loop was doing
    last_exit: str  # why it last ended, or ""


class HealthReport(Reply, frozen=True):
    pid: int
    version: str
    store: str
    started_at: int
    actors: tuple[ActorHealth, ...]


class Stop(Request, frozen=True):
    """Stop the whole group, in pipeline order."""


class Restart(Request, frozen=True):
    """Stop one actor and start it again."""

    actor: Actor


class Accepted(Reply, frozen=True):
    """It will be done; look at the health for when."""


class ActorUp(Event, frozen=True):
    actor: Actor
    pid: int


class ActorDown(Event, frozen=True):
    actor: Actor
    reason: str


# --- ingest ----------------------------------------------------------------------------------


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


# --- embedding -------------------------------------------------------------------------------


class EmbedQuery(Request, frozen=True):
    text: str


class QueryVector(Struct, frozen=True, kw_only=True):
    """A vector as packed little-endian numbers."""

    generation: int
    dtype: Literal["f4"]
    dimension: int
    data: bytes


class QueryVectors(Reply, frozen=True):
    """The query under each generation of weights that stored vectors may have."""

    vectors: tuple[QueryVector, ...]


class VectorsCommitted(Event, frozen=True):
    revision: int
    embedded: int
    reembedded: int


class GenerationBegun(Event, frozen=True):
    """All records get vectors anew, under weights counted up to a label, while the old serve."""

    generation: int
    embedder: str  # fingerprint
    records: int
    counted_upto: int


class GenerationServing(Event, frozen=True):
    """That is done."""

    generation: int
    embedder: str
    records: int
    counted_upto: int


# --- graph-cache -----------------------------------------------------------------------------


class Recall(Request, frozen=True):
    """What was said about this? Of the filters (see `recall.filters`), "" and 0 ask for nothing."""

    query: str
    k: int = 10
    project: str = ""  # a project's id
    vectors: tuple[QueryVector, ...] = ()
    session: str = ""
    role: Literal["", "user", "assistant"] = ""
    tier: Literal["", "episodic", "semantic", "procedural"] = ""
    since: int = 0  # nanoseconds UTC, the first that fits
    until: int = 0  # the first that does not
    explain: bool = False  # say which words matched, too


class Provenance(Struct, frozen=True, kw_only=True):
    """Where a text was read: a transcript, the byte its line starts at, the host's own id."""

    transcript: str = ""
    offset: int = 0
    uuid: str = ""


class Hit(Struct, frozen=True, kw_only=True):
    id: str
    label: int
    score: float
    why: dict[str, float]  # the parts that the score is the sum of
    text: str
    role: str
    host: str
    session_id: str
    project: str
    project_name: str
    cwd: str
    created_at: int
    pinned: bool
    tier: str = ""
    tags: tuple[str, ...] = ()
    source: Provenance = Provenance()
    matched: tuple[str, ...] = ()  # words of the query that are in the text, if asked to explain
    superseded_by: str = ""  # id of another hit that corrects this one


class Recalled(Reply, frozen=True):
    hits: tuple[Hit, ...]
    degraded: tuple[str, ...]  # which parts did not take part, and why
    revision: int


class Neighbours(Request, frozen=True):
    ref: str


class Neighbour(Struct, frozen=True, kw_only=True):
    id: str
    label: int
    relation: str
    weight: float


class NeighbourList(Reply, frozen=True):
    neighbours: tuple[Neighbour, ...]


class GraphUpdated(Event, frozen=True):
    revision: int


class MemoryUsed(Event, frozen=True):
    """Somebody recalled something: activity that keeps the group awake."""


SleepOutcome: TypeAlias = Literal["finished", "interrupted", "failed", "quarantined"]


class SleepStep(Event, frozen=True):
    """One step of the work of a SLEEP has come to an end."""

    step: str
    outcome: SleepOutcome
    items: int = 0  # that it dealt with
    seconds: float = 0.0  # from its beginning, answers given meanwhile included
    error: str = ""


class SleepFinished(Event, frozen=True):
    """The work of one SLEEP is done."""

    revision: int


# --- lifecycle -------------------------------------------------------------------------------


class LifecycleStatus(Request, frozen=True):
    pass


class RequestState(Request, frozen=True):
    state: State


class LifecycleReport(Reply, frozen=True):
    state: State
    since: int
    last_activity_at: int


class Tick(Event, frozen=True):
    state: State


class Idle(Event, frozen=True):
    """Nothing has been remembered or recalled for this long."""

    state: State
    idle_s: float


class StateChanged(Event, frozen=True):
    previous: State
    state: State


# --- cache-writer ----------------------------------------------------------------------------

Trigger: TypeAlias = Literal["wake_sequence", "periodic_wake", "sleep_pipeline", "manual"]


class Reason(StrEnum):
    """Why a refresh begins or is held back: one closed vocabulary (SEED R17)."""

    CACHE_ABSENT = "cache_absent"
    META_ABSENT = "meta_absent"
    WATERMARK_CHANGED = "watermark_changed"
    FORCED = "forced"
    REFRESH_IN_PROGRESS = "refresh_in_progress"
    RUNTIME_GRAPH_CACHE_COLD = "runtime_graph_cache_cold"
    EMPTY_RENDER = "empty_render"
    MIN_INTERVAL_NOT_ELAPSED = "min_interval_not_elapsed"
    NO_NEW_RECORDS = "no_new_records"
    PROBE_FAILED = "probe_failed"


class Refresh(Request, frozen=True):
    force: bool = False
    dry_run: bool = False  # evaluate the gates, write nothing


class RefreshOutcome(Reply, frozen=True):
    outcome: Literal["written", "skipped", "failed", "would_write"]
    reason: str
    wanted: str = ""  # why it would have been written, where something held it back
    revision: int = 0  # of the payload now on disk
    detail: str = ""


class Preview(Request, frozen=True):
    cwd: str


class PreviewText(Reply, frozen=True):
    text: str
    revision: int


class RebuildWanted(Event, frozen=True):
    """A forced refresh asks the graph-cache to start over; nobody waits for it."""


class CacheWriteStarted(Event, frozen=True, tag="session_start_cache_write_started"):
    trigger: Trigger
    cache_path: str
    force_rebuild: bool
    reason: Reason


class CacheWriteSuccess(Event, frozen=True, tag="session_start_cache_write_success"):
    trigger: Trigger
    cache_path: str
    rendered_chars: int
    records_count: int
    max_vec_label: int
    max_record_created_at: int
    max_updated_at: int
    duration_ms: float
    revision: int
    payloads: int  # files written: the global one and one for each project


class CacheWriteSkipped(Event, frozen=True, tag="session_start_cache_write_skipped"):
    """Repeats of the same skip are one event: `count` of them in `span_s` seconds."""

    trigger: Trigger
    cache_path: str
    reason: Reason
    wanted: Reason | None
    count: int = 1
    span_s: float = 0.0


class CacheWriteFailed(Event, frozen=True, tag="session_start_cache_write_failed"):
    trigger: Trigger
    cache_path: str
    reason: str  # the exception's type
    error: str  # its first 200 characters
    duration_ms: float


# --- who understands what --------------------------------------------------------------------

INBOX: dict[Actor, tuple[type[Request], ...]] = {
    Actor.SUPERVISOR: (Ping, Health, Stop, Restart),
    Actor.INGEST: (
        Ping,
        Capture,
        Pin,
        Edit,
        Forget,
        Flush,
        Import,
        ImportStatus,
        MergeProjects,
        IgnoreProject,
    ),
    Actor.EMBEDDING: (Ping, EmbedQuery),
    Actor.GRAPH_CACHE: (Ping, Recall, Neighbours),
    Actor.LIFECYCLE: (Ping, LifecycleStatus, RequestState),
    Actor.CACHE_WRITER: (Ping, Refresh, Preview),
}

FEED: dict[Actor, tuple[type[Event], ...]] = {
    Actor.SUPERVISOR: (ActorUp, ActorDown),
    Actor.INGEST: (RecordsCommitted, SessionEnded, LineSkipped, SpoolRejected, ProjectMoved),
    Actor.EMBEDDING: (VectorsCommitted, GenerationBegun, GenerationServing),
    Actor.GRAPH_CACHE: (GraphUpdated, MemoryUsed, SleepStep, SleepFinished),
    Actor.LIFECYCLE: (Tick, Idle, StateChanged),
    Actor.CACHE_WRITER: (
        RebuildWanted,
        CacheWriteStarted,
        CacheWriteSuccess,
        CacheWriteSkipped,
        CacheWriteFailed,
    ),
}

REPLIES: tuple[type[Reply], ...] = (
    Pong,
    Error,
    HealthReport,
    Accepted,
    Captured,
    Changed,
    Flushed,
    ImportProgress,
    QueryVectors,
    Recalled,
    NeighbourList,
    LifecycleReport,
    RefreshOutcome,
    PreviewText,
)
