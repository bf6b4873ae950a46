"""The vector index: 512 bits of each vector, which pick the best candidates out of a million.

The bits are the signs of random projections (SimHash, Charikar 2002): the share of bits in which
two vectors differ is the angle between them, as a share of a half turn. A search compares all of
them, and ranks the few closest by the exact vectors, which stay on disk. The projections are
Hadamard's, with signs flipped at random (Ailon and Chazelle 2006), and do not depend on what is
stored. So there is nothing to train, to balance, or to rebuild as the store grows, and equal
records are found in the same order however they came in.

Measured with 200,000 texts: 99.6 % of the exact first 10 are among the 500 candidates. Inverted
lists over 8 bits per dimension had to look at half of all vectors to find 98 %, in four times the
memory.
"""

from collections.abc import Callable
from hashlib import shake_256
from typing import Any, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from iai.errors import StoreCorrupt

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
Similarities = NDArray[np.float64]
Mask = NDArray[np.bool_]
Bits = NDArray[np.uint8]  # eight in a byte
Lookup = Callable[[list[int]], Vectors]

ROWS = 256  # vectors in a chunk, in which the bits are kept on disk
CANDIDATES = 500  # vectors that differ in the fewest bits, or one in SHARE where that is more
SHARE = 512
# How many candidates are compared exactly, the best by a closer estimate (`estimate`). Among
# 110,000 texts 120 find 99.4 % of the exact first 10, 200 find 99.5 %, and 80 99.0 %.
READ = 120
_TURNS = 2  # bits for each dimension: 1 found 98.5 % of the first 10 among 1,000, 2 99.8 %
_DECIMALS = 6
_STEPS = 4096  # to which numbers are rounded, so that sums are exact in whatever order
_OF_A_BYTE = 2 * np.unpackbits(np.arange(256, dtype=np.uint8)[None], axis=0).astype(np.float32) - 1


