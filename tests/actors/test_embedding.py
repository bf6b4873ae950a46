"""Embedding: every record has its vector, under the right weights, whatever the order of events."""

from collections.abc import Callable

import numpy as np
import pytest
from simulation.world import Chances, LettersEmbedder, World

from iai.embedders.generations import Census, Weights, counted_through
from iai.protocol.embedding import EmbedQuery, QueryVectors, VectorsCommitted
from iai.protocol.ingest import (
    Capture,
    CapturedTurn,
    Edit,
    Forget,
    Pin,
)
from iai.protocol.message import Actor
from iai.store.vectors import Generation, Progress
from tests.simulation.stories import capture, events, revision

Make = Callable[..., World]


def progress(world: World) -> Progress:
    with world.vectors.view() as view:
        return view.progress()


def serving(world: World) -> Generation:
    with world.vectors.view() as view:
        generation = view.generation(view.progress().serving)
    assert generation is not None
    return generation


def labels(world: World) -> list[int]:
    with world.vectors.view() as view:
        return view.scan(view.progress().serving, 0, 10**6)[0]


def test_every_record_gets_its_vector_and_an_event_says_so(world: Make) -> None:
    w = world()
    capture(w, "one", "two", "three")
    w.run(5.0)
    assert progress(w).applied.floor == revision(w) == 3
    assert labels(w) == [1, 2, 3]
    told = events(w, VectorsCommitted)
    assert sum(event.embedded for event in told) == 3
    assert told[-1].revision == 3


def test_the_newest_records_come_first_when_there_is_a_backlog(world: Make) -> None:
    w = world()
    w.actors.pop(Actor.EMBEDDING)
    for number in range(6):
        capture(w, *(f"text {number} {n}" for n in range(100)))
    w.start(Actor.EMBEDDING)
    w.run(60.0, until=lambda: bool(progress(w).applied.ranges))
    assert progress(w).applied.head == 600
    assert progress(w).applied.floor == 0
    w.run(60.0)
    assert progress(w).applied.floor == 600


def test_a_forgotten_record_loses_its_vector_under_every_generation(world: Make) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(70)))
    w.run(10.0)
    w.answer(Actor.INGEST, Forget(refs=("#7",)))
    w.run(5.0)
    assert 7 not in labels(w)
    assert len(labels(w)) == 69


def test_weights_are_recounted_when_the_store_has_doubled(world: Make) -> None:
    w = world()
    seen = []
    for number in range(9):
        capture(w, *(f"text {number} {n}" for n in range(20)))
        w.run(20.0)
        seen.append(serving(w).counted_upto)
    assert seen == [0, 0, 0, 64, 64, 64, 128, 128, 128]
    assert sum(event.reembedded for event in events(w, VectorsCommitted)) == 80 + 140
    with w.vectors.view() as view:
        kept = view.generations()
        assert kept == [serving(w).number - 1, serving(w).number]
        assert view.scan(kept[0], 0, 9)[0] == []


def test_a_new_generation_waits_until_all_that_is_new_can_be_found(world: Make) -> None:
    w = world()
    w.actors.pop(Actor.GRAPH_CACHE)
    capture(w, *(f"text {n}" for n in range(100)))
    w.run(20.0)
    assert progress(w).applied.floor == 100
    assert serving(w).counted_upto == 0
    w.start(Actor.GRAPH_CACHE)
    w.run(20.0)
    assert serving(w).counted_upto == 64


def test_weights_depend_on_the_records_alone(world: Make) -> None:
    """However the records came in, and however often the actor crashed."""
    steady, hasty = world(seed=1), world(seed=2, chances=Chances(crash=0.05, lost=0.3))
    words = [f"text {'xyz'[n % 3]} {n}" for n in range(150)]
    for start in range(0, 150, 10):
        capture(steady, *words[start : start + 10])
        steady.run(5.0)
    for start in range(0, 150, 50):
        asked = 0
        while asked < 50:
            w = hasty
            before = revision(w)
            w.ask(Actor.INGEST, _all(words[start : start + 50]))
            w.run(2.0)
            asked = 50 if revision(w) >= start + 50 else 0
            assert before <= revision(w)
    hasty.run(120.0)
    steady.run(120.0)
    assert serving(hasty).frequencies == serving(steady).frequencies
    assert serving(hasty).documents == serving(steady).documents == 128
    for label in (1, 64, 150):
        with steady.vectors.view() as a, hasty.vectors.view() as b:
            one = a.find(a.progress().serving, [label])
            other = b.find(b.progress().serving, [label])
        assert one[0] == other[0] == [label]
        assert np.array_equal(one[1], other[1])


