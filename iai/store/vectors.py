"""The vectors: one for each record and generation of weights. Derived: they can be rebuilt."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from iai.model.revisions import Revisions
from iai.store.codec import decode_u64, encode_each, encode_u64, pack, unpack
from iai.store.environment import MAP_SIZE, Environment, Tables
from iai.store.store import Store

T = TypeVar("T")
Vectors = NDArray[np.float32]  # one row each

SCHEMA = 2
_DATABASES = ("vectors", "generations")
_STORED = np.dtype("<f2")  # half precision: half the disk, and the order of hits stays the same


class Generation(Struct, frozen=True, kw_only=True):
    """The weights of a set of vectors. Only vectors of the same generation may be compared."""

    number: int
    fingerprint: str  # of the embedder
    dimension: int
    counted_upto: int  # highest label that the frequencies were counted over
    documents: int  # how many records were counted
    frequencies: bytes  # little-endian u4 for each token of the vocabulary: in how many records
    embedder: str = "static"  # its name in the setting
    parts: tuple[int, ...] = ()  # of the dimension, see `Embedder`; empty for a single one


class Progress(Struct, frozen=True, kw_only=True):
    """How far the vectors have come."""

    applied: Revisions = Revisions()  # revisions of the records that have their vector
    serving: int = 0  # the generation that readers should use; 0: none yet
    building: int = 0  # the one that is being built to replace it; 0: none
    built_upto: int = 0  # highest label that already has its vector there
    embedder: str = ""  # fingerprint of the chosen embedder; "": that of the vectors
    recount: bool = False  # a record that the latest weights were counted over has changed since


class VectorView(Tables):
    """The vectors as of one moment."""

    def progress(self) -> Progress:
        """Return how far the vectors have come."""
        data = self._t.get(b"progress", db=self._db["meta"])
        return unpack(data, Progress) if data is not None else Progress()

    def generation(self, of: int) -> Generation | None:
        """Return the weights of a generation; None if they were dropped."""
        data = self._t.get(encode_u64(of), db=self._db["generations"])
        return unpack(data, Generation) if data is not None else None

    def generations(self) -> list[int]:
        """Return the numbers of all generations, ascending."""
        return [decode_u64(key) for key, _ in self._t.entries(self._db["generations"])]

    def find(self, generation: int, labels: Sequence[int]) -> tuple[list[int], Vectors]:
        """Return those of the labels that have a vector, and the vectors, one row each."""
        prefix = encode_u64(generation)
        keys = [prefix + label for label in encode_each(labels)]
        stored = self._t.getmulti(keys, db=self._db["vectors"])
        there = [label for label, data in zip(labels, stored, strict=True) if data is not None]
        return there, _rows([data for data in stored if data is not None])

    def of(self, generation: int, labels: Sequence[int], dimension: int) -> Vectors:
        """Return the vectors of records, one row each; zeros where there is none."""
        rows = np.zeros((len(labels), dimension), np.float32)
        there, stored = self.find(generation, labels)
        if len(there) == len(labels) > 0:
            return stored
        if there:
            rows[np.isin(labels, there)] = stored
        return rows

    def scan(self, generation: int, after: int, limit: int) -> tuple[list[int], Vectors]:
        """Return up to `limit` labels above `after`, ascending, and their vectors."""
        prefix = encode_u64(generation)
        labels: list[int] = []
        parts: list[bytes] = []
        found = self._t.entries(self._db["vectors"], prefix + encode_u64(after + 1))
        for key, data in islice(found, limit):
            if not key.startswith(prefix):
                break
            labels.append(decode_u64(key[8:]))
            parts.append(data)
        return labels, _rows(parts)


class VectorChange(VectorView):
    """One transaction of the writer."""

    def put(self, generation: int, labels: list[int], vectors: Vectors) -> None:
        """Write vectors, one row for each label, under a generation."""
        prefix = encode_u64(generation)
        keys = [prefix + label for label in encode_each(labels)]
        rows = [row.tobytes() for row in vectors.astype(_STORED)]
        self._t.putmulti(sorted(zip(keys, rows, strict=True)), db=self._db["vectors"])

    def delete(self, generation: int, label: int) -> None:
        """Delete the vector of a record."""
        self._t.delete(encode_u64(generation) + encode_u64(label), db=self._db["vectors"])

    def begin(self, generation: Generation) -> None:
        """Write the weights of a new generation."""
        self._t.put(encode_u64(generation.number), pack(generation), db=self._db["generations"])

    def clear(self, generation: int, limit: int) -> bool:
        """Delete up to `limit` vectors of a generation; return True when none are left."""
        start, end = encode_u64(generation), encode_u64(generation + 1)
        return self._t.delete_range(self._db["vectors"], start, end, limit)

    def drop(self, generation: int) -> None:
        """Delete the weights of a generation."""
        self._t.delete(encode_u64(generation), db=self._db["generations"])

    def advance(self, progress: Progress) -> None:
        """Note how far the vectors have come."""
        self._t.put(b"progress", pack(progress), db=self._db["meta"])


class VectorStore(Store):
    """The environment of the vectors."""

    def __init__(self, path: Path, *, writer: bool = False, map_size: int = MAP_SIZE) -> None:
        super().__init__(
            Environment(
                path, _DATABASES, schema=SCHEMA, writer=writer, name="vectors", map_size=map_size
            )
        )

    @contextmanager
    def view(self) -> Iterator[VectorView]:
        """Look at the vectors as of now."""
        with self._environment.read() as transaction:
            yield VectorView(self._environment, transaction)

    def commit(self, change: Callable[[VectorChange], T]) -> T:
        """Run one change and make it durable. `change` may run more than once."""
        return self._environment.write(lambda t: change(VectorChange(self._environment, t)))


def _rows(parts: list[bytes]) -> Vectors:
    flat = np.frombuffer(b"".join(parts), _STORED).astype(np.float32)
    return flat.reshape(len(parts), -1 if parts else 0)
