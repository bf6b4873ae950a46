"""What a question is put to, and what was found there."""

import numpy as np
from msgspec import Struct

from iai.index.lexical import LexicalIndex
from iai.index.vector import VectorIndex, Vectors
from iai.index.vector_indexer import Space
from iai.store import graph, records, vectors


class Sources:
    """What a question is put to. Without the stored vectors words alone answer."""

    def __init__(
        self,
        view: records.View,
        links: graph.View,
        lexical: LexicalIndex,
        space: Space,
        stored: vectors.View | None,
    ) -> None:
        self.view = view
        self.links = links
        self.lexical = lexical
        self._space = space
        self._stored = stored

    @property
    def index(self) -> VectorIndex | None:
        """The vector index, if it can answer."""
        return self._space.index if self._stored is not None else None

    @property
    def generation(self) -> int:
        """That of the vectors in the index."""
        return self._space.generation

    @property
    def parts(self) -> tuple[int, ...]:
        """How many numbers of such a vector come from each way to embed; empty for one way."""
        return self._space.parts

    def exact(self, labels: list[int]) -> Vectors:
        """Return the vectors of records, zeros for none: those of an old generation go away."""
        if self._stored is None or self.index is None:
            return np.zeros((len(labels), 0), np.float32)
        return self._stored.of(self.generation, labels, self.index.dimension)


class Found(Struct):
    """The labels that the indexes found."""

    by_words: set[int] = set()
    by_vectors: set[int] = set()

    @property
    def labels(self) -> list[int]:
        """All of them, ascending."""
        return sorted(self.by_words | self.by_vectors)
