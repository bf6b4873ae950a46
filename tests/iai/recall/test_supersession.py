"""A corrected statement comes after its correction, and names it."""

import pytest
from msgspec import structs

from iai.index.corrections import same_subject, sounds_like_correction
from iai.index.terms import LONGEST_TEXT, term_id, terms
from iai.recall.supersession import RankedHit, demote_superseded, latest_first


def ranked(label: int, score: float, text: str, order: int, project: str = "p") -> RankedHit:
    found = frozenset(term_id(term) for term in terms(text))
    return RankedHit(label, score, {"words": score}, project, order, text, found)


OLD = ranked(1, 0.9, "the linter of frobnicate is flake8", 1)
NEW = ranked(2, 0.5, "frobnicate: we switched to pylint as linter, instead of flake8", 2)
NEWEST = ranked(3, 0.7, "frobnicate's linter is no longer pylint or flake8: we switched to ruff", 3)


def test_a_correction_comes_before_what_it_corrects() -> None:
    first, second = demote_superseded([OLD, NEW])
    assert (first.label, second.label) == (2, 1)
    assert second.superseded_by == 2
    assert second.score < first.score
    assert abs(second.score - sum(second.why.values())) < 1e-6
    assert second.why["superseded"] < 0


def test_a_statement_comes_after_its_best_correction() -> None:
    hits = demote_superseded([OLD, NEWEST, NEW])
    assert [hit.label for hit in hits] == [3, 1, 2]
    assert [hit.superseded_by for hit in hits] == [0, 3, 3]


def test_a_statement_already_behind_its_correction_keeps_its_score_and_names_it() -> None:
    low = ranked(1, 0.1, OLD.text, 1)
    first, second = demote_superseded([NEW, low])
    assert (first.label, second.label, second.score) == (2, 1, 0.1)
    assert second.superseded_by == 2


def test_statements_of_other_projects_or_subjects_are_not_corrected() -> None:
    elsewhere = ranked(1, 0.9, OLD.text, 1, "q")
    later = ranked(3, 0.9, OLD.text, 3)
    other = ranked(4, 0.9, "the cat of the neighbours sleeps", 1)
    hits = [elsewhere, later, other, NEW]
    assert not any(hit.superseded_by for hit in demote_superseded(hits))


def question(text: str) -> dict[int, float]:
    return {term_id(term): 1.0 for term in terms(text)}


QUEUE = ranked(1, 0.9, "the queue of the crane jobs is kept in sqlite", 1)
MOVED = ranked(2, 0.4, "port office wants the crane queue in postgres after all", 2)
VALUE = ranked(3, 0.5, "the queue of the crane jobs is kept in mysql", 3)


@pytest.mark.parametrize("later", [MOVED, VALUE], ids=["cue", "same words, another value"])
def test_the_later_of_two_statements_on_the_question_comes_first(later: RankedHit) -> None:
    first, second = latest_first([QUEUE, later], question("where is the crane queue kept"))
    assert (first.label, second.label) == (later.label, 1)
    assert second.score == QUEUE.score
    assert abs(first.score - sum(first.why.values())) < 1e-6
    assert not first.superseded_by
    assert not second.superseded_by


@pytest.mark.parametrize(
    "later",
    [
        structs.replace(MOVED, stated=False),
        structs.replace(MOVED, project="q"),
        structs.replace(MOVED, text=f"{MOVED.text}?"),
        structs.replace(MOVED, text=f"{MOVED.text} {'and so on ' * 30}"),
        structs.replace(MOVED, score=0.2),
        ranked(2, 0.4, "paint the queue sign yellow instead", 2),
        ranked(2, 0.4, "crane queue: add a test for the empty one", 2),
    ],
    ids=["assistant", "project", "question", "long", "unlike", "other subject", "no correction"],
)
def test_what_may_be_about_something_else_keeps_its_place(later: RankedHit) -> None:
    hits = latest_first([QUEUE, later], question("where is the crane queue of jobs kept"))
    assert [hit.label for hit in hits] == [1, 2]


def test_a_question_is_not_corrected() -> None:
    asked = ranked(1, 0.9, "why is the linter of frobnicate flake8?", 1)
    assert not any(hit.superseded_by for hit in demote_superseded([asked, NEW]))


def test_what_an_assistant_says_and_long_texts_correct_nothing() -> None:
    said = structs.replace(NEW, stated=False)
    pasted = structs.replace(NEW, text=f"{NEW.text} {'and so on ' * 20}")
    for later in (said, pasted):
        assert not any(hit.superseded_by for hit in demote_superseded([OLD, later]))


def test_a_question_corrects_nothing_and_two_words_are_never_corrected() -> None:
    assert sounds_like_correction("we use ruff instead of flake8")
    assert sounds_like_correction("make that port 9443, 8080 is taken")
    assert sounds_like_correction("on second thought the linter is pylint")
    assert sounds_like_correction("doch lieber ruff für den Linter")
    assert sounds_like_correction("en vez de flake8 usamos ruff")
    assert sounds_like_correction("检查工具改成 ruff")
    assert not sounds_like_correction("should we use ruff instead of flake8?")
    assert not sounds_like_correction(f"{'a log ' * LONGEST_TEXT} we use ruff instead of flake8")
    assert not same_subject(frozenset({1, 2, 3}), frozenset({1, 2}))
