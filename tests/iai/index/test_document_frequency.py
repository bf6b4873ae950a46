"""In how many records each term occurs, counted at once or later, and through crashes."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.index import document_frequency
from iai.index.document_frequency import TERMS_SLICE, DocumentFrequencies
from iai.index.term_vectors import TermVectors, term_vector
from iai.index.terms import extract
from iai.store.graph import GraphStore
from tests.iai.store.builders import kept

MAP = 16 << 20
LABELS = st.integers(1, 6)
WORDS = ("ada", "bob", "cleo", "dora", "emil")
TEXTS = st.none() | st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
CHANGES = st.tuples(st.dictionaries(LABELS, TEXTS, min_size=1), st.booleans())
ONE_TERM = st.just("one term")
CRASH = st.just("crash")


def taken(label: int, text: str) -> bytes:
    return term_vector(kept(label, text), extract(text))


ALL = set(TermVectors([taken(1, " ".join(WORDS))]).term_set(0))


class Counted:
    """Term vectors and their document frequencies."""

    def __init__(self, path: Path) -> None:
        self.store = GraphStore(path, writer=True, map_size=MAP)
        self.term_vectors: dict[int, bytes] = {}  # that should be there
        self.start()

    def start(self) -> None:
        with self.store.view() as view:
            self.frequencies = DocumentFrequencies(view)

    def update(self, texts: dict[int, str | None], *, later: bool) -> None:
        new = {n: taken(n, text) if text is not None else None for n, text in texts.items()}
        noted = self.store.commit(lambda unit: self.frequencies.update(unit, new, later=later))
        self.frequencies.defer(noted)
        there = self.term_vectors | new
        self.term_vectors = {label: one for label, one in there.items() if one is not None}

    def count_all(self) -> None:
        while self.frequencies.waiting:
            self.frequencies.step(self.store)

    def right(self) -> bool:
        """Are the counts those of the term vectors that should be there?"""
        expected = (
            TermVectors(self.term_vectors.values()).document_frequencies().by_term()
            if self.term_vectors
            else {}
        )
        with self.store.view() as view:
            assert view.term_vectors(range(1, 7)) == self.term_vectors
            found = view.document_frequencies(set(expected) | ALL)
        return found == expected


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Counted]:
    one = Counted(tmp_path)
    yield one
    one.store.close()


def test_deferred_records_are_counted_in_the_end_and_not_before(counted: Counted) -> None:
    counted.update({1: "ada bob", 2: "bob"}, later=True)
    assert not counted.right()
    counted.count_all()
    assert counted.right()


def test_counted_records_are_never_deferred(counted: Counted) -> None:
    counted.update({1: "ada bob"}, later=False)
    counted.update({1: "cleo"}, later=True)
    assert not counted.frequencies.waiting
    assert counted.right()


def test_a_full_batch_is_counted_even_if_more_records_are_to_come(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_frequency, "TOGETHER", 2)
    counted.update({1: "ada"}, later=True)
    assert not counted.frequencies.full
    counted.update({2: "ada"}, later=True)
    assert counted.frequencies.full


@settings(deadline=None)
@given(st.lists(CHANGES | ONE_TERM | CRASH, max_size=20))
def test_every_term_is_counted_through_crashes_at_any_time(
    happening: list[tuple[dict[int, str | None], bool] | str],
) -> None:
    with TemporaryDirectory() as directory:
        counted = Counted(Path(directory))
        for what in happening:
            if what == "one term":
                if counted.frequencies.waiting:
                    counted.frequencies.due = True
                    counted.frequencies.due = not counted.frequencies.step(
                        counted.store, TERMS_SLICE
                    )
            elif what == "crash":
                counted.start()
            elif not isinstance(what, str):
                texts, later = what
                if counted.frequencies.due and counted.frequencies.touches(texts):
                    counted.count_all()
                counted.update(texts, later=later and not counted.frequencies.due)
        counted.count_all()
        assert counted.right()
        with counted.store.view() as view:
            assert view.uncounted() == set()
            assert view.counted_below() == 0
        counted.store.close()
