"""The vector index, in memory. Saved and loaded as bytes; what it holds can be made again."""

import faiss
import numpy as np
from numpy.typing import NDArray

from iai.errors import StoreCorrupt

Vectors = NDArray[np.float32]


class VectorIndex:
    """Exact search by inner product over labelled vectors of one generation."""

    def __init__(self, index: faiss.IndexIDMap2) -> None:
        self._index = index
        self._held: set[int] = set(faiss.vector_to_array(index.id_map).tolist())

    @classmethod
    def empty(cls, dimension: int) -> "VectorIndex":
        """Return an index that holds nothing yet."""
        return cls(faiss.IndexIDMap2(faiss.IndexFlatIP(dimension)))

    def __len__(self) -> int:
        return len(self._held)

    @property
    def dimension(self) -> int:
        """Numbers in each vector."""
        return int(self._index.d)

    def put(self, labels: list[int], vectors: Vectors) -> None:
        """Add vectors, one row for each label, or replace those that are there."""
        self.remove(labels)
        if labels:
            self._index.add_with_ids(vectors, np.asarray(labels, np.int64))
            self._held.update(labels)

    def remove(self, labels: list[int]) -> None:
        """Take vectors out; labels that are not there do not matter."""
        held = self._held.intersection(labels)
        if held:
            chosen = np.fromiter(held, np.int64, len(held))
            self._index.remove_ids(faiss.IDSelectorBatch(chosen))
            self._held -= held

    def search(
        self, vector: Vectors, k: int, only: list[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return up to `k` labels with their similarity, the most alike first.

        `only` are the labels that may be returned; None for all.
        """
        if not self._held or k < 1:
            return []
        allowed = None
        if only is not None:
            allowed = faiss.SearchParameters()
            allowed.sel = faiss.IDSelectorBatch(np.asarray(only, np.int64))
        count = min(k, len(self._held))
        scores, labels = self._index.search(vector.reshape(1, -1), count, params=allowed)
        return [
            (int(label), float(score))
            for label, score in zip(labels[0], scores[0], strict=True)
            if label >= 0
        ]

    def of(self, labels: list[int]) -> Vectors:
        """Return the vectors of these labels, one row each; zeros where there is none."""
        rows = np.zeros((len(labels), self.dimension), np.float32)
        there = [row for row, label in enumerate(labels) if label in self._held]
        if there:
            wanted = np.fromiter((labels[row] for row in there), np.int64, len(there))
            rows[there] = self._index.reconstruct_batch(wanted)
        return rows

    def to_bytes(self) -> bytes:
        """Return all that `from_bytes` needs."""
        return bytes(faiss.serialize_index(self._index).tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "VectorIndex":
        """Return the index that was saved.

        Raises StoreCorrupt if the bytes are no such index.
        """
        try:
            loaded = faiss.deserialize_index(np.frombuffer(data, np.uint8))
        except RuntimeError as error:
            raise StoreCorrupt(f"the saved vector index cannot be read: {error}") from error
        if not isinstance(loaded, faiss.IndexIDMap2):
            raise StoreCorrupt(f"the saved vector index is a {type(loaded).__name__}")
        return cls(loaded)
