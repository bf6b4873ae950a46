"""The actors, the base classes of messages, and the messages that all actors answer with."""

from enum import StrEnum

from msgspec import Struct


class Actor(StrEnum):
    """The processes of the group; the value names sockets, locks and ledger files."""

    SUPERVISOR = "supervisor"
    INGEST = "ingest"
    EMBEDDING = "embedding"
    GRAPH_CACHE = "graph-cache"
    LIFECYCLE = "lifecycle"
    CACHE_WRITER = "cache-writer"
    REPLICATOR = "replicator"  # only where there is a team


PIPELINE = (
    Actor.INGEST,
    Actor.EMBEDDING,
    Actor.GRAPH_CACHE,
    Actor.LIFECYCLE,
    Actor.CACHE_WRITER,
)  # the supervisor's children without a team, in the order in which they are stopped


class ErrorCode(StrEnum):
    """Why a request failed."""

    BAD_MESSAGE = "bad-message"  # not msgpack, not a map, or a field of the wrong type
    UNKNOWN_KIND = "unknown-kind"  # not a request that this actor answers
    BAD_VERSION = "bad-version"  # another version of the protocol
    TOO_LARGE = "too-large"  # the request, or the answer, exceeds `wire.MAX_FRAME`
    BUSY = "busy"  # the mailbox is full; try again in a moment
    STOPPING = "stopping"  # the actor is stopping
    NOT_FOUND = "not-found"  # there is nothing by that name
    BAD_REQUEST = "bad-request"  # well formed, but cannot be done as asked
    FULL = "full"  # the store has reached its limit, or the disk is full
    FAILED = "failed"  # an error in the actor; its log has the details


class State(StrEnum):
    """How awake the group is (see `lifecycle.states.TRANSITIONS`)."""

    WAKE = "wake"  # in use
    DROWSY = "drowsy"  # idle for a while; works as in WAKE
    SLEEP = "sleep"  # idle for long: maintenance, and ticks far apart
    HIBERNATION = "hibernation"  # idle for very long: ticks far apart, no maintenance


def _kebab(name: str) -> str:
    return "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-")


class Message(Struct, frozen=True, kw_only=True, tag_field="kind", tag=_kebab):
    """Base of all messages."""


class Request(Message, frozen=True):
    """Sent by a client to an actor's inbox; answered with exactly one `Reply`."""


class Reply(Message, frozen=True):
    """The answer to one request; an `Error` answers any of them."""


class Event(Message, frozen=True):
    """Published on an actor's feed. A hint: lost, repeated or reordered, it changes no result."""


class Ping(Request, frozen=True):
    """Is the actor's loop running? Every actor answers it, even when its mailbox is full."""


class Pong(Reply, frozen=True):
    """The loop is running."""

    actor: Actor  # that answers
    pid: int  # of its process
    dropped_frames: int  # invalid frames on the feeds it subscribes to, since its start


class Error(Reply, frozen=True):
    """The request has failed."""

    code: ErrorCode  # for programs
    detail: str  # one line for people: what, why, and what to do
