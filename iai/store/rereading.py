"""Which transcripts are still to be read again, for what an earlier version did not take from them.

Migrations put all known ones there. How far each is read again is committed with what was found.
"""

from collections.abc import Iterator

from iai.model.record import digest
from iai.model.rereading import Rereading, RereadProgress
from iai.store import migrations
from iai.store.codec import decode_u64, pack, unpack
from iai.store.environment import Tables

DATABASES = ("rereading",)  # hash of the path -> Rereading; nothing of a file that is done


class RereadingView(Tables):
    """What is still to be read again, as of one moment."""

    def rereading(self) -> Iterator[Rereading]:
        """Yield the files that are still to be read again, in no particular order."""
        for _, data in self._t.entries(self._db["rereading"]):
            yield unpack(data, Rereading)

    def reread_progress(self) -> RereadProgress:
        """Return how far that is; 0 of 0 where nothing ever had to be read again."""
        data = self._t.intact(migrations.TO_REREAD, db=self._db["meta"])
        total = decode_u64(data) if data is not None else 0
        return RereadProgress(total - self._t.count(self._db["rereading"]), total)


class RereadingChange(RereadingView):
    """Notes how far files were read again, in a transaction of the writer."""

    def reread(self, rereading: Rereading, *, more: bool) -> None:
        """Note how far a file was read again; without `more`, it is done."""
        key = digest(rereading.transcript.path)
        if more:
            self._t.put(key, pack(rereading), db=self._db["rereading"])
        else:
            self._t.delete(key, db=self._db["rereading"])
