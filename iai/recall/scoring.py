"""All that speaks for each candidate, and for the turns around it; see `fusion` for the sums."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from iai.index.term_vectors import Tallies
from iai.index.terms import number_of
from iai.index.vector import Vectors
from iai.model.clock import NS
from iai.recall import dates, speakers, weights
from iai.recall.fusion import Beside, Floats, by_terms, shares
from iai.recall.query import Asked
from iai.recall.similarity import by_vectors
from iai.recall.sources import Found, Sources
from iai.store import graph

_DECIMALS = 4  # what is not told apart by these is told apart by age
_DAY = 86_400 * NS


class Scored:
    """Labels with what each part adds to their score."""

    def __init__(self, labels: list[int], parts: dict[str, Floats], tallies: Tallies) -> None:
        self._parts = {name: np.round(gains, _DECIMALS) for name, gains in parts.items()}
        total = np.sum(list(self._parts.values()), axis=0)
        self._total = np.round(total, _DECIMALS)
        self._labels = labels
        self._row = {label: row for row, label in enumerate(labels)}
        self._tallies = tallies

    def bag(self, label: int) -> frozenset[int]:
        """Return the different terms of a record."""
        return self._tallies.bag(self._row[label])

    def ranked(self) -> Iterator[int]:
        """Yield the labels for which anything speaks, the best first, the older among equals."""
        order = np.lexsort((np.asarray(self._labels, np.int64), -self._total))
        return (self._labels[row] for row in order if self._total[row] > 0)

    def varied(self, labels: Iterable[int], k: int) -> list[tuple[int, float, dict[str, float]]]:
        """Return the first `k` of these ranked labels, with their scores and why.

        What says the same as a better one comes after those that say something else.
        """
        kept: list[frozenset[int]] = []
        found: list[tuple[int, float, dict[str, float]]] = []
        for label in islice(labels, 2 * k):
            row = self._row[label]
            why = {n: float(gains[row]) for n, gains in self._parts.items() if gains[row]}
            bag = self._tallies.bag(row)
            if any(_same(bag, other) for other in kept):
                lost = round((1 - weights.REPEATED) * float(self._total[row]), _DECIMALS)
                why["repeated"] = -lost
            else:
                kept.append(bag)
            found.append((label, round(sum(why.values()), _DECIMALS), why))
        return sorted(found, key=lambda f: (-f[1], f[0]))[:k]


def score(asked: Asked, vector: Vectors | None, found: Found, sources: Sources, now: int) -> Scored:
    """Score what was found, and the turns around it. None for a question without a vector."""
    reached, chains = _reached(found, sources.links)
    others = set(chains.ravel().tolist()).difference(reached, (0,))
    kept = sources.links.tallies([*reached, *sorted(others)])
    rows = [*kept]
    tallies = Tallies(kept.values())
    there = [label in kept for label in reached]
    beside = _rows(chains[there], rows)
    labels = rows[: len(beside)]
    parts = _by_terms(asked, tallies, beside)
    if vector is not None:
        sessions = tallies.heads["session"]
        alike = by_vectors(vector, np.asarray(rows, np.int64), beside, sessions, found, sources)
        parts |= alike | {"neighbours": parts["neighbours"] + alike["neighbours"]}
    parts |= _priors(asked.text, tallies, len(labels), sources, now)
    enough = np.minimum(tallies.terms[: len(labels)] / weights.ENOUGH_TERMS, 1.0)
    before = np.sum(list(parts.values()), axis=0)
    parts["brief"] = (weights.BRIEF - 1) * (1 - enough) * before
    return Scored(labels, parts, tallies)


def _reached(found: Found, links: graph.View) -> tuple[list[int], graph.Labels]:
    """Return what was found and the turns near it, which are scored, and what is around each."""
    labels = found.labels
    around = links.beside(labels)
    near = around.reshape(-1, 2, graph.AROUND)[:, :, : weights.REACH].ravel().tolist()
    more = sorted(set(near).difference(labels, (0,)))
    return labels + more, np.concatenate([around, links.beside(more)])


def _rows(labels: graph.Labels, rows: list[int]) -> Beside:
    """Return for each label the row that it has, -1 if it has none."""
    order = np.argsort(rows)
    ascending = np.asarray(rows, np.int64)[order]
    place = np.minimum(np.searchsorted(ascending, labels), max(len(rows) - 1, 0))
    return np.where(ascending[place] == labels, order[place], -1) if rows else np.zeros_like(labels)


def _by_terms(asked: Asked, tallies: Tallies, beside: Beside) -> dict[str, Floats]:
    own, whole = by_terms(tallies.counts(asked.numbers), asked.rarity, beside)
    words, neighbours = shares(own, whole, asked.full)
    return {"words": words, "neighbours": neighbours}


def _priors(
    question: str, tallies: Tallies, count: int, sources: Sources, now: int
) -> dict[str, Floats]:
    heads = tallies.heads[:count]
    said = heads["said"]
    newest = sources.view.watermark().max_created_at
    age: Floats = (newest - said).astype(np.float64) / _DAY
    priors: dict[str, Floats] = {
        "recent": weights.RECENT * np.exp2(-age / weights.HALF_LIFE_DAYS),
        "pinned": weights.PINNED * heads["pinned"],
        "noted": weights.NOTED * heads["note"],
    }
    roles = speakers.roles(question)
    names = [number_of(name) for name in speakers.names(question)]
    spoke = np.isin(heads["speaker"], names)
    for role, is_it in (("user", 1), ("assistant", 0)):
        if role in roles:
            spoke |= heads["user"] == is_it
    priors["speaker"] = weights.SAID_BY * spoke.astype(np.float64)
    then = dates.named(question, now)
    if then is not None:
        fits = np.fromiter((then.fits(int(at)) for at in said), np.float64, count)
        priors["time"] = weights.SAID_THEN * fits
    return priors


def _same(one: frozenset[int], other: frozenset[int]) -> bool:
    """Do two texts share nearly all their terms (Jaccard's index)?"""
    if min(len(one), len(other)) < weights.SAME * max(len(one), len(other)):
        return False
    shared = len(one & other)
    return shared >= weights.SAME * (len(one) + len(other) - shared)
