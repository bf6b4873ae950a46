"""What a record is scored by, in a few bytes: how often it has which terms, when and by whom said.

Kept for every record beside the lexical index, which finds candidates but cannot say what the turns
around one hold. Counts are our own too, so that equal records have equal scores: those of tantivy
include what was deleted, until it merges.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from iai.index.terms import number_of
from iai.model.record import Record

FORM = 3  # of the bytes below: what is kept in another form is made again

# A head, and then a number for each term, ascending, as often as the term stands in the text.
# `speaker` is the number of the name that a text begins with ("Ada: ..."), 0 if it has none;
# `session` that of the session's, 0 for what was noted by itself.
HEAD = np.dtype(
    [
        ("said", "<i8"),
        ("speaker", "<u4"),
        ("session", "<u4"),
        ("user", "?"),
        ("pinned", "?"),
        ("note", "?"),
        ("", "V1"),
    ]
)
_head = Struct("<qII???x").pack  # the same
_WORD = np.dtype("<u4")
_HEAD_WORDS = HEAD.itemsize // _WORD.itemsize
_SPEAKER = re.compile(r"\s*([^\W\d_]+)[\w .-]{0,30}:\s")

Heads = NDArray[np.void]


def tally(record: Record, found_by: Iterable[str]) -> bytes:
    """Return what is kept of a record with these terms."""
    speaker = _SPEAKER.match(record.text)
    head = _head(
        record.created_at,
        number_of(speaker[1].lower()) if speaker else 0,
        number_of(record.session) if record.in_session else 0,
        record.role == "user",
        record.pinned,
        not record.in_session,
    )
    return head + np.sort(np.fromiter(map(number_of, found_by), _WORD)).tobytes()


def terms_in(kept: bytes) -> list[int]:
    """Return the different terms of a record, by number."""
    different: list[int] = np.unique(np.frombuffer(kept, _WORD)[_HEAD_WORDS:]).tolist()
    return different


def moved(old: Iterable[bytes], new: Iterable[bytes]) -> Counter[int]:
    """Return in how many more records each term stands when `new` take the place of `old`."""
    change = Tallies([*new]).documents()
    change.subtract(Tallies([*old]).documents())
    return Counter({term: count for term, count in change.items() if count})


class Tallies:
    """Those of some records, as arrays with one row for each."""

    def __init__(self, kept: Collection[bytes]) -> None:
        words = np.frombuffer(b"".join(kept), _WORD)
        lengths = np.fromiter(map(len, kept), np.int64, len(kept)) // _WORD.itemsize
        ends = np.cumsum(lengths)
        head = (ends - lengths)[:, np.newaxis] + np.arange(_HEAD_WORDS)
        self.heads: Heads = words[head].view(HEAD).reshape(-1)
        body = np.ones(len(words), bool)
        body[head] = False
        self._term = words[body]
        self._row = np.repeat(np.arange(len(kept)), lengths - _HEAD_WORDS)
        first = np.ones(len(self._term), bool)  # of several that are the same
        first[1:] = (self._term[1:] != self._term[:-1]) | (self._row[1:] != self._row[:-1])
        self._first = np.flatnonzero(first)
        # How many different terms each record has.
        self.terms = np.bincount(self._row[self._first], minlength=len(kept))
        self._ends = np.cumsum(self.terms)

    def counts(self, wanted: Collection[int]) -> NDArray[np.float64]:
        """Return how often each record (row) has each of these terms (column)."""
        table = np.zeros((len(self.heads), len(wanted)))
        for column, term in enumerate(wanted):
            rows = self._row[self._term == term]
            table[:, column] = np.bincount(rows, minlength=len(self.heads))
        return table

    def bag(self, row: int) -> frozenset[int]:
        """Return the different terms of one record."""
        end = int(self._ends[row])
        return frozenset(self._term[self._first[end - int(self.terms[row]) : end]].tolist())

    def documents(self) -> Counter[int]:
        """Return in how many of the records each term stands."""
        found, counts = np.unique(self._term[self._first], return_counts=True)
        return Counter(dict(zip(found.tolist(), counts.tolist(), strict=True)))
