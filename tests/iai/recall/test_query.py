"""Parsed questions: their terms, and how rare those are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.index.term_vectors import frequency_change, term_vector
from iai.index.terms import extract, term_id
from iai.recall import query, weights
from iai.recall.query import parse
from iai.store.graph import GraphStore, GraphView
from tests.iai.store.builders import kept

RECORDS = 40


@pytest.fixture
def view(tmp_path: Path) -> Iterator[GraphView]:
    """A store in which `common` is in all records, `frequent` in half of them, `rare` in one."""
    store = GraphStore(tmp_path / "index", writer=True)
    term_vectors: dict[int, bytes | None] = {}
    for label in range(1, RECORDS + 1):
        text = "common" + " frequent" * (label % 2) + " rare" * (label == 1)
        record = kept(label, text)
        term_vectors[label] = term_vector(record, extract(text))
    store.commit(lambda unit: unit.put_term_vectors(term_vectors))
    store.commit(
        lambda unit: unit.add_document_frequencies(
            frequency_change([], [t for t in term_vectors.values() if t]).by_term()
        )
    )
    with store.view() as view:
        yield view
    store.close()


def test_a_query_has_the_terms_that_the_store_has_rarest_first(view: GraphView) -> None:
    asked = parse("Was it common, frequently unheard-of, or rare?", view)
    assert asked.terms == ("rare", "frequent", "common")
    assert asked.term_ids == [term_id(term) for term in asked.terms]
    assert list(asked.rarity) == sorted(asked.rarity, reverse=True)
    assert asked.shares == (1 / RECORDS, 0.5, 1.0)


def test_unknown_terms_do_not_make_a_full_match_easier(view: GraphView) -> None:
    asked, known = parse("rare zyzzyva", view), parse("rare", view)
    assert asked.terms == known.terms
    assert asked.full > known.full == weights.FULL_MATCH * float(known.rarity[0])


def test_common_terms_find_no_candidates_unless_there_are_few_others(
    view: GraphView, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse("rare frequent common", view).selective == ("rare", "frequent", "common")
    monkeypatch.setattr(weights, "FEWEST_TERMS", 2)
    assert parse("rare frequent common", view).selective == ("rare", "frequent")
    monkeypatch.setattr(weights, "COMMON", 0.5)
    monkeypatch.setattr(weights, "FEWEST_TERMS", 0)
    assert parse("rare frequent common", view).selective == ("rare", "frequent")


def test_a_pasted_log_is_asked_by_its_rarest_terms(
    view: GraphView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MOST_TERMS", 2)
    assert parse("common frequent rare", view).terms == ("rare", "frequent")


def test_a_question_without_terms_parses_to_none(view: GraphView) -> None:
    asked = parse("what did we?", view)
    assert (asked.terms, asked.selective, asked.full) == ((), (), 0.0)
