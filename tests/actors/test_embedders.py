"""Another embedder: the old vectors serve until the new ones are complete, whatever happens."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgpack
import numpy as np
import pytest
from harness.group import Group, wait_until
from msgspec import structs
from simulation.world import Chances, LettersEmbedder, World

from iai.admin import health
from iai.embedders.embedder import Frequencies, Vectors
from iai.protocol.cache_writer import RebuildWanted
from iai.protocol.embedding import (
    EmbedQuery,
    GenerationBegun,
    GenerationServing,
    QueryVectors,
)
from iai.protocol.graph_cache import Recall, Recalled
from iai.protocol.ingest import Forget
from iai.protocol.message import Actor
from iai.recall.weights import VOICES
from iai.store.codec import unpack
from iai.store.vectors import Generation, VectorStore
from tests.actors.real import capture as said
from tests.actors.real import recalled as recalled_by_all
from tests.actors.test_embedding import labels, progress, serving
from tests.iai.embedders.conftest import small_model
from tests.simulation.stories import capture, events, revision

Make = Callable[..., World]


class Slow(LettersEmbedder):
    """Takes so long that others see it at work."""

    name = "slow"
    fingerprint = "slow-1"
    parts = (30,)

    def cost_ms(self, text: str) -> float:
        return 10.0


class Lasting(LettersEmbedder):
    """Its vectors depend on no weights; it notes which texts it had to embed."""

    name = "lasting"
    fingerprint = "lasting-1"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        rows = super().embed(texts, np.zeros_like(frequencies), 0)
        for place, text in enumerate(texts):
            if known is not None and known[place].any():
                rows[place] = known[place]
            else:
                self.embedded.append(text)
        return rows


class Meaning(LettersEmbedder):
    """Knows two words for a cat, and has that beside the letters."""

    name = "meaning"
    fingerprint = "meaning-1"
    parts = (26, 2)

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        letters = super().embed(texts, frequencies, documents)
        cats = [["cat" in text or "kitten" in text] for text in texts]
        both = np.concatenate([letters, cats, np.logical_not(cats)], axis=1)
        return np.asarray(both / 2**0.5, np.float32)


def choose(world: World, embedder: LettersEmbedder, *, still_there: bool = True) -> None:
    """Start the embedding actor with another embedder."""
    before = world.embedder
    world.embedders = {before.name: before} if still_there else {}
    world.embedder = embedder
    world.crash(Actor.EMBEDDING)


def half_way(world: World) -> bool:
    return progress(world).built_upto > 0


def half_way_to_slow(world: Make) -> tuple[World, Generation]:
    """Return a world with some of 70 texts re-embedded, and the generation that still serves."""
    w = world()
    capture(w, *(f"text {n}" for n in range(70)))
    w.run(20.0)
    old = serving(w)
    choose(w, Slow())
    w.run(30.0, until=lambda: half_way(w))
    return w, old


def query_dimensions(world: World) -> dict[int, int]:
    """Ask for a query's vectors; return their dimension by generation."""
    reply = world.answer(Actor.EMBEDDING, EmbedQuery(text="text"))
    assert isinstance(reply, QueryVectors)
    return {vector.generation: vector.dimension for vector in reply.vectors}


def recalled(world: World, text: str) -> Recalled:
    query = world.answer(Actor.EMBEDDING, EmbedQuery(text=text))
    assert isinstance(query, QueryVectors)
    reply = world.answer(Actor.GRAPH_CACHE, Recall(query=text, vectors=query.vectors))
    assert isinstance(reply, Recalled)
    return reply


def dimensions(world: World) -> set[int]:
    """How long the vectors that serve are."""
    with world.vectors.view() as view:
        number = view.progress().serving
        return {view.find(number, [label])[1].shape[1] for label in view.scan(number, 0, 10**6)[0]}


