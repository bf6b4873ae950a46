"""What the vectors say for each candidate: how like the question it is, and what stands around it.

A vector may be of several parts, each made by another way to embed. Each such way has a voice of
its own: what is like in the one's eyes need not be in the other's, and their likenesses are not
spread alike.
"""

from collections.abc import Iterator

import numpy as np

from iai.index.vector import Labels, Vectors, exactly_alike
from iai.recall import weights
from iai.recall.fusion import Beside, Floats, Numbers, by_likeness, by_session, shares
from iai.recall.sources import Found, Sources

_NOTHING = 1e-9  # instead of zero, where a question has nothing that such a part is made of


def by_vectors(
    vector: Vectors,
    rows: Labels,
    beside: Beside,
    sessions: Numbers,
    found: Found,
    sources: Sources,
) -> dict[str, Floats]:
    """Return what vectors add to each scored turn, by part.

    `vector` is the question's, `rows` are labels, of which those that `beside` has a row for are
    scored, and `sessions` has a number for each of them, 0 for none.
    """
    scored = len(beside)
    own, neighbours, session = np.zeros((3, scored))
    exactly = np.isin(rows, found.labels)
    stored = sources.exact(rows[exactly].tolist())
    voices = weights.VOICES[max(len(sources.parts), 1)]
    for voice, part in zip(voices, _parts(vector, sources.parts), strict=True):
        alike = _roughly(rows, part, sources)
        alike[exactly] = exactly_alike(stored, part)
        alike /= max(float(part @ part), _NOTHING)  # of every vector that part is as long: cosines
        itself, whole = by_likeness(alike, beside)
        share, others = shares(itself, whole)
        own += voice.best * share + voice.own * itself
        neighbours += voice.best * others
        near = by_session(alike[:scored], rows[:scored], sessions[:scored], exactly[:scored])
        session += voice.session * near
    return {"vectors": own, "neighbours": neighbours, "conversation": session}


def _roughly(rows: Labels, part: Vectors, sources: Sources) -> Floats:
    index = sources.index
    return np.zeros(len(rows)) if index is None else index.alike(rows, part).astype(np.float64)


def _parts(vector: Vectors, sizes: tuple[int, ...]) -> Iterator[Vectors]:
    """Yield each part of a vector, with zeros in the place of the others."""
    ends = np.cumsum(sizes or (len(vector),))
    part = np.searchsorted(ends, np.arange(len(vector)), side="right")
    for number in range(len(ends)):
        yield np.where(part == number, vector, np.float32(0))
