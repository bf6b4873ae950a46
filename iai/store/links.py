"""Links between records: which share rare terms, are similar, repeat or correct each other.

Each record keeps its own strongest links, at most `MOST` of a relation. A link counts if both ends
keep it: so it is there both ways or not at all, and a record that is gone has none.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from iai.store.codec import decode_u64, encode_each, encode_u64
from iai.store.environment import Tables

MOST = 8  # links of one relation that a record keeps

Relation: TypeAlias = Literal["shares", "similar", "duplicate", "supersedes", "superseded-by"]
OPPOSITE: dict[Relation, Relation] = {
    "supersedes": "superseded-by",
    "superseded-by": "supersedes",
}  # the others are their own

DATABASES = (
    "links",  # label -> its links that follow from the records alone
    "similar",  # label -> its links to similar records
    "linked",  # label -> what it is linked by
)
SETS = ("holders",)  # id of a term -> labels of the records linked by it

_ROW = np.dtype([("to", "<u4"), ("relation", "u1"), ("weight", "<f4")])
# How a row on disk names a relation. Earlier versions used 0, 1 and 7 for others.
_CODES: dict[Relation, int] = {
    "shares": 2,
    "similar": 3,
    "duplicate": 4,
    "supersedes": 5,
    "superseded-by": 6,
}
_RELATIONS = {code: relation for relation, code in _CODES.items()}
_HOLDER = np.dtype([("term", ">u4"), ("label", ">u4")])  # a key and a value, which sort as numbers
_LINKED_HEAD = np.dtype([("project", "<u4"), ("order", "<i8"), ("corrects", "u1")])
_TERM = np.dtype("<u4")


class Edge(Struct, frozen=True, array_like=True):
    """From one record to another."""

    to: int
    relation: Relation
    weight: float


class Linked(Struct, frozen=True):
    """What a record is linked by."""

    project: int  # its id as a number
    order: int  # its place among others
    corrects: bool  # does it sound as if it corrected something?
    terms: frozenset[int]  # by id


class LinkView(Tables):
    """The links as of one moment."""

    def links(self, label: int) -> tuple[Edge, ...]:
        """Return the links of a record that both ends keep, by relation and weight."""
        kept = (*self.kept([label]).get(label, ()), *self.kept_similar([label]).get(label, ()))
        others = sorted({edge.to for edge in kept})
        back = {
            (other, edge.relation)
            for rows in (self.kept(others), self.kept_similar(others))
            for other, edges in rows.items()
            for edge in edges
            if edge.to == label
        }
        return tuple(e for e in kept if (e.to, OPPOSITE.get(e.relation, e.relation)) in back)

    def kept(self, labels: Collection[int]) -> dict[int, tuple[Edge, ...]]:
        """Return the links that these records keep, whether or not their other ends do."""
        return self._rows("links", labels)

    def kept_similar(self, labels: Collection[int]) -> dict[int, tuple[Edge, ...]]:
        """Return their links to similar records, likewise."""
        return self._rows("similar", labels)

    def linked(self, labels: Collection[int]) -> dict[int, Linked]:
        """Return what these records are linked by."""
        stored = self._t.getmulti(encode_each(labels), db=self._db["linked"])
        found = zip(labels, stored, strict=True)
        return {label: _unpacked(data) for label, data in found if data is not None}

    def held(self, terms: Iterable[int], most: int) -> dict[int, int]:
        """Return how many records hold each of these terms, or `most` + 1 if there are more."""
        counts = {}
        holders = self._db["holders"]
        with self._t.members(holders) as cursor:
            for term in terms:
                there = cursor.set_key(holders.locate(_four(term)))
                counts[term] = min(cursor.count(), most + 1) if there else 0
        return counts

    def holders(self, terms: Iterable[int]) -> NDArray[np.int64]:
        """Return the labels of the records that hold these terms, once for each term."""
        holders = self._db["holders"]
        with self._t.members(holders) as cursor:
            keys = [holders.locate(_four(term)) for term in terms]
            data = cursor.getmulti(keys, dupdata=True, dupfixed_bytes=4, keyfixed=True)
            return np.frombuffer(data, _HOLDER)["label"].astype(np.int64)

    def holder_problems(self) -> Iterator[str]:
        """Yield in words where the holders of terms differ from what records are linked by."""
        number = 0
        holders = self._db["holders"]
        with self._t.members(holders) as cursor:
            for key, data in self._t.entries(self._db["linked"]):
                for term in _unpacked(data).terms:
                    number += 1
                    if not cursor.set_key_dup(holders.locate(_four(term)), key[-4:]):
                        yield f"record #{decode_u64(key)} is not in `holders`"
        found = self._t.count(holders)
        if found != number:
            yield f"`holders` has {found} entries where {number} belong"

    def _rows(self, database: str, labels: Collection[int]) -> dict[int, tuple[Edge, ...]]:
        stored = self._t.getmulti(encode_each(labels), db=self._db[database])
        return {
            label: tuple(
                Edge(to, _RELATIONS[relation], weight)
                for to, relation, weight in np.frombuffer(data, _ROW).tolist()
            )
            for label, data in zip(labels, stored, strict=True)
            if data is not None
        }


class LinkChange(LinkView):
    """The links, in a transaction of the writer."""

    def keep(self, label: int, edges: Sequence[Edge]) -> None:
        """Set the links that a record keeps."""
        self._put_row("links", label, edges)

    def keep_similar(self, rows: Mapping[int, Sequence[Edge]]) -> None:
        """Set the links of some records to similar ones."""
        for label, edges in rows.items():
            self._put_row("similar", label, edges)

    def link_by(self, linked: Mapping[int, Linked | None]) -> None:
        """Set what records are linked by; None for one that is gone."""
        old = self.linked(linked)
        gone, new = [], []
        holders = self._db["holders"]
        for label, now in linked.items():
            before = old[label].terms if label in old else frozenset()
            after = now.terms if now is not None else frozenset()
            gone += [(holders.locate(_four(term)), _four(label)) for term in before - after]
            new += [(holders.locate(_four(term)), _four(label)) for term in after - before]
            self._put_or_delete("linked", label, _packed(now) if now is not None else b"")
        with self._t.members(holders) as cursor:
            for term, holder in sorted(gone):
                if cursor.set_key_dup(term, holder):
                    cursor.delete()
            cursor.putmulti(sorted(new))

    def _put_row(self, database: str, label: int, edges: Sequence[Edge]) -> None:
        rows = np.array([(e.to, _CODES[e.relation], e.weight) for e in edges], _ROW)
        self._put_or_delete(database, label, rows.tobytes())

    def _put_or_delete(self, database: str, label: int, data: bytes) -> None:
        if data:
            self._t.put(encode_u64(label), data, db=self._db[database])
        else:
            self._t.delete(encode_u64(label), db=self._db[database])


def _four(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _packed(linked: Linked) -> bytes:
    head = np.array([(linked.project, linked.order, linked.corrects)], _LINKED_HEAD)
    return head.tobytes() + np.array(sorted(linked.terms), _TERM).tobytes()


def _unpacked(data: bytes) -> Linked:
    project, order, corrects = np.frombuffer(data, _LINKED_HEAD, 1)[0].item()
    terms = np.frombuffer(data, _TERM, offset=_LINKED_HEAD.itemsize)
    return Linked(project, order, bool(corrects), frozenset(terms.tolist()))
