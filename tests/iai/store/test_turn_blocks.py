"""Blocks of turns: what is set is read back, whatever shares its block, and forgetting is final."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.errors import StoreCorrupt
from iai.store import turn_blocks
from iai.store.codec import encode_u64
from iai.store.graph import GraphStore, GraphView
from iai.store.turn_blocks import AROUND, BLOCK
from tests.iai.store.builders import flip

MAP = 16 << 20
ALONE = [0] * 2 * AROUND
EVERY = range(3 * BLOCK)
LABELS = st.integers(1, EVERY[-1])
ROWS = st.lists(st.integers(0, 2**32 - 1), min_size=2 * AROUND, max_size=2 * AROUND)
CHANGES = st.tuples(
    st.dictionaries(LABELS, st.none() | st.binary(max_size=40), max_size=5),
    st.dictionaries(LABELS, ROWS | st.just(ALONE), max_size=5),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    store = GraphStore(tmp_path / "index", writer=True, map_size=MAP)
    yield store
    store.close()


def blocks(view: GraphView) -> list[bytes]:
    return [key for key, _ in view._t.entries(view._db["turns"])]


@settings(deadline=None, max_examples=40)
@given(st.lists(CHANGES, max_size=6))
def test_every_record_has_what_was_set_last(
    changes: list[tuple[dict[int, bytes | None], dict[int, list[int]]]],
) -> None:
    vectors: dict[int, bytes] = {}
    around: dict[int, list[int]] = {}
    with TemporaryDirectory() as directory:
        store = GraphStore(Path(directory), writer=True, map_size=MAP)
        for new, rows in changes:

            def change(unit: turn_blocks.TurnChange) -> None:
                unit.put_term_vectors(new)  # noqa: B023  used at once
                unit.put_neighbours([*rows], np.array([*rows.values()]))  # noqa: B023
                assert unit.neighbours([*rows]).tolist() == [*rows.values()]  # noqa: B023

            store.commit(change)
            vectors = {n: data for n, data in (vectors | new).items() if data}
            around |= rows
            with store.view() as view:
                assert view.term_vectors(EVERY) == vectors
                assert view.term_vector_count() == len(vectors)
                assert view.neighbours(EVERY).tolist() == [around.get(n, ALONE) for n in EVERY]
                held = {n // BLOCK for n in (*vectors, *(n for n in around if any(around[n])))}
                assert blocks(view) == [encode_u64(number) for number in sorted(held)]
        store.close()


def test_a_view_reads_a_block_once_and_forgets_it_when_it_holds_too_many(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_blocks, "_HELD", 2)
    vectors = {n * BLOCK: b"%d" % n for n in range(1, 6)}
    store.commit(lambda unit: unit.put_term_vectors(dict(vectors)))
    with store.view() as view:
        assert view.term_vectors([*vectors]) == vectors
        assert {label: view.term_vectors([label])[label] for label in vectors} == vectors
        assert len(view._blocks) <= 2


def test_a_forgotten_record_leaves_no_byte_and_its_neighbours_in_the_block_stay(
    tmp_path: Path, store: GraphStore
) -> None:
    file = tmp_path / "index" / "data.mdb"
    vectors = {n: b"SECRET-%02d-" % n + bytes(range(n)) * 20 for n in range(1, 40)}
    rows = {n: [n, n + 0x5EC0DE00, 0, 0, 0, 0] for n in vectors}
    store.commit(lambda unit: unit.put_term_vectors(dict(vectors)))
    store.commit(lambda unit: unit.put_neighbours([*rows], np.array([*rows.values()])))
    row = (7 + 0x5EC0DE00).to_bytes(4, "little")
    assert row in file.read_bytes()
    store.commit(lambda unit: unit.put_term_vectors({7: None}))
    store.commit(lambda unit: unit.put_neighbours([7], np.array([ALONE])))
    while not store.scrub(1, 1.0):
        pass
    left = file.read_bytes()
    assert row not in left
    assert {n for n in vectors if b"SECRET-%02d-" % n not in left} == {7}
    with store.view() as view:
        assert view.term_vectors(vectors) == {n: vectors[n] for n in vectors if n != 7}


def test_a_damaged_block_is_an_error_for_its_owner_and_none_for_others(
    tmp_path: Path, store: GraphStore
) -> None:
    store.commit(lambda unit: unit.put_term_vectors({1: b"one", BLOCK: b"two"}))
    flip(store._environment, "turns", encode_u64(0))
    with store.view() as view, pytest.raises(StoreCorrupt):
        view.term_vectors([1])
    store.close()
    reader = GraphStore(tmp_path / "index")
    with reader.view() as view:
        assert view.term_vectors([1, BLOCK]) == {BLOCK: b"two"}
    reader.close()


def test_a_block_is_gone_with_its_last_record(store: GraphStore) -> None:
    store.commit(lambda unit: unit.put_term_vectors({1: b"one", 2: b"two"}))
    store.commit(lambda unit: unit.put_term_vectors({1: None, 2: None}))
    with store.view() as view:
        assert blocks(view) == []
        assert view.term_vector_count() == 0


@pytest.mark.parametrize("how", ["forget_terms", "forget_everything"])
def test_starting_over_leaves_no_block_and_no_count(store: GraphStore, how: str) -> None:
    store.commit(lambda unit: unit.put_term_vectors({1: b"one"}))
    store.commit(lambda unit: getattr(unit, how)())
    with store.view() as view:
        assert (view.term_vectors([1]), view.term_vector_count()) == ({}, 0)
