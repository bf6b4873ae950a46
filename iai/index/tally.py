"""What a record is scored by, in a few bytes: how often it has which terms, when and by whom said.

Kept for every record beside the lexical index, which finds candidates but cannot say what the turns
around one hold. Counts are our own too, so that equal records have equal scores: those of tantivy
include what was deleted, until it merges.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from iai.index.terms import number_of
from iai.store.records import Record

# `speaker` is the number of the name that a text begins with ("Ada: ..."), 0 if it has none.
HEAD = np.dtype(
    [("said", "<i8"), ("speaker", "<u4"), ("user", "u1"), ("pinned", "u1"), ("note", "u1")]
)
TERM = np.dtype([("term", "<u4"), ("count", "u1")])
_PACKED = Struct("<IB").pack  # the same
_MOST = 255  # of one term that are counted
_SPEAKER = re.compile(r"\s*([^\W\d_]+)[\w .-]{0,30}:\s")

Heads = NDArray[np.void]


def tally(record: Record, found_by: Iterable[str]) -> bytes:
    """Return what is kept of a record with these terms."""
    speaker = _SPEAKER.match(record.text)
    head = np.zeros(1, HEAD)
    head["said"] = record.created_at
    head["speaker"] = number_of(speaker[1].lower()) if speaker else 0
    head["user"] = record.role == "user"
    head["pinned"] = record.pinned
    head["note"] = not record.in_session
    counted: Counter[int] = Counter()
    for term, count in Counter(found_by).items():
        counted[number_of(term)] += count
    body = sorted(counted.items())
    return head.tobytes() + b"".join(_PACKED(term, min(count, _MOST)) for term, count in body)


def terms_in(kept: bytes) -> list[int]:
    """Return the different terms of a record, by number."""
    return [int(term) for term in np.frombuffer(kept, TERM, offset=HEAD.itemsize)["term"]]


def moved(old: Iterable[bytes], new: Iterable[bytes]) -> Counter[int]:
    """Return in how many more records each term stands when `new` take the place of `old`."""
    change: Counter[int] = Counter()
    for kept in new:
        change.update(terms_in(kept))
    for kept in old:
        change.subtract(terms_in(kept))
    return Counter({term: count for term, count in change.items() if count})


class Tallies:
    """Those of some records, as arrays with one row for each."""

    def __init__(self, kept: Sequence[bytes]) -> None:
        size = HEAD.itemsize
        self.heads: Heads = np.frombuffer(b"".join(one[:size] for one in kept), HEAD)
        body = np.frombuffer(b"".join(one[size:] for one in kept), TERM)
        # How many different terms each record has.
        self.terms = (
            np.fromiter((len(k) - size for k in kept), np.int64, len(kept)) // TERM.itemsize
        )
        self._ends = np.cumsum(self.terms)
        self._term = body["term"].copy()
        self._count = body["count"]
        self._row = np.repeat(np.arange(len(kept)), self.terms)

    def counts(self, wanted: Sequence[int]) -> NDArray[np.float32]:
        """Return how often each record (row) has each of these terms (column)."""
        table = np.zeros((len(self.heads), len(wanted)), np.float32)
        for column, term in enumerate(wanted):
            found = self._term == term
            table[self._row[found], column] = self._count[found]
        return table

    def bag(self, row: int) -> frozenset[int]:
        """Return the different terms of one record."""
        end = int(self._ends[row])
        return frozenset(self._term[end - int(self.terms[row]) : end].tolist())
