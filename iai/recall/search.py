"""Answers one question: takes candidates from each index, scores, filters and fetches them."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from msgspec import structs

from iai.index.filters import Filter, candidate_filters, requested
from iai.index.vector import Vectors
from iai.index.vector_filter import filter_mask
from iai.protocol.embedding import QueryVector
from iai.protocol.graph_cache import Hit, Provenance, Recall
from iai.recall import weights
from iai.recall.query import ParsedQuery, parse
from iai.recall.scoring import Scored, score
from iai.recall.sources import Candidates, Sources
from iai.recall.supersession import RankedHit, demote_superseded

LONGEST_HIT = 20_000  # characters of a hit's text; `iai show` has the rest
MOST_HITS = 200


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
    for only in candidate_filters(requested(request)):
        _collect(request, query, vector, only, sources, candidates)
    scored = score(query, vector, candidates, sources, now)
    return tuple(_hits(request, scored, sources)), degraded


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
    depth = max(k, min(weights.FEWEST + weights.PER_HIT * k, weights.CANDIDATES))
    by_terms = sources.lexical.search(query.selective, depth, only)
    candidates.by_terms.update(label for label, _ in by_terms)
    if vector is not None and sources.index is not None:
        mask = None if only.open else filter_mask(sources.links.facets(), only)
        nearest = sources.index.search(vector, depth, sources.exact, mask)
        candidates.by_vectors.update(label for label, _ in nearest)


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


def _hits(request: Recall, scored: Scored, sources: Sources) -> Iterator[Hit]:
    """Yield the best hits that match the filter; a scored neighbour of a candidate may not."""
    view, only = sources.view, requested(request)
    k = min(request.k, MOST_HITS)
    get, project = cache(view.get), cache(view.project_named)  # each is read twice
    matching = (
        label
        for label in scored.ranked()
        if (record := get(label)) is not None and only.fits(record)
    )
    hits = {
        label: (record, total, why)
        for label, total, why in scored.varied(matching, k)
        if (record := get(label)) is not None
    }
    ranked = [
        RankedHit(label, total, why, r.project, r.order, r.text, scored.term_set(label))
        for label, (r, total, why) in hits.items()
    ]
    for hit in demote_superseded(ranked):
        record = hits[hit.label][0]
        by = hits.get(hit.superseded_by)
        home = project(record.project)
        yield Hit(
            id=record.id,
            label=record.label,
            score=hit.score,
            why=hit.why,
            text=record.text[:LONGEST_HIT],
            role=record.role,
            host=record.host,
            session_id=record.session,
            project=record.project,
            project_name=home.name if home else "",
            cwd=record.cwd,
            created_at=record.created_at,
            pinned=record.pinned,
            tier=record.tier,
            tags=record.tags,
            source=Provenance(**structs.asdict(record.source)),
            matched=sources.lexical.matched(request.query, record.text) if request.explain else (),
            superseded_by=by[0].id if by else "",
        )
