"""All indexes together: what each follows, and what is on disk of how far they have come."""

import gc
import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import numpy as np
import pytest
from msgspec import structs

from iai.errors import StoreCorrupt, StoreWriteFailed
from iai.index.indexes import Indexes
from iai.index.lexical import LexicalIndex
from iai.index.neighbours import session_runs, update_neighbours
from iai.model.exchange import NARRATION
from iai.model.record import Record
from iai.model.revisions import through
from iai.store.graph import GraphChange, GraphStore, Progress
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView
from iai.store.vectors import Generation
from iai.store.vectors import Progress as VectorProgress
from tests.iai.store.builders import NOW, new_record, put
from tests.iai.store.shared import Store


class Indexed(Store):
    """A store with its indexes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lexical = LexicalIndex(path / "lexical")
        self.open()

    def open(self) -> None:
        """Start over, as a new process would."""
        self.indexes = Indexes(self, self.graph, self._lexical)
        self.indexes.load()

    def reopen(self) -> None:
        """Start over with what is on disk of the lexical index, too."""
        path = self._lexical._path
        del self._lexical, self.indexes
        gc.collect()  # tantivy gives its lock back
        self._lexical = LexicalIndex(path)
        self.open()

    def catch_up(self) -> None:
        while self.indexes.catch_up():
            pass

    def embed(self, labels: list[int]) -> None:
        """Give the records a vector each."""
        store = self.write_vectors()
        rows = np.eye(len(labels), 8, dtype=np.float32)
        weights = Generation(
            number=1, fingerprint="f", dimension=8, counted_upto=0, documents=0, frequencies=b""
        )
        store.commit(lambda unit: unit.begin(weights))
        store.commit(lambda unit: unit.put(1, labels, rows))
        done = VectorProgress(applied=through(len(labels)), serving=1)
        store.commit(lambda unit: unit.advance(done))

    def noted(self) -> Progress:
        """Return how far the indexes have come, as it is on disk."""
        with self.graph.view() as view:
            return view.progress()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Indexed]:
    made = Indexed(tmp_path)
    put(made.records, *(new_record(f"k{n}") for n in range(5)))
    yield made
    made.close()


def test_terms_are_indexed_without_any_vector(store: Indexed) -> None:
    store.catch_up()
    assert store.noted().warm
    assert store.noted().records_applied.floor == 5
    assert store.noted().revision == 0  # the vectors have not come that far
    with store.records.view() as view:
        assert store.indexes.behind(view) == 0


def test_narration_is_no_neighbour_but_has_the_turns_around_it_as_its_own(store: Indexed) -> None:
    at = [NOW.wall + n for n in range(4)]
    first, told, answer, after = put(
        store.records,
        new_record("q", session="t", created_at=at[0]),
        new_record("n", session="t", created_at=at[1], role="assistant", kind=NARRATION),
        new_record("a", session="t", created_at=at[2], role="assistant"),
        new_record("z", session="t", created_at=at[3]),
    )
    store.catch_up()
    with store.graph.view() as view:
        rows = view.neighbours([first, told, answer]).tolist()
    assert rows == [[0, 0, 0, answer, after, 0], [first, 0, 0, answer, after, 0],
                    [first, 0, 0, after, 0, 0]]  # fmt: skip


def test_a_turn_in_the_midst_of_others_that_becomes_narration_is_no_neighbour_any_more(
    store: Indexed,
) -> None:
    """Its own row stays the same, as the turns around it do."""
    at = [NOW.wall + n for n in range(9)]
    labels = put(
        store.records,
        *(new_record(f"m{n}", session="m", created_at=at[n]) for n in range(9)),
    )
    store.catch_up()

    def narrate(unit: RecordChange) -> None:
        record = unit.view.get(labels[4])
        assert record is not None
        unit.filing.replace(record, structs.replace(record, kind=NARRATION))
        unit.log.note("narrate", record)

    store.records.commit(narrate, NOW)
    store.catch_up()
    with store.graph.view() as view:
        rows = view.neighbours(labels).tolist()
    assert not any(labels[4] in row for row in rows)
    assert rows[5][:3] == [labels[3], labels[2], labels[1]]


def test_a_turn_that_comes_back_after_its_removal_was_lost_in_a_crash_is_there_once(
    store: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.catch_up()

    def set_kind(kind: str) -> None:
        def change(unit: RecordChange) -> None:
            record = unit.view.get(3)
            assert record is not None
            unit.filing.replace(record, structs.replace(record, kind=kind))
            unit.log.note("narrate", record)

        store.records.commit(change, NOW)

    def crash(_: LexicalIndex) -> None:
        raise KeyboardInterrupt

    set_kind(NARRATION)
    put(store.records, new_record("another"))  # else fewer terms than noted have all rebuilt
    monkeypatch.setattr(LexicalIndex, "commit", crash)
    with pytest.raises(KeyboardInterrupt):
        store.catch_up()
    monkeypatch.undo()
    with store.graph.view() as view:
        assert not view.term_vectors([3])  # this is on disk, and the removal is not
    store.reopen()
    assert len(store.indexes.lexical.index) == 5
    set_kind("")
    store.catch_up()
    assert len(store.indexes.lexical.index) == 6


def test_the_vector_index_follows_the_vectors(store: Indexed) -> None:
    store.embed([1, 2, 3, 4, 5])
    store.catch_up()
    assert store.noted().revision == 5
    assert len(store.indexes.vector.index or ()) == 5


def test_what_is_on_disk_is_loaded_and_not_built_again(store: Indexed) -> None:
    store.embed([1, 2, 3, 4, 5])
    store.catch_up()
    while store.indexes.link():
        pass
    before = store.noted()
    store.open()
    assert not store.indexes.catch_up()
    assert not store.indexes.link()
    assert store.noted() == before
    assert len(store.indexes.vector.index or ()) == 5


def test_without_its_lexical_index_a_store_is_cold_until_that_is_rebuilt(store: Indexed) -> None:
    store.catch_up()
    store._lexical.clear()
    store.open()
    assert not store.noted().warm
    store.catch_up()
    assert store.noted().warm
    assert store.noted().records_applied.floor == 5


def test_what_a_full_disk_kept_out_of_the_lexical_index_is_put_in_again(
    store: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, unlimited = LexicalIndex.commit, resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(index: LexicalIndex) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8, unlimited[1]))
        try:
            commit(index)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

    monkeypatch.setattr(LexicalIndex, "commit", full)
    for _ in range(2):
        with pytest.raises(StoreWriteFailed, match="check the disk"):
            store.catch_up()
    monkeypatch.undo()
    store.catch_up()
    assert len(store.indexes.lexical.index) == 5
    assert store.noted().records_applied.floor == 5


def test_a_damaged_file_of_the_lexical_index_names_that_alone(store: Indexed) -> None:
    store.catch_up()
    put(store.records, *(new_record(f"more{n}") for n in range(3)))
    for file in store._lexical._path.glob("*.fieldnorm"):
        data = file.read_bytes()
        file.write_bytes(data.replace(b'"minor"', b'"Minor"'))

    def go_on() -> None:
        for n in range(9):  # tantivy reads it once it merges the segments
            put(store.records, new_record(f"again{n}"))
            store.catch_up()

    with pytest.raises(StoreCorrupt) as raised:
        go_on()
    assert raised.value.path == store._lexical._path


@pytest.mark.parametrize("more", [2, 50])
def test_the_first_slice_of_a_long_session_leaves_the_rest_of_it_to_later_ones(
    store: Indexed, more: int
) -> None:
    put(store.records, *(new_record(f"old{n}", session="long") for n in range(5)))
    store.catch_up()
    turns = range(256 + more)  # what was said just now comes in such slices
    put(store.records, *(new_record(f"long{n}", session="long") for n in turns))
    first, last = 6, 10 + 256 + more
    assert store.indexes.catch_up()
    labels = range(first, last + 1)
    with store.graph.view() as view:
        later = sorted(set(labels) - view.term_vectors(labels).keys())
        touched = view.neighbours(later).any(axis=1).sum()
    assert len(later) == more
    assert touched <= 3, "those next to the slice name it"
    store.catch_up()
    with store.graph.view() as view:
        rows = dict(zip(labels, view.neighbours(labels).tolist(), strict=True))
    for label, row in rows.items():
        around = [label - n for n in (1, 2, 3)] + [label + n for n in (1, 2, 3)]
        assert row == [other if first <= other <= last else 0 for other in around]


def test_turns_that_are_indexed_newest_first_become_neighbours_of_those_before(
    store: Indexed,
) -> None:
    def take(*labels: int) -> None:
        def write(unit: GraphChange) -> None:
            update_neighbours(view, changed, session_runs(view, changed), unit)
            unit.put_term_vectors(dict.fromkeys(labels, b"terms"))

        with store.records.view() as view:
            changed = view.get_each(labels)
            store.graph.commit(write)

    for first, *batches in ((6, (6, 7, 8)), (9, (12, 13, 14), (9, 10, 11))):
        more = (new_record(f"n{first}{n}", session="long") for n in range(3 * len(batches)))
        put(store.records, *more)
        for batch in batches:
            take(*batch)
    with store.graph.view() as view:
        assert view.neighbours([8, 9]).tolist() == [[7, 6, 0, 9, 10, 11], [8, 7, 6, 10, 11, 12]]


def test_a_turn_that_moves_before_it_is_indexed_is_named_where_it_was_no_more(
    store: Indexed,
) -> None:
    def take(label: int) -> None:
        def write(unit: GraphChange) -> None:
            update_neighbours(view, changed, session_runs(view, changed), unit)
            unit.put_term_vectors({label: b"terms"})

        with store.records.view() as view:
            changed = view.get_each([label])
            store.graph.commit(write)

    def move(unit: RecordChange) -> None:
        before = unit.view.get(moved)
        assert before is not None
        after = structs.replace(before, order=NOW.wall - 99)
        unit.filing.move(before, after)
        unit.log.note("narrate", after)

    said = (new_record(f"{n}", session="s", created_at=NOW.wall - 100 + 10 * n) for n in range(8))
    first, *_, moved, last = put(store.records, *said)
    take(last)
    store.records.commit(move, NOW)
    take(first)
    take(moved)
    with store.graph.view() as view:
        assert moved in view.neighbours([first]).tolist()[0]
        assert moved not in view.neighbours([last]).tolist()[0]


@pytest.mark.parametrize("seed", range(12))
def test_in_whatever_order_changes_are_indexed_the_neighbours_are_those_of_a_rebuild(
    store: Indexed, tmp_path: Path, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311
    labels: list[int] = []
    pending: list[int] = []

    def said(view: RecordView, some: list[int]) -> dict[int, Record | None]:
        found = view.get_each(some).items()
        return {label: r if r is not None and r.kind != NARRATION else None for label, r in found}

    def take(graph: GraphStore, some: list[int]) -> None:
        def write(unit: GraphChange) -> None:
            update_neighbours(view, changed, session_runs(view, changed), unit)
            unit.put_term_vectors({label: b"terms" if r else None for label, r in changed.items()})

        with store.records.view() as view:
            changed = said(view, some)
            graph.commit(write)

    def change_one(unit: RecordChange) -> None:
        before = unit.view.get(chance.choice(labels))
        assert before is not None
        order = before.order if chance.random() < 0.7 else NOW.wall + chance.randrange(1_000)
        after = structs.replace(before, kind=chance.choice([NARRATION, ""]), order=order)
        unit.filing.move(before, after)
        unit.log.note("narrate", after)
        pending[:] = [*(label for label in pending if label != after.label), after.label]

    for number in range(60):
        match chance.choice(["insert", "take", "change"]):
            case "insert":
                at = [NOW.wall + chance.randrange(1_000) for _ in range(3)]
                some = (new_record(f"{number}.{t}", session="s", created_at=t) for t in at)
                new = [label for label in put(store.records, *some) if label not in labels]
                labels += new
                pending += new
            case "take":
                some_pending = chance.sample(pending, min(4, len(pending)))
                take(store.graph, some_pending)
                pending = [label for label in pending if label not in some_pending]
            case "change" if labels:
                store.records.commit(change_one, NOW)
    while pending:
        take(store.graph, [pending.pop()])
    with closing(GraphStore(tmp_path / "rebuilt", writer=True)) as rebuilt:
        with store.records.view() as view:
            turns = [label for label, record in said(view, labels).items() if record]
        take(rebuilt, turns)
        with store.graph.view() as ours, rebuilt.view() as theirs:
            assert ours.neighbours(turns).tolist() == theirs.neighbours(turns).tolist()
