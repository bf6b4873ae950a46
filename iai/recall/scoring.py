"""All that speaks for each candidate, and for the turns around it; see `fusion` for the sums."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from iai.clock import NS
from iai.index.lexical import LexicalIndex
from iai.index.tally import Tallies
from iai.index.terms import number_of, terms
from iai.index.vector import VectorIndex, Vectors
from iai.recall import weights, when, who
from iai.recall.fusion import Beside, Floats, by_terms, by_vectors, rarity, shares
from iai.store import graph, records

MOST_TERMS = 64  # of a question, the rarest ones: it may be a whole log that somebody pasted
_DECIMALS = 4  # what is not told apart by these is told apart by age
_AROUND = len(weights.CONTEXT)
_DAY = 86_400 * NS

Chain = tuple[list[int], list[int]]  # labels before and after, the nearest first


class Sources:
    """What a question is put to. A part that is None cannot answer."""

    def __init__(
        self,
        view: records.View,
        links: graph.View,
        lexical: LexicalIndex,
        index: VectorIndex | None,
        generation: int,
    ) -> None:
        self.view = view
        self.links = links
        self.lexical = lexical
        self.index = index
        self.generation = generation
        self._beside: dict[int, tuple[int, int]] = {}

    def around(self, label: int, distance: int) -> Chain:
        """Labels of the turns so far away in the session, before and after."""
        return self._chain(label, distance, 0), self._chain(label, distance, 1)

    def _chain(self, label: int, distance: int, side: int) -> list[int]:
        chain: list[int] = []
        while len(chain) < distance and (label := self._next_to(label)[side]):
            chain.append(label)
        return chain

    def _next_to(self, label: int) -> tuple[int, int]:
        """The turns just before and just after; 0 for none."""
        if label not in self._beside:
            sides = {edge.relation: edge.to for edge in self.links.edges(label)}
            self._beside[label] = sides.get("previous", 0), sides.get("next", 0)
        return self._beside[label]


class Scored:
    """Labels with what each part adds to their score."""

    def __init__(self, labels: list[int], parts: dict[str, Floats], tallies: Tallies) -> None:
        self._parts = {name: np.round(gains, _DECIMALS) for name, gains in parts.items()}
        total = np.sum(list(self._parts.values()), axis=0)
        self._total = np.round(total, _DECIMALS)
        self._labels = labels
        self._row = {label: row for row, label in enumerate(labels)}
        self._tallies = tallies

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


def score(
    question: str, vector: Vectors | None, found: set[int], sources: Sources, now: int
) -> Scored:
    """Score what was found, and the turns around it. None for a question without a vector."""
    reached = {
        label: sources.around(label, _AROUND) for label in sorted(_with_neighbours(found, sources))
    }
    outer = {label for chain in reached.values() for side in chain for label in side}
    kept = sources.links.tallies([*reached, *sorted(outer - set(reached))])
    labels = [label for label in reached if label in kept]
    rows = {label: row for row, label in enumerate([*labels, *(kept.keys() - set(labels))])}
    tallies = Tallies([kept[label] for label in rows])
    beside = _beside([reached[label] for label in labels], rows)
    parts = _by_terms(question, tallies, beside, sources.links)
    if vector is not None and sources.index is not None:
        likeness = (sources.index.of(list(rows)) @ vector).astype(np.float64)
        own, whole = shares(*by_vectors(likeness, beside))
        parts["vectors"] = weights.VECTORS * own
        parts["neighbours"] = parts["neighbours"] + weights.VECTORS * whole
    parts |= _priors(question, tallies, len(labels), sources, now)
    enough = np.minimum(tallies.terms[: len(labels)] / weights.ENOUGH_TERMS, 1.0)
    before = np.sum(list(parts.values()), axis=0)
    parts["brief"] = (weights.BRIEF - 1) * (1 - enough) * before
    return Scored(labels, parts, tallies)


def _with_neighbours(found: set[int], sources: Sources) -> set[int]:
    sides = (side for label in found for side in sources.around(label, weights.REACH))
    return found.union(*sides)


def _beside(chains: list[Chain], rows: dict[int, int]) -> Beside:
    beside = np.full((len(chains), 2 * _AROUND), -1, np.int64)
    for row, chain in enumerate(chains):
        for side, labels in enumerate(chain):
            for distance, label in enumerate(labels):
                beside[row, side * _AROUND + distance] = rows.get(label, -1)
    return beside


def _by_terms(
    question: str, tallies: Tallies, beside: Beside, links: graph.View
) -> dict[str, Floats]:
    wanted = dict.fromkeys(number_of(term) for term in terms(question))
    counts = links.counts(wanted)
    rarest = sorted(counts, key=lambda term: (counts[term], term))[:MOST_TERMS]
    rare = rarity([counts[term] for term in rarest], links.tallied())
    own, whole = by_terms(tallies.counts(rarest).astype(np.float64), rare, beside)
    words, neighbours = shares(own, whole)
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
    roles = who.roles(question)
    names = [number_of(name) for name in who.names(question)]
    spoke = np.isin(heads["speaker"], names)
    for role, is_it in (("user", 1), ("assistant", 0)):
        if role in roles:
            spoke |= heads["user"] == is_it
    priors["speaker"] = weights.SAID_BY * spoke.astype(np.float64)
    then = when.named(question, now)
    if then is not None:
        fits = np.fromiter((then.fits(int(at)) for at in said), np.float64, count)
        priors["time"] = weights.SAID_THEN * fits
    return priors


def _same(one: frozenset[int], other: frozenset[int]) -> bool:
    """Do two texts share nearly all their terms (Jaccard's index)?"""
    return len(one & other) >= weights.SAME * len(one | other)
