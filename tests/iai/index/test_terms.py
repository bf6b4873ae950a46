"""The terms of a text, and the term vectors of records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.index.term_vectors import (
    INSIDE,
    OPENS,
    OUTSIDE,
    TermVectors,
    frequency_change,
    term_vector,
    terms_in,
)
from iai.index.terms import LONGEST, extract, term_id, terms
from iai.model.record import CLIENT, Record
from tests.iai.store.builders import NOW

PIECES = (
    "the",
    "Retries,",
    "(connection)",
    "parse_config()",
    "LoginForm",
    "a/b.py:4",
    "don't",
    "x",
)


@pytest.mark.parametrize(
    ("text", "found_by"),
    [
        ("parse_config fails", {"parse_config", "pars", "config", "fail"}),
        ("StaticEmbedder", {"staticembedd", "static", "embedd"}),
        ("HTTPServer", {"httpserver"}),
        ("iai/recall/search.py:42", {"iai/recall/search.py", "search.py", "search", "py", "42"}),
        ("TypeError: x is undefined", {"typeerror", "type", "error", "x", "undefin"}),
        ("SQLSTATE 40001, E1101 v1.2.3", {"sqlstate", "40001", "e1101", "v1.2.3"}),
        ("C:\\temp\\build_log.txt", {"build_log.txt", "temp", "build"}),
        ("what did we do there", set()),
        ("?! \x00 ...", set()),
    ],
)
def test_code_is_found_whole_and_by_its_parts(text: str, found_by: set[str]) -> None:
    assert found_by <= set(terms(text))
    assert bool(terms(text)) == bool(found_by)


@given(st.lists(st.sampled_from(PIECES) | st.text()))
def test_the_terms_of_a_text_are_those_of_its_pieces(pieces: list[str]) -> None:
    apart = [term for piece in pieces for term in terms(piece)]
    assert sorted(terms(" ".join(pieces))) == sorted(apart)


def test_a_plain_word_has_the_same_term_among_code() -> None:
    assert terms("(Retries),") == terms("retries") == terms("<retries>") == ["retri"]


def test_a_term_is_never_too_long_and_never_has_a_space() -> None:
    found = terms("a" * 999 + " " + "b/" * 999 + "c  d\te\n" + "aB" * 99)
    assert all(len(term) <= LONGEST and not set(term) & set(" \t\n") for term in found)


def record(text: str, **fields: object) -> Record:
    defaults: dict[str, object] = {
        "id": "A", "label": 1, "tier": "episodic", "role": "user", "text": text, "host": "h",
        "session": "s", "project": "p", "cwd": "/p", "created_at": NOW.wall, "ingested_at": 0,
        "updated_at": 0, "order": 0,
    }  # fmt: skip
    return Record(**{**defaults, **fields})  # type: ignore[arg-type]


def kept(text: str, **fields: object) -> bytes:
    return term_vector(record(text, **fields), extract(text))


def test_a_term_vector_says_how_often_when_and_by_whom() -> None:
    one = kept("Ada: retry the retry", role="assistant", host=CLIENT)
    two = kept("nothing of it", tier="semantic", pinned=True, session="s")
    term_vectors = TermVectors([one, two])
    assert term_vectors.find([term_id("retri"), term_id("else")]).counts().tolist() == [
        [2, 0],
        [0, 0],
    ]
    assert term_vectors.heads["said"].tolist() == [NOW.wall] * 2
    assert term_vectors.heads["speaker"].tolist() == [term_id("ada"), 0]
    assert term_vectors.heads["session"].tolist() == [term_id("s"), 0]
    assert term_vectors.heads["user"].tolist() == [0, 1]
    assert term_vectors.heads["pinned"].tolist() == [0, 1]
    assert term_vectors.heads["note"].tolist() == [0, 1]
    assert term_vectors.term_set(1) == set(terms_in(two)) == {term_id("noth")}


def test_the_different_terms_of_each_record_are_counted() -> None:
    texts = ["retry the retry of it", "", "upload or retry", "the"]
    vectors = TermVectors([kept(text) for text in texts])
    expected = [len(set(terms(text))) for text in texts]
    assert vectors.distinct(4).tolist() == expected == [1, 0, 2, 0]
    assert vectors.distinct(2).tolist() == expected[:2]
    assert [len(vectors.term_set(row)) for row in range(4)] == expected
    assert TermVectors([]).distinct(0).tolist() == []


def test_a_number_in_a_head_is_not_taken_for_a_term() -> None:
    one = kept("retry it", session="s")  # whose number is in the head
    found = TermVectors([one]).find([term_id("s"), term_id("retri")])
    assert found.counts().tolist() == [[0, 1]]
    assert not found.work((1.0,) * 5).any()


def test_a_term_vector_says_where_in_an_exchange_a_turn_is() -> None:
    places = {
        OPENS: kept("Fixed: the retry", kind="plan"),
        INSIDE: kept("Fixed: the retry", role="assistant"),
        OUTSIDE: kept("Fixed: the retry", host=CLIENT),
    }
    heads = TermVectors(places.values()).heads
    assert heads["exchange"].tolist() == [*places]
    assert heads["speaker"].tolist() == [0, 0, term_id("fixed")]


def test_the_same_record_again_changes_no_frequency() -> None:
    one, other = kept("retry it"), kept("retry the upload")
    assert frequency_change([one], [one]).by_term() == {}
    assert frequency_change([one], [other]).by_term() == {term_id("upload"): 1}
    assert frequency_change([other], []).by_term() == {term_id("upload"): -1, term_id("retri"): -1}
