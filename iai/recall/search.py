"""One question answered: candidates from each index, fused, filtered, and fetched."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from msgspec import structs

from iai.index.lexical import LexicalIndex
from iai.index.vector import VectorIndex, Vectors
from iai.messages import Hit, Provenance, QueryVector, Recall
from iai.recall.filters import Filter, asked, sought, together
from iai.recall.fusion import Scores, fuse, normalised, ranked
from iai.store import graph, records

CANDIDATES = 200  # from each index, however few are asked for: neighbours need them
LONGEST_HIT = 20_000  # characters of a hit's text; `iai show` has the rest
MOST_HITS = 200


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

    def around(self, label: int) -> tuple[list[int], list[int]]:
        """Labels of the turns one and two away in the session, before and after."""
        return self._chain(label, "previous"), self._chain(label, "next")

    def fitting(self, only: Filter) -> list[int] | None:
        """Labels of what fits; None if that is everything."""
        return None if only.open else self.lexical.fitting(only)

    def _chain(self, label: int, relation: str) -> list[int]:
        chain: list[int] = []
        for _ in range(2):
            steps = [edge.to for edge in self.links.edges(label) if edge.relation == relation]
            if not steps:
                break
            label = steps[0]
            chain.append(label)
        return chain


def search(request: Recall, sources: Sources) -> tuple[tuple[Hit, ...], list[str]]:
    """Return the hits, the best first, and which parts could not take part, and why."""
    parts: dict[str, Scores] = {}
    degraded: list[str] = []
    candidates = max(CANDIDATES, request.k)
    wanted = sought(asked(request))
    words = together(sources.lexical.search(request.query, candidates, only) for only in wanted)
    parts["words"] = normalised(words)
    vector = _vector(request.vectors, sources)
    if isinstance(vector, str):
        degraded.append(f"vectors: {vector}")
    elif sources.index is not None:
        index = sources.index
        alike = together(index.search(vector, candidates, sources.fitting(o)) for o in wanted)
        parts["vectors"] = normalised(alike)
    why = fuse(parts, sources.around)
    return tuple(_hits(request, why, sources)), degraded


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


def _hits(request: Recall, why: dict[int, dict[str, float]], sources: Sources) -> Iterator[Hit]:
    """Yield the best that fit: a neighbour of what fits need not."""
    names = {project.id: project.name for project in sources.view.projects()}
    only = asked(request)
    scored = ((score, sources.view.get(label)) for label, score in ranked(why))
    fitting = (
        (record, score) for score, record in scored if record is not None and only.fits(record)
    )
    for record, score in islice(fitting, min(request.k, MOST_HITS)):
        yield Hit(
            id=record.id,
            label=record.label,
            score=round(score, 4),
            why={part: round(gain, 4) for part, gain in why[record.label].items()},
            text=record.text[:LONGEST_HIT],
            role=record.role,
            host=record.host,
            session_id=record.session,
            project=record.project,
            project_name=names.get(record.project, ""),
            cwd=record.cwd,
            created_at=record.created_at,
            pinned=record.pinned,
            tier=record.tier,
            tags=record.tags,
            source=Provenance(**structs.asdict(record.source)),
            matched=sources.lexical.matched(request.query, record.text) if request.explain else (),
        )
