"""The stored vectors and the graph's files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from iai.errors import StoreCorrupt
from iai.index.vector_filter import facets
from iai.model.revisions import of, through
from iai.store.codec import encode_u64
from iai.store.graph import GraphStore
from iai.store.graph import Progress as GraphProgress
from iai.store.vectors import Generation, Progress, VectorStore
from tests.iai.store.builders import flip, kept


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[VectorStore]:
    store = VectorStore(tmp_path / "vectors", writer=True)
    yield store
    store.close()


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[GraphStore]:
    store = GraphStore(tmp_path / "index", writer=True)
    yield store
    store.close()


def rows(*values: float) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.array([[value, 1.0] for value in values], np.float32)


def test_vectors_come_back_by_generation_and_label(vectors: VectorStore) -> None:
    vectors.commit(lambda unit: unit.put(1, [5, 6], rows(0.5, 0.25)))
    vectors.commit(lambda unit: unit.put(2, [5], rows(1.0)))
    with vectors.view() as view:
        assert view.find(1, [5])[1].tolist() == [[0.5, 1.0]]
        assert view.find(2, [6])[0] == []
        labels, found = view.find(1, [6, 7, 5])
        assert (labels, found.tolist()) == ([6, 5], [[0.25, 1.0], [0.5, 1.0]])


def test_a_scan_goes_through_one_generation_in_the_order_of_labels(vectors: VectorStore) -> None:
    vectors.commit(lambda unit: unit.put(1, [3, 1, 2], rows(3, 1, 2)))
    vectors.commit(lambda unit: unit.put(2, [9], rows(9)))
    with vectors.view() as view:
        assert view.scan(1, 0, 2)[0] == [1, 2]
        assert view.scan(1, 2, 2)[0] == [3]
        assert view.scan(1, 3, 2)[0] == []


def test_a_generation_is_cleared_some_vectors_at_a_time(vectors: VectorStore) -> None:
    vectors.commit(lambda unit: unit.put(1, [1, 2, 3], rows(1, 2, 3)))
    vectors.commit(lambda unit: unit.put(2, [1], rows(1)))
    assert not vectors.commit(lambda unit: unit.clear(1, 2))
    assert vectors.commit(lambda unit: unit.clear(1, 2))
    with vectors.view() as view:
        assert view.scan(1, 0, 9)[0] == []
        assert view.scan(2, 0, 9)[0] == [1]


def test_progress_and_weights_are_kept(vectors: VectorStore) -> None:
    weights = Generation(
        number=3, fingerprint="f", dimension=2, counted_upto=64, documents=60, frequencies=b"\1"
    )
    progress = Progress(applied=through(5).union(of((9, 10, 11))), serving=3)
    vectors.commit(lambda unit: unit.begin(weights))
    vectors.commit(lambda unit: unit.advance(progress))
    with vectors.view() as view:
        assert view.progress() == progress
        assert view.generation(3) == weights
        assert view.generations() == [3]
    vectors.commit(lambda unit: unit.drop(3))
    with vectors.view() as view:
        assert view.generation(3) is None


def chunks(store: GraphStore, table: int) -> list[tuple[int, bytes]]:
    with store.view() as view:
        return list(view.chunks(table))


def test_the_chunks_of_a_vector_index_come_back_in_order(graph: GraphStore) -> None:
    for table, position, data in ((1, 1, b"two"), (1, 0, b"one"), (2, 0, b"other")):
        graph.commit(lambda unit, t=table, p=position, d=data: unit.put_chunk(t, p, d))  # type: ignore[misc]
    assert chunks(graph, 1) == [(0, b"one"), (1, b"two")]
    assert chunks(graph, 2) == [(0, b"other")]
    assert chunks(graph, 3) == []


def test_only_the_index_that_answers_is_kept(graph: GraphStore) -> None:
    for table in (1, 2, 3):
        for position in range(3):
            graph.commit(lambda unit, t=table, p=position: unit.put_chunk(t, p, b"x"))  # type: ignore[misc]
    graph.commit(lambda unit: unit.keep_chunks(2, 2))
    assert [chunks(graph, table) for table in (1, 3)] == [[], []]
    assert [position for position, _ in chunks(graph, 2)] == [0, 1]


@pytest.mark.parametrize("bit", range(0, 8 * len(b"one1234"), 5))
def test_a_damaged_chunk_is_detected(graph: GraphStore, bit: int) -> None:
    graph.commit(lambda unit: unit.put_chunk(1, 0, b"one"))
    flip(graph._environment, "chunks", encode_u64(1) + encode_u64(0), bit)
    with pytest.raises(StoreCorrupt, match="of `chunks` is not what was written"):
        chunks(graph, 1)


def test_facets_are_kept_in_a_row_for_each_label(graph: GraphStore) -> None:
    described = {n: facets(kept(n, "t", role="user")) for n in (1, 1_024, 1_025, 2_600)}
    graph.commit(lambda unit: unit.put_facets({**described, 2: None}))
    graph.commit(lambda unit: unit.put_facets({1_024: None}))
    with graph.view() as view:
        rows = view.facets()
    assert [n + 1 for n, row in enumerate(rows) if row["role"]] == [1, 1_025, 2_600]
    assert rows[2_599].tobytes() == described[2_600]


def test_the_machines_of_records_take_no_room_where_all_are_of_this_one(graph: GraphStore) -> None:
    described = {n: facets(kept(n, "t")) for n in (1, 1_024, 1_025, 2_600)}
    graph.commit(lambda unit: unit.put_facets(described))
    graph.commit(lambda unit: unit.put_machines({1: 0, 2: 0, 1_025: 7, 2_600: 0}))
    with graph.view() as view:
        rows = view.machines(len(view.facets()))
        kept_chunks = len(list(view._t.entries(view._db["machines"])))
    assert (len(rows), kept_chunks) == (3 * 1_024, 1)
    assert {n + 1: machine for n, machine in enumerate(rows.tolist()) if machine} == {1_025: 7}
    graph.commit(lambda unit: unit.put_machines({1_025: 0}))
    with graph.view() as view:
        assert not view.machines(len(view.facets())).any()


def test_a_graph_is_as_far_as_its_slowest_part() -> None:
    progress = GraphProgress(
        records_applied=through(9), vectors_applied=through(3).union(of(range(5, 10)))
    )
    assert progress.revision == 3
