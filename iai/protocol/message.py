"""What every message is: the actors by name, the base classes, and what all actors answer."""

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


class Ping(Request, frozen=True):
    """Is the actor's loop getting on?"""


class Pong(Reply, frozen=True):
    actor: Actor
    pid: int
    dropped_frames: int  # frames that were no message and had nobody to answer


class Error(Reply, frozen=True):
    code: ErrorCode
    detail: str
