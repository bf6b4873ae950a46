"""What an actor decides, apart from how it is run: messages and time in, effects out.

A behaviour holds no socket, reads no clock and starts no process. So the same code runs in a
process of its own or, together with all the others, in one test under a clock that the test moves.

It is not pure, though. Inside a call it does three things itself:

- it commits to the LMDB environment that it owns (and graph-cache to its lexical index);
- it reads the environments of other actors;
- it reads files: the spool and transcripts, its own state, the models.

These need no effect, because no observer can see one of them half done: a commit is atomic, and a
read changes nothing. What others can see in an order of its own (files that it writes, answers,
publications) is yielded as an effect, one at a time, and the simulator crashes an actor between
any two of them. So a crash falls before a commit or after it, as it would in a process.
"""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

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
    """A client that waits for an answer, and the request that it waits for."""

    identity: bytes  # of its DEALER socket, as the ROUTER reports it
    request_id: str  # the `id` in the envelope; unique for one client only


NO_CALLER = Caller(b"", "")  # of a request that no client made: nobody gets the answer


class Answer(Struct, frozen=True):
    """Reply to one request. Never fails: a client that has left simply misses it."""

    to: Caller  # may be `NO_CALLER`, which gets nothing
    reply: Reply  # an error reply `too-large` is sent instead of one that does not fit a frame


class Publish(Struct, frozen=True):
    """Send an event to every subscriber of this actor. Never fails, and may be lost."""

    event: Event  # of a kind that `registry.FEED` has for this actor
    keep: bool = False  # also append it to the ledger


class ReplaceFile(Struct, frozen=True):
    """Write a whole file by renaming a temporary one over it; raises OSError."""

    path: Path  # its directory is created if need be
    data: bytes  # the new content
    durable: bool = True  # fsync, to survive power loss


class LinkFile(Struct, frozen=True):
    """Point a symbolic link at a target, replacing an older link; raises OSError."""

    path: Path  # the link
    target: Path  # absolute; the link is stored relative to its own directory


class MoveFile(Struct, frozen=True):
    """Rename a file within the store; raises OSError."""

    path: Path  # the file
    to: Path  # its directory is created if need be


class RemoveFile(Struct, frozen=True):
    """Delete a file; does nothing if it does not exist. Raises OSError."""

    path: Path  # the file, or a link


Effect: TypeAlias = Answer | Publish | ReplaceFile | LinkFile | MoveFile | RemoveFile

# The loop carries out each effect before it asks for the next, and sends back the time. An effect
# that fails raises its OSError at the `yield`. A crash can come between any two effects.
Steps: TypeAlias = Generator[Effect, Now, None]
StepsTo: TypeAlias = Generator[Effect, Now, T]  # steps that also return a result


class Behaviour(Protocol):
    """One actor. All methods but `due_s` and `close` yield the effects that they want.

    All of them run in the actor's own process, on its one thread, called by `actors.runtime.Loop`;
    in a simulation they run in the one process of the test. A call ends when its last effect is
    carried out, and no other call of the same actor begins before that: a behaviour needs no
    locks. It should not take much longer than 50 ms, since nothing else is answered meanwhile.

    "The actor ends" below means: the error is logged and the process exits with a code of
    `iai.lifecycle.supervision.Exit`, by which the supervisor decides about the restart. Whatever
    hook it comes from, a `StoreCorrupt` about the actor's own environment ends the actor.
    """

    @property
    def subscriptions(self) -> tuple[Actor, ...]:
        """The actors whose feeds are delivered to `on_event`.

        Read once, when the loop is built, before `start`.
        """

    def start(self, now: Now) -> Steps:
        """Load what is needed to answer. Working off a backlog is for `work`.

        Called once, when the sockets are bound and before the supervisor is told that the actor is
        ready; it is killed if that takes longer than `READY_LIMIT_S`.

        If it raises, the actor ends, and `close` is called. It is not restarted after
        `EmbedderUnavailable`, `StoreTooNew`, or a `StoreCorrupt` unless that is about its own
        derived environment, which is then deleted and rebuilt.
        """

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        """Handle one request of a client.

        Called for each request of the inbox in the order of arrival, `Ping` excepted, which the
        loop answers. The client waits until an `Answer` to `caller` is yielded, in this call or
        a later one. For a byte in the wake-up pipe, ingest gets a `Flush` from `NO_CALLER`.

        If it raises, the client gets an error reply `failed`, the error is logged, and the loop
        goes on. So an error must leave the behaviour fit for the next call.
        """

    def on_event(self, event: Event, now: Now) -> Steps:
        """Take note of one event of another actor.

        Called for each event on the feeds of `subscriptions`, before requests that have arrived.
        Events are hints: they may be lost, repeated, late and out of order.

        If it raises, the actor ends and is restarted: nobody waits for an answer.
        """

    def work(self, now: Now) -> Steps:
        """Do one slice of the work that is due, some 50 ms of it.

        Called when `due_s` has come down to 0 and the requests that arrived were answered, or had
        their share of the time (`SLICE_S`).

        If it raises `StoreAbsent`, it is called again after a moment; on `StoreWriteFailed`,
        `OSError` or a `StoreCorrupt` about another actor's environment, again after a back-off of
        up to a minute, and requests are answered meanwhile. On any other error the actor ends and
        is restarted.
        """

    def due_s(self, now: Now) -> float:
        """Return the seconds until `work` is to be called; 0 for at once.

        Called several times on each turn of the loop, so it must be cheap and change nothing. If
        it raises, the actor ends and is restarted.
        """

    def stop(self, now: Now) -> Steps:
        """Finish what is under way, and answer every client that still waits.

        Called once, after SIGTERM; what the inbox still holds is refused by the loop after it. The
        process is killed if this takes longer than `STOP_LIMIT_S`.

        If it raises, the actor ends with `CRASHED`, and the requests left are not answered.
        """

    def close(self) -> None:
        """Release files and environments; commit nothing.

        Called last, after `stop` and also after any error that ends the actor, then without `stop`.
        Not called when the process is killed. If it raises, the exit code becomes `CRASHED`.
        """


@runtime_checkable
class Woken(Protocol):
    """A behaviour that has a thread, which wakes the loop."""

    @property
    def descriptor(self) -> int:
        """A file descriptor that can be read when `due_s` may have come down to 0.

        The loop waits for it, and empties it. -1: there is none.
        """


@runtime_checkable
class Lengthy(Protocol):
    """A behaviour with steps that may take longer than a process may show no sign of life."""

    def call_meanwhile(self, goes_on: Callable[[], None]) -> None:
        """Take what such a step is to call every second, or more often."""
