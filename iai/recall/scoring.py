"""The score of each candidate and of its neighbours, by part; `fusion` has the sums."""

from collections.abc import Iterator

import numpy as np

from iai.index.term_vectors import OPENS, TermVectors
from iai.index.terms import term_id
from iai.index.vector import Vectors
from iai.model.clock import NS
from iai.recall import dates, speakers, weights
from iai.recall.fusion import Floats, Neighbours, by_terms, in_exchange, shares
from iai.recall.query import ParsedQuery
from iai.recall.similarity import by_vectors
from iai.recall.sources import Candidates, Sources
from iai.store import graph
from iai.store.graph import GraphView

_DECIMALS = 4  # scores equal to these are ordered by age
_DAY = 86_400 * NS
_LEAST = 1e-9  # instead of 0, for a question without terms


class Scored:
    """Labels with what each part adds to their score."""

    def __init__(
        self, labels: list[int], parts: dict[str, Floats], term_vectors: TermVectors
    ) -> None:
        self._parts = {name: np.round(gains, _DECIMALS) for name, gains in parts.items()}
        total = np.sum(list(self._parts.values()), axis=0)
        self._total = np.round(total, _DECIMALS)
        self._labels = labels
        self._row = {label: row for row, label in enumerate(labels)}
        self._term_vectors = term_vectors

    def term_set(self, label: int) -> frozenset[int]:
        """Return the different terms of a record."""
        return self._term_vectors.term_set(self._row[label])

    def ranked(self) -> Iterator[int]:
        """Yield the labels with a score above 0, the best first, the older among equals."""
        order = np.lexsort((np.asarray(self._labels, np.int64), -self._total))
        return (self._labels[row] for row in order if self._total[row] > 0)

    def parts(self, label: int) -> dict[str, float]:
        """Return what each part adds to the score of a label."""
        row = self._row[label]
        return {name: float(gains[row]) for name, gains in self._parts.items() if gains[row]}

    def __contains__(self, label: int) -> bool:
        return label in self._row


def score(
    query: ParsedQuery,
    vector: Vectors | None,
    candidates: Candidates,
    sources: Sources,
    now: int,
) -> Scored:
    """Score the candidates and their neighbours. `vector` is None for a question without one."""
    reached, chains = _reached(candidates, sources.links)
    others = set(chains.ravel().tolist()).difference(reached, (0,))
    kept = sources.links.term_vectors([*reached, *sorted(others)])
    rows = [*kept]
    term_vectors = TermVectors(kept.values())
    there = [label in kept for label in reached]
    neighbours = _rows(chains[there], rows)
    labels = rows[: len(neighbours)]
    parts = _by_terms(query, term_vectors, neighbours)
    if vector is not None:
        sessions = term_vectors.heads["session"]
        every = np.asarray(rows, np.int64)
        similar = by_vectors(vector, every, neighbours, sessions, candidates, sources)
        parts |= similar | {"neighbours": parts["neighbours"] + similar["neighbours"]}
    parts |= _priors(query.text, term_vectors, len(labels), sources, now)
    on_purpose = _on_purpose(term_vectors, len(labels))
    parts["remembered"] = weights.REMEMBERED * parts["words"] * on_purpose
    enough = np.minimum(term_vectors.terms[: len(labels)] / weights.ENOUGH_TERMS, 1.0)
    enough = np.maximum(enough, on_purpose)
    before = np.sum(list(parts.values()), axis=0)
    parts["brief"] = (weights.BRIEF - 1) * (1 - enough) * before
    parts |= _by_work(query, term_vectors, labels, candidates)
    return Scored(labels, parts, term_vectors)


def _reached(candidates: Candidates, links: GraphView) -> tuple[list[int], graph.Labels]:
    """Return the labels to score, candidates and turns near them, and the neighbours of each."""
    labels = candidates.labels
    around = links.neighbours(labels)
    near = around.reshape(-1, 2, graph.AROUND)[:, :, : weights.REACH].ravel().tolist()
    more = sorted(set(near).difference(labels, (0,)))
    return labels + more, np.concatenate([around, links.neighbours(more)])


def _rows(labels: graph.Labels, rows: list[int]) -> Neighbours:
    """Return the row of each label, -1 if it has none."""
    order = np.argsort(rows)
    ascending = np.asarray(rows, np.int64)[order]
    place = np.minimum(np.searchsorted(ascending, labels), max(len(rows) - 1, 0))
    return np.where(ascending[place] == labels, order[place], -1) if rows else np.zeros_like(labels)


def _by_terms(
    query: ParsedQuery, term_vectors: TermVectors, neighbours: Neighbours
) -> dict[str, Floats]:
    exchange = term_vectors.heads["exchange"]
    beside = in_exchange(neighbours, exchange > 0, exchange == OPENS)
    own, whole = by_terms(term_vectors.counts(query.term_ids), query.rarity, beside)
    words, lent = shares(own, whole, query.full)
    return {"words": words, "neighbours": lent}


def _by_work(
    query: ParsedQuery, term_vectors: TermVectors, labels: list[int], candidates: Candidates
) -> dict[str, Floats]:
    """Return what a request gains by what was done for it, and by the narration of that."""
    done = term_vectors.work(query.term_ids, weights.WORK)[: len(labels)] @ query.rarity
    narrated = np.asarray([candidates.narrated.get(label, 0.0) for label in labels], np.float64)
    full = max(query.full, _LEAST)
    return {
        "work": np.minimum(done / full, weights.MOST_WORK),
        "narration": weights.NARRATION * np.minimum(narrated / full, 1.0),
    }


def _on_purpose(term_vectors: TermVectors, count: int) -> Floats:
    heads = term_vectors.heads[:count]
    chosen: Floats = (heads["note"] | heads["pinned"]).astype(np.float64)
    return chosen


def _priors(
    question: str, term_vectors: TermVectors, count: int, sources: Sources, now: int
) -> dict[str, Floats]:
    heads = term_vectors.heads[:count]
    said = heads["said"]
    newest = sources.view.watermark().max_created_at
    age: Floats = (newest - said).astype(np.float64) / _DAY
    priors: dict[str, Floats] = {
        "recent": weights.RECENT * np.exp2(-age / weights.HALF_LIFE_DAYS),
        "pinned": weights.PINNED * heads["pinned"],
        "noted": weights.NOTED * heads["note"],
    }
    roles = speakers.roles(question)
    names = [term_id(name) for name in speakers.names(question)]
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
