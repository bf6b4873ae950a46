"""A statement that a later one corrects comes after it, and says so. Pure.

Decided among the hits themselves, from their texts alone: so an answer is the same however far the
links have come, and after everything was made again.
"""

from collections.abc import Sequence
from functools import cache

from msgspec import Struct, structs

from iai.index.corrections import same_subject, sounds_like_one

_STEP = 0.0001  # of a score: what comes just after


class Ranked(Struct, frozen=True):
    """One hit, as far as it matters here."""

    label: int
    score: float
    why: dict[str, float]
    project: str
    order: int
    text: str
    terms: frozenset[int]
    superseded_by: int = 0  # label of what corrects it; 0: nothing here does


def settled(hits: Sequence[Ranked]) -> list[Ranked]:
    """Return the hits in their order, each behind what corrects it."""
    done: list[Ranked] = []
    corrects = cache(sounds_like_one)  # which reads the whole text: asked last, and once
    for hit in sorted(hits, key=lambda h: (-h.order, -h.label)):  # the latest first
        by = [
            later
            for later in done
            if later.project == hit.project
            and same_subject(later.terms, hit.terms)
            and corrects(later.text)
        ]
        behind = _behind(hit, max(by, key=lambda later: (later.score, later.order))) if by else hit
        done.append(behind)
    return sorted(done, key=lambda h: (-h.score, h.label))


def _behind(hit: Ranked, later: Ranked) -> Ranked:
    score = min(hit.score, round(later.score - _STEP, 4))
    lost = {"superseded": round(score - hit.score, 4)} if score < hit.score else {}
    return structs.replace(hit, score=score, why=hit.why | lost, superseded_by=later.label)
