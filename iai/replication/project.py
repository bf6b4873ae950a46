"""A shared project, and what of it is being published: what is said now, a backlog, and gaps."""

from collections import deque

from msgspec import Struct, field, structs

from iai.model.clock import NS
from iai.replication.log_sender import LogSender
from iai.replication.positions import end_of, revision_of
from iai.store.team_store import Shared

BACKLOG = 1_000  # revisions; what comes after so many that are to be published goes first


class Project(Struct):
    """A shared project."""

    shared: Shared
    main: LogSender  # from the cursor on
    live: LogSender | None = None  # of what came after a backlog, until `main` has come to its end
    own: LogSender | None = None  # of what is one's own, and was not published when all else was
    refills: deque[LogSender] = field(default_factory=deque)
    checked: bool = False  # is what the stream has of it known, on this connection?
    expected: Shared | None = None  # the cursor when that was last asked for
    blocked: str = ""  # why nothing can be published
    late_since: int = 0  # since when anything is not acknowledged, UTC nanoseconds; 0: all is

    def done(self, head: int) -> bool:
        """Is everything acknowledged? `head`: revision of the records."""
        return self.main.idle and self.main.read >= head and self.live is None

    @property
    def first(self) -> LogSender:
        """What is published before all else: what is said now."""
        return self.live if self.live is not None else self.main

    @property
    def backlog(self) -> list[LogSender]:
        """What is published at a certain rate."""
        own = (self.own,) if self.own is not None else ()
        return [*self.refills, *own, *((self.main,) if self.live is not None else ())]

    def share_own(self, head: int, now: int, *, on: bool) -> bool:
        """Publish what is one's own from before, or not; return whether the cursor says so now.

        `now` is UTC nanoseconds.
        """
        if not on:
            self.own = None
        elif not self.shared.own and self.own is None:
            self.own = LogSender(0, 0, until=end_of(head), own=True, tag=f":own:{now // NS}")
        done = self.own is not None and self.own.ended and self.own.idle
        if done:
            self.own = None
        before = self.shared.own
        if on is before or (on and not done):
            return False
        self.shared = structs.replace(self.shared, own=on)
        return True

    def split(self, head: int) -> None:
        """Have what comes after a backlog go first."""
        if self.live is None and not self.main.until and head - self.main.read > BACKLOG:
            self.main.until = end_of(head)
            self.live = LogSender(head, self.main.until)

    def close(self, sender: LogSender, head: int) -> None:
        """End a sender that is through; a backlog only if anything was said after it."""
        live = self.live
        if sender is not self.main or live is None or live.last > self.main.until or live.ready:
            sender.close(head)
        elif self.main.read >= revision_of(self.main.until):
            self.main.until, self.main.read, self.live = 0, live.read, None

    def advance(self) -> None:
        """Move the cursor to what is acknowledged; after a backlog, go on with what came after."""
        main, shared = self.main, self.shared
        # Else it publishes again what the stream has lost, and is not through with that.
        whole = main.position >= shared.position or (main.idle and main.through >= shared.through)
        self.shared = structs.replace(
            shared,
            position=max(shared.position, main.position),
            through=max(shared.through, main.through),
            sequence=max(shared.sequence, main.sequence) if whole else shared.sequence,
        )
        if self.live is not None and main.ended and main.idle:
            self.main, self.live = self.live, None
            self.advance()


def from_cursor(shared: Shared) -> LogSender:
    """Return the sender that goes on where a project was left."""
    return LogSender(shared.through, shared.position)
