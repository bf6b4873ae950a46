"""When a stage scrubs its files: once it has applied all changes that deleted something for good.

Like everything a stage does, that follows from what is on disk: from the revisions in the records,
and from the mark of the last scrub in its own environment. So a scrub that was lost with its
process is done at the next start.
"""

import logging
from typing import Protocol

from iai.errors import StoreWriteFailed
from iai.model.clock import NS, Now
from iai.model.revisions import Revisions
from iai.store.record_view import RecordView

log = logging.getLogger(__name__)

SLICE_S = 0.03  # of a scrub: a request waits for no longer
RETRY_S = 60.0  # after the disk has refused: the new file needs as much room as the old one
PATIENCE_S = 60.0  # for one scrub: writes that have it start over may come too often


class Scrubbed(Protocol):
    """An environment's store, as its writer has it."""

    def scrub(self, mark: int, room_s: float) -> bool: ...


class Scrubber:
    """Scrubs one environment. `mark` is that of its last scrub."""

    def __init__(self, store: Scrubbed, mark: int) -> None:
        self._store = store
        self._mark = mark
        self._retry_at = 0  # monotonic
        self._began_at = 0  # monotonic; 0: none is under way

    @property
    def failed(self) -> bool:
        """Was the last one put off?"""
        return self._retry_at > 0

    def pending(self, view: RecordView, now: Now) -> Revisions:
        """Return the changes that call for a scrub; empty if it is done, or has failed just now."""
        if view.erased_through() <= self._mark or now.mono < self._retry_at:
            return Revisions()
        return view.erased(self._mark)

    def step(self, pending: Revisions, now: Now) -> None:
        """Do a slice. All of `pending` must have been applied."""
        self._began_at = self._began_at or now.mono
        try:
            if self._store.scrub(pending.head, SLICE_S):
                self._mark = pending.head
                self._retry_at = self._began_at = 0
            elif now.mono - self._began_at > PATIENCE_S * NS:
                self._put_off("it did not end within a minute", now)
        except StoreWriteFailed as error:
            self._put_off(str(error), now)

    def _put_off(self, why: str, now: Now) -> None:
        """Let other work be done meanwhile."""
        self._retry_at, self._began_at = now.mono + int(RETRY_S * NS), 0
        log.warning("what was forgotten is still in free pages; will try again: %s", why)