def test_the_old_vectors_serve_until_the_new_are_complete(world: Make) -> None:
    w, old = half_way_to_slow(world)
    assert serving(w) == old
    assert query_dimensions(w)[old.number] == 26
    assert recalled(w, "text").degraded == ()
    w.run(30.0)
    assert (serving(w).fingerprint, serving(w).embedder) == ("slow-1", "slow")
    assert len(labels(w)) == 70
    assert dimensions(w) == {30}
    assert recalled(w, "text").degraded == ()


def test_new_records_during_a_rebuild_are_searchable_at_once_and_go_into_both(world: Make) -> None:
    w, old = half_way_to_slow(world)
    capture(w, "one more")
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    w.run(30.0, until=lambda: 71 in labels(w))
    assert serving(w) == old
    assert progress(w).applied.floor == revision(w)
    w.run(30.0)
    assert serving(w).fingerprint == "slow-1"
    assert labels(w) == list(range(2, 72))
    assert dimensions(w) == {30}


def test_a_text_edited_during_a_rebuild_is_changed_in_both(world: Make) -> None:
    w, _ = half_way_to_slow(world)
    with w.records.view() as view:
        record = view.get(1)
    assert record is not None
    w.records.commit(lambda unit: unit.edits.set_text(record, "zzz"), w.now)
    w.run(30.0)
    assert serving(w).fingerprint == "slow-1"
    with w.vectors.view() as view_:
        found, rows = view_.find(serving(w).number, [1])
    assert found == [1]
    assert rows[0].nonzero()[0].tolist() == [25]


def test_the_status_says_that_vectors_will_be_rebuilt_until_they_are(world: Make) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(70)))
    w.run(20.0)
    assert note(w) == ""
    choose(w, Slow())
    w.run(10.0, until=lambda: progress(w).embedder == "slow-1")
    assert note(w) == "to be re-embedded"
    w.run(30.0, until=lambda: half_way(w))
    assert note(w) == f"re-embedding, at #{progress(w).built_upto} of #70"
    w.run(30.0)
    assert note(w) == ""


def note(world: World) -> str:
    """What `iai status` says of the vectors."""
    with world.vectors.view() as view:
        done = view.progress()
        weights = view.generation(done.serving)
    with world.records.view() as records:
        return health._reembedding(done, weights, records.watermark())


def test_without_the_old_embedder_words_answer_until_the_new_vectors_are_complete(
    world: Make,
) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(70)))
    w.run(20.0)
    old = serving(w)
    choose(w, Slow(), still_there=False)
    w.run(30.0, until=lambda: half_way(w))
    capture(w, "one more")
    w.run(0.01)
    assert serving(w) == old
    assert old.number not in query_dimensions(w)
    reply = recalled(w, "text")
    assert reply.hits
    assert reply.degraded == (
        f"vectors: the query has no vector of generation {old.number}, which is indexed",
    )
    w.run(30.0)
    assert serving(w).fingerprint == "slow-1"
    assert progress(w).applied.floor == revision(w)
    assert labels(w) == list(range(1, 72))
    assert recalled(w, "text").degraded == ()


def test_going_back_half_way_keeps_the_old_vectors_and_no_others(world: Make) -> None:
    w, old = half_way_to_slow(world)
    given_up = progress(w).building
    choose(w, LettersEmbedder())
    w.run(30.0)
    assert serving(w) == old
    assert progress(w).building == 0
    with w.vectors.view() as view:
        assert view.scan(given_up, 0, 9)[0] == []
        assert given_up not in view.generations()


def test_the_ledger_says_when_a_generation_begins_and_when_it_serves(world: Make) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(70)))
    w.run(20.0)
    choose(w, Slow())
    w.run(30.0)
    begun, served = events(w, GenerationBegun), events(w, GenerationServing)
    assert [(e.generation, e.embedder, e.counted_upto) for e in begun] == [
        (2, "letters-1", 64),
        (3, "slow-1", 64),
    ]
    assert [(e.generation, e.records) for e in served] == [(1, 70), (2, 70), (3, 70)]


