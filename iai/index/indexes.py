"""All indexes of a store: kept in step with records and vectors together, and noted on disk."""

from iai.errors import StoreAbsent
from iai.index.lexical import LexicalIndex
from iai.index.lexical_indexer import LexicalIndexer
from iai.index.link_indexer import LinkIndexer
from iai.index.term_vectors import FORM
from iai.index.vector_indexer import VectorIndexer
from iai.model.clock import Now
from iai.model.revisions import Revisions
from iai.store.graph import GraphChange, GraphStore, Progress
from iai.store.readers import Readers
from iai.store.record_view import RecordView
from iai.store.scrubber import Scrubber


class Indexes:
    """Terms and links follow the records, the vector index follows the vectors.

    So a dead embedder costs the vectors' share of an answer and nothing else.
    """

    def __init__(self, readers: Readers, store: GraphStore, lexical: LexicalIndex) -> None:
        self._readers = readers
        self._store = store
        with store.view() as view:
            self.progress = noted = view.progress()  # as it is on disk
            self._scrubber = Scrubber(store, view.scrubbed())
        self.vector = VectorIndexer(noted.rebuilt)
        self.lexical = LexicalIndexer(lexical, store)
        self.links = LinkIndexer(
            noted.links_applied if self.lexical.applied.ranges else Revisions()
        )

    def load(self) -> None:
        """Read the vector index from disk, and note what has to be rebuilt."""
        with self._store.view() as view:
            self.vector.load(view, self.progress)
        self._save(warm=self.progress.warm and bool(self.lexical.applied.ranges))

    def behind(self, view: RecordView) -> int:
        """Return how many changes of the records cannot be found by their terms yet."""
        return self.lexical.pending(view).count()

    def catch_up(self, part: int = 1) -> bool:
        """Do one slice of each index, `part` times smaller than usual; False if none was due."""
        with self._readers.records.view() as view:
            terms_moved = self.lexical.step(view, part)
            moved = self._step_vectors(view, part) or terms_moved
            behind = self.behind(view)
        warm = self.progress.warm
        if moved or self.vector.unsaved or (not warm and not behind):
            self._save(warm=warm or (not moved and not behind))
        return moved

    def link(self, part: int = 1) -> int:
        """Do one slice of the links; return how many changes it took."""
        with self._readers.records.view() as view:
            count = self.links.step(view, self._store, self.lexical.applied, part)
        if count:
            self._save(warm=self.progress.warm)
        return count

    def scrub(self, now: Now, part: int = 1) -> bool:
        """Do a slice of a scrub, if one is due; see `iai.store.scrubber`."""
        with self._readers.records.view() as view:
            pending = self._scrubber.pending(view, now)
            if not pending.ranges or pending.minus(self._applied()).ranges:
                return False
            linked = not pending.minus(self.links.applied).ranges
            if linked and self.lexical.rewrite(view, part):
                return True
        if not linked:
            return self.link(part) > 0
        with self._store.view() as stored:
            has_topics = stored.has_topics()
        if has_topics:
            self._store.commit(lambda unit: unit.forget_topics())
        self._scrubber.step(pending, now)
        return True

    def _applied(self) -> Revisions:
        """Return what is applied in every index that answers or is being built."""
        if self.vector.rebuilding:
            return Revisions()
        if self.vector.index is None:
            return self.lexical.applied
        return self.lexical.applied.both(self.vector.applied)

    def _step_vectors(self, view: RecordView, part: int) -> bool:
        try:
            with self._readers.vectors.view() as stored:
                return self.vector.step(view, stored, part)
        except StoreAbsent:  # no vectors have been made yet
            return False

    def _save(self, *, warm: bool) -> None:
        """Commit the vector index together with how far all of them have come."""
        index = self.vector.index
        progress = Progress(
            records_applied=self.lexical.applied,
            vectors_applied=self.vector.applied,
            generation=self.vector.generation,
            documents=len(self.lexical.index),
            warm=warm,
            rebuilt=self.vector.rebuilt,
            form=FORM,
            links_applied=self.links.applied,
            table=self.vector.table,
            dimension=index.dimension if index is not None else 0,
            parts=self.vector.parts,
            chunks=index.chunks if index is not None else 0,
        )
        if progress == self.progress and not self.vector.unsaved:
            return

        def save(unit: GraphChange) -> None:
            self.vector.save(unit)
            unit.advance(progress)

        self._store.commit(save)
        self.vector.saved()
        self.progress = progress
