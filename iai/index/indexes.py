"""All indexes of a store: kept in step with records and vectors together, and noted on disk."""

from iai.errors import StoreAbsent
from iai.index.lexical import LexicalIndex
from iai.index.lexical_indexer import Words
from iai.index.link_indexer import Links
from iai.index.term_vectors import FORM
from iai.index.vector_indexer import Space
from iai.model.revisions import Revisions
from iai.store import graph, records
from iai.store.graph import GraphStore, Progress
from iai.store.readers import Readers


class Indexes:
    """Terms and links follow the records, the vector index follows the vectors.

    So a dead embedder costs the vectors' share of an answer and nothing else.
    """

    def __init__(self, readers: Readers, store: GraphStore, lexical: LexicalIndex) -> None:
        self._readers = readers
        self._store = store
        with store.view() as view:
            self.progress = noted = view.progress()  # as it is on disk
        self.space = Space(noted.rebuilt)
        self.words = Words(lexical, store)
        self.links = Links(noted.links_applied if self.words.applied.ranges else Revisions())

    def load(self) -> None:
        """Read the vector index from disk, and note what has to be rebuilt."""
        with self._store.view() as view:
            self.space.load(view, self.progress)
        self._save(warm=self.progress.warm and bool(self.words.applied.ranges))

    def behind(self, view: records.View) -> int:
        """Return how many changes of the records cannot be found by their terms yet."""
        return self.words.pending(view).count()

    def catch_up(self, part: int = 1) -> bool:
        """Do one slice of each index, `part` times smaller than usual; False if none was due."""
        with self._readers.records.view() as view:
            words_moved = self.words.step(view, part)
            moved = self._step_vectors(view, part) or words_moved
            behind = self.behind(view)
        warm = self.progress.warm
        if moved or self.space.unsaved or (not warm and not behind):
            self._save(warm=warm or (not moved and not behind))
        return moved

    def link(self, part: int = 1) -> int:
        """Do one slice of the links; return how many changes it took."""
        with self._readers.records.view() as view:
            count = self.links.step(view, self._store, self.words.applied, part)
        if count:
            self._save(warm=self.progress.warm)
        return count

    def _step_vectors(self, view: records.View, part: int) -> bool:
        try:
            with self._readers.vectors.view() as stored:
                return self.space.step(view, stored, part)
        except StoreAbsent:  # no vectors have been made yet
            return False

    def _save(self, *, warm: bool) -> None:
        """Commit the vector index together with how far all of them have come."""
        index = self.space.index
        progress = Progress(
            records_applied=self.words.applied,
            vectors_applied=self.space.applied,
            generation=self.space.generation,
            documents=len(self.words.lexical),
            warm=warm,
            rebuilt=self.space.rebuilt,
            form=FORM,
            links_applied=self.links.applied,
            table=self.space.table,
            dimension=index.dimension if index is not None else 0,
            parts=self.space.parts,
            chunks=index.chunks if index is not None else 0,
        )
        if progress == self.progress and not self.space.unsaved:
            return

        def save(unit: graph.Change) -> None:
            self.space.save(unit)
            unit.advance(progress)

        self._store.commit(save)
        self.space.saved()
        self.progress = progress
