"""A statement that a later one corrects comes after it, and names it. Pure.

Decided among the hits, from their texts alone, so that an answer does not depend on how far the
links have come.
"""

from collections.abc import Sequence
from functools import cache

from msgspec import Struct, structs

from iai.index.corrections import same_subject, sounds_like_correction

_LONGEST = 600  # characters; a longer text has a cue of correction about anything
_STEP = 0.0001  # of a score, by which the corrected comes after


class RankedHit(Struct, frozen=True):
    """One hit: what decides its place."""

    label: int
    score: float
    why: dict[str, float]
    project: str
    order: int
    text: str
    terms: frozenset[int]
    stated: bool = True  # by a person, or noted: what an assistant says is seldom a decision
    superseded_by: int = 0  # label of what corrects it; 0: nothing here does


def demote_superseded(hits: Sequence[RankedHit]) -> list[RankedHit]:
    """Return the hits in their order, each behind the one that corrects it."""
    done: list[RankedHit] = []
    statements: list[RankedHit] = []  # those that can correct, or be corrected
    corrects = cache(sounds_like_correction)  # reads the whole text: asked last, and once
    for hit in sorted(hits, key=lambda h: (-h.order, -h.label)):  # the latest first
        statement = hit.stated and len(hit.text) <= _LONGEST
        by = [
            later
            for later in (statements if statement else ())
            if later.project == hit.project
            and same_subject(later.terms, hit.terms)
            and corrects(later.text)
        ]
        latest = max(by, key=lambda later: (later.score, later.order), default=None)
        done.append(_behind(hit, latest) if latest else hit)
        if statement:
            statements.append(done[-1])
    return sorted(done, key=lambda h: (-h.score, h.label))


def _behind(hit: RankedHit, later: RankedHit) -> RankedHit:
    score = min(hit.score, round(later.score - _STEP, 4))
    lost = {"superseded": round(score - hit.score, 4)} if score < hit.score else {}
    return structs.replace(hit, score=score, why=hit.why | lost, superseded_by=later.label)
