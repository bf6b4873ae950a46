"""One question answered: candidates from each index, fused, filtered, and fetched."""

from collections.abc import Iterator

import numpy as np

from iai.index.vector import Vectors
from iai.messages import Hit, QueryVector, Recall
from iai.recall import weights
from iai.recall.scoring import Scored, Sources, score
from iai.store import records

LONGEST_HIT = 20_000  # characters of a hit's text; `iai show` has the rest
MOST_HITS = 200


def search(request: Recall, sources: Sources, now: int) -> tuple[tuple[Hit, ...], list[str]]:
    """Return the hits, the best first, and which parts could not take part, and why.

    `now` is the wall time, for questions that say "yesterday".
    """
    degraded: list[str] = []
    depth = max(weights.CANDIDATES, min(request.k, MOST_HITS))
    found = {label for label, _ in sources.lexical.search(request.query, depth, request.project)}
    given = _vector(request.vectors, sources)
    vector = None if isinstance(given, str) else given
    if isinstance(given, str):
        degraded.append(f"vectors: {given}")
    if vector is not None and sources.index is not None:
        only = sources.view.labels_of(request.project) if request.project else None
        found.update(label for label, _ in sources.index.search(vector, depth, only))
    scored = score(request.query, vector, found, sources, now)
    return tuple(_hits(request, scored, sources.view)), degraded


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


def _hits(request: Recall, scored: Scored, view: records.View) -> Iterator[Hit]:
    names = {project.id: project.name for project in view.projects()}
    k = min(request.k, MOST_HITS)
    fitting = (
        label
        for label in scored.ranked()
        if (record := view.get(label)) is not None and request.project in ("", record.project)
    )
    for label, total, why in scored.varied(fitting, k):
        record = view.get(label)
        if record is None:
            continue
        yield Hit(
            id=record.id,
            label=record.label,
            score=total,
            why=why,
            text=record.text[:LONGEST_HIT],
            role=record.role,
            host=record.host,
            session_id=record.session,
            project=record.project,
            project_name=names.get(record.project, ""),
            cwd=record.cwd,
            created_at=record.created_at,
            pinned=record.pinned,
        )
