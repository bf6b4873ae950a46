"""How the parts of a score are computed from counts and similarities. Pure.

A turn is scored by its own terms and, for less, by those of its neighbours: BM25's saturation over
counts of which some are from a few turns away. An answer seldom repeats the words of the question,
but it comes right after it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iai.recall.weights import CONTEXT, SATURATION, SESSION_REACH, VECTOR_CONTEXT

Floats = NDArray[np.float64]
Numbers = NDArray[np.integer]
Mask = NDArray[np.bool_]
# For each scored turn the rows of the turns 1, 2, ... before it, then 1, 2, ... after; -1 for none.
Neighbours = NDArray[np.int64]

_K1, _B = 1.2, 0.75  # as in tantivy
_LENGTH = 40  # different terms of a text, on average


def rarity(counts: Sequence[int], documents: int) -> Floats:
    """BM25's idf, never negative (Robertson and Zaragoza 2009, section 3.2; the 1 is Lucene's)."""
    df = np.asarray(counts, np.float64)
    return np.log1p(np.maximum(documents - df, 0) / (df + 0.5))


def bm25(counts: Floats, rare: Floats, lengths: Numbers) -> Floats:
    """Return the score of each text (row) for some terms (columns), as the lexical index ranks.

    Robertson and Zaragoza 2009, section 3.2, with the usual k1 and b. Their average length is a
    fixed number here, so that the order of two texts depends on no third.
    """
    norm = _K1 * (1 - _B + _B * lengths / _LENGTH)
    return (counts * (_K1 + 1) / (counts + norm[:, np.newaxis])) @ rare


def by_terms(counts: Floats, rare: Floats, neighbours: Neighbours) -> tuple[Floats, Floats]:
    """Return the score of each turn by its own terms, and with those of its neighbours.

    `counts` has a row for each turn and a column for each term. BM25 (as above, section 3.3) with
    b = 0: the length of a turn does not matter here, and `brief` weighs the short ones.
    """
    own = counts[: len(neighbours)]
    return _saturated(own) @ rare, _saturated(own + spread(counts, neighbours, CONTEXT)) @ rare


def in_exchange(neighbours: Neighbours, inside: Mask, opens: Mask) -> Neighbours:
    """Return the neighbours without those of other exchanges: -1 in their place.

    `inside` and `opens` have a value for each row: is the turn in an exchange, and does it open
    one? A turn in no exchange keeps all its neighbours.
    """
    reach = neighbours.shape[1] // 2
    own = slice(len(neighbours))
    starts = np.append(opens, False)[neighbours]
    before = np.column_stack([opens[own], starts[:, : reach - 1]])
    ended = np.column_stack([before, starts[:, reach:]]).reshape(-1, 2, reach)
    beyond = np.logical_or.accumulate(ended, axis=2).reshape(-1, 2 * reach)
    return np.where(beyond & inside[own, np.newaxis], -1, neighbours)


def by_similarity(similarity: Floats, neighbours: Neighbours) -> tuple[Floats, Floats]:
    """Return the similarity of each turn to the question, and that with its neighbours' added."""
    positive = np.maximum(similarity, 0.0)
    own = positive[: len(neighbours)]
    return own, own + spread(positive, neighbours, VECTOR_CONTEXT)


def spread(rows: Floats, neighbours: Neighbours, weights: Sequence[float]) -> Floats:
    """Return what each turn gains from the rows of its neighbours."""
    padded = np.concatenate([rows, np.zeros_like(rows[:1])])  # -1 points to the zeros
    total = np.zeros_like(rows[: len(neighbours)])
    reach = neighbours.shape[1] // 2
    for distance, weight in enumerate(weights):
        before, after = neighbours[:, distance], neighbours[:, reach + distance]
        total += weight * (padded[before] + padded[after])
    return total


def by_session(similarity: Floats, labels: Numbers, sessions: Numbers, among: Mask) -> Floats:
    """Return for each turn the similarity of the most similar turn near it in its session.

    `sessions` has a number for each turn, 0 for none; `among` says which turns may be that one.
    Labels are given in the order of arrival, so those of one session are close together.
    """
    apart = np.abs(labels[:, np.newaxis] - labels[among])
    same = (sessions[:, np.newaxis] == sessions[among]) & (sessions[among] > 0)
    near = ((apart <= SESSION_REACH) & same) | (apart == 0)
    best: Floats = np.where(near, similarity[among], 0.0).max(axis=1, initial=0.0)
    return best


def shares(own: Floats, whole: Floats, least: float = 0.0) -> tuple[Floats, Floats]:
    """Scale so that the best whole is 1; return each turn's own share, and that of the others.

    If the best is less than `least`, `least` counts as 1: the best of poor matches is still poor.
    """
    best = max(float(whole.max(initial=0.0)), least)
    if best <= 0:
        return np.zeros_like(own), np.zeros_like(own)
    return own / best, (whole - own) / best


def _saturated(counts: Floats) -> Floats:
    return counts * (SATURATION + 1) / (counts + SATURATION)
