"""How candidates become a ranking: what speaks for each of them, added up. Pure.

A turn is scored by its own terms and, for less, by those of the turns around it: BM25's saturation
over counts of which some stand a few turns away. An answer seldom repeats the words of what it
answers, but it stands beside them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from iai.recall.weights import CONTEXT, SATURATION, SESSION_REACH, VECTORS_BESIDE

Floats = NDArray[np.float64]
Numbers = NDArray[np.integer]
Mask = NDArray[np.bool_]
# For each scored turn the rows of the turns 1, 2, ... before it, then 1, 2, ... after; -1 for none.
Beside = NDArray[np.int64]


def rarity(counts: Sequence[int], documents: int) -> Floats:
    """BM25's idf, never negative (Robertson and Zaragoza 2009, section 3.2; the 1 is Lucene's)."""
    df = np.asarray(counts, np.float64)
    return np.log1p(np.maximum(documents - df, 0) / (df + 0.5))


def by_terms(counts: Floats, rare: Floats, beside: Beside) -> tuple[Floats, Floats]:
    """Return what terms say for each turn by itself, and with those around it.

    `counts` has a row for each turn and a column for each term. BM25 (as above, section 3.3) with
    b = 0: how long a turn is says nothing here, and `brief` weighs the short ones.
    """
    own = counts[: len(beside)]
    return _saturated(own) @ rare, _saturated(own + spread(counts, beside, CONTEXT)) @ rare


def by_likeness(likeness: Floats, beside: Beside) -> tuple[Floats, Floats]:
    """Return how alike each turn is to the question by itself, and with those around it."""
    alike = np.maximum(likeness, 0.0)
    own = alike[: len(beside)]
    return own, own + spread(alike, beside, VECTORS_BESIDE)


def spread(rows: Floats, beside: Beside, weights: Sequence[float]) -> Floats:
    """Return what each turn gains from the rows of the turns around it."""
    there = np.concatenate([rows, np.zeros_like(rows[:1])])  # what -1 points to
    total = np.zeros_like(rows[: len(beside)])
    reach = beside.shape[1] // 2
    for distance, weight in enumerate(weights):
        total += weight * (there[beside[:, distance]] + there[beside[:, reach + distance]])
    return total


def by_session(likeness: Floats, labels: Numbers, sessions: Numbers, among: Mask) -> Floats:
    """Return for each turn how alike the likeliest turn near it in its session is, of some.

    `sessions` has a number for each turn, 0 for none; `among` says which may be the likeliest.
    Labels are given one after the other, so that those of one session lie close together.
    """
    apart = np.abs(labels[:, np.newaxis] - labels[among])
    same = (sessions[:, np.newaxis] == sessions[among]) & (sessions[among] > 0)
    near = ((apart <= SESSION_REACH) & same) | (apart == 0)
    best: Floats = np.where(near, likeness[among], 0.0).max(axis=1, initial=0.0)
    return best


def shares(own: Floats, whole: Floats, least: float = 0.0) -> tuple[Floats, Floats]:
    """Scale so that the best whole is 1; return what each turn has by itself, and by the others.

    Where the best is less than `least`, that counts as 1: the best of poor matches is still poor.
    """
    best = max(float(whole.max(initial=0.0)), least)
    if best <= 0:
        return np.zeros_like(own), np.zeros_like(own)
    return own / best, (whole - own) / best


def _saturated(counts: Floats) -> Floats:
    return counts * (SATURATION + 1) / (counts + SATURATION)
