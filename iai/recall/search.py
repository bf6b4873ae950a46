"""Answers one question: takes candidates from each index, scores, filters and fetches them."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from msgspec import structs

from iai.index.filters import Filter, candidate_filters, requested
from iai.index.lexical import NARRATION, WORK
from iai.index.term_vectors import TermVectors
from iai.index.terms import term_id
from iai.index.vector import Mask, Vectors
from iai.index.vector_filter import filter_mask
from iai.protocol.embedding import QueryVector
from iai.protocol.graph_cache import Hit, Recall
from iai.recall import action_filter, weights
from iai.recall.exchanges import Exchanges, FoundExchange, nearest_first
from iai.recall.fusion import bm25
from iai.recall.hits import HitMaker
from iai.recall.query import ParsedQuery, parse
from iai.recall.scoring import Scored, score
from iai.recall.sources import Candidates, Sources
from iai.recall.supersession import RankedHit, demote_superseded, latest_first
from iai.store.graph import GraphView

MOST_HITS = 200
NOTES = ("semantic", "procedural")  # tiers of what is noted outside a conversation
_DECIMALS = 4  # beyond these a sum depends on the order of what is summed
_TURNS = 3  # of an exchange that are read, on average
_READ = 60  # records at once: as many as ten hits take
_SPARE = 10  # exchanges that are read besides: some say the same, or are a program's


def search(request: Recall, sources: Sources, now: int) -> tuple[tuple[Hit, ...], list[str]]:
    """Return the hits, the best first, and which parts are missing from the answer, and why.

    `now` is the wall time, for questions that say "yesterday".
    """
    degraded: list[str] = []
    given = _vector(request.vectors, sources)
    vector = None if isinstance(given, str) else given
    if isinstance(given, str):
        degraded.append(f"vectors: {given}")
    query = parse(request.query, sources.links)
    candidates = Candidates()
    done = action_filter.requested(request)
    allowed = None
    if not done.open:
        allowed = action_filter.matching(done, sources.view, sources.lexical)
        candidates.by_work.update(islice(allowed, MOST_HITS))
    for only in _filters(request):
        _collect(request, query, vector, only, sources, candidates)
    if not requested(request).tier:
        _collect_notes(request, query, sources, candidates)
    scored = score(query, vector, candidates, sources, now)
    return tuple(_hits(request, query, scored, sources, allowed)), degraded


def _filters(request: Recall) -> Iterator[Filter]:
    """Yield the filters that candidates are taken by; those of `near` are looked for as well."""
    only = requested(request)
    yield from candidate_filters(only)
    if request.near and not only.project:
        yield from candidate_filters(structs.replace(only, project=request.near))


def _collect_notes(
    request: Recall, query: ParsedQuery, sources: Sources, candidates: Candidates
) -> None:
    """Add the notes that share terms with the question: they are few, short, and meant to last."""
    for tier in NOTES:
        only = structs.replace(requested(request), tier=tier)
        candidates.by_terms.update(_by_terms(query, weights.NOTES, only, sources))


def _collect(
    request: Recall,
    query: ParsedQuery,
    vector: Vectors | None,
    only: Filter,
    sources: Sources,
    candidates: Candidates,
) -> None:
    """Add the records that match the filter and share terms with the question, or are like it."""
    k = min(request.k, MOST_HITS)
    more = weights.PER_HIT * max(k - weights.FIRST, 0)
    depth = max(k, min(weights.FEWEST + more, weights.CANDIDATES))
    candidates.by_terms.update(_by_terms(query, depth, only, sources))
    by_work = sources.lexical.covering(WORK, query.selective_rarity, depth, only)
    candidates.by_work.update(label for label, _ in by_work)
    candidates.narrated |= dict(
        sources.lexical.covering(NARRATION, query.every, weights.NARRATED, only)
    )
    if vector is not None and sources.index is not None:
        mask = None if only.open else _mask(sources.links, only)
        nearest = sources.index.search(vector, depth, sources.exact, mask)
        candidates.by_vectors.update(label for label, _ in nearest)


def _by_terms(query: ParsedQuery, k: int, only: Filter, sources: Sources) -> list[int]:
    """Return the labels of the `k` best matches, whatever was deleted from the index before.

    What the index says of them depends on that. So it is asked for more, and these are ranked by
    counts of our own.
    """
    found = [label for label, _ in sources.lexical.search(query.selective, weights.WIDER * k, only)]
    if len(found) <= k:
        return found
    kept = sources.links.term_vectors(found)
    vectors = TermVectors(kept.values())
    ids = [term_id(term) for term in query.selective]
    rare = np.asarray([query.every[term] for term in query.selective])
    scores = bm25(vectors.find(ids).counts(), rare, vectors.distinct(len(kept)))
    labels = np.asarray([*kept], np.int64)
    best: list[int] = labels[np.lexsort((labels, -np.round(scores, _DECIMALS)))][:k].tolist()
    return best


def _mask(links: GraphView, only: Filter) -> Mask:
    rows = links.facets()
    return filter_mask(rows, links.machines(len(rows)), only)


def _vector(given: tuple[QueryVector, ...], sources: Sources) -> Vectors | str:
    """Return the query's vector for the index, or why there is none."""
    if sources.index is None:
        return "nothing is indexed yet"
    if not given:
        return "the embedder gave no vector for the query"
    for vector in given:
        data = np.frombuffer(vector.data, "<f4")
        if vector.generation == sources.generation and len(data) == sources.index.dimension:
            return data.astype(np.float32)
    return f"the query has no vector of generation {sources.generation}, which is indexed"


