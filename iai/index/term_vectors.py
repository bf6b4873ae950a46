"""What a record is scored by, in a few bytes: its terms, how often each, who said it and when.

The vector of a request also has the terms of what was done for it (`iai.index.work_terms`).

Kept for every record next to the lexical index, which finds candidates but does not know the terms
of their neighbours. Frequencies are our own as well, so that equal records score the same: those of
tantivy include deleted records until it merges.
"""

import re
from collections.abc import Collection, Sequence
from itertools import chain
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iai.index.terms import Extracted, term_id
from iai.index.work_terms import KINDS, NOTHING, WorkTerms
from iai.model.exchange import opens
from iai.model.record import CLIENT, Record

FORM = 6  # of the bytes below and of the blocks they are in: another form is rebuilt
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
_LOW = 0xFFFF  # the lower half of a word
_HEAD_WORDS = HEAD.itemsize // _WORD.itemsize
_SPEAKER = re.compile(r"\s*([^\W\d_]+)[\w .-]{0,30}:\s")

Heads = NDArray[np.void]
Places = NDArray[np.int64]


def term_vector(record: Record, found_by: Extracted, work: WorkTerms = NOTHING) -> bytes:
    """Return the term vector of a record with these terms, and those of what was done for it."""
    worked = work is not NOTHING
    parts = [sorted({*map(term_id, part)}) for part in work] if worked else NOTHING
    exchange = _exchange(record)
    speaker = None if exchange else _SPEAKER.match(record.text)
    head = _head(
        record.created_at,
        term_id(speaker[1].lower()) if speaker else 0,
        term_id(record.session) if record.in_session else 0,
        record.role == "user",
        record.is_pinned,
        record.is_fact,
        exchange,
        *map(len, parts),
    )
    said = np.sort(np.frombuffer(found_by.ids, _WORD)).tobytes()
    if not worked:
        return head + said
    return head + said + np.fromiter(chain.from_iterable(parts), _WORD).tobytes()


def _exchange(record: Record) -> int:
    if not record.in_session or record.host == CLIENT:
        return OUTSIDE
    return OPENS if opens(record) else INSIDE


def head(vector: bytes) -> np.void:
    """Return what is said of a record before its terms."""
    found: np.void = np.frombuffer(vector, HEAD, 1)[0]
    return found


def terms_in(vector: bytes) -> list[int]:
    """Return the ids of the different terms of a record's text."""
    work = int(head(vector)["work"].sum())
    words = np.frombuffer(vector, _WORD)
    different: list[int] = np.unique(words[_HEAD_WORDS : len(words) - work]).tolist()
    return different


class Counts(NamedTuple):
    """In how many records each of some terms occurs, or in how many more.

    Arrays, as dictionaries of all terms of each slice of an import took 4 µs a record.
    """

    terms: NDArray[np.uint32]  # by id, ascending
    records: NDArray[np.int64]  # as many, never 0

    def part(self, which: slice | NDArray[np.bool_]) -> "Counts":
        """Return the counts of some of the terms."""
        return Counts(self.terms[which], self.records[which])

    def by_term(self) -> dict[int, int]:
        """Return the counts by term."""
        return dict(zip(self.terms.tolist(), self.records.tolist(), strict=True))


def total(every: Sequence[Counts]) -> Counts:
    """Return the sums of some counts."""
    if len(every) == 1:
        return every[0]
    terms = np.concatenate([one.terms for one in every] or [np.empty(0, _WORD)])
    records = np.concatenate([one.records for one in every] or [np.empty(0, np.int64)])
    distinct, place = np.unique(terms, return_inverse=True)
    sums = np.bincount(place, records, len(distinct)).astype(np.int64)
    return Counts(distinct[sums != 0], sums[sums != 0])


def frequency_change(old: Collection[bytes], new: Collection[bytes]) -> Counts:
    """Return in how many more records each term occurs once `new` replaces `old`."""
    change = [TermVectors(new).document_frequencies()] if new else []
    if old:
        gone = TermVectors(old).document_frequencies()
        change.append(gone._replace(records=-gone.records))
    return total(change)


