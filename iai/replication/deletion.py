"""Deletes what was applied from the inbox, and what was forgotten from the stream and our file.

Messages that are deleted leave gaps in what this machine has published. What else was in them is
published again. So is what else is in a message with a text that was edited since: until then the
other machines keep their copies of that.
"""

from collections.abc import Iterable, Iterator

from iai.model.clock import NS, Now
from iai.replication.outbox import Outbox
from iai.store.inbox import Mark
from iai.store.record_view import RecordView
from iai.store.scrubber import Scrubber
from iai.store.team_store import TeamStore, TeamView, Write
from iai.team.chain import Span
from iai.team.stream import Stream

AT_A_TIME = 32  # messages deleted from the stream at a time


class Deletion:
    """What is under way of it, and how far it has come."""

    def __init__(self, store: TeamStore, stream: Stream, outbox: Outbox) -> None:
        self._store = store
        self._stream = stream
        self._outbox = outbox
        with store.view() as view:
            self._scrubber = Scrubber(store, view.scrubbed())
        self._erasing: set[int] = set()  # sequences under way
        self._applied = Mark()  # up to where the inbox was emptied
        self._gaps: list[tuple[str, Span]] = []  # of messages of this machine that are void
        self.scrubbing = False  # is a scrub under way?

    def connected(self) -> None:
        """Begin again with what was under way."""
        self._erasing.clear()

    def erase(self, view: TeamView) -> None:
        """Have some messages deleted from the stream."""
        for sequence in view.erasures(AT_A_TIME):
            if sequence not in self._erasing:
                self._erasing.add(sequence)
                self._stream.erase(sequence)

    def erased(self, sequence: int) -> Write:
        """Return what is to be written when a message is gone from the stream."""
        self._erasing.discard(sequence)
        return lambda unit: unit.erased(sequence)

    def made_gaps(self, gaps: Iterable[tuple[str, Span]]) -> None:
        """Take note of the positions of messages that are void, by project."""
        self._gaps = list(dict.fromkeys([*self._gaps, *gaps]))

    def drop_applied(self, records: RecordView, *, some: bool) -> Iterator[Write]:
        """Yield what deletes from the inbox what ingest has applied: if it is all, or `some`.

        That takes a transaction, with what has arrived meanwhile, so it is not done for each commit
        of ingest while there is much to come.
        """
        mark = records.team_mark()
        with self._store.view() as view:
            all_applied = mark == view.last()
        if mark != self._applied and (all_applied or some):
            yield lambda unit: unit.delete_through(mark)
            self._applied = mark

    def fill_gaps(self, now: Now) -> bool:
        """Publish again what else was in messages that are void; return whether there is any.

        Not before ingest has applied what was forgotten: until then the records still have it.
        """
        if not self._gaps:
            return False
        with self._store.view() as view:
            if view.count():
                return False
        tag = f":{now.wall // NS}"
        left = [one for one in self._gaps if not self._outbox.refill(*one, tag=tag)]
        filled = len(left) < len(self._gaps)
        self._gaps = left
        return filled

    def scrub(self, records: RecordView, now: Now) -> None:
        """Do a slice of a scrub, if something was forgotten."""
        pending = self._scrubber.pending(records, now)
        # What is in the inbox still was applied, so it may be what was forgotten.
        self.scrubbing = bool(pending.ranges) and records.team_mark() == self._applied
        if self.scrubbing:
            self._scrubber.step(pending, now)
