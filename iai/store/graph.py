"""What the graph-cache keeps on disk: the vector index, term vectors, links, topics, and progress.

Derived: it can be rebuilt from the records and the vectors.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from iai.lifecycle.maintenance import Trouble
from iai.model.revisions import Revisions
from iai.store import links, migrations, topics, turn_blocks
from iai.store.codec import decode_u64, encode_each, encode_u64, pack, unpack
from iai.store.environment import MAP_SIZE, Environment
from iai.store.links import LinkChange, LinkView
from iai.store.topics import TopicChange, TopicStore, TopicView
from iai.store.turn_blocks import TurnChange, TurnView

T = TypeVar("T")

SCHEMA = topics.SCHEMA
_DATABASES = (
    "chunks",  # number of a vector index, position -> some rows of it
    "facets",  # position -> what filters ask of records, see `FACETS`
    "machines",  # position -> of which machine records are, if any is of another than this
    "counts",  # id of a term -> in how many records it occurs
    "uncounted",  # label -> nothing: its term vector is kept, but not in `counts` yet
    *turn_blocks.DATABASES,
    *links.DATABASES,
    *topics.DATABASES,
)
# What filters ask of a record, texts by their CRC-32: another of the same may be taken for it.
FACETS = np.dtype(
    [("said", "<i8"), ("project", "<u4"), ("session", "<u4"), ("role", "<u4"), ("tier", "<u4")]
)
_FACETS_ROWS = 1_024  # records in a chunk of them
_MACHINE = np.dtype("<u4")  # of a record, by its CRC-32; 0: this machine

Facets: TypeAlias = NDArray[np.void]
Machines: TypeAlias = NDArray[np.uint32]
_NONE = bytes(8)
_LAST = b"\xff" * 17  # beyond all keys of numbers


class Progress(Struct, frozen=True, kw_only=True):
    """How far the graph-cache has come."""

    records_applied: Revisions = Revisions()  # in the lexical index and the edges
    vectors_applied: Revisions = Revisions()  # in the vector index that answers queries
    generation: int = 0  # of that vector index
    documents: int = 0  # records in the lexical index then; fewer now means that some were lost
    warm: bool = False  # has caught up at least once since it was last built from scratch
    rebuilt: int = 0  # rebuilds that were asked for
    form: int = 0  # of the term vectors, see `iai.index.term_vectors`
    links_applied: Revisions = Revisions()  # in the links, which follow when all else is done
    table: int = 0  # number of that vector index, under which its chunks are kept; 0: none is
    dimension: int = 0  # of its vectors
    parts: tuple[int, ...] = ()  # of these, see `Embedder`
    chunks: int = 0  # that it has

    @property
    def revision(self) -> int:
        """Revision of the records up to which every part has come."""
        return min(self.records_applied.floor, self.vectors_applied.floor)


class Troubles(Struct, frozen=True):
    """How the steps of SLEEP have fared."""

    steps: dict[str, Trouble] = {}


class GraphView(TurnView, LinkView, TopicView):
    """The graph-cache's files as of one moment."""

    def progress(self) -> Progress:
        """How far the graph-cache has come."""
        data = self._t.get(b"progress", db=self._db["meta"])
        return unpack(data, Progress) if data is not None else Progress()

    def troubles(self) -> dict[str, Trouble]:
        """Return how the steps of SLEEP have fared, by name."""
        data = self._t.get(b"sleep", db=self._db["meta"])
        return unpack(data, Troubles).steps if data is not None else {}

    def document_frequencies(self, terms: Collection[int]) -> dict[int, int]:
        """Return in how many records each of these terms occurs; a term in none is left out."""
        stored = self._t.getmulti(encode_each(terms), db=self._db["counts"])
        return {
            term: decode_u64(data)
            for term, data in zip(terms, stored, strict=True)
            if data is not None
        }

    def uncounted(self) -> set[int]:
        """Return the records that are not, or not wholly, counted yet."""
        return {decode_u64(key) for key, _ in self._t.entries(self._db["uncounted"])}

    def counted_below(self) -> int:
        """Return the term below which the uncounted records are counted; 0: no term is."""
        data = self._t.get(b"counted-below", db=self._db["meta"])
        return decode_u64(data) if data is not None else 0

    def facets(self) -> Facets:
        """Return what filters ask, in a row for each label from 1; zeros where there is none."""
        last = next(self._t.entries_back(self._db["facets"], _LAST), None)
        return self._table("facets", decode_u64(last[0]) + 1 if last else 0, FACETS)

    def machines(self, count: int) -> Machines:
        """Return the machines of records, in as many rows as `facets` has."""
        return self._table("machines", count // _FACETS_ROWS, _MACHINE)

    def _table(self, database: str, chunks: int, kind: np.dtype[Any]) -> NDArray[Any]:
        table = np.zeros((chunks, _FACETS_ROWS), kind)
        for key, data in self._t.entries(self._db[database]):
            table[decode_u64(key)] = np.frombuffer(data, kind)
        return table.reshape(-1)

    def chunks(self, table: int) -> Iterator[tuple[int, bytes]]:
        """Yield the chunks of a vector index with their positions."""
        for key, data in self._t.prefixed(self._db["chunks"], encode_u64(table)):
            yield decode_u64(key[8:]), data


class GraphChange(GraphView, TurnChange, LinkChange, TopicChange):
    """One transaction of the writer."""

    def advance(self, progress: Progress) -> None:
        """Note how far the graph-cache has come."""
        self._t.put(b"progress", pack(progress), db=self._db["meta"])

    def keep_troubles(self, troubles: Mapping[str, Trouble]) -> None:
        """Note how the steps of SLEEP have fared."""
        self._t.put(b"sleep", pack(Troubles(steps=dict(troubles))), db=self._db["meta"])

    def add_document_frequencies(self, change: Mapping[int, int]) -> None:
        """Add to the number of records that each of these terms occurs in."""
        terms = encode_each(change)
        old = self._t.getmulti(terms, db=self._db["counts"])
        before = np.frombuffer(b"".join([count or _NONE for count in old]), ">i8")
        counts = before + np.fromiter(change.values(), np.int64, len(change))
        rows = zip(encode_each(counts.tolist()), (counts > 0).tolist(), strict=True)
        self._set("counts", terms, [count if some else None for count, some in rows])

    def mark_uncounted(self, labels: Collection[int]) -> None:
        """Note that the terms of these records are not counted yet."""
        self._set("uncounted", encode_each(labels), [b""] * len(labels))

    def mark_counted(self, below: int | None) -> None:
        """Note that terms below this one are counted for the uncounted records; None: all are."""
        if below is None:
            self._t.drop(self._db["uncounted"], delete=False)
            self._t.delete(b"counted-below", db=self._db["meta"])
        else:
            self._t.put(b"counted-below", encode_u64(below), db=self._db["meta"])

    def forget_terms(self) -> None:
        """Delete what follows from the texts of the records, to start over."""
        for database in ("facets", "machines", "counts"):
            self._t.drop(self._db[database], delete=False)
        self.forget_turns()
        self.mark_counted(None)

    def put_facets(self, facets: Mapping[int, bytes | None]) -> None:
        """Set what filters ask of these records, a row of `FACETS` each; None deletes one."""
        self._put_rows("facets", FACETS.itemsize, facets)

    def put_machines(self, machines: Mapping[int, int]) -> None:
        """Set the machines of these records; what is of this machine alone takes no room."""
        size = _MACHINE.itemsize
        rows = {label: machine.to_bytes(size, "little") for label, machine in machines.items()}
        self._put_rows("machines", size, rows)

    def _put_rows(self, database: str, size: int, given: Mapping[int, bytes | None]) -> None:
        for chunk, labels in groupby(sorted(given), lambda label: (label - 1) // _FACETS_ROWS):
            new = {label: given[label] or bytes(size) for label in labels}
            old = self._t.get(encode_u64(chunk), db=self._db[database])
            if old is None and not any(map(any, new.values())):
                continue
            rows = bytearray(old or size * _FACETS_ROWS)
            for label, row in new.items():
                at = (label - 1) % _FACETS_ROWS * size
                rows[at : at + size] = row
            self._t.put(encode_u64(chunk), bytes(rows), db=self._db[database])

    def _set(self, database: str, keys: list[bytes], values: Iterable[bytes | None]) -> None:
        """Put these values; None deletes the entry."""
        rows = sorted(zip(keys, values, strict=True))
        there = ((key, value) for key, value in rows if value is not None)
        self._t.putmulti(there, db=self._db[database])
        for key, value in rows:
            if value is None:
                self._t.delete(key, db=self._db[database])

    def put_chunk(self, table: int, position: int, data: bytes) -> None:
        """Write one chunk of a vector index."""
        self._t.put(encode_u64(table) + encode_u64(position), data, db=self._db["chunks"])

    def keep_chunks(self, table: int, chunks: int) -> None:
        """Delete all but the first chunks of one vector index, and snapshots of an older iai."""
        self._t.delete(b"snapshot", db=self._db["meta"])
        first, beyond = encode_u64(table), encode_u64(table) + encode_u64(chunks)
        self._t.delete_range(self._db["chunks"], b"", first)
        self._t.delete_range(self._db["chunks"], beyond, _LAST)

    def forget_everything(self) -> None:
        """Delete everything, to start over."""
        for database in (*_DATABASES, *links.SETS):
            self._t.drop(self._db[database], delete=False)
        self.forget_turns()
        self.mark_counted(None)
        self._t.delete(b"progress", db=self._db["meta"])


class GraphStore(TopicStore):
    """The environment below `index/`."""

    def __init__(self, path: Path, *, writer: bool = False, map_size: int = MAP_SIZE) -> None:
        super().__init__(
            Environment(
                path,
                _DATABASES,
                schema=SCHEMA,
                writer=writer,
                name="index",
                map_size=map_size,
                sets=links.SETS,
                retired=migrations.INDEX_RETIRED,
            )
        )

    @contextmanager
    def view(self) -> Iterator[GraphView]:
        """Look at it as of now."""
        with self._environment.read() as transaction:
            yield GraphView(self._environment, transaction)

    def commit(self, change: Callable[[GraphChange], T]) -> T:
        """Run one change and make it durable. `change` may run more than once."""
        return self._environment.write(lambda t: change(GraphChange(self._environment, t)))

    def problems(self) -> Iterator[str]:
        """See `Environment.problems`. The holders of terms are compared with what they hold."""
        yield from super().problems()
        with self.view() as view:
            yield from view.holder_problems()