class TermVectors:
    """The term vectors of some records, as arrays with one row for each."""

    def __init__(self, vectors: Collection[bytes]) -> None:
        self._words = np.frombuffer(b"".join(vectors), _WORD)
        self._lengths = np.fromiter(map(len, vectors), np.int64, len(vectors)) // _WORD.itemsize
        self._ends = np.cumsum(self._lengths)
        starts = self._ends - self._lengths
        self._head = starts[:, np.newaxis] + np.arange(_HEAD_WORDS)
        self.heads: Heads = self._words[self._head].view(HEAD).reshape(-1)
        # Where each part of a vector begins: the text, and the kinds of work.
        work = np.cumsum(self.heads["work"][:, ::-1], axis=1, dtype=np.int64)[:, ::-1]
        bounds = self._ends[:, np.newaxis] - work
        self._bounds = np.column_stack([starts + _HEAD_WORDS, bounds])

    def find(self, wanted: Sequence[int]) -> "Occurrences":
        """Return where these terms occur."""
        sought = np.asarray(wanted, np.int64)
        likely = np.zeros(_LOW + 1, np.bool_)  # by the lower half of a word
        likely[sought & _LOW] = True
        at = np.flatnonzero(likely.take(self._words & _LOW))
        place, column = np.nonzero(self._words[at, np.newaxis] == sought)
        at = at[place]
        row = np.searchsorted(self._ends, at, side="right")
        beyond = at[:, np.newaxis] >= self._bounds[row]
        part = beyond.sum(axis=1) - 1  # -1: a number in the head
        return Occurrences((len(self.heads), len(wanted)), row, column, part)

    def distinct(self, count: int) -> NDArray[np.int64]:
        """Return how many different terms the text of each of the first records has."""
        start, end = self._bounds[:count, 0], self._bounds[:count, 1]
        words = self._words[: int(end[-1]) if count else 0]
        repeats = np.zeros(len(words) + 1, np.int64)  # words up to each that equal the last
        np.cumsum(words[1:] == words[:-1], out=repeats[1:-1])
        last = np.maximum(end - 1, start)
        distinct: NDArray[np.int64] = end - start - (repeats[last] - repeats[start])
        return distinct

    def term_set(self, row: int) -> frozenset[int]:
        """Return the different terms of the text of one record."""
        start, end = self._bounds[row, :2]
        return frozenset(self._words[start:end].tolist())

    def document_frequencies(self) -> Counts:
        """Return in how many of the records each term occurs, in the text or in the work."""
        body = np.ones(len(self._words), bool)
        body[self._head] = False
        row = np.repeat(np.arange(len(self.heads)), self._lengths)[body]
        pairs = (row << 32) | self._words[body]
        if self.heads["work"].any():  # not ascending in a row
            pairs.sort()
        first = np.ones(len(pairs), bool)
        first[1:] = pairs[1:] != pairs[:-1]
        terms, counts = np.unique((pairs[first] & 0xFFFFFFFF).astype(_WORD), return_counts=True)
        return Counts(terms, counts)


class Occurrences(NamedTuple):
    """Where some terms occur in some term vectors."""

    shape: tuple[int, int]  # how many vectors and terms there are
    row: Places  # of the vector
    column: Places  # of the term
    part: Places  # 0 for the text, 1 to 5 for each of `KINDS`

    def counts(self) -> NDArray[np.float64]:
        """Return how often the text of each record (row) has each of the terms (column)."""
        said = self.part == 0
        cells = self.row[said] * self.shape[1] + self.column[said]
        counts = np.bincount(cells, minlength=self.shape[0] * self.shape[1])
        return counts.reshape(self.shape).astype(np.float64)

    def work(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Return for each record (row) the weight of each of the terms (column) in its work.

        `weights` has one for each of `KINDS`; of several kinds with a term, the largest counts.
        """
        table = np.zeros(self.shape)
        done = self.part > 0
        gains = np.asarray(weights)[self.part[done] - 1]
        np.maximum.at(table, (self.row[done], self.column[done]), gains)
        return table
