"""Graph-cache: what was said is found, and everything derived can be made again."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from msgspec import structs
from simulation.world import Chances, World

from actors.graph_cache import GraphCache
from iai.index import document_frequency, lexical_indexer
from iai.index.term_vectors import Tallies
from iai.index.vector_indexer import Space
from iai.lifecycle.pace import APART_S, PART
from iai.projects.identity import identify
from iai.protocol.cache_writer import RebuildWanted
from iai.protocol.embedding import EmbedQuery, QueryVectors
from iai.protocol.graph_cache import (
    GraphUpdated,
    MemoryUsed,
    NeighbourList,
    Neighbours,
    Recall,
    Recalled,
)
from iai.protocol.ingest import Capture, CapturedTurn, Forget
from iai.protocol.lifecycle import LifecycleReport, LifecycleStatus, RequestState
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    State,
)
from iai.store import graph, records
from iai.store.graph import Change, Progress
from tests.iai.store.builders import new_record
from tests.simulation.stories import capture, events, revision

Make = Callable[..., World]

TEXTS = (
    "the login page times out after thirty seconds",
    "it is the session store: redis evicts the keys",
    "set maxmemory-policy to noeviction",
    "the invoice export writes commas into csv fields",
    "quote the fields, and test with a comma in a name",
)


def recall(world: World, query: str, **fields: object) -> Recalled:
    answer = world.answer(Actor.EMBEDDING, EmbedQuery(text=query))
    assert isinstance(answer, QueryVectors)
    reply = world.answer(Actor.GRAPH_CACHE, Recall(query=query, vectors=answer.vectors, **fields))  # type: ignore[arg-type]
    assert isinstance(reply, Recalled)
    return reply


def found(world: World, query: str, **fields: object) -> list[int]:
    return [hit.label for hit in recall(world, query, **fields).hits]


def progress(world: World) -> Progress:
    with world.graph.view() as view:
        return view.progress()


def test_what_was_said_is_found_with_where_it_was_said_and_why(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    answer = recall(w, "login times out")
    hit = answer.hits[0]
    assert hit.text == TEXTS[0]
    assert (hit.label, hit.session_id, hit.project_name, hit.cwd) == (1, "s", "p", "/p")
    assert {"words", "vectors", "neighbours"} <= set(hit.why)
    assert hit.score == pytest.approx(sum(hit.why.values()), abs=1e-3)
    assert answer.degraded == ()
    assert answer.revision == revision(w)


def test_the_turn_beside_a_match_is_found_with_it(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    answer = recall(w, "login page")
    beside = next(hit for hit in answer.hits if hit.label == 2)
    assert beside.why["neighbours"] > 0


def test_a_turn_of_a_session_that_has_a_likely_one_is_likelier_than_its_like_elsewhere(
    world: Make,
) -> None:
    w = world()
    between = ("quiz jog vex", "bad fjord", "by gum", "waxy")
    capture(w, "the login page times out", *between, "we fixed it", session="about it")
    capture(w, "lunch at noon", *between, "we fixed it", session="other")
    w.run(5.0)
    alike = {
        hit.session_id: hit.why
        for hit in recall(w, "login page", k=20).hits
        if hit.text == "we fixed it"
    }
    assert alike["about it"]["conversation"] > alike["other"]["conversation"]
    assert alike["about it"]["vectors"] == alike["other"]["vectors"]


def test_as_many_hits_as_asked_for(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    assert len(found(w, "the", k=2)) <= 2
    assert len(found(w, "fields", k=2)) == 2


def test_only_the_project_that_was_asked_for(world: Make) -> None:
    w = world()
    capture(w, "the parser fails", cwd="/one", session="a")
    capture(w, "the parser works", cwd="/two", session="b")
    w.run(5.0)
    assert found(w, "parser", project=identify("/two").id) == [2]
    assert sorted(found(w, "parser")) == [1, 2]


def test_what_was_forgotten_is_found_no_more(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    assert 1 not in found(w, "login times out")  # at once, before any index has followed
    w.run(5.0)
    assert 1 not in found(w, "login times out")
    assert len(w.lexical) == 4


def test_without_an_embedder_the_words_alone_find_it_and_it_says_so(world: Make) -> None:
    w = world()
    w.actors.pop(Actor.EMBEDDING)
    capture(w, *TEXTS)
    w.run(5.0)
    reply = w.answer(Actor.GRAPH_CACHE, Recall(query="login"))
    assert isinstance(reply, Recalled)
    assert reply.hits[0].label == 1
    assert reply.degraded == ("vectors: nothing is indexed yet",)


def test_a_question_without_a_vector_is_answered_by_words(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    reply = w.answer(Actor.GRAPH_CACHE, Recall(query="login"))
    assert isinstance(reply, Recalled)
    assert reply.hits[0].label == 1
    assert reply.degraded == ("vectors: the embedder gave no vector for the query",)


@pytest.mark.parametrize(
    "query", ["", " ", "the of and", "\x00", "\u4f60\u597d", '"(+-&|', "x" * 9_999]
)
def test_no_question_whatever_fails(world: Make, query: str) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    assert isinstance(recall(w, query), Recalled)


def test_recalling_is_activity(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    w.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
    recall(w, "login")
    w.run(1.0)
    assert len(events(w, MemoryUsed)) == 1
    report = w.answer(Actor.LIFECYCLE, LifecycleStatus())
    assert isinstance(report, LifecycleReport)
    assert report.state is State.WAKE


def test_many_questions_are_one_activity_unless_the_group_falls_asleep_between(
    world: Make,
) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    for _ in range(9):
        recall(w, "login")
    assert len(events(w, MemoryUsed)) == 1
    w.run(0.1)  # until all have heard of it
    w.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
    w.run(0.1)
    recall(w, "login")
    assert len(events(w, MemoryUsed)) == 2
    w.run(2.0)
    recall(w, "login")
    assert len(events(w, MemoryUsed)) == 3


def test_turns_beside_each_other_are_neighbours_however_they_came_in(world: Make) -> None:
    w = world()
    for text, at in (("third", 3), ("first", 1), ("fourth", 4), ("second", 2)):
        capture(w, text, created_at=at)
        w.run(3.0)
    reply = w.answer(Actor.GRAPH_CACHE, Neighbours(ref="#4"))
    assert isinstance(reply, NeighbourList)
    assert {(n.label, n.relation) for n in reply.neighbours} == {(2, "previous"), (1, "next")}
    w.answer(Actor.INGEST, Forget(refs=("#4",)))
    w.run(3.0)
    reply = w.answer(Actor.GRAPH_CACHE, Neighbours(ref="#2"))
    assert isinstance(reply, NeighbourList)
    assert {(n.label, n.relation) for n in reply.neighbours} == {(1, "next")}


def test_neighbours_of_nothing_are_not_found(world: Make) -> None:
    w = world()
    w.run(1.0)
    reply = w.answer(Actor.GRAPH_CACHE, Neighbours(ref="#1"))
    assert isinstance(reply, Error)
    assert reply.code is ErrorCode.NOT_FOUND


def test_a_restart_takes_up_the_saved_index_and_what_came_since(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = found(w, "login fields")
    w.stop(Actor.GRAPH_CACHE)
    capture(w, "the login works again")
    w.start(Actor.GRAPH_CACHE)
    graph_cache = w.actors[Actor.GRAPH_CACHE]
    assert isinstance(graph_cache, GraphCache)
    assert len(graph_cache._space.index or ()) == len(TEXTS)
    w.run(5.0)
    assert 6 in found(w, "login")
    assert set(before) < set(found(w, "login fields"))


def _damage(unit: graph.Change, table: int) -> None:
    unit.put_chunk(table, 0, b"garbage")


def _loss(unit: graph.Change, table: int) -> None:
    unit.keep_chunks(table, 0)


def _older(unit: graph.Change, table: int) -> None:
    """Leave what an iai left that kept no chunks and no facets."""
    unit.keep_chunks(table, 0)
    unit._t.drop(unit._db["facets"], delete=False)
    noted = unit.progress()
    unit.advance(structs.replace(noted, table=0, dimension=0, chunks=0))


@pytest.mark.parametrize("spoil", [_damage, _loss, _older])
def test_a_damaged_index_is_made_again_from_the_vectors(
    world: Make, spoil: Callable[[graph.Change, int], None]
) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = recall(w, "login fields").hits
    w.stop(Actor.GRAPH_CACHE)
    w.graph.commit(lambda unit: spoil(unit, progress(w).table))
    w.start(Actor.GRAPH_CACHE)
    w.run(5.0)
    assert recall(w, "login fields").hits == before
    assert "vectors" in before[0].why
    assert found(w, "login fields", role="assistant") == []
    assert found(w, "login fields", role="user")


@pytest.mark.parametrize("seed", range(4))
def test_answers_are_the_same_after_a_kill_at_any_moment(world: Make, seed: int) -> None:
    """The index is on disk as far as is noted, whatever was under way."""
    w = world(seed=seed)
    for number in range(12):
        capture(w, *(f"{text} {number} {n}" for n in range(8) for text in TEXTS))
        w.run(w.chance.uniform(0.0, 0.3))
        w.crash(Actor.GRAPH_CACHE)
        if w.chance.random() < 0.5:
            w.answer(Actor.INGEST, Forget(refs=(f"#{w.chance.randint(1, 40 * (number + 1))}",)))
    w.run(60.0)
    before = recall(w, "login fields", k=50).hits
    w.crash(Actor.GRAPH_CACHE)
    w.run(30.0)
    assert recall(w, "login fields", k=50).hits == before
    w.stop(Actor.GRAPH_CACHE)
    w.graph.commit(lambda unit: unit.forget_everything())
    w.lexical.clear()
    w.start(Actor.GRAPH_CACHE)
    w.run(60.0)
    assert recall(w, "login fields", k=50).hits == before


def test_a_vector_that_is_newer_than_the_log_that_was_looked_at_is_not_lost(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    space = Space(0)

    def step(log: records.View) -> None:
        with w.vectors.view() as stored:
            while space.step(log, stored):
                pass

    with w.records.view() as old:
        step(old)
        capture(w, "one more", "and another")
        w.run(5.0)
        step(old)
    with w.records.view() as new:
        step(new)
        assert space.applied.floor == new.watermark().revision
    assert len(space.index or ()) == len(TEXTS) + 2


def test_vectors_of_a_generation_that_goes_away_are_no_error(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    generation = progress(w).generation
    w.vectors.commit(lambda unit: unit.clear(generation, 99))
    assert found(w, "login fields")


def test_a_lexical_index_that_lost_records_is_made_again(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = found(w, "login fields")
    w.stop(Actor.GRAPH_CACHE)
    w.lexical.clear()
    w.start(Actor.GRAPH_CACHE)
    w.run(5.0)
    assert found(w, "login fields") == before
    assert len(w.lexical) == len(TEXTS)


def test_tallies_of_another_form_are_made_again(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = recall(w, "login fields").hits
    w.stop(Actor.GRAPH_CACHE)

    def earlier(unit: Change) -> None:
        unit.tally(dict.fromkeys(range(1, len(TEXTS) + 1), b"another form"))
        unit.count({7: 1})
        unit.put_off([1])
        unit.advance(structs.replace(unit.progress(), form=0))

    w.graph.commit(earlier)
    w.start(Actor.GRAPH_CACHE)
    w.run(5.0)
    assert recall(w, "login fields").hits == before
    with w.graph.view() as view:
        assert view.counts([7]) == {}
        assert view.uncounted() == set()


def test_what_was_said_just_now_is_found_before_a_backlog_is_worked_off(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical_indexer, "WORDS_SLICE", 4)
    monkeypatch.setattr(document_frequency, "TOGETHER", 8)
    monkeypatch.setattr(document_frequency, "TERMS_SLICE", 1)
    w = world()
    old = [new_record(str(n), text=f"long ago {n}") for n in range(200)]
    w.records.commit(lambda unit: [unit.insert(one) for one in old], w.now, live=False)
    capture(w, "the login works again")
    while found(w, "login works") != [201]:
        w.run(0.01)
    assert len(w.lexical) < len(old)
    w.run(30.0)
    assert len(w.lexical) == len(old) + 1


def test_everything_derived_can_be_made_again_with_the_same_answers(world: Make) -> None:
    w = world()
    capture(w, *(f"{text} {n}" for n in range(30) for text in TEXTS))
    w.run(30.0)
    before = recall(w, "login fields", k=20).hits
    w.stop(Actor.GRAPH_CACHE)
    w.graph.commit(lambda unit: unit.forget_everything())
    w.lexical.clear()
    w.start(Actor.GRAPH_CACHE)
    w.run(30.0)
    assert recall(w, "login fields", k=20).hits == before


def test_a_new_generation_of_vectors_takes_the_place_of_the_old_one_whole(world: Make) -> None:
    w = world()
    capture(w, *(f"text {n}" for n in range(60)))
    w.run(10.0)
    first = progress(w).generation
    capture(w, *(f"more {n}" for n in range(60)))
    while progress(w).generation == first:
        assert recall(w, "text").degraded == () or "generation" not in str(
            recall(w, "text").degraded
        )
        w.run(0.01)
    w.run(10.0)
    with w.vectors.view() as view:
        assert progress(w).generation == view.progress().serving
    assert recall(w, "text").degraded == ()


def test_a_rebuild_on_demand_answers_all_the_while(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = found(w, "login fields")
    graph_cache = w.actors[Actor.GRAPH_CACHE]
    assert isinstance(graph_cache, GraphCache)
    index = graph_cache._space.index
    list(graph_cache.on_event(RebuildWanted(), w.now))
    assert found(w, "login fields") == before
    w.run(2.0)
    assert graph_cache._space.index is not index
    assert found(w, "login fields") == before


@pytest.mark.parametrize("seed", range(8))
def test_whenever_it_crashes_the_answers_end_the_same(
    world: Make, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(lexical_indexer, "WORDS_SLICE", 3)
    monkeypatch.setattr(lexical_indexer, "TOGETHER", 7)
    monkeypatch.setattr(document_frequency, "TOGETHER", 11)
    monkeypatch.setattr(document_frequency, "TERMS_SLICE", 2)
    w = world(seed=seed, chances=Chances(crash=0.1, lost=0.3, doubled=0.2, late=0.3))
    for number in range(10):
        w.ask(Actor.INGEST, _all([f"{text} {number}" for text in TEXTS]))
        if number == 5:
            w.ask(Actor.INGEST, Forget(refs=("#3",)))
        w.run(w.chance.uniform(0, 3.0))
    w.chances = Chances()
    w.run(120.0)
    assert progress(w).revision == revision(w)
    assert progress(w).warm
    assert events(w, GraphUpdated)[-1].revision == revision(w)
    assert _rightly_counted(w)
    ended = recall(w, "login fields", k=30).hits
    w.stop(Actor.GRAPH_CACHE)
    w.graph.commit(lambda unit: unit.forget_everything())
    w.lexical.clear()
    w.start(Actor.GRAPH_CACHE)
    w.run(60.0)
    again = recall(w, "login fields", k=30).hits
    assert {hit.label for hit in again} == {hit.label for hit in ended}
    # Words of what was replaced or forgotten count in tantivy's statistics until it merges.
    scores = {hit.label: hit.score for hit in ended}
    assert all(hit.score == pytest.approx(scores[hit.label], abs=0.05) for hit in again)


def _rightly_counted(world: World) -> bool:
    """Is it known of every term in how many records it stands?"""
    with world.graph.view() as links, world.records.view() as view:
        labels = [record.label for record in view.after(0)]
        expected = Tallies(links.tallies(labels).values()).documents()
        return links.counts(expected) == expected and len(links.tallies(labels)) == len(labels)


def _being_counted(world: World) -> bool:
    graph_cache = world.actors[Actor.GRAPH_CACHE]
    assert isinstance(graph_cache, GraphCache)
    return graph_cache._words._counting.due


def _with_a_backlog(world: Make, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world with 40 old records, each term of which takes a slice to count."""
    monkeypatch.setattr(lexical_indexer, "WORDS_SLICE", 4)
    monkeypatch.setattr(document_frequency, "TERMS_SLICE", 1)
    w = world()
    old = [new_record(str(n), text=f"long ago {n}") for n in range(40)]
    w.records.commit(lambda unit: [unit.insert(one) for one in old], w.now, live=False)
    return w


