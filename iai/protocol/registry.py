"""Which messages each actor takes and publishes: the closed set, by actor and direction."""

from iai.protocol.cache_writer import (
    CacheWriteFailed,
    CacheWriteSkipped,
    CacheWriteStarted,
    CacheWriteSuccess,
    RebuildWanted,
    Refresh,
    RefreshOutcome,
)
from iai.protocol.embedding import (
    EmbedQuery,
    GenerationBegun,
    GenerationServing,
    QueryVectors,
    VectorsCommitted,
)
from iai.protocol.graph_cache import (
    GraphUpdated,
    MemoryUsed,
    Recall,
    Recalled,
    SleepFinished,
    SleepStep,
)
from iai.protocol.ingest import (
    Capture,
    Captured,
    Changed,
    ChangeSkipped,
    Edit,
    Erase,
    Flush,
    Flushed,
    Forget,
    IgnoreProject,
    Import,
    ImportProgress,
    ImportStatus,
    LineSkipped,
    Mark,
    MergeProjects,
    Pin,
    ProjectMoved,
    PurgeProgress,
    PurgeSecrets,
    PurgeStatus,
    RecordsCommitted,
    SessionEnded,
    SpoolRejected,
    StoreFull,
    StoreHasRoom,
)
from iai.protocol.lifecycle import (
    Idle,
    LifecycleReport,
    LifecycleStatus,
    RequestState,
    StateChanged,
    Tick,
)
from iai.protocol.message import Actor, Error, Event, Ping, Pong, Reply, Request
from iai.protocol.replicator import (
    ChangesArrived,
    InviteMachine,
    LeaveTeam,
    MachineInvited,
    ShareProject,
    StreamRefilled,
    StreamReset,
    TeamConnected,
    TeamDisconnected,
    TeamMessageRefused,
    TeamReport,
    TeamStatus,
)
from iai.protocol.supervisor import (
    Accepted,
    ActorDown,
    ActorUp,
    Health,
    HealthReport,
    Restart,
    Stop,
)

INBOX: dict[Actor, tuple[type[Request], ...]] = {
    Actor.SUPERVISOR: (Ping, Health, Stop, Restart),
    Actor.INGEST: (
        Ping,
        Capture,
        Pin,
        Edit,
        Mark,
        Forget,
        Erase,
        Flush,
        Import,
        ImportStatus,
        PurgeSecrets,
        PurgeStatus,
        MergeProjects,
        IgnoreProject,
    ),
    Actor.EMBEDDING: (Ping, EmbedQuery),
    Actor.GRAPH_CACHE: (Ping, Recall),
    Actor.LIFECYCLE: (Ping, LifecycleStatus, RequestState),
    Actor.CACHE_WRITER: (Ping, Refresh),
    Actor.REPLICATOR: (Ping, TeamStatus, ShareProject, InviteMachine, LeaveTeam),
}


FEED: dict[Actor, tuple[type[Event], ...]] = {
    Actor.SUPERVISOR: (ActorUp, ActorDown),
    Actor.INGEST: (
        RecordsCommitted,
        SessionEnded,
        LineSkipped,
        ChangeSkipped,
        SpoolRejected,
        StoreFull,
        StoreHasRoom,
        ProjectMoved,
    ),
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
    Actor.REPLICATOR: (
        ChangesArrived,
        TeamConnected,
        TeamDisconnected,
        StreamReset,
        StreamRefilled,
        TeamMessageRefused,
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
    PurgeProgress,
    QueryVectors,
    Recalled,
    LifecycleReport,
    RefreshOutcome,
    TeamReport,
    MachineInvited,
)