def _hits(
    request: Recall,
    query: ParsedQuery,
    scored: Scored,
    sources: Sources,
    allowed: dict[int, None] | None,
) -> Iterator[Hit]:
    """Yield the best hits that match the filter; a scored neighbour of a candidate may not.

    `allowed` are the requests of the exchanges that may be hits; None: any.
    """
    only, k = requested(request), min(request.k, MOST_HITS)
    exchanges, every = Exchanges(scored, sources), only.open
    matching = (
        label
        for label in _read_ahead(scored.ranked(), sources)
        if (record := sources.record(label)) is not None
        and (every or only.fits(record))
        and (allowed is None or ((r := exchanges.request(record)) and r.label in allowed))
    )
    found = _distinct(exchanges, matching, max(k, weights.FIRST))
    ids = _order(found, scored, query)
    near = "" if only.project else request.near
    found.sort(key=lambda f: (f.unattended, -f.score, f.best.label))
    make = HitMaker(query, sources, near, explain=request.explain)
    for one in nearest_first(found, near, k, lambda f: f.best.project):
        yield make.hit(one, ids.get(one.best.label, ""))


def _read_ahead(ranked: Iterator[int], sources: Sources) -> Iterator[int]:
    """Yield the labels, whose records are then read."""
    while labels := list(islice(ranked, _READ)):
        sources.read(labels)
        yield from labels


def _distinct(exchanges: Exchanges, ranked: Iterator[int], k: int) -> list[FoundExchange]:
    """Return at least `k` exchanges that differ, if there are so many, of turns in their order."""
    labels: list[int] = []
    while True:
        more = list(islice(ranked, _TURNS * (k + _SPARE)))
        labels += more
        found = exchanges.distinct(exchanges.group(labels))
        if len(found) >= k or not more:
            return found


def _order(found: list[FoundExchange], scored: Scored, query: ParsedQuery) -> dict[int, str]:
    """Put what a later text corrects behind that; return for each the id of its correction.

    Of two statements that answer the question, the later comes first.
    """
    by_label = {one.best.label: one for one in found}
    ranked = [_ranked(one, scored) for one in found]
    rarity = dict(zip(query.term_ids, query.rarity.tolist(), strict=True))
    ids: dict[int, str] = {}
    for hit in latest_first(demote_superseded(ranked), rarity):
        one = by_label[hit.label]
        one.score, one.why = hit.score, hit.why
        if hit.superseded_by:
            ids[hit.label] = by_label[hit.superseded_by].best.id
    return ids


def _ranked(one: FoundExchange, scored: Scored) -> RankedHit:
    """Return what decides its place: what a person said in it, if that was found."""
    said = next((turn for turn in one.turns if turn.role == "user"), one.best)
    return RankedHit(
        one.best.label, one.score, one.why, said.project, said.order, said.text,
        scored.term_set(said.label), said.role == "user" or not said.in_session,
    )  # fmt: skip
