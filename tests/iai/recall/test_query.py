"""What a question asks for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.index.term_vectors import frequency_change, term_vector
from iai.index.terms import term_id, terms
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
        term_vectors[label] = term_vector(record, terms(text))
    store.commit(lambda unit: unit.put_term_vectors(term_vectors))
    store.commit(
        lambda unit: unit.add_document_frequencies(
            frequency_change([], [t for t in term_vectors.values() if t])
        )
    )
    with store.view() as view:
        yield view
    store.close()


def test_its_terms_are_those_of_the_store_the_rarest_first(view: GraphView) -> None:
    asked = parse("Was it common, frequently unheard-of, or rare?", view)
    assert asked.terms == ("rare", "frequent", "common")
    assert asked.term_ids == [term_id(term) for term in asked.terms]
    assert list(asked.rarity) == sorted(asked.rarity, reverse=True)
    assert asked.shares == (1 / RECORDS, 0.5, 1.0)


def test_what_the_store_does_not_know_makes_a_full_match_no_easier(view: GraphView) -> None:
    asked, known = parse("rare zyzzyva", view), parse("rare", view)
    assert asked.terms == known.terms
    assert asked.full > known.full == weights.FULL_MATCH * float(known.rarity[0])


def test_what_many_have_tells_nothing_unless_there_is_little_else(
    view: GraphView, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse("rare frequent common", view).selective == ("rare", "frequent", "common")
    monkeypatch.setattr(weights, "FEWEST_TERMS", 2)
    assert parse("rare frequent common", view).selective == ("rare", "frequent")
    monkeypatch.setattr(weights, "COMMON", 0.5)
    monkeypatch.setattr(weights, "FEWEST_TERMS", 0)
    assert parse("rare frequent common", view).selective == ("rare", "frequent")


def test_of_a_pasted_log_the_rarest_terms_are_asked_for(
    view: GraphView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MOST_TERMS", 2)
    assert parse("common frequent rare", view).terms == ("rare", "frequent")


def test_a_question_of_no_terms_asks_for_nothing(view: GraphView) -> None:
    asked = parse("what did we?", view)
    assert (asked.terms, asked.selective, asked.full) == ((), (), 0.0)
