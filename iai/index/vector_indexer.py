"""Keeps the vector index up to date with the stored vectors, in memory and on disk.

It takes what it has not applied yet in batches (`next_batch`), and reads each vector as it is now.
So neither repeats nor the order of changes matter.
"""

import logging
from collections.abc import Iterator

from msgspec import Struct

from iai.errors import StoreCorrupt
from iai.index.vector import VectorIndex
from iai.model.revisions import Revisions, through
from iai.store import graph, vectors
from iai.store.graph import GraphChange, GraphView
from iai.store.record_view import RecordView
from iai.store.vectors import VectorView

log = logging.getLogger(__name__)

VECTORS_SLICE = 1_024


class Rebuild(Struct):
    """A vector index that is being built from all stored vectors."""

    table: int
    generation: int
    parts: tuple[int, ...]  # of each vector, see `Embedder`
    applied: Revisions  # what the vectors covered when it began
    index: VectorIndex
    after: int = 0  # highest label taken so far


class VectorIndexer:
    """The vector index over the stored vectors of the generation that serves."""

    def __init__(self, rebuilt: int) -> None:
        """`rebuilt` is how many rebuilds were asked for so far."""
        self.index: VectorIndex | None = None
        self.table = 0  # number of the index on disk
        self.generation = 0
        self.parts: tuple[int, ...] = ()
        self.applied = Revisions()
        self.rebuilt = rebuilt
        self._wanted = False  # a rebuild was asked for
        self._rebuild: Rebuild | None = None
        self._stale = False  # an older index is still on disk

    def load(self, view: GraphView, noted: graph.Progress) -> None:
        """Read the index from disk. A damaged one is rebuilt."""
        self.table = noted.table
        try:
            self.index = _index(view, noted)
        except StoreCorrupt as error:
            log.warning("%s; rebuilding it from the vectors", error)
        if self.index is not None:
            self.generation, self.parts = noted.generation, noted.parts
            self.applied = noted.vectors_applied

    @property
    def rebuilding(self) -> bool:
        """Is an index being built, which may hold what was forgotten since?"""
        return self._rebuild is not None

    @property
    def unsaved(self) -> bool:
        """Does the index on disk lack any change?"""
        return self._stale or any(index.dirty for _, index in self._tables())

    def save(self, unit: GraphChange) -> None:
        """Write what has changed. To be committed together with the progress."""
        for table, index in self._tables():
            for position in sorted(index.dirty):
                unit.put_chunk(table, position, index.chunk(position))
        if self._stale and self.index is not None:
            unit.keep_chunks(self.table, self.index.chunks)

    def saved(self) -> None:
        """Note that all that `save` wrote is on disk."""
        for _, index in self._tables():
            index.dirty.clear()
        self._stale = False

    def rebuild(self) -> None:
        """Rebuild the index from the vectors; the old one answers until the new one is complete."""
        self._wanted = True
        self._rebuild = None

    def step(self, log_view: RecordView, view: VectorView, part: int = 1) -> bool:
        """Do one slice, `part` times smaller than usual; return False if nothing was due."""
        most = max(1, VECTORS_SLICE // part)
        progress = view.progress()
        if not progress.serving:
            return False
        if self._wanted or progress.serving != self.generation:
            self._scan(view, progress, most)
            return True
        # The vectors may be of a later moment than the log, and know revisions that it does not.
        seen = progress.applied.both(through(log_view.watermark().revision))
        batch = log_view.next_batch(seen.minus(self.applied), most)
        if not batch.ranges:
            return False
        self._take(log_view, view, batch)
        return True

    def _scan(self, view: VectorView, progress: vectors.Progress, most: int) -> None:
        """Take the next vectors of the serving generation into the index that is being built."""
        rebuild = self._rebuild
        if rebuild is None or rebuild.generation != progress.serving:
            weights = view.generation(progress.serving)
            if weights is None:
                raise StoreCorrupt("the serving generation has no weights")
            rebuild = self._rebuild = Rebuild(
                table=self.table + 1,
                generation=progress.serving,
                parts=weights.parts,
                applied=progress.applied,
                index=VectorIndex(weights.dimension),
            )
        labels, rows = view.scan(rebuild.generation, rebuild.after, most)
        if labels:
            rebuild.index.put(labels, rows)
            rebuild.after = labels[-1]
            return
        self.index, self.table = rebuild.index, rebuild.table
        self.generation, self.parts = rebuild.generation, rebuild.parts
        self.applied = rebuild.applied
        self.rebuilt += self._wanted
        self._wanted, self._rebuild, self._stale = False, None, True

    def _take(self, log_view: RecordView, view: VectorView, batch: Revisions) -> None:
        if self.index is None:
            raise StoreCorrupt("a generation without an index")
        changed = log_view.touched(batch)
        labels, rows = view.find(self.generation, changed)
        self.index.remove(sorted(set(changed).difference(labels)))
        self.index.put(labels, rows)
        self.applied = self.applied.union(batch)

    def _tables(self) -> Iterator[tuple[int, VectorIndex]]:
        """Yield the index that answers and the one that is being built, with their numbers."""
        if self.index is not None:
            yield self.table, self.index
        if self._rebuild is not None:
            yield self._rebuild.table, self._rebuild.index


def _index(view: GraphView, noted: graph.Progress) -> VectorIndex | None:
    """Return the index that is on disk, if there is one."""
    if not noted.dimension:
        return None
    index = VectorIndex(noted.dimension)
    for position, chunk in view.chunks(noted.table):
        index.restore(position, chunk)
    if index.dirty or index.chunks != noted.chunks:
        raise StoreCorrupt("a part of the vector index is missing")
    return index
