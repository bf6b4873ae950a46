"""The lexical index of an encrypted store has no word in it, and ranks as any other."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tantivy import Index

from iai.encryption.cipher import KEY, Cipher
from iai.index import blind_terms
from iai.index.filters import Filter
from iai.index.lexical import NARRATION, WORK, LexicalIndex
from iai.index.terms import extract, terms
from iai.index.work_terms import path_terms
from tests.iai.store.builders import kept

CIPHER = Cipher({1: bytes(KEY)}, 1, b"w" * KEY)
WORDS = ("zqharbour", "tide", "mole", "quay", "ebb", "keel", "oar", "winch", "caf\u00e9", "x_y")
PATHS = ("/w/src/zqpath.py", "/w/my docs/read me.md", "Makefile")
PLANTED = {
    "text": {"zqharbour"},
    "work": {"zqpath.py", "src/zqpath.py"},
    "narration": {"zqharbour", "x_y"},
    "project": {"zqproject"},
    "session": {"s 1"},
    "role": {"assistant"},
}
FILTERS = (Filter(), Filter(project="zqproject"), Filter(session="s 1", role="user"))
SAYINGS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


def fill(index: LexicalIndex, said: list[str]) -> None:
    """Put in a request for each of the texts, with work and narration for some."""
    for n, text in enumerate(said):
        record = kept(
            1 + n, text, project="zqproject" if n % 2 else "p", session=f"s {n % 3}",
            role="user" if n % 4 else "assistant",
        )  # fmt: skip
        work = path_terms(PATHS[n % len(PATHS)])
        index.put(record, extract(text), work, terms(said[-1 - n]))
    index.commit()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[LexicalIndex, LexicalIndex]:
    """The same index without a cipher and with one."""
    path = tmp_path_factory.mktemp("blind")
    return LexicalIndex(path / "plain"), LexicalIndex(path / "keyed", CIPHER)


@settings(max_examples=10)
@given(said=st.lists(SAYINGS, min_size=1, max_size=30), asked=SAYINGS)
def test_what_is_found_and_in_which_order_is_the_same(
    both: tuple[LexicalIndex, LexicalIndex], said: list[str], asked: str
) -> None:
    for index in both:
        index.clear()
        fill(index, said)
    plain, keyed = both
    words = terms(asked)
    rarity = {word: 1.0 + n for n, word in enumerate((*dict.fromkeys(words), "read"))}
    for only in FILTERS:
        assert keyed.search(words, 9, only) == plain.search(words, 9, only)
        for field in (WORK, NARRATION):
            found = plain.covering(field, rarity, 9, only)
            assert keyed.covering(field, rarity, 9, only) == found
    for path in PATHS:
        assert keyed.with_all(path_terms(path), 9) == plain.with_all(path_terms(path), 9)


def known(path: Path) -> set[str]:
    """Return those of the planted terms that the index has.

    No word can be found in the bytes of any index: tantivy packs letters that are frequent.
    """
    searcher = Index.open(str(path)).searcher()
    return {
        term for field, terms in PLANTED.items() for term in terms if searcher.doc_freq(field, term)
    }


def test_neither_words_nor_paths_nor_ids_are_terms_of_it(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path, CIPHER)
    fill(index, list(WORDS))
    assert len(index.search(["zqharbour"], 9)) == 1
    assert known(tmp_path) == set()


def test_with_another_key_or_none_it_begins_empty_and_leaves_nothing_of_the_old_one(
    tmp_path: Path,
) -> None:
    other = Cipher({1: bytes(KEY)}, 1, b"o" * KEY)
    for cipher in (None, CIPHER, other, None):
        index = LexicalIndex(tmp_path, cipher)
        assert len(index) == 0
        fill(index, list(WORDS))
        del index  # which lets go of the directory
        assert known(tmp_path) == (set() if cipher else set().union(*PLANTED.values()))
        assert len(LexicalIndex(tmp_path, cipher)) == len(WORDS)


def test_a_rotated_data_key_keeps_the_index(tmp_path: Path) -> None:
    fill(LexicalIndex(tmp_path, CIPHER), ["tide"])
    rotated = Cipher({1: bytes(KEY), 2: b"2" * KEY}, 2, b"w" * KEY)
    assert LexicalIndex(tmp_path, rotated).search(["tide"], 9)


def test_only_so_many_terms_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blind_terms, "_MOST", 10)
    spell = blind_terms.spelling(CIPHER)
    spelled = [spell(f"term{n}") for n in range(100)]
    assert len(spell.__self__) <= 10  # type: ignore[attr-defined]
    assert [spell(f"term{n}") for n in range(100)] == spelled
    assert len(set(spelled)) == 100
