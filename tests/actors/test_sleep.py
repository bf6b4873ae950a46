"""SLEEP: it does its work, gives way to questions, and survives a crash."""

from collections.abc import Callable, Iterator

import pytest
from simulation.world import World

from actors.graph_cache import GraphCache
from iai.errors import StoreCorrupt
from iai.model.clock import Now
from iai.process import heap
from iai.protocol.embedding import GenerationBegun, GenerationServing
from iai.protocol.graph_cache import SleepFinished, SleepStep
from iai.protocol.ingest import Forget
from iai.protocol.lifecycle import RequestState
from iai.protocol.message import Actor, State
from iai.store.codec import encode_u64
from tests.actors.test_graph_cache import TEXTS, found, recall
from tests.iai.store.builders import flip
from tests.simulation.stories import capture, events

Make = Callable[..., World]
STEPS = ["links", "topics", "compact", "check"]


def sleep(world: World, seconds: float = 5.0) -> None:
    world.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
    world.run(seconds)


def behaviour(world: World) -> GraphCache:
    graph_cache = world.actors[Actor.GRAPH_CACHE]
    assert isinstance(graph_cache, GraphCache)
    return graph_cache


def relations(world: World, label: int) -> set[str]:
    with world.graph.view() as view:
        return {edge.relation for edge in view.links(label)}


def outcomes(world: World) -> list[tuple[str, str]]:
    return [(event.step, event.outcome) for event in events(world, SleepStep)]


def test_a_sleep_does_all_its_steps_and_publishes_each(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    sleep(w)
    assert outcomes(w) == [(step, "finished") for step in STEPS]
    assert len(events(w, SleepFinished)) == 1


def test_each_step_of_a_sleep_gives_back_the_memory_that_it_needed(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[None] = []
    monkeypatch.setattr(heap, "give_back", lambda: given.append(None))
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    sleep(w)
    assert len(given) == len(outcomes(w)) == len(STEPS)


def test_links_follow_while_awake_too(world: Make) -> None:
    w = world()
    capture(w, "the frobnicator of gizmo jams", "oil for the gizmo and its frobnicator")
    w.run(10.0)
    assert "shares" in relations(w, 1)
    w.answer(Actor.INGEST, Forget(refs=("#2",)))
    w.run(10.0)
    assert relations(w, 1) == set()
    with w.graph.view() as view:
        assert not view.neighbours([1]).any()


def test_waking_up_interrupts_a_step_and_the_next_sleep_does_it(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    graph_cache = behaviour(w)

    def endless(_: Now) -> Iterator[int]:
        while True:
            yield 1

    quick, graph_cache._sleep._steps = graph_cache._sleep._steps, {"links": endless}
    sleep(w, 1.0)
    assert found(w, "login")  # which wakes the group up
    w.run(1.0)
    assert outcomes(w) == [("links", "interrupted")]
    assert events(w, SleepFinished) == []
    graph_cache._sleep._steps = quick
    sleep(w)
    assert outcomes(w)[1:] == [(step, "finished") for step in STEPS]


def test_a_step_that_fails_three_times_is_skipped_for_a_day_across_restarts(world: Make) -> None:
    w = world(sleep_after_s=1e9, hibernate_after_s=1e9, drowsy_after_s=1e9)

    def fails(_: Now) -> Iterator[int]:
        yield 1
        raise RuntimeError("no luck")

    def night() -> str:
        behaviour(w)._sleep._steps = {**behaviour(w)._sleep._steps, "topics": fails}
        before = len(outcomes(w))
        sleep(w)
        outcome = dict(outcomes(w)[before:])
        assert {outcome[step] for step in STEPS if step != "topics"} == {"finished"}
        capture(w, f"a new day {before}")
        w.run(2.0)
        w.stop(Actor.GRAPH_CACHE)
        w.start(Actor.GRAPH_CACHE)
        return outcome["topics"]

    assert [night() for _ in range(4)] == ["failed"] * 3 + ["quarantined"]
    w._pass(23 * 3_600 * 10**9)
    assert night() == "quarantined"
    w._pass(3_600 * 10**9)
    assert night() == "failed"


@pytest.mark.parametrize("slices", range(12))
def test_answers_stay_the_same_wherever_a_sleep_is_killed_and_it_ends_later(
    world: Make, slices: int
) -> None:
    w = world()
    capture(w, *(f"{text} {n}" for n in range(12) for text in TEXTS))
    w.run(10.0)
    before = recall(w, "login fields", k=20).hits
    w.run(1.0)
    w.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
    w.run(5.0, until=lambda: behaviour(w)._sleep.busy)
    for _ in range(slices):
        if behaviour(w)._sleep.busy:
            list(behaviour(w).work(w.now))
    w.crash(Actor.GRAPH_CACHE)
    w.run(60.0)
    finished = {step for step, outcome in outcomes(w) if outcome == "finished"}
    assert finished <= set(STEPS)
    assert events(w, SleepFinished)
    assert recall(w, "login fields", k=20).hits == before


def test_a_new_generation_of_vectors_publishes_when_it_begins_and_when_it_serves(
    world: Make,
) -> None:
    w = world()
    for _ in range(2):
        capture(w, *(f"text {w.now.mono} {n}" for n in range(60)))
        w.run(10.0)
    assert 2 in [event.generation for event in events(w, GenerationBegun)]
    assert 2 in [event.generation for event in events(w, GenerationServing)]


@pytest.mark.parametrize(
    ("owner", "database", "key"),
    [
        (Actor.EMBEDDING, "vectors", encode_u64(1) + encode_u64(2)),
        (Actor.GRAPH_CACHE, "turns", encode_u64(0)),
    ],
)
def test_damage_of_derived_data_is_found_in_the_next_sleep_by_its_owner(
    world: Make, owner: Actor, database: str, key: bytes
) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    environment = {Actor.EMBEDDING: w.vectors, Actor.GRAPH_CACHE: w.graph}[owner]._environment
    flip(environment, database, key)
    with pytest.raises(StoreCorrupt) as raised:
        sleep(w, 60.0)
    assert raised.value.path == w.layout.owned(owner), "so the runtime deletes and rebuilds it"
    assert owner in w.performing


def test_damage_of_the_records_is_logged_in_the_next_sleep_and_stops_nothing(
    world: Make, caplog: pytest.LogCaptureFixture
) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    flip(w.records._environment, "records", encode_u64(2), 50)
    sleep(w, 60.0)
    assert outcomes(w)[-1] == ("check", "finished")
    assert "the entry #2 of `records` is not what was written" in caplog.text
