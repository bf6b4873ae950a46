"""What an actor decides, apart from how it is run: messages and time in, effects out.

A behaviour holds no socket and looks at no clock, so the same code runs in a process of its own or,
with all others, in one test under a clock that the test moves.
"""

from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from iai.model.clock import Now
from iai.protocol.message import (
    Actor,
    Event,
    Reply,
    Request,
)

T = TypeVar("T")


class Caller(NamedTuple):
    """Who waits for an answer, and to which of its requests."""

    identity: bytes
    request_id: str


class Answer(Struct, frozen=True):
    """Reply to one request."""

    to: Caller
    reply: Reply


class Publish(Struct, frozen=True):
    """Tell whoever listens; `keep` also writes it into the ledger."""

    event: Event
    keep: bool = False


class ReplaceFile(Struct, frozen=True):
    """Put bytes in the place of a file, in one step; `lasting`: so that a power cut spares them."""

    path: Path
    data: bytes
    lasting: bool = True


class LinkFile(Struct, frozen=True):
    """Make a symbolic link, in one step."""

    path: Path
    target: Path


class MoveFile(Struct, frozen=True):
    """Give a file of the store another name, in a directory that is made if it is not there."""

    path: Path
    to: Path


class RemoveFile(Struct, frozen=True):
    """Delete a file, if it is there."""

    path: Path


Effect: TypeAlias = Answer | Publish | ReplaceFile | LinkFile | MoveFile | RemoveFile

# Each effect is carried out before the next is asked for, and the time then is sent back in. One
# that fails raises its OSError at the `yield`. A crash may come between any two of them.
Steps: TypeAlias = Generator[Effect, Now, None]
StepsTo: TypeAlias = Generator[Effect, Now, T]  # such steps that come to a result


class Behaviour(Protocol):
    """One actor. Every method but `close` yields the effects that it wants."""

    @property
    def hears(self) -> tuple[Actor, ...]:
        """The actors whose feeds it listens to."""

    def start(self, now: Now) -> Steps:
        """Open what it owns. Draining a backlog is `work`."""

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        """Take one request; whoever asked waits until an `Answer` to it is yielded."""

    def hear(self, event: Event, now: Now) -> Steps:
        """Take one event of another actor's feed."""

    def work(self, now: Now) -> Steps:
        """Do one slice of whatever there is to do: at most some 50 ms."""

    def due_s(self, now: Now) -> float:
        """Seconds until `work` has something to do; 0 for at once."""

    def stop(self, now: Now) -> Steps:
        """Leave everything in order, and answer whoever still waits."""

    def close(self) -> None:
        """Let go of files. Also called after a crash, and then nothing else is."""
