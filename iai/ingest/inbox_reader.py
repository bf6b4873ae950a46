"""Takes what other machines said from the inbox, slice by slice. Without a team it does nothing.

A commit waits for the disk twice, whatever is in it, so a machine that has much to take in takes as
much at a time as fits into `SLICE_S`: a live turn that arrives meanwhile waits for one slice.
"""

import math
from contextlib import suppress

from iai.config.layout import Layout
from iai.encryption.cipher import Cipher
from iai.errors import StoreAbsent
from iai.ingest import replicated, traces
from iai.ingest.writer import RecordWriter
from iai.model.clock import NS, Now
from iai.protocol.behaviour import RemoveFile, StepsTo
from iai.store.inbox import Batch, Inbox, Mark
from iai.store.records import Records

SLICE_S = 0.05  # that a slice is to take, with its commit
CHANGE = 512  # bytes that a change counts for besides its own: a short one costs much the same
LEAST, MOST = 256 << 10, 1 << 20  # bytes of a slice; some 200 and 800 turns


class InboxReader:
    """Reads the inbox, which the replicator writes, from the mark in the records on."""

    def __init__(
        self,
        layout: Layout,
        records: Records,
        writer: RecordWriter,
        cipher: Cipher | None,
        inbox: Inbox | None = None,
    ) -> None:
        """`cipher` is that of the store. `inbox` is opened once it is there, if it is not given."""
        self._layout = layout
        self._cipher = cipher
        self._records = records
        self._writer = writer
        self._inbox = inbox
        self._hinted = False
        self._room = LEAST  # bytes of the next slice
        self.look()

    def look(self) -> None:
        """Look into it soon, if there is one: something may have come."""
        self._hinted = (self._layout.team / "data.mdb").exists()

    @property
    def due_s(self) -> float:
        """Seconds until a slice is to be taken: 0, or never."""
        return 0.0 if self._hinted else math.inf

    def take(self, now: Now) -> StepsTo[bool]:
        """Take a slice; return whether any of it deletes or replaces words.

        Raises RulesLoading, and takes nothing, while the rules for secrets are loaded.
        """
        if not self._hinted:
            return False
        with suppress(StoreAbsent):
            self._inbox = self._inbox or Inbox(self._layout.team)
            with self._records.view() as records:
                mark = records.team_mark()
            with self._inbox.view() as inbox:
                own, (stream, batch) = inbox.owner(), inbox.after(mark, self._room // CHANGE)
            if batch:
                return (yield from self._apply(stream, _some(batch, self._room), own, now))
        self._hinted = False
        return False

    def _apply(self, stream: str, batch: Batch, own: str, now: Now) -> StepsTo[bool]:
        read = self._writer.read(batch)
        with self._records.view() as view:
            gone = list(replicated.to_forget(read.arrived, view))
        for path in traces.find(self._layout, gone, (), "", self._cipher) if gone else ():
            yield RemoveFile(path)
        committed = yield from self._writer.take(read, Mark(stream, batch[-1][0]), own, now)
        self._room = _fitted(self._room, _size(batch), (committed.mono - now.mono) / NS)
        return replicated.forgets(read.arrived)

    def close(self) -> None:
        """Close the inbox."""
        if self._inbox is not None:
            self._inbox.close()
            self._inbox = None


def _fitted(room: int, size: int, took_s: float) -> int:
    """Return the room of the next slice after one of a size that took so many seconds."""
    if took_s > SLICE_S:
        return max(LEAST, int(size * SLICE_S / took_s))
    return min(MOST, 2 * room) if 2 * size > room else room


def _some(batch: Batch, room: int) -> Batch:
    """Return the first entries that there is room for; at least one."""
    size = 0
    for place, entry in enumerate(batch):
        size += _size([entry])
        if place and size > room:
            return batch[:place]
    return batch


def _size(batch: Batch) -> int:
    return sum(CHANGE + len(change) for _, _, change in batch)
