"""Keeps the vector index in step with the vectors, and saves it.

It takes what it has not applied yet, in the order of `foremost`, and looks at the vector as it is
now; so it does not matter how often, or in which order, changes are applied.
"""

import logging

import numpy as np
from msgspec import Struct

from iai.errors import StoreCorrupt
from iai.index.vector import VectorIndex
from iai.revisions import Revisions
from iai.store import graph, records, vectors
from iai.store.graph import CHUNK, GraphStore, Snapshot

log = logging.getLogger(__name__)

VECTORS_SLICE = 2_048
CHUNKS_SLICE = 4


class Rebuild(Struct):
    """A vector index that is being made from all stored vectors."""

    generation: int
    applied: Revisions  # what the vectors held when it began
    index: VectorIndex
    after: int = 0  # highest label taken so far


class Space:
    """The vector index, in step with the stored vectors of the generation that serves."""

    def __init__(self, rebuilt: int) -> None:
        """`rebuilt` is how often it was made again because somebody wanted it."""
        self.index: VectorIndex | None = None
        self.generation = 0
        self.applied = Revisions()
        self.unsaved = 0  # changes since it was last saved
        self.rebuilt = rebuilt
        self._wanted = False  # a rebuild, though the generation is the right one
        self._rebuild: Rebuild | None = None

    def load(self, view: graph.View) -> None:
        """Take up the saved index. One that is damaged is as good as none."""
        snapshot = view.snapshot()
        if snapshot is None:
            return
        try:
            self.index = VectorIndex.from_bytes(view.content(snapshot))
        except StoreCorrupt as error:
            log.warning("%s; it is made again from the vectors", error)
            return
        self.generation = snapshot.generation
        self.applied = snapshot.vectors_applied

    def pending(self, view: vectors.View) -> Revisions:
        """Revisions whose vectors are still to be taken in."""
        progress = view.progress()
        if progress.serving != self.generation:
            return progress.applied
        return progress.applied.minus(self.applied)

    def rebuild(self) -> None:
        """Make the index again from the vectors; the old one answers until the new one is whole."""
        self._wanted = True
        self._rebuild = None

    def step(self, log_view: records.View, view: vectors.View) -> bool:
        """Do one slice; False if there was nothing to do."""
        progress = view.progress()
        if not progress.serving:
            return False
        if self._wanted or progress.serving != self.generation:
            self._scan(view, progress)
            return True
        batch = log_view.foremost(progress.applied.minus(self.applied), VECTORS_SLICE)
        if not batch.ranges:
            return False
        self._take(log_view, view, batch)
        return True

    def _scan(self, view: vectors.View, progress: vectors.Progress) -> None:
        """Take the next vectors of the serving generation into the index that is being made."""
        rebuild = self._rebuild
        if rebuild is None or rebuild.generation != progress.serving:
            weights = view.generation(progress.serving)
            if weights is None:
                raise StoreCorrupt("the serving generation has no weights")
            empty = VectorIndex.empty(weights.dimension)
            rebuild = self._rebuild = Rebuild(progress.serving, progress.applied, empty)
        labels, rows = view.scan(rebuild.generation, rebuild.after, VECTORS_SLICE)
        if labels:
            rebuild.index.put(labels, rows)
            rebuild.after = labels[-1]
            return
        self.index, self.generation = rebuild.index, rebuild.generation
        self.applied = rebuild.applied
        self.unsaved += len(rebuild.index)
        self.rebuilt += self._wanted
        self._wanted, self._rebuild = False, None

    def _take(self, log_view: records.View, view: vectors.View, batch: Revisions) -> None:
        if self.index is None:
            raise StoreCorrupt("a generation without an index")
        changed = dict.fromkeys(entry.label for _, entry in log_view.changes(batch))
        found = {label: view.get(self.generation, label) for label in changed}
        rows = [row for row in found.values() if row is not None]
        self.index.remove([label for label, row in found.items() if row is None])
        if rows:
            labels = [label for label, row in found.items() if row is not None]
            self.index.put(labels, np.concatenate(rows))
        self.applied = self.applied.union(batch)
        self.unsaved += len(changed)


class Saver:
    """Writes the vector index to disk, some chunks at a time; valid only when all are there."""

    def __init__(self, space: Space, store: GraphStore) -> None:
        self._space = space
        self._store = store
        self._data = b""
        self._checksums: list[int] = []
        self._snapshot: Snapshot | None = None

    @property
    def busy(self) -> bool:
        """Has a save begun and not ended?"""
        return self._snapshot is not None

    def begin(self) -> None:
        """Take the index as it is now."""
        if self._space.index is None:
            return
        with self._store.view() as view:
            latest = view.snapshot()
        self._data = self._space.index.to_bytes()
        self._checksums = []
        self._snapshot = Snapshot(
            number=latest.number + 1 if latest else 1,
            generation=self._space.generation,
            vectors_applied=self._space.applied,
            checksums=(),
        )
        self._space.unsaved = 0

    def step(self) -> None:
        """Write the next chunks, or make what is written valid."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        first = len(self._checksums)
        chunks = [
            self._data[place * CHUNK : (place + 1) * CHUNK]
            for place in range(first, first + CHUNKS_SLICE)
        ]
        left = [chunk for chunk in chunks if chunk]
        if left:
            self._checksums += self._store.commit(
                lambda unit: [
                    unit.put_chunk(snapshot.number, first + place, chunk)
                    for place, chunk in enumerate(left)
                ]
            )
            return
        whole = Snapshot(
            number=snapshot.number,
            generation=snapshot.generation,
            vectors_applied=snapshot.vectors_applied,
            checksums=tuple(self._checksums),
        )
        self._store.commit(lambda unit: unit.validate(whole))
        self._snapshot, self._data = None, b""
