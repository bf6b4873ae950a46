"""What the graph-cache is asked, answers and publishes."""

from typing import Literal, TypeAlias

from msgspec import Struct

from iai.protocol.embedding import QueryVector
from iai.protocol.message import Event, Reply, Request


class Recall(Request, frozen=True):
    """What was said about this? Filters (see `iai.index.filters`) of "" and 0 match anything."""

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
