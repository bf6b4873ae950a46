"""Publishes the log of a project: what was read, what is ready, and what is acknowledged.

A sender goes on from the cursor as the log grows, or ends at a position, where a filler closes the
chain if there is nothing to publish. A sender of what is one's own leaves out all else.
"""

from collections import deque

from msgspec import Struct, field, structs

from iai.replication import content, messages
from iai.replication.messages import Message
from iai.replication.positions import revision_of
from iai.store import outgoing
from iai.store.record_view import RecordView

BATCH = 256  # changes read at a time


class LogSender(Struct):
    """Messages go from the log to `ready`, and from there to `sent` until they are acknowledged."""

    read: int  # revision up to which the records were read
    last: int  # position of the last message that was published
    until: int = 0  # position at which it ends; 0: never
    stuck_at: int = -1  # revision of the records at which nothing more was to be had
    tag: str = ""  # makes a key that the stream does not know yet
    ready: deque[Message] = field(default_factory=deque)
    sent: deque[tuple[int, Message]] = field(default_factory=deque)  # by number
    early: dict[int, int] = field(default_factory=dict)  # acknowledged before an earlier one
    position: int = 0  # of the last message up to which all is acknowledged
    through: int = 0  # revision up to which nothing is left to be acknowledged
    own: bool = False  # is it of what is one's own alone?
    sequence: int = 0  # in the stream, of that message

    @property
    def idle(self) -> bool:
        """Is nothing of it under way?"""
        return not self.ready and not self.sent

    @property
    def ended(self) -> bool:
        """Was it published to its end?"""
        return 0 < self.until <= self.last

    def has_more(self, head: int) -> bool:
        """Is anything to be published? `head`: revision of the records."""
        if self.ready:
            return True
        left = self.last < self.until if self.until else self.read < head
        return left and head != self.stuck_at

    def read_on(self, view: RecordView, project: str, head: int, *, own: bool) -> int:
        """Read the next changes of a project; return how many.

        `own`: is what is one's own published, too?
        """
        if self._is_read(head):
            return 0
        found = outgoing.changes(view, project, self.read, BATCH)
        self.stuck_at = head if found.through <= self.read else -1  # it is ignored
        self.read = max(self.read, found.through)
        every = messages.placed(found.changes)
        ours = ((p, o) for p, o in every if p > self.last and not 0 < self.until < p)
        wanted = ((p, o) for p, o in ours if (o.own or not self.own) and (own or not o.own))
        ready = list(messages.joined(wanted))
        if ready:
            ready[-1] = structs.replace(ready[-1], through=self._read_through)
        elif not self.sent:
            self.through = self._read_through
        self.ready.extend(ready)
        return len(found.changes)

    def close(self, head: int) -> None:
        """Have a filler end it, if all is read and the last message was before its end."""
        if self.until and not self.ready and not self.ended and self._is_read(head):
            self.ready.append(Message(self.until, content.FILLER, through=self._read_through))

    @property
    def _read_through(self) -> int:
        return min(self.read, revision_of(self.until)) if self.until else self.read

    def _is_read(self, head: int) -> bool:
        return self.read >= (min(head, revision_of(self.until)) if self.until else head)

    def acknowledged(self, number: int, sequence: int) -> None:
        """Take note that a message is in the stream, where its sequence is that."""
        self.early[number] = sequence
        while self.sent and self.sent[0][0] in self.early:
            number, done = self.sent.popleft()
            self.sequence = self.early.pop(number)
            self.position = done.position
            self.through = max(self.through, done.through)