def test_vectors_that_do_not_depend_on_the_weights_are_computed_once(world: Make) -> None:
    embedder = Lasting()
    w = world(embedder=embedder)
    texts = [f"text {n}" for n in range(150)]
    for start in range(0, 150, 30):
        capture(w, *texts[start : start + 30])
        w.run(20.0)
    assert serving(w).counted_upto == 128
    assert sorted(embedder.embedded) == sorted(texts)


@pytest.mark.parametrize("seed", range(6))
def test_whenever_it_crashes_the_vectors_are_of_one_embedder(world: Make, seed: int) -> None:
    w = world(seed=seed, chances=Chances(crash=0.05, lost=0.3, doubled=0.2, late=0.3))
    for number in range(8):
        capture(w, *(f"text {number} {n}" for n in range(15)))
        if number % 3 == 2:
            w.answer(Actor.INGEST, Forget(refs=(f"#{number * 5}",)))
        choose(w, w.chance.choice((Slow, LettersEmbedder))(), still_there=w.chance.random() < 0.7)
        w.run(w.chance.uniform(0, 3.0))
    w.run(120.0)
    with w.records.view() as view:
        there = [record.label for record in view.after(0)]
    assert labels(w) == there
    assert serving(w).fingerprint == w.embedder.fingerprint
    assert dimensions(w) == {sum(w.embedder.parts)}
    assert progress(w).building == 0
    assert progress(w).applied.floor == revision(w)


def test_each_part_of_the_vectors_is_scored_by_itself(world: Make) -> None:
    w = world(embedder=Meaning())
    capture(w, "the cat sleeps", session="one")
    capture(w, "the act sleeps", session="other")
    w.run(5.0)
    cat, act = sorted(recalled(w, "kitten").hits, key=lambda hit: hit.label)
    letters, meaning = VOICES[2]
    assert cat.why["vectors"] - act.why["vectors"] == pytest.approx(meaning.own, abs=1e-3)
    assert cat.why["conversation"] - act.why["conversation"] == pytest.approx(
        meaning.session, abs=1e-3
    )
    assert 0 < act.why["vectors"] <= letters.best
    w.crash(Actor.GRAPH_CACHE)
    w.run(5.0)
    assert recalled(w, "kitten").hits == tuple(sorted((cat, act), key=lambda hit: -hit.score))


def test_vectors_of_an_earlier_version_have_one_part_and_the_default_embedder(
    world: Make,
) -> None:
    kept = {"number": 1, "fingerprint": "f", "dimension": 2, "counted_upto": 0, "documents": 0}
    old = unpack(msgpack.packb({**kept, "frequencies": b""}), Generation)
    assert (old.embedder, old.parts) == ("static", ())
    w = world()
    capture(w, "the cat sleeps", "the act sleeps")
    w.run(5.0)
    before = recalled(w, "cat").hits
    w.vectors.commit(lambda unit: unit.begin(structs.replace(serving(w), parts=())))
    list(w.actors[Actor.GRAPH_CACHE].on_event(RebuildWanted(), w.now))
    w.run(5.0)
    with w.graph.view() as view:
        assert view.progress().parts == ()
    assert recalled(w, "cat").hits == before


@pytest.mark.slow
def test_a_real_group_switches_embedders_and_back_through_kills(
    group: Callable[..., Group], tmp_path: Path
) -> None:
    g = group()
    g.up()
    said(g, *(f"the cat sleeps on sofa {n}" for n in range(100)))
    g.settle()
    default = fingerprint(g)
    for choice in (str(small_model(tmp_path / "small")), "static"):
        g.down()
        g.environment["IAI_MCP_EMBEDDER"] = choice
        g.up()
        g.kill(Actor.EMBEDDING)
        wait_until(g.all_ready, "it is there again")
        said(g, f"one more under {choice}")
        g.settle()
        assert fingerprint(g).startswith("model2vec-small" if choice != "static" else default)
        assert recalled_by_all(g, "cat on a sofa")["hits"]


def fingerprint(group: Group) -> str:
    """Return that of the vectors that serve."""
    store = VectorStore(group.layout.vectors)
    with store.view() as view:
        generation = view.generation(view.progress().serving)
    store.close()
    return generation.fingerprint if generation else ""
