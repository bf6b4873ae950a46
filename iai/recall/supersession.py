"""A statement that a later one corrects comes after it, and names it. Pure.

Decided among the hits, from their texts alone, so that an answer does not depend on how far the
links have come. Of two that answer the same question, the later comes first even where it is not
certain that it corrects the earlier; then neither names the other.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from msgspec import Struct, structs

from iai.index.corrections import same_subject, sounds_like_correction

_STEP = 0.0001  # of a score, by which the corrected comes after
_ANSWERS = 0.5  # of a question, by rarity, that a statement has if it answers it
_SAME_QUESTION = 0.5  # of what the earlier of two statements has of the question, in the later
_STATEMENT = 240  # characters; in a longer text "instead" is about anything
_CLOSE = 1 / 3  # of the score of the earlier: what fits much worse does not come before it


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
        statement = _is_statement(hit)
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


def latest_first(hits: Sequence[RankedHit], question: Mapping[int, float]) -> list[RankedHit]:
    """Return the hits in their order, the later of two statements on the question first.

    `question` has the rarity of each of its terms. The later may leave out half of what the earlier
    has of the question ("ISO dates after all"). It either sounds like a correction, or repeats most
    of the earlier, as the same setting with another value does.
    """
    done: list[RankedHit] = []
    statements: list[RankedHit] = []  # that nothing here corrects
    for hit in sorted(hits, key=lambda h: (h.order, h.label)):  # the earliest first
        statement = _is_statement(hit)
        over = [
            earlier.score
            for earlier in (statements if statement else ())
            if earlier.project == hit.project
            and hit.score < earlier.score <= hit.score / _CLOSE
            and _answers_as_well(hit, earlier, question)
        ]
        done.append(_above(hit, max(over)) if over else hit)
        if statement and not hit.superseded_by:
            statements.append(done[-1])
    return sorted(done, key=lambda h: (-h.score, h.label))


def _is_statement(hit: RankedHit) -> bool:
    return hit.stated and len(hit.text) <= _STATEMENT and not hit.text.rstrip().endswith("?")


def _answers_as_well(later: RankedHit, earlier: RankedHit, question: Mapping[int, float]) -> bool:
    asked = {term: rare for term, rare in question.items() if term in earlier.terms}
    both = sum(rare for term, rare in asked.items() if term in later.terms)
    return (
        sum(asked.values()) >= _ANSWERS * sum(question.values()) > 0
        and both >= _SAME_QUESTION * sum(asked.values())
        and (same_subject(later.terms, earlier.terms) or sounds_like_correction(later.text))
    )


def _above(hit: RankedHit, score: float) -> RankedHit:
    raised = round(score + _STEP, 4)
    gain = {"later": round(raised - hit.score, 4)}
    return structs.replace(hit, score=raised, why=hit.why | gain)


def _behind(hit: RankedHit, later: RankedHit) -> RankedHit:
    score = min(hit.score, round(later.score - _STEP, 4))
    lost = {"superseded": round(score - hit.score, 4)} if score < hit.score else {}
    return structs.replace(hit, score=score, why=hit.why | lost, superseded_by=later.label)
