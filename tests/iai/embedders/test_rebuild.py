"""A new generation of vectors: when it is due, how it is built, and what is deleted after."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from simulation.world import LettersEmbedder

from iai.embedders.embedder import Embedder
from iai.embedders.generations import FIRST_COUNT
from iai.embedders.rebuild import Rebuild
from iai.embedders.registry import Embedders
from iai.embedders.vector_generations import VectorGenerations
from iai.model.record import Record
from iai.model.revisions import through
from iai.protocol.embedding import GenerationBegun, GenerationServing, VectorsCommitted
from iai.protocol.message import Event
from iai.store.vectors import Generation, Progress
from tests.iai.store.builders import NOW, new_record, put
from tests.iai.store.shared import Store

ROOMY_MS = 1e9


class Capitals(LettersEmbedder):
    """Another embedder."""

    name = "capitals"
    fingerprint = "capitals-1"


class Embedded(Store):
    """A store with the vectors of its records."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.write_vectors()
        self.said = 0
        self.open(LettersEmbedder())

    def open(self, embedder: Embedder) -> None:
        """Start over with this embedder, as a new process would."""
        embedders = Embedders(embedder.name, lambda _: embedder)
        self.generations = VectorGenerations(self.vectors, embedders)
        self.generations.open()
        self.rebuild = Rebuild(self.generations)

    def say(self, count: int) -> None:
        """Put texts into the records, and their vectors under the weights that serve."""
        new = [new_record(f"k{n}", text=f"text {n}") for n in range(self.said, self.said + count)]
        self.said += count
        put(self.records, *new)
        with self.records.view() as view:
            if not self.progress.serving:
                self.rebuild.first(view)
            every = through(view.watermark().revision)
            taken = every.minus(self.progress.applied)
            changed: dict[int, Record | None] = {n: view.get(n) for n in view.touched(taken)}
        self.generations.apply(taken, changed, recount=False)

    def step(self, room_ms: float = ROOMY_MS) -> list[Event] | None:
        with self.records.view() as view:
            return self.rebuild.step(view, room_ms)

    def steps(self, room_ms: float = ROOMY_MS) -> list[Event]:
        """Do slices until nothing is due; return what was published."""
        published: list[Event] = []
        while (events := self.step(room_ms)) is not None:
            published += events
        return published

    @property
    def progress(self) -> Progress:
        with self.vectors.view() as view:
            return view.progress()

    def generation(self, number: int) -> Generation | None:
        with self.vectors.view() as view:
            return view.generation(number)

    def labels(self, number: int) -> list[int]:
        with self.vectors.view() as view:
            return view.scan(number, 0, 10**6)[0]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Embedded]:
    made = Embedded(tmp_path)
    yield made
    made.close()


def test_nothing_is_due_while_the_store_is_small(store: Embedded) -> None:
    assert store.step() is None
    store.say(FIRST_COUNT - 1)
    assert store.step() is None


def test_a_store_that_has_grown_gets_new_weights_and_the_old_serve_until_they_are_done(
    store: Embedded,
) -> None:
    store.say(FIRST_COUNT + 6)
    assert [type(event) for event in store.step() or ()] == [GenerationBegun]
    assert store.step(0.02) == []  # three texts of six or seven letters
    assert store.progress.serving == 1
    assert store.labels(2) == list(range(1, store.progress.built_upto + 1))
    assert 0 < store.progress.built_upto < FIRST_COUNT
    committed, serving = store.steps()
    assert isinstance(committed, VectorsCommitted)
    assert committed.reembedded == FIRST_COUNT + 6
    assert isinstance(serving, GenerationServing)
    assert (serving.generation, serving.counted_upto) == (2, FIRST_COUNT)
    assert store.progress.serving == 2
    assert store.labels(2) == list(range(1, FIRST_COUNT + 7))
    assert store.step() is None


def test_changes_meanwhile_reach_what_is_already_built_and_no_more(store: Embedded) -> None:
    store.say(FIRST_COUNT)
    store.step()
    store.step(0.02)
    built = store.progress.built_upto
    gone, later = 1, built + 1
    store.generations.apply(through(0), {gone: None, later: None}, recount=False)
    assert store.labels(1) == [n for n in range(1, FIRST_COUNT + 1) if n not in (gone, later)]
    assert store.labels(2) == list(range(2, built + 1))


def test_an_altered_record_that_was_counted_asks_for_new_weights(store: Embedded) -> None:
    store.say(FIRST_COUNT + 6)
    store.steps()
    assert not store.rebuild.alters_weights([])
    assert not store.rebuild.alters_weights([FIRST_COUNT + 1])
    assert store.rebuild.alters_weights([FIRST_COUNT + 1, 5])
    store.generations.apply(through(0), {}, recount=True)
    assert [type(event) for event in store.steps()] == [
        GenerationBegun, VectorsCommitted, GenerationServing,
    ]  # fmt: skip
    assert store.step() is None


def test_a_count_starts_over_when_something_it_has_counted_is_altered(store: Embedded) -> None:
    store.say(FIRST_COUNT)
    assert store.step(0.01) == []
    with store.records.view() as view:
        record = view.get(1)
    assert record is not None
    store.records.commit(lambda unit: unit.edits.set_text(record, "zzz"), NOW)
    store.rebuild.alters_weights([1])
    store.steps()
    weights = store.generation(2)
    assert weights is not None
    assert weights.documents == FIRST_COUNT
    z = 4 * (ord("z") - ord("a"))
    assert int.from_bytes(weights.frequencies[z : z + 4], "little") == 1


def test_old_vectors_are_deleted_in_parts_and_their_weights_after_the_next_switch(
    store: Embedded,
) -> None:
    store.say(FIRST_COUNT)
    store.steps()
    assert store.generations.tidy(10)
    assert len(store.labels(1)) == FIRST_COUNT - 10
    while store.generations.tidy(10):
        pass
    assert store.labels(1) == []
    assert store.generation(1) is not None  # an index may still hold its vectors
    store.say(FIRST_COUNT)
    store.steps()
    while store.generations.tidy(1_000):
        pass
    assert store.generation(1) is None
    assert store.generation(2) is not None


def test_a_rebuild_begun_for_another_embedder_is_given_up(store: Embedded) -> None:
    store.say(FIRST_COUNT)
    store.step()
    assert store.progress.building == 2
    store.open(Capitals())
    assert store.progress.building == 0
    assert store.generations.serving is None  # its embedder is gone
    store.steps()
    weights = store.generation(store.progress.serving)
    assert weights is not None
    assert weights.fingerprint == Capitals.fingerprint
