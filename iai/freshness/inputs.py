"""What a refresh is decided from. Plain data."""

from typing import Literal, TypeAlias

from msgspec import Struct

from iai.freshness.target import Target
from iai.model.record import Watermark
from iai.protocol.cache_writer import Reason, Trigger

Graph: TypeAlias = Literal["warm", "cold", "cold_too_long"]
LEFT_OUT = -1  # in place of the graph's version: the payload has no graph sections


class InputVersion(Struct, frozen=True):
    """The version of everything a payload is made from. Equal versions give equal payloads."""

    watermark: Watermark
    graph: int = LEFT_OUT  # changes whenever the graph is rebuilt or topics are found
    program: str = ""  # the release and the settings that shape the text


class Attempt(Struct, frozen=True):
    """The last attempt to write the payload."""

    at_s: float  # when it began, on the monotonic clock
    failures: int  # consecutive unsuccessful attempts up to this one; 0: it succeeded
    reason: Reason | None = None  # why it was skipped; None if it succeeded or raised an error
    watermark: Watermark = Watermark()  # of the records at the time


class Snapshot(Struct, frozen=True, kw_only=True):
    """The store and its payload files at one moment, as read from disk."""

    live: InputVersion | None  # what a payload would be made from; None: the records are unreadable
    graph: int = LEFT_OUT  # as in `InputVersion`; LEFT_OUT: the graph has not caught up
    targets: tuple[Target, ...] = ()  # the payloads to keep, the global one last
    claimed: InputVersion | None = None  # by the global sidecar; None: absent or unreadable
    cache_present: bool = False  # every payload is intact, and a hook would print the global one

    @property
    def revision(self) -> int:
        """The revision of the records; 0 if they are unreadable."""
        return self.live.watermark.revision if self.live else 0


class RefreshInputs(Struct, frozen=True, kw_only=True):
    """Everything the decision depends on."""

    now_s: float  # monotonic clock
    min_interval_s: float
    live: InputVersion | None  # as in `Snapshot`, like the next two
    claimed: InputVersion | None
    cache_present: bool
    graph: Graph
    trigger: Trigger | None = None  # None: a routine look, which nothing asked for
    force: bool = False
    last: Attempt | None = None
