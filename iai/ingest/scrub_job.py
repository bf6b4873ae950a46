"""The scrub of the records after something was deleted for good; see `iai.store.scrubber`."""

from iai.model.clock import Now
from iai.model.revisions import Revisions
from iai.store.records import Records
from iai.store.scrubber import Scrubber


class ScrubJob:
    """Looks whether one is due, once for each revision, and does it slice by slice."""

    def __init__(self, records: Records) -> None:
        self._records = records
        with records.view() as view:
            self._scrubber = Scrubber(records, view.scrubbed())
        self._pending = Revisions()
        self._looked_at = -1  # revision
        self.busy = False  # does one go on, or is one demanded?
        self.erased_through = 0  # revision of the last change that called for one

    def demand(self) -> None:
        """Look at once whether one is due."""
        self.busy = True

    def due(self, revision: int, now: Now) -> bool:
        """Is there a slice to do? `revision` is that of the records."""
        if not self.busy and self._looked_at == revision and not self._scrubber.failed:
            return False
        with self._records.view() as view:
            self.erased_through = view.erased_through()
            self._pending = self._scrubber.pending(view, now)
        self._looked_at = revision
        self.busy = bool(self._pending.ranges)
        return self.busy

    def step(self, now: Now) -> None:
        """Do a slice of the one that `due` found."""
        self._scrubber.step(self._pending, now)
