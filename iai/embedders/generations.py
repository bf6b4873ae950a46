"""The weights that the vectors of a store should have, given its size. Pure."""

from collections.abc import Sequence

import numpy as np

from iai.embedders.embedder import Embedder, Frequencies, Vectors
from iai.store.vectors import Generation

FIRST_COUNT = 64  # with fewer records, rare words do not differ from common ones


def counted_through(max_label: int) -> int:
    """Return the highest label over which frequencies are counted in a store of this size.

    A power of two, so that weights change when the store has doubled, and depend on the records
    alone, whenever they are counted. 0: nothing is counted yet.
    """
    return 1 << (max_label.bit_length() - 1) if max_label >= FIRST_COUNT else 0


class Census:
    """Counts in how many records each token occurs, some records at a time."""

    def __init__(self, embedder: Embedder, through: int) -> None:
        self.through = through
        self.counted = 0  # highest label so far
        self._embedder = embedder
        self._documents = 0
        self._frequencies = embedder.frequencies([])

    @property
    def done(self) -> bool:
        return self.counted >= self.through

    def count(self, texts: Sequence[str], through: int) -> None:
        """Count the texts of all records up to this label that were not counted before."""
        self._frequencies = self._frequencies + self._embedder.frequencies(texts)
        self._documents += len(texts)
        self.counted = through

    def generation(self, number: int) -> Generation:
        """Return the weights that were counted."""
        return Generation(
            number=number,
            embedder=self._embedder.name,
            fingerprint=self._embedder.fingerprint,
            dimension=sum(self._embedder.parts),
            parts=self._embedder.parts,
            counted_upto=self.through,
            documents=self._documents,
            frequencies=self._frequencies.astype("<u4").tobytes(),
        )


class Weights:
    """An embedder under the weights of one generation."""

    def __init__(self, embedder: Embedder, generation: Generation) -> None:
        self.generation = generation
        self.cost_ms = embedder.cost_ms
        self._embedder = embedder
        frequencies: Frequencies = np.frombuffer(generation.frequencies, "<u4").astype(np.uint32)
        self._frequencies = frequencies

    def embed(self, texts: Sequence[str], known: Vectors | None = None) -> Vectors:
        """Return the vectors of the texts, one row each; for `known` see `Embedder`."""
        documents = self.generation.documents
        return self._embedder.embed(texts, self._frequencies, documents, known)
