"""What the vectors add to each candidate: its similarity to the question, and its neighbours'.

A vector may have several parts, each made by another embedder. Each part has a voice of its own:
embedders disagree on similarity, and their similarities are not distributed alike.
"""

from collections.abc import Iterator

import numpy as np

from iai.index.vector import Labels, Vectors, exact_similarities
from iai.recall import weights
from iai.recall.fusion import Floats, Neighbours, Numbers, by_session, by_similarity, shares
from iai.recall.sources import Sources

_NOTHING = 1e-9  # instead of zero, for a question with nothing that such a part is made of


def by_vectors(
    vector: Vectors,
    rows: Labels,
    neighbours: Neighbours,
    sessions: Numbers,
    candidates: int,
    sources: Sources,
) -> dict[str, Floats]:
    """Return what vectors add to each scored turn, by part.

    `vector` is the question's. `rows` are labels; the first are scored, those that have a row in
    `neighbours`. Of these, the first are `candidates`, whose stored vectors are read; those of
    others are estimated. `sessions` has the number of each label's session, 0 for none.
    """
    scored = len(neighbours)
    own, lent, session = np.zeros((3, scored))
    exactly = np.arange(len(rows)) < candidates
    stored = sources.exact(rows[:candidates].tolist())
    voices = weights.VOICES[max(len(sources.parts), 1)]
    for voice, part in zip(voices, _parts(vector, sources.parts), strict=True):
        similarity = _estimate(rows, part, sources)
        similarity[:candidates] = exact_similarities(stored, part)
        similarity /= max(
            float(part @ part), _NOTHING
        )  # that part of any vector is as long: cosines
        itself, whole = by_similarity(similarity, neighbours)
        share, others = shares(itself, whole)
        own += voice.best * share + voice.own * itself
        lent += voice.best * others
        near = by_session(similarity[:scored], rows[:scored], sessions[:scored], exactly[:scored])
        session += voice.session * near
    return {"vectors": own, "neighbours": lent, "conversation": session}


def _estimate(rows: Labels, part: Vectors, sources: Sources) -> Floats:
    index = sources.index
    return np.zeros(len(rows)) if index is None else index.estimate(rows, part).astype(np.float64)


def _parts(vector: Vectors, sizes: tuple[int, ...]) -> Iterator[Vectors]:
    """Yield each part of a vector, with zeros in place of the others."""
    ends = np.cumsum(sizes or (len(vector),))
    part = np.searchsorted(ends, np.arange(len(vector)), side="right")
    for number in range(len(ends)):
        yield np.where(part == number, vector, np.float32(0))
