"""The vector index: nearly as good as an exact search, whatever the order of changes."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iai.errors import StoreCorrupt
from iai.index.vector import CANDIDATES, ROWS, Mask, VectorIndex, Vectors

DIMENSION = 32


def vectors(seed: int, count: int, dimension: int = DIMENSION) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class Model:
    """The reference: every vector, compared one by one."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        self.index = VectorIndex(dimension)
        self.held: dict[int, Vectors] = {}

    def put(self, labels: list[int], rows: Vectors) -> None:
        self.index.put(labels, rows)
        self.held.update(zip(labels, rows, strict=True))

    def remove(self, labels: list[int]) -> None:
        self.index.remove(labels)
        for label in labels:
            self.held.pop(label, None)

    def exact(self, labels: list[int]) -> Vectors:
        return np.stack([self.held.get(n, np.zeros(self.index.dimension)) for n in labels])

    def found(self, vector: Vectors, k: int, mask: Mask | None = None) -> list[int]:
        return [label for label, _ in self.index.search(vector, k, self.exact, mask)]

    def expected(self, vector: Vectors, k: int, mask: Mask | None = None) -> list[int]:
        may = [n for n in sorted(self.held) if mask is None or mask[n - 1 : n].any()]
        scores = np.round(self.exact(may).astype(np.float64) @ vector, 6) if may else np.zeros(0)
        return [may[place] for place in np.argsort(-scores, kind="stable")[:k]]


def bytes_of(index: VectorIndex) -> list[bytes]:
    return [index.chunk(position) for position in range(index.chunks)]


def restored(chunks: list[bytes], dimension: int = DIMENSION) -> VectorIndex:
    index = VectorIndex(dimension)
    for position, chunk in enumerate(chunks):
        index.restore(position, chunk)
    return index


LABELS = st.lists(st.integers(1, 2 * ROWS + 3), max_size=20, unique=True)


@given(st.lists(st.tuples(st.booleans(), LABELS, st.integers(0, 99)), max_size=12), LABELS)
@example([(True, [2], 1), (True, [1, 3], 1)], [])  # equal vectors, made in different batches
def test_a_small_index_finds_what_an_exact_search_finds(
    changes: list[tuple[bool, list[int], int]], allowed: list[int]
) -> None:
    model = Model()
    disk: dict[int, bytes] = {}
    for put, labels, seed in changes:
        if put:
            model.put(labels, vectors(seed, len(labels)))
        else:
            model.remove(labels)
        disk.update({position: model.index.chunk(position) for position in model.index.dirty})
        model.index.dirty.clear()
    assert len(model.index) == len(model.held)
    mask = np.isin(np.arange(1, 2 * ROWS + 3), allowed)
    for loaded in (model.index, restored([disk[n] for n in sorted(disk)])):
        model.index = loaded
        assert not loaded.dirty
        question = vectors(7, 1)[0]
        assert model.found(question, 9) == model.expected(question, 9)
        assert model.found(question, 9, mask) == model.expected(question, 9, mask)


def of_words(seed: int, count: int, words: int) -> Vectors:
    """Return vectors as texts have them: means of words, the common ones of little weight."""
    chance = np.random.default_rng(seed)
    ranks = (chance.pareto(1.0, (count, words)) * 3).astype(np.int64) % 5_000
    known = vectors(0, 5_000, 256) * np.log1p(np.arange(5_000, dtype=np.float32))[:, None]
    rows = known[ranks].sum(axis=1)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_the_exact_first_ten_are_found_among_many() -> None:
    rows = of_words(1, 20_000, 30)
    model = Model(256)
    model.put(list(range(1, len(rows) + 1)), rows)
    questions = of_words(2, 40, 8)
    hits = sum(len({*model.found(q, 10)} & {*model.expected(q, 10)}) for q in questions)
    assert hits >= 0.98 * 10 * len(questions)


def test_bits_alone_estimate_similarity() -> None:
    question, others = vectors(1, 1, 256), vectors(2, 200, 256)
    share = np.linspace(-1, 1, 200, dtype=np.float32)[:, None]
    mixed = share * question + np.sqrt(1 - share**2) * others
    rows = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    index = VectorIndex(256)
    index.put(list(range(1, 201)), rows)
    index.remove([7])
    found = index.estimate(np.arange(1, 300), question[0])
    exact = rows @ question[0]
    assert found[6] == 0
    assert not found[200:].any()
    assert np.abs(np.delete(found[:200] - exact, 6)).max() < 0.2


def test_a_narrow_filter_finds_what_is_unlike_the_question() -> None:
    model = Model()
    model.put(list(range(1, 2_001)), vectors(1, 2_000))
    question = vectors(3, 1)[0]
    last = model.expected(question, 2_000)[-5:]
    assert not {*last} & {*model.found(question, CANDIDATES)}
    mask = np.isin(np.arange(1, 2_001), last)
    assert model.found(question, 9, mask) == last


@given(st.permutations(range(6)), st.integers(1, 400))
def test_the_order_in_which_vectors_come_does_not_matter(order: list[int], size: int) -> None:
    rows = vectors(4, 600)
    first = VectorIndex(DIMENSION)
    first.put(list(range(1, 601)), rows)
    other = VectorIndex(DIMENSION)
    for part in order:
        for start in range(100 * part, 100 * part + 100, size):
            some = range(start, min(start + size, 100 * part + 100))
            other.put([n + 1 for n in some], rows[some.start : some.stop])
    assert bytes_of(first) == bytes_of(other)


def test_removed_vectors_leave_no_trace() -> None:
    with_it, without = VectorIndex(DIMENSION), VectorIndex(DIMENSION)
    rows = vectors(5, 3)
    with_it.put([1, 2, 3], rows)
    with_it.remove([2, 9, 999])
    without.put([1, 3], rows[[0, 2]])
    assert bytes_of(with_it) == bytes_of(without)


def test_an_empty_index_finds_nothing() -> None:
    model = Model()
    assert model.found(vectors(1, 1)[0], 5) == []
    model.put([4], vectors(1, 1))
    assert model.found(vectors(1, 1)[0], 0) == []
    assert model.found(vectors(1, 1)[0], 5, np.zeros(0, np.bool_)) == []


def test_a_zero_vector_is_similar_to_nothing() -> None:
    model = Model()
    model.put([1, 2], np.concatenate([vectors(1, 1), np.zeros((1, DIMENSION), np.float32)]))
    assert model.index.search(vectors(1, 1)[0], 5, model.exact)[1] == (2, 0.0)


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_a_chunk_of_another_length_is_damage(cut: int) -> None:
    index = VectorIndex(DIMENSION)
    index.put([1], vectors(1, 1))
    with pytest.raises(StoreCorrupt):
        VectorIndex(DIMENSION).restore(0, index.chunk(0)[:cut])


def test_the_bits_of_a_vector_never_change() -> None:
    """What is on disk was made with them: another form must be another number of bits."""
    index = VectorIndex(8)
    numbers = [[-0.1875, -0.125, -0.0625, 0.0, 0.0625, 0.125, 0.1875, 0.25]]
    index.put([1], np.asarray(numbers, np.float32))
    assert index.chunk(0)[ROWS // 8 :][:2].hex() == "be04"
