"""The score of each candidate and of its neighbours, by part; `fusion` has the sums."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from iai.index.term_vectors import OPENS, Occurrences, TermVectors
from iai.index.terms import term_id
from iai.index.vector import Vectors
from iai.model.clock import NS
from iai.recall import dates, speakers, weights
from iai.recall.fusion import Floats, Neighbours, by_terms, in_exchange, shares
from iai.recall.query import ParsedQuery
from iai.recall.similarity import by_vectors
from iai.recall.sources import Candidates, Sources
from iai.store.graph import GraphView
from iai.store.turn_blocks import AROUND, Labels

_DECIMALS = 4  # scores equal to these are ordered by age
_DAY = 86_400 * NS
_LEAST = 1e-9  # instead of 0, for a question without terms


class Scored:
    """Labels with what each part adds to their score."""

    def __init__(
        self, labels: list[int], parts: dict[str, Floats], term_vectors: TermVectors
    ) -> None:
        self._names = tuple(parts)
        gains = np.round(list(parts.values()), _DECIMALS)
        self._gains = np.ascontiguousarray(gains.T)
        self._total = np.round(np.sum(gains, axis=0), _DECIMALS)
        self._labels = labels
        self._row = row = {label: row for row, label in enumerate(labels)}
        # The different terms of a record, by its label.
        self.term_set = cache(lambda label: term_vectors.term_set(row[label]))

    def ranked(self) -> Iterator[int]:
        """Yield the labels with a score above 0, the best first, the older among equals."""
        order = np.lexsort((np.asarray(self._labels, np.int64), -self._total))
        return (self._labels[row] for row in order if self._total[row] > 0)

    def parts(self, label: int) -> dict[str, float]:
        """Return what each part adds to the score of a label."""
        gains = self._gains[self._row[label]].tolist()
        return {name: gain for name, gain in zip(self._names, gains, strict=True) if gain}

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
    found = candidates.labels
    reached, chains = _reached(found, sources.links)
    others = set(chains.ravel().tolist()).difference(reached, (0,))
    kept = sources.links.term_vectors([*reached, *sorted(others)])
    rows = [*kept]
    term_vectors = TermVectors(kept.values())
    there = [label in kept for label in reached]
    neighbours = _rows(chains[there], rows)
    exactly = sum(there[: len(found)])  # the first rows are those of the candidates
    labels = rows[: len(neighbours)]
    occurrences = term_vectors.find(query.term_ids)
    parts = _by_terms(query, term_vectors, occurrences, neighbours)
    if vector is not None:
        sessions = term_vectors.heads["session"]
        every = np.asarray(rows, np.int64)
        similar = by_vectors(vector, every, neighbours, sessions, exactly, sources)
        parts |= similar | {"neighbours": parts["neighbours"] + similar["neighbours"]}
    parts |= _priors(query.text, term_vectors, len(labels), sources, now)
    on_purpose = _on_purpose(term_vectors, len(labels))
    parts["remembered"] = weights.REMEMBERED * parts["words"] * on_purpose
    enough = np.minimum(term_vectors.distinct(len(labels)) / weights.ENOUGH_TERMS, 1.0)
    enough = np.maximum(enough, on_purpose)
    before = np.sum(list(parts.values()), axis=0)
    parts["brief"] = (weights.BRIEF - 1) * (1 - enough) * before
    parts |= _by_work(query, occurrences, labels, candidates)
    return Scored(labels, parts, term_vectors)


def _reached(labels: list[int], links: GraphView) -> tuple[list[int], Labels]:
    """Return the labels to score, candidates and turns near them, and the neighbours of each."""
    around = links.neighbours(labels)
    near = around.reshape(-1, 2, AROUND)[:, :, : weights.REACH].ravel().tolist()
    more = sorted(set(near).difference(labels, (0,)))
    return labels + more, np.concatenate([around, links.neighbours(more)])


def _rows(labels: Labels, rows: list[int]) -> Neighbours:
    """Return the row of each label, -1 if it has none."""
    order = np.argsort(rows)
    ascending = np.asarray(rows, np.int64)[order]
    place = np.minimum(np.searchsorted(ascending, labels), max(len(rows) - 1, 0))
    return np.where(ascending[place] == labels, order[place], -1) if rows else np.zeros_like(labels)


def _by_terms(
    query: ParsedQuery, term_vectors: TermVectors, found: Occurrences, neighbours: Neighbours
) -> dict[str, Floats]:
    exchange = term_vectors.heads["exchange"]
    beside = in_exchange(neighbours, exchange > 0, exchange == OPENS)
    own, whole = by_terms(found.counts(), query.rarity, beside)
    words, lent = shares(own, whole, query.full)
    return {"words": words, "neighbours": lent}


def _by_work(
    query: ParsedQuery, found: Occurrences, labels: list[int], candidates: Candidates
) -> dict[str, Floats]:
    """Return what a request gains by what was done for it, and by the narration of that."""
    done = found.work(weights.WORK)[: len(labels)] @ query.rarity
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
