"""A corrected statement comes after its correction, and names it."""

from msgspec import structs

from iai.index.corrections import same_subject, sounds_like_correction
from iai.index.terms import term_id, terms
from iai.recall.supersession import RankedHit, demote_superseded


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


def test_what_an_assistant_says_and_long_texts_correct_nothing() -> None:
    said = structs.replace(NEW, stated=False)
    pasted = structs.replace(NEW, text=f"{NEW.text} {'and so on ' * 100}")
    for later in (said, pasted):
        assert not any(hit.superseded_by for hit in demote_superseded([OLD, later]))


def test_a_question_corrects_nothing_and_two_words_are_never_corrected() -> None:
    assert sounds_like_correction("we use ruff instead of flake8")
    assert not sounds_like_correction("should we use ruff instead of flake8?")
    assert not same_subject(frozenset({1, 2, 3}), frozenset({1, 2}))
