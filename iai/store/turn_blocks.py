"""What a question reads of each record that it scores: its term vector and its neighbours.

A question scores some 800 records in runs of consecutive labels. To find, check and open an entry
costs more than to read what is in it, so `BLOCK` consecutive labels share one.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from struct import Struct
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from iai.store.codec import decode_u64, encode_each, encode_u64
from iai.store.environment import Environment, Tables
from iai.store.transaction import Transaction

DATABASES = ("turns",)  # number of a block -> the neighbours and term vectors of its records
# With 16, a question at 20,000 turns reads 120 blocks of 0.45 MB together; with 8, 167 of 0.3 MB;
# with 32, 94 of 0.7 MB; and 815 entries of 0.2 MB if each record has its own.
BLOCK = 16  # records
AROUND = 3  # turns kept on each side of a turn
_COUNT = b"term_vectors"  # in `meta`: how many records have one
_HELD = 1_024  # blocks that a view remembers

# A block begins with where the term vector of each record ends, counted from where the first
# begins; one without bytes is none. A row of neighbours for each record follows, then the vectors.
_ends = Struct(f"<{BLOCK}I")
_LABEL = np.dtype("<u4")
_ROW = 2 * AROUND * _LABEL.itemsize  # bytes
_VECTORS = _ends.size + BLOCK * _ROW  # where the first vector begins
_EMPTY = bytes(_VECTORS)

Labels: TypeAlias = NDArray[np.int64]
_Parts: TypeAlias = tuple[list[bytes], list[bytes]]  # rows of neighbours, and term vectors


class TurnView(Tables):
    """The blocks as of one moment."""

    def __init__(self, environment: Environment, transaction: Transaction) -> None:
        super().__init__(environment, transaction)
        self._blocks: dict[int, bytes] = {}  # of those that were read

    def neighbours(self, labels: Sequence[int]) -> Labels:
        """Return for each record the labels of its neighbours in its session, 0 for none.

        A row holds the `AROUND` turns before it, the nearest first, then those after it likewise.
        """
        blocks, block, place = self._find(labels)
        rows = b"".join([data[_ends.size : _VECTORS] for data in blocks])
        every = np.frombuffer(rows, _LABEL).reshape(-1, BLOCK, 2 * AROUND)
        return every[block, place].astype(np.int64)

    def term_vectors(self, labels: Collection[int]) -> dict[int, bytes]:
        """Return the term vectors of these records; a record without one is left out."""
        blocks, block, place = self._find(labels)
        ends = np.frombuffer(b"".join([data[: _ends.size] for data in blocks]), "<u4")
        bounds = np.full((len(blocks), BLOCK + 1), _VECTORS)
        bounds[:, 1:] += ends.reshape(-1, BLOCK)
        starts, stops = bounds[block, place].tolist(), bounds[block, place + 1].tolist()
        found = zip(labels, block.tolist(), starts, stops, strict=True)
        return {label: blocks[of][start:stop] for label, of, start, stop in found if start < stop}

    def term_vector_count(self) -> int:
        """Return how many records have a term vector."""
        data = self._t.get(_COUNT, db=self._db["meta"])
        return decode_u64(data) if data is not None else 0

    def _find(self, labels: Collection[int]) -> tuple[list[bytes], Labels, Labels]:
        """Return the blocks of these records, and for each record its block and place there."""
        wanted = np.fromiter(labels, np.int64, len(labels))
        numbers, block = np.unique(wanted // BLOCK, return_inverse=True)
        return self._read(numbers.tolist()), block, wanted % BLOCK

    def _read(self, numbers: list[int]) -> list[bytes]:
        missing = [number for number in numbers if number not in self._blocks]
        if len(self._blocks) + len(missing) > _HELD:
            self._blocks, missing = {}, numbers
        stored = self._t.getmulti(encode_each(missing), db=self._db["turns"])
        self._blocks |= {n: data or _EMPTY for n, data in zip(missing, stored, strict=True)}
        return [self._blocks[number] for number in numbers]


class TurnChange(TurnView):
    """The blocks, in a transaction of the writer."""

    def put_neighbours(self, labels: Sequence[int], rows: Labels) -> None:
        """Set the neighbours of these records, a row of `neighbours` each."""
        data = rows.astype(_LABEL).tobytes()
        cut = (data[at : at + _ROW] for at in range(0, len(data), _ROW))
        self._put(0, dict(zip(labels, cut, strict=True)))

    def put_term_vectors(self, term_vectors: Mapping[int, bytes | None]) -> None:
        """Set the term vectors of these records; None deletes one."""
        more = self._put(1, {label: data or b"" for label, data in term_vectors.items()})
        if more:
            count = self.term_vector_count() + more
            self._t.put(_COUNT, encode_u64(count), db=self._db["meta"])

    def forget_turns(self) -> None:
        """Delete all blocks."""
        self._t.drop(self._db["turns"], delete=False)
        self._t.delete(_COUNT, db=self._db["meta"])
        self._blocks = {}

    def _put(self, part: int, given: Mapping[int, bytes]) -> int:
        """Set that part (see `_Parts`) of these records; return how many more have one."""
        numbers = sorted({label // BLOCK for label in given})
        blocks = dict(zip(numbers, map(_decoded, self._read(numbers)), strict=True))
        more = 0
        for label, data in given.items():
            rows, place = blocks[label // BLOCK][part], label % BLOCK
            more += bool(data) - bool(rows[place])
            rows[place] = data
        encoded = {number: _encoded(parts) for number, parts in blocks.items()}
        kept = [number for number in numbers if encoded[number] != _EMPTY]
        entries = ((encode_u64(number), encoded[number]) for number in kept)
        self._t.putmulti(entries, db=self._db["turns"])
        for number in encoded.keys() - kept:
            self._t.delete(encode_u64(number), db=self._db["turns"])
        self._blocks |= encoded
        return more


def _decoded(block: bytes) -> _Parts:
    ends = (_VECTORS, *(_VECTORS + end for end in _ends.unpack_from(block)))
    rows = [block[at : at + _ROW] for at in range(_ends.size, _VECTORS, _ROW)]
    return rows, [block[start:end] for start, end in pairwise(ends)]


def _encoded(parts: _Parts) -> bytes:
    rows, vectors = parts
    return b"".join([_ends.pack(*accumulate(map(len, vectors))), *rows, *vectors])