class VectorIndex:
    """The bits of vectors, a row for each label from 1: labels are dense and never reused."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.dirty: set[int] = set()  # positions of changed chunks, until they are saved
        faiss.omp_set_num_threads(1)  # one question does not gain from more cores
        self._planes = _planes(dimension)
        # Its stub lacks `xb` and `use_heap`.
        self._bits = cast("Any", faiss.IndexBinaryFlat(self._planes.shape[1]))
        self._bits.use_heap = False  # counting sort costs half of a heap
        self._held: Mask = np.zeros(0, np.bool_)

    def __len__(self) -> int:
        return int(self._held.sum())

    @property
    def chunks(self) -> int:
        """Number of chunks, those without a vector included."""
        return len(self._held) // ROWS

    def put(self, labels: list[int], vectors: Vectors) -> None:
        """Add vectors, one row for each label, or replace those that are there."""
        if labels:
            self._extend(max(labels))
            self._set(labels, self._signs(vectors), there=True)

    def remove(self, labels: list[int]) -> None:
        """Remove vectors; labels that are not there are ignored."""
        there = [label for label in labels if label <= len(self._held) and self._held[label - 1]]
        if there:
            self._set(there, np.zeros((len(there), self._bits.code_size), np.uint8), there=False)

    def search(
        self, vector: Vectors, k: int, exact: Lookup, mask: Mask | None = None
    ) -> list[tuple[int, float]]:
        """Return up to `k` labels with their similarity, the most similar first.

        `exact` returns the stored vectors of labels, zeros where one is gone. `mask`
        says of each label from 1 whether it may be returned; None for all.
        """
        labels, apart = self._candidates(vector, k, mask)
        if not len(labels):
            return []
        nearest = np.argsort(-self.estimate(labels, vector), kind="stable")[: max(READ, 2 * k)]
        labels, apart = labels[nearest], apart[nearest]
        scores = exact_similarities(exact(labels.tolist()), vector)
        order = np.lexsort((labels, apart, -scores))[:k]
        return list(zip(labels[order].tolist(), scores[order].tolist(), strict=True))

    def estimate(self, labels: Labels, vector: Vectors) -> Vectors:
        """Estimate the similarity of these labels to a vector from the bits, to some 0.05.

        0 for labels without a vector. The projections of the one against the signs of the others
        (Dong, Charikar and Li 2008), a byte of signs at a time: what each of the 256 values adds is
        computed once, in whole numbers.
        """
        there = np.flatnonzero(labels <= len(self._held))
        there = there[self._held[labels[there] - 1]]
        projected = np.rint((vector @ self._planes) * _STEPS)
        adds = projected.reshape(-1, 8) @ _OF_A_BYTE  # a row for each byte, a column for its value
        places = np.arange(0, adds.size, 256)
        similarities = np.zeros(len(labels), np.float32)
        sums = adds.ravel().take(self._rows()[labels[there] - 1] + places).sum(axis=1)
        similarities[there] = sums * (np.sqrt(np.pi / 2) / _STEPS / len(projected))
        return similarities

    def chunk(self, position: int) -> bytes:
        """Return what `restore` needs of one chunk."""
        rows = slice(position * ROWS, (position + 1) * ROWS)
        return np.packbits(self._held[rows]).tobytes() + self._rows()[rows].tobytes()

    def restore(self, position: int, chunk: bytes) -> None:
        """Read back a chunk as it was saved. Raises StoreCorrupt if it has the wrong size."""
        if len(chunk) != ROWS // 8 + ROWS * self._bits.code_size:
            raise StoreCorrupt(f"chunk {position} of the vector index has {len(chunk)} bytes")
        self._extend((position + 1) * ROWS)
        rows = slice(position * ROWS, (position + 1) * ROWS)
        data: Bits = np.frombuffer(chunk, np.uint8)
        self._held[rows] = np.unpackbits(data[: ROWS // 8])
        self._rows()[rows] = data[ROWS // 8 :].reshape(ROWS, -1)
        self.dirty.discard(position)

    def _candidates(self, vector: Vectors, k: int, mask: Mask | None) -> tuple[Labels, Labels]:
        """Return the candidates, and in how many bits each differs."""
        may = self._held
        if mask is not None:
            shared = min(len(may), len(mask))
            may = np.zeros_like(may)
            may[:shared] = self._held[:shared] & mask[:shared]
        count = int(may.sum())
        most = min(count, max(k, CANDIDATES, count // SHARE))
        if k < 1 or not most:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        bitmap = np.packbits(may, bitorder="little")
        among = faiss.SearchParameters()
        among.sel = faiss.IDSelectorBitmap(len(bitmap), faiss.swig_ptr(bitmap))
        signs = self._signs(vector.reshape(1, -1))
        apart, rows = self._bits.search(signs, most, params=among)
        return rows[0] + 1, apart[0].astype(np.int64)

    def _signs(self, vectors: Vectors) -> Bits:
        """Return the bits of vectors, the same in any batch: all sums are of whole numbers."""
        return np.packbits(np.rint(vectors * _STEPS) @ self._planes > 0, axis=1)

    def _set(self, labels: list[int], bits: Bits, *, there: bool) -> None:
        rows = np.asarray(labels, np.int64) - 1
        self._rows()[rows] = bits
        self._held[rows] = there
        self.dirty.update(np.unique(rows // ROWS).tolist())

    def _extend(self, label: int) -> None:
        """Make room, whole chunks of it, up to a label."""
        before, chunks = self.chunks, -(-label // ROWS)
        if chunks > before:
            more = (chunks - before) * ROWS
            self._bits.add(np.zeros((more, self._bits.code_size), np.uint8))
            self._held = np.concatenate([self._held, np.zeros(more, np.bool_)])
            self.dirty.update(range(before, chunks))

    def _rows(self) -> Bits:
        """Return a view of the bits that FAISS searches, writable; invalid once it has grown."""
        count, size = self._bits.ntotal, self._bits.code_size
        if not count:
            return np.zeros((0, size), np.uint8)
        data: Bits = faiss.rev_swig_ptr(self._bits.xb.data(), count * size)
        return data.reshape(count, size)


def exact_similarities(rows: Vectors, vector: Vectors) -> Similarities:
    """Return the similarity of vectors, one a row, to a vector: their inner products.

    In doubles, and rounded: otherwise equal vectors could differ by their row.
    """
    return np.round(rows.astype(np.float64) @ vector, _DECIMALS)


def _planes(dimension: int) -> Vectors:
    """Return the projections, one in each column, each number 1 or -1.

    The flips come from a hash: the same on every machine, with every version of every library.
    """
    hadamard = np.ones((1, 1), np.float32)
    while len(hadamard) < max(dimension, 8):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    size = len(hadamard)
    seed = shake_256(b"iai").digest(_TURNS * size // 8)
    flips = 1 - 2 * np.unpackbits(np.frombuffer(seed, np.uint8)).astype(np.float32)
    turned = [flip[:, None] * hadamard for flip in flips.reshape(_TURNS, size)]
    return np.ascontiguousarray(np.concatenate(turned, axis=1)[:dimension])