@pytest.mark.parametrize("seed", range(6))
def test_what_was_edited_or_forgotten_leaves_no_trace_in_the_vectors(
    world: Make, seed: int
) -> None:
    """They are those of a store into which only what is there now was ever put."""
    chances = Chances(crash=0.05, lost=0.3, doubled=0.2, late=0.3)
    w = world(seed=seed, chances=chances, interleaved=seed % 2 == 1)
    for number in range(8):
        w.ask(Actor.INGEST, _all([f"{'xyz'[n % 3]} {number} {n}" for n in range(20)]))
        w.run(w.chance.uniform(0, 5.0))
        for word in ("quaff", "jig"):
            ref = f"#{w.chance.randint(1, 20 * number + 20)}"
            change = (
                Forget(refs=(ref,)) if word == "jig" else Edit(ref=ref, text=f"{word} {number}")
            )
            w.ask(Actor.INGEST, change)
            w.run(w.chance.uniform(0, 2.0))
    w.chances = Chances()
    w.run(120.0)
    with w.records.view() as view:
        there = list(view.after(0))
        upto = counted_through(view.watermark().max_vec_label)
    census = Census(w.embedder, upto)
    census.count([record.text for record in there if record.label <= upto], upto)
    weights = census.generation(serving(w).number)
    assert serving(w) == weights
    assert not progress(w).recount
    with w.vectors.view() as stored:
        rows = stored.find(weights.number, [record.label for record in there])[1]
    made = Weights(w.embedder, weights).embed([record.text for record in there])
    assert np.array_equal(rows, made.astype(np.float16).astype(np.float32))


def test_a_pin_changes_no_vector(world: Make) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(70)))
    w.run(20.0)
    before = serving(w)
    w.answer(Actor.INGEST, Pin(ref="#3"))
    w.run(20.0)
    assert serving(w) == before


def _all(texts: list[str]) -> Capture:
    return Capture(turns=tuple(CapturedTurn(text=t, cwd="/p", session="s") for t in texts))


def test_a_query_has_a_vector_for_each_generation_that_an_index_may_hold(world: Make) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(130)))
    w.run(30.0)
    before = serving(w).number
    assert generations(w) == {before}
    capture(w, *(f"more {n}" for n in range(130)))
    w.run(30.0, until=lambda: progress(w).building > 0)
    w.crash(Actor.GRAPH_CACHE, for_s=40.0)  # so the index stays as it is
    w.run(30.0)
    now = serving(w).number
    assert now > before
    assert generations(w) == {before, now}
    w.run(30.0)
    assert generations(w) == {now}


def generations(w: World) -> set[int]:
    reply = w.answer(Actor.EMBEDDING, EmbedQuery(text="text"))
    assert isinstance(reply, QueryVectors)
    assert all(len(vector.data) == 4 * vector.dimension for vector in reply.vectors)
    return {vector.generation for vector in reply.vectors}


class OtherEmbedder(LettersEmbedder):
    fingerprint = "letters-2"


def test_another_embedder_never_shares_a_generation(world: Make) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(70)))
    w.run(20.0)
    old = serving(w)
    w.embedder = OtherEmbedder()
    w.crash(Actor.EMBEDDING)
    w.run(20.0)
    new = serving(w)
    assert (old.fingerprint, new.fingerprint) == ("letters-1", "letters-2")
    assert new.number > old.number
    assert len(labels(w)) == 70
    assert progress(w).applied.floor == revision(w)


@pytest.mark.parametrize("seed", range(8))
def test_whenever_it_crashes_every_record_ends_with_one_vector(world: Make, seed: int) -> None:
    w = world(seed=seed, chances=Chances(crash=0.1, lost=0.3, doubled=0.2, late=0.3))
    for number in range(12):
        w.ask(Actor.INGEST, _all([f"text {number} {n}" for n in range(25)]))
        if number % 3 == 2:
            w.ask(Actor.INGEST, Forget(refs=(f"#{number * 5}",)))
        w.run(w.chance.uniform(0, 3.0))
    w.run(120.0)
    with w.records.view() as view:
        there = [record.label for record in view.after(0)]
    assert labels(w) == there
    assert progress(w).building == 0
    assert progress(w).applied.floor == revision(w)