def test_a_backlog_is_behind_until_it_is_counted_and_what_is_said_meanwhile_is_found_before(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = _with_a_backlog(world, monkeypatch)
    w.run(30.0, until=lambda: _being_counted(w))
    capture(w, "the login works again")
    w.run(30.0, until=lambda: len(w.lexical) == 41)
    assert _being_counted(w)
    assert progress(w).records_applied.floor < revision(w)
    assert found(w, "login works")[0] == 41
    w.run(30.0, until=lambda: progress(w).records_applied.floor == revision(w))
    assert _rightly_counted(w)


def test_a_long_backlog_is_counted_by_parts(world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_frequency, "TOGETHER", 8)
    w = _with_a_backlog(world, monkeypatch)
    w.run(30.0, until=lambda: _being_counted(w))
    with w.graph.view() as view:
        assert view.tallied() == 8
    w.run(30.0, until=lambda: progress(w).records_applied.floor == revision(w))
    assert _rightly_counted(w)


def _all(texts: list[str]) -> Capture:
    return Capture(turns=tuple(CapturedTurn(text=t, cwd="/p", session="s") for t in texts))


def test_chatter_beside_a_match_does_not_fill_the_top(world: Make) -> None:
    w = world()
    capture(w, "why does redis evict session keys", "ok", "the maxmemory policy of redis evicts",
            "continue", "so set noeviction for the keys in redis", "yes do it",
            "redis runs with noeviction and evicts no session keys any more")  # fmt: skip
    w.run(5.0)
    assert not {2, 4, 6} & set(found(w, "redis evicts session keys")[:4])


def test_the_same_text_in_many_sessions_does_not_fill_the_top(world: Make) -> None:
    w = world()
    for number in range(5):
        capture(w, "the invoice export fails on umlauts in names", session=f"s{number}")
    capture(w, "umlauts in the invoice export: encode as utf-8 with a signature", session="other")
    w.run(5.0)
    hits = recall(w, "invoice export umlauts").hits
    assert 6 in [hit.label for hit in hits[:2]]
    assert sum("repeated" in hit.why for hit in hits) == 4


def test_a_turn_said_when_the_question_says_comes_first(world: Make) -> None:
    w = world()
    may, june = 1_778_750_000 * 10**9, 1_781_430_000 * 10**9  # 2026
    capture(w, "the release went wrong", created_at=june, session="a")
    capture(w, "a release went wrong here", created_at=may, session="b")
    w.run(5.0)
    assert found(w, "which release went wrong in May 2026")[0] == 2
    assert found(w, "which release went wrong in June")[0] == 1


@pytest.mark.parametrize("seed", range(6))
def test_what_is_around_a_turn_does_not_depend_on_the_order_of_changes(
    world: Make, seed: int
) -> None:
    w = world(seed=seed)
    order = list(range(1, 25))
    w.chance.shuffle(order)
    for place in order:
        capture(w, f"turn {place}", created_at=place)
        if w.chance.random() < 0.5:
            w.run(w.chance.uniform(0, 1.0))
        if w.chance.random() < 0.3:
            w.answer(Actor.INGEST, Forget(refs=(f"#{w.chance.randint(1, len(order))}",)))
    w.run(30.0)
    with w.records.view() as view, w.graph.view() as links:
        for record in view.after(0):
            before, after = view.around(record, 3)
            sides = [side + [0] * (3 - len(side)) for side in (before, after)]
            assert links.beside([record.label])[0].tolist() == sides[0] + sides[1]
        assert links.tallied() == view.watermark().records_count


def test_a_backlog_is_worked_off_in_small_slices_while_questions_come(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    w.actors.pop(Actor.LIFECYCLE)
    old = [new_record(str(n), text=f"long ago {n}") for n in range(400)]
    w.records.commit(lambda unit: [unit.insert(one) for one in old], w.now, live=False)
    counts = []
    while len(w.lexical) < len(TEXTS) + len(old):
        assert 1 in found(w, "login page")
        w.run(APART_S)
        with w.graph.view() as view:
            counts.append(view.tallied())
    assert counts == sorted(counts)
    assert max(b - a for a, b in pairwise(counts)) <= 2 * lexical_indexer.WORDS_SLICE // PART
