"""What a question searches, and the candidates found there."""

from collections.abc import Iterable

import numpy as np
from msgspec import Struct

from iai.index.lexical import LexicalIndex
from iai.index.vector import VectorIndex, Vectors
from iai.index.vector_indexer import VectorIndexer
from iai.model.people import People
from iai.model.record import Record
from iai.store.graph import GraphView
from iai.store.record_view import RecordView
from iai.store.vectors import VectorView


class Sources:
    """What a question searches. Without the stored vectors, terms alone answer."""

    def __init__(
        self,
        view: RecordView,
        links: GraphView,
        lexical: LexicalIndex,
        vector: VectorIndexer,
        stored: VectorView | None,
    ) -> None:
        self.view = view
        self.links = links
        self.lexical = lexical
        self._records: dict[int, Record | None] = {}  # by label: a turn is looked at more than once
        self.people = People(view.member)
        self._vectors: dict[int, Vectors] = {}  # by label; rows
        self._vector = vector
        self._stored = stored

    def record(self, label: int) -> Record | None:
        """Return what `RecordView.get` does."""
        if label not in self._records:
            self._records[label] = self.view.get(label)
        return self._records[label]

    def read(self, labels: Iterable[int]) -> None:
        """Read records that will be asked for: at once it takes half the time."""
        self._records |= self.view.get_each([n for n in labels if n not in self._records])

    @property
    def index(self) -> VectorIndex | None:
        """The vector index; None if it cannot answer."""
        return self._vector.index if self._stored is not None else None

    @property
    def generation(self) -> int:
        """The generation of the vectors in the index."""
        return self._vector.generation

    @property
    def parts(self) -> tuple[int, ...]:
        """The dimension of each part of a vector (see `Embedder`); empty if there is only one."""
        return self._vector.parts

    def exact(self, labels: list[int]) -> Vectors:
        """Return the vectors of records, zeros where there is none: old generations are deleted."""
        if self._stored is None or self.index is None:
            return np.zeros((len(labels), 0), np.float32)
        new = [label for label in labels if label not in self._vectors]  # the best are asked twice
        rows = self._stored.of(self.generation, new, self.index.dimension)
        self._vectors |= zip(new, rows, strict=True)
        every = np.array([self._vectors[label] for label in labels], np.float32)
        return every.reshape(len(labels), self.index.dimension)


class Candidates(Struct):
    """The labels that the indexes found."""

    by_terms: set[int] = set()
    by_vectors: set[int] = set()
    by_work: set[int] = set()  # requests, by what was done for them
    narrated: dict[int, float] = {}  # requests, with the summed rarity of terms in their narration

    @property
    def labels(self) -> list[int]:
        """All of them, ascending."""
        return sorted(self.by_terms | self.by_vectors | self.by_work | self.narrated.keys())
