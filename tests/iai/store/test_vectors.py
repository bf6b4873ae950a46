"""The stored vectors and the graph's files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from iai.errors import StoreCorrupt
from iai.revisions import upto
from iai.store.graph import GraphStore, Snapshot
from iai.store.graph import Progress as GraphProgress
from iai.store.links import Edge
from iai.store.vectors import Generation, Progress, VectorStore


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
        five, nothing = view.get(1, 5), view.get(2, 6)
        assert five is not None
        assert five.tolist() == [[0.5, 1.0]]
        assert nothing is None


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
    progress = Progress(applied=upto(5).add(9, 11), serving=3)
    vectors.commit(lambda unit: unit.begin(weights))
    vectors.commit(lambda unit: unit.advance(progress))
    with vectors.view() as view:
        assert view.progress() == progress
        assert view.generation(3) == weights
        assert view.generations() == [3]
    vectors.commit(lambda unit: unit.drop(3))
    with vectors.view() as view:
        assert view.generation(3) is None


def save(store: GraphStore, number: int, *chunks: bytes) -> Snapshot:
    checksums = [
        store.commit(lambda unit, n=n, chunk=chunk: unit.put_chunk(number, n, chunk))  # type: ignore[misc]
        for n, chunk in enumerate(chunks)
    ]
    snapshot = Snapshot(
        number=number, generation=1, vectors_applied=upto(4), checksums=tuple(checksums)
    )
    store.commit(lambda unit: unit.validate(snapshot))
    return snapshot


def test_a_snapshot_comes_back_whole(graph: GraphStore) -> None:
    snapshot = save(graph, 1, b"one", b"two")
    with graph.view() as view:
        assert view.snapshot() == snapshot
        assert view.content(snapshot) == b"onetwo"


def test_a_half_written_snapshot_leaves_the_old_one_valid(graph: GraphStore) -> None:
    snapshot = save(graph, 1, b"one")
    graph.commit(lambda unit: unit.put_chunk(2, 0, b"half"))
    with graph.view() as view:
        assert view.snapshot() == snapshot
        assert view.content(snapshot) == b"one"


def test_a_new_snapshot_takes_the_place_of_the_old_one(graph: GraphStore) -> None:
    old = save(graph, 1, b"one", b"two")
    new = save(graph, 2, b"three")
    with graph.view() as view:
        assert view.content(new) == b"three"
        with pytest.raises(StoreCorrupt, match="part 0"):
            view.content(old)


def test_a_damaged_snapshot_is_found_out(graph: GraphStore) -> None:
    snapshot = save(graph, 1, b"one", b"two")
    graph.commit(lambda unit: unit.put_chunk(1, 1, b"tw0"))
    with graph.view() as view, pytest.raises(StoreCorrupt, match="part 1"):
        view.content(snapshot)


def test_edges_are_set_and_taken_back(graph: GraphStore) -> None:
    graph.commit(lambda unit: unit.place(1, [9, 8, 0, 2, 0, 0]))
    with graph.view() as view:
        assert view.edges(1) == (Edge(9, "previous", 1.0), Edge(2, "next", 1.0))
        assert view.beside([7, 1]).tolist() == [[0] * 6, [9, 8, 0, 2, 0, 0]]
    graph.commit(lambda unit: unit.place(1, [0] * 6))
    with graph.view() as view:
        assert view.edges(1) == ()


def test_a_graph_is_as_far_as_the_part_that_is_behind() -> None:
    progress = GraphProgress(records_applied=upto(9), vectors_applied=upto(3).add(5, 9))
    assert progress.revision == 3
