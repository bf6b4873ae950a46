"""What a record is scored by, in a few bytes: its terms, how often each, who said it and when.

The vector of a request also has the terms of what was done for it (`iai.index.work_terms`).

Kept for every record next to the lexical index, which finds candidates but does not know the terms
of their neighbours. Frequencies are our own as well, so that equal records score the same: those of
tantivy include deleted records until it merges.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import chain
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from iai.index.terms import Extracted, term_id
from iai.index.work_terms import KINDS, NOTHING, WorkTerms
from iai.model.exchange import opens
from iai.model.record import CLIENT, Record

FORM = 5  # of the bytes below: what has another form is rebuilt
OUTSIDE, INSIDE, OPENS = range(3)  # of an exchange, or the request that opens it

# A head, then the ids of the terms, ascending, each as often as it occurs in the text, then those
# of the work by kind, each once. `exchange` is one of the three numbers above. `speaker` is the id
# of the name that a text begins with ("Ada: ..."), or 0; in an exchange it is always 0, for there
# such a word names no speaker ("Fixed: ..."). `session` is the id of the session, or 0 for what was
# noted outside one. `note` says that it was captured on its own, and `work` how many terms there
# are of each kind.
HEAD = np.dtype(
    [
        ("said", "<i8"),
        ("speaker", "<u4"),
        ("session", "<u4"),
        ("user", "?"),
        ("pinned", "?"),
        ("note", "?"),
        ("exchange", "u1"),
        ("work", "<u2", (len(KINDS),)),
        ("", "V2"),
    ]
)
_head = Struct(f"<qII???B{len(KINDS)}H2x").pack  # the same
_WORD = np.dtype("<u4")
_HEAD_WORDS = HEAD.itemsize // _WORD.itemsize
_SPEAKER = re.compile(r"\s*([^\W\d_]+)[\w .-]{0,30}:\s")

Heads = NDArray[np.void]


def term_vector(record: Record, found_by: Extracted, work: WorkTerms = NOTHING) -> bytes:
    """Return the term vector of a record with these terms, and those of what was done for it."""
    parts = [sorted({*map(term_id, part)}) for part in work]
    exchange = _exchange(record)
    speaker = None if exchange else _SPEAKER.match(record.text)
    head = _head(
        record.created_at,
        term_id(speaker[1].lower()) if speaker else 0,
        term_id(record.session) if record.in_session else 0,
        record.role == "user",
        record.pinned,
        record.is_fact,
        exchange,
        *map(len, parts),
    )
    text = np.sort(np.frombuffer(found_by.ids, _WORD))
    return head + text.tobytes() + np.fromiter(chain.from_iterable(parts), _WORD).tobytes()


def _exchange(record: Record) -> int:
    if not record.in_session or record.host == CLIENT:
        return OUTSIDE
    return OPENS if opens(record) else INSIDE


def terms_in(vector: bytes) -> list[int]:
    """Return the ids of the different terms of a record's text."""
    work = int(np.frombuffer(vector, HEAD, 1)["work"].sum())
    words = np.frombuffer(vector, _WORD)
    different: list[int] = np.unique(words[_HEAD_WORDS : len(words) - work]).tolist()
    return different


def frequency_change(old: Collection[bytes], new: Collection[bytes]) -> Counter[int]:
    """Return in how many more records each term occurs once `new` replaces `old`."""
    change = TermVectors(new).document_frequencies() if new else Counter[int]()
    if not old:
        return change
    change.subtract(TermVectors(old).document_frequencies())
    return Counter({term: count for term, count in change.items() if count})


class TermVectors:
    """The term vectors of some records, as arrays with one row for each."""

    def __init__(self, vectors: Collection[bytes]) -> None:
        words = np.frombuffer(b"".join(vectors), _WORD)
        lengths = np.fromiter(map(len, vectors), np.int64, len(vectors)) // _WORD.itemsize
        ends = np.cumsum(lengths)
        head = (ends - lengths)[:, np.newaxis] + np.arange(_HEAD_WORDS)
        self.heads: Heads = words[head].view(HEAD).reshape(-1)
        body = np.ones(len(words), bool)
        body[head] = False
        work = self.heads["work"].astype(np.int64)
        whole = lengths - _HEAD_WORDS
        sizes = np.column_stack([whole - work.sum(axis=1), work])
        kind = np.repeat(np.tile(np.arange(-1, len(KINDS)), len(vectors)), sizes.ravel())
        row = np.repeat(np.arange(len(vectors)), whole)
        term, said = words[body], kind < 0
        self._term, self._row = term[said], row[said]
        self._work = term[~said], row[~said], kind[~said]
        first = np.ones(len(self._term), bool)  # of several occurrences
        first[1:] = (self._term[1:] != self._term[:-1]) | (self._row[1:] != self._row[:-1])
        self._first = np.flatnonzero(first)
        # How many different terms each record has.
        self.terms = np.bincount(self._row[self._first], minlength=len(vectors))
        self._ends = np.cumsum(self.terms)

    def counts(self, wanted: Collection[int]) -> NDArray[np.float64]:
        """Return how often each record (row) has each of these terms (column)."""
        table = np.zeros((len(self.heads), len(wanted)))
        for column, term in enumerate(wanted):
            rows = self._row[self._term == term]
            table[:, column] = np.bincount(rows, minlength=len(self.heads))
        return table

    def work(self, wanted: Sequence[int], weights: Sequence[float]) -> NDArray[np.float64]:
        """Return for each record (row) the weight of each of these terms (column) in its work.

        `weights` has one for each of `KINDS`; of several kinds with a term, the largest counts.
        """
        table = np.zeros((len(self.heads), len(wanted)))
        term, row, kind = self._work
        if len(term) and len(wanted):
            order = np.argsort(np.asarray(wanted, np.int64))
            ascending = np.asarray(wanted, np.int64)[order]
            place = np.minimum(np.searchsorted(ascending, term), len(wanted) - 1)
            there = ascending[place] == term
            gains = np.asarray(weights)[kind[there]]
            np.maximum.at(table, (row[there], order[place[there]]), gains)
        return table

    def term_set(self, row: int) -> frozenset[int]:
        """Return the different terms of one record."""
        end = int(self._ends[row])
        return frozenset(self._term[self._first[end - int(self.terms[row]) : end]].tolist())

    def document_frequencies(self) -> Counter[int]:
        """Return in how many of the records each term occurs, in the text or in the work."""
        found = self._term[self._first]
        if len(self._work[0]):
            rows = np.concatenate([self._row[self._first], self._work[1]])
            pairs = (rows << 32) | np.concatenate([found, self._work[0]])
            found = (np.unique(pairs) & 0xFFFFFFFF).astype(_WORD)
        terms, counts = np.unique(found, return_counts=True)
        return Counter(dict(zip(terms.tolist(), counts.tolist(), strict=True)))
