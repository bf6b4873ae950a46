"""The port to the engine that carries the messages of a team from machine to machine. Pure.

A stream keeps a team's messages in one order and numbers them from 1 (their sequence). Its contents
are opaque here, and it is not trusted: it may lose, repeat and reorder messages, and be emptied.

A connection comes and goes. Every command belongs to the connection under which it was given: when
that ends (`Disconnected`), nothing more is heard of it, and the next `Connected` starts from what
the caller knows for sure. So there is one way to recover, whatever has failed.
"""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

IN_FLIGHT = 256  # messages that may wait for their acknowledgement


class Server(Struct, frozen=True, kw_only=True):
    """How to reach the engine."""

    urls: tuple[str, ...]  # `nats://host:port` or `tls://host:port`; any of them will do
    user: str = ""  # "": it asks for none
    password: str = ""
    certificate: str = ""  # PEM of the one certificate, or authority, to trust; "": the system's

    def __repr__(self) -> str:
        """Name the servers, and not the password."""
        return f"Server({', '.join(self.urls)})"


class Connected(Struct, frozen=True):
    """The engine can be reached, and there is a stream."""

    stream: str  # when it was created: another one under the same name differs in this
    last: int  # sequence of its last message; 0: there never was one
    largest: int = 1 << 20  # bytes that a message may have, which is NATS's default
    limits: str = ""  # by which it drops messages that are not erased, in words; "": it keeps all


class Limited(Struct, frozen=True):
    """The limits of the stream are other ones than they were."""

    limits: str  # see `Connected`


class Disconnected(Struct, frozen=True):
    """The engine cannot be reached. Attempts to reach it go on."""

    reason: str  # in words


class Following(Struct, frozen=True):
    """Delivery has begun."""

    pending: int  # messages that are to come before those that are yet to be published


class Arrived(Struct, frozen=True):
    """A message of the stream."""

    sequence: int
    subject: str
    data: bytes
    pending: int  # of the messages that are there, how many are still to come


class Beat(Struct, frozen=True):
    """The last message of a subject of which only that is kept."""

    subject: str
    data: bytes


class Asked(Struct, frozen=True):
    """A message to this machine alone, which nothing keeps."""

    data: bytes


class Acknowledged(Struct, frozen=True):
    """A message is kept, on a majority of the servers."""

    number: int  # the one that `publish` was given
    sequence: int


class Last(Struct, frozen=True):
    """The answer to `last_of`."""

    subject: str
    data: bytes | None  # None: there is no message
    sequence: int = 0  # of it


class Next(Struct, frozen=True):
    """The answer to `next_of`."""

    subject: str
    data: bytes | None  # None: there is no message
    sequence: int = 0  # of it


class Erased(Struct, frozen=True):
    """A message is gone, or was gone already."""

    sequence: int


Report: TypeAlias = (
    Connected
    | Limited
    | Disconnected
    | Following
    | Arrived
    | Beat
    | Asked
    | Acknowledged
    | Last
    | Next
    | Erased
)


class Stream(Protocol):
    """A team's stream. No method waits, and none raises when the engine cannot be reached."""

    @property
    def descriptor(self) -> int:
        """A file descriptor that can be read when `reports` has something; -1: there is none."""

    @property
    def waiting(self) -> bool:
        """Are there reports that were not taken?"""

    @property
    def room(self) -> int:
        """How many messages can be published now; 0 without a connection."""

    def reports(self, most: int) -> Sequence[Report]:
        """Take what has happened since the last call, oldest first."""

    def follow(self, after: int) -> None:
        """Have all messages delivered, from the first one after this sequence on."""

    def publish(self, number: int, subject: str, key: str, data: bytes) -> None:
        """Publish a message that is kept; for `room` of them at most.

        `number` comes back with its acknowledgement. The stream drops a message whose key it has
        seen lately, and acknowledges it all the same.
        """

    def beat(self, subject: str, data: bytes) -> None:
        """Publish a message of which only the last is kept, without acknowledgement."""

    def ask(self, subject: str, data: bytes) -> None:
        """Send a message that is not kept."""

    def last_of(self, subject: str) -> None:
        """Have the last message of a subject reported."""

    def next_of(self, subject: str, sequence: int) -> None:
        """Have the first message of a subject from this sequence on reported."""

    def erase(self, sequence: int) -> None:
        """Delete a message, overwriting its bytes on the servers' disks."""

    def close(self) -> None:
        """Disconnect, and release everything."""
