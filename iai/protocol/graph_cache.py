"""The requests, replies and events of the graph-cache."""

from typing import Literal, TypeAlias

from msgspec import Struct

from iai.protocol.embedding import QueryVector
from iai.protocol.message import Event, Reply, Request


class Recall(Request, frozen=True):
    """Find the records that fit a query best. Each filter left at "" or 0 lets everything pass."""

    query: str  # in the user's words
    k: int = 10  # hits wanted
    project: str = ""  # filter: the id of a project
    vectors: tuple[QueryVector, ...] = ()  # from `QueryVectors`; empty: go by words alone
    session: str = ""  # filter: the host's session id
    role: Literal["", "user", "assistant"] = ""  # filter: who said it
    tier: Literal["", "episodic", "semantic", "procedural"] = ""  # filter
    since: int = 0  # filter: said at this time or later, UTC nanoseconds
    until: int = 0  # filter: said before this time, UTC nanoseconds
    explain: bool = False  # fill `Hit.matched`
    near: str = ""  # id of the project whose hits come before those of all others; "": mixed
    file: str = ""  # filter: exchanges that did something to a file whose path ends so
    commit: str = ""  # filter: exchanges with a commit of this hash, or these words in its subject
    command: str = ""  # filter: exchanges that ran a command with this in it
    failed: bool = False  # filter: exchanges in which a command or a test failed
    machines: tuple[str, ...] = ()  # filter: said on one of these; "" is this machine


class Provenance(Struct, frozen=True, kw_only=True):
    """Where a text was read."""

    transcript: str = ""  # path; "": from no transcript
    offset: int = 0  # byte at which its line starts
    uuid: str = ""  # the host's own id of it; "": it has none


class Line(Struct, frozen=True, kw_only=True):
    """Another turn of the exchange that fits the query."""

    label: int  # of the turn
    role: str  # `user` or `assistant`
    text: str  # the part that fits best


class Hit(Struct, frozen=True, kw_only=True):
    """One exchange that was found, by the turn of it that fits best; or a note."""

    id: str  # of the record, a ULID
    label: int  # of the record, shown as `#label`
    score: float  # higher is better; comparable within one reply only
    why: dict[str, float]  # the parts that the score is the sum of
    text: str  # cut at `LONGEST_HIT` characters (`iai.recall.search`)
    role: str  # `user` or `assistant`
    host: str  # that it was said in; `client` if captured, `git` for a commit
    session_id: str  # the host's; "": noted outside a session
    project: str  # id of its project
    project_name: str  # for people; "": not known
    cwd: str  # working directory at the time; "": not known
    created_at: int  # when it was said, UTC nanoseconds
    pinned: bool  # whether it is pinned
    tier: str = ""  # episodic, semantic or procedural; "": from a peer that did not send it
    tags: tuple[str, ...] = ()  # given when it was captured
    source: Provenance = Provenance()  # where it was read
    matched: tuple[str, ...] = ()  # words of the query in the text, if asked to explain
    superseded_by: str = ""  # id of another hit that corrects this one; "": none
    passage: str = ""  # the part of the text that fits best, on one line
    request: int = 0  # label of the request of its exchange; 0: it is of none, as a note is
    asked: str = ""  # the beginning of that request; "": the hit is the request
    answer: str = ""  # the beginning of its answer; "": none yet, or the hit is the answer
    lines: tuple[Line, ...] = ()  # other turns of the exchange that fit
    files: tuple[str, ...] = ()  # that were changed or fit, those that fit first
    commits: tuple[str, ...] = ()  # hash and subject, those that fit first
    commands: tuple[str, ...] = ()  # that fit
    errors: tuple[str, ...] = ()  # last lines of what failed, if they fit
    elsewhere: bool = False  # of another project than `Recall.near`
    unattended: bool = False  # of a session that a program held
    same: tuple[int, ...] = ()  # labels of other hits that say the same, and are left out
    by: str = ""  # who said it, and on which machine, for people; "": said on this machine


class Recalled(Reply, frozen=True):
    """The hits of one `Recall`."""

    hits: tuple[Hit, ...]  # best first
    degraded: tuple[str, ...]  # parts that are missing from the ranking, each with the reason
    revision: int  # of the records, up to which all are indexed by words; 0: none yet


class GraphUpdated(Event, frozen=True):
    """The indexes have caught up a little more, or became warm."""

    revision: int  # of the records, up to which all are indexed; 0: none yet


class MemoryUsed(Event, frozen=True):
    """Somebody recalled something: activity that keeps the group awake."""


SleepOutcome: TypeAlias = Literal["finished", "interrupted", "failed", "quarantined"]


class SleepStep(Event, frozen=True):
    """One step of maintenance has ended (see `lifecycle.maintenance`)."""

    step: str  # its name
    outcome: SleepOutcome  # `quarantined`: skipped, since it failed too often
    items: int = 0  # covered by the step
    seconds: float = 0.0  # since it began, answers given meanwhile included
    error: str = ""  # if it failed, the reason


class SleepFinished(Event, frozen=True):
    """All maintenance of one SLEEP has ended."""

    revision: int  # of the records, up to which all are indexed
