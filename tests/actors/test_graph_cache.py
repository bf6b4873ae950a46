"""Graph-cache: what was said is found, and everything derived can be rebuilt."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from msgspec import structs
from simulation.world import Chances, World

from actors.graph_cache import GraphCache
from iai.index import document_frequency, lexical_indexer
from iai.index.term_vectors import TermVectors
from iai.index.vector_indexer import VectorIndexer
from iai.lifecycle.pace import APART_S, PART
from iai.projects.identity import identify
from iai.protocol.cache_writer import RebuildWanted
from iai.protocol.embedding import EmbedQuery, QueryVectors
from iai.protocol.graph_cache import (
    GraphUpdated,
    MemoryUsed,
    Recall,
    Recalled,
)
from iai.protocol.ingest import Capture, CapturedTurn, Forget
from iai.protocol.lifecycle import LifecycleReport, LifecycleStatus, RequestState
from iai.protocol.message import Actor, State
from iai.store.graph import GraphChange, Progress
from iai.store.record_view import RecordView
from iai.store.turn_blocks import AROUND
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


def test_the_turn_next_to_a_match_is_found_with_it(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    answer = recall(w, "login page")
    beside = next(hit for hit in answer.hits if hit.label == 2)
    assert beside.why["neighbours"] > 0


def test_a_turn_gains_from_a_good_match_in_its_session(
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


def test_a_forgotten_record_is_not_found(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    w.answer(Actor.INGEST, Forget(refs=("#1",)))
    assert 1 not in found(w, "login times out")  # at once, before any index has followed
    w.run(5.0)
    assert 1 not in found(w, "login times out")
    assert len(w.lexical) == 4


def test_without_an_embedder_words_alone_find_it_and_the_answer_says_so(world: Make) -> None:
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
def test_no_question_fails(world: Make, query: str) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    assert isinstance(recall(w, query), Recalled)


def test_a_recall_counts_as_activity(world: Make) -> None:
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


def test_many_questions_count_as_one_activity_unless_the_group_falls_asleep_between(
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


def neighbours(world: World, label: int) -> list[int]:
    """Return the turns just before and just after a record, 0 for none."""
    with world.graph.view() as view:
        around = view.neighbours([label])[0].tolist()
    return [around[0], around[AROUND]]


def test_turns_next_to_each_other_are_neighbours_in_any_order_of_arrival(world: Make) -> None:
    w = world()
    for text, at in (("third", 3), ("first", 1), ("fourth", 4), ("second", 2)):
        capture(w, text, created_at=at)
        w.run(3.0)
    assert neighbours(w, 4) == [2, 1]
    w.answer(Actor.INGEST, Forget(refs=("#4",)))
    w.run(3.0)
    assert neighbours(w, 2) == [0, 1]


def test_a_restart_loads_the_saved_index_and_adds_what_came_since(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = found(w, "login fields")
    w.stop(Actor.GRAPH_CACHE)
    capture(w, "the login works again")
    w.start(Actor.GRAPH_CACHE)
    graph_cache = w.actors[Actor.GRAPH_CACHE]
    assert isinstance(graph_cache, GraphCache)
    assert len(graph_cache._indexes.vector.index or ()) == len(TEXTS)
    w.run(5.0)
    assert 6 in found(w, "login")
    assert set(before) < set(found(w, "login fields"))


def _damage(unit: GraphChange, table: int) -> None:
    unit.put_chunk(table, 0, b"garbage")


def _loss(unit: GraphChange, table: int) -> None:
    unit.keep_chunks(table, 0)


def _older(unit: GraphChange, table: int) -> None:
    """Leave what an iai left that kept no chunks and no facets."""
    unit.keep_chunks(table, 0)
    unit._t.drop(unit._db["facets"], delete=False)
    noted = unit.progress()
    unit.advance(structs.replace(noted, table=0, dimension=0, chunks=0))


@pytest.mark.parametrize("spoil", [_damage, _loss, _older])
def test_a_damaged_index_is_rebuilt_from_the_vectors(
    world: Make, spoil: Callable[[GraphChange, int], None]
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
    """The index on disk covers exactly what its progress says."""
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


def test_a_vector_newer_than_the_log_that_was_read_is_not_lost(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    indexer = VectorIndexer(0)

    def step(log: RecordView) -> None:
        with w.vectors.view() as stored:
            while indexer.step(log, stored):
                pass

    with w.records.view() as old:
        step(old)
        capture(w, "one more", "and another")
        w.run(5.0)
        step(old)
    with w.records.view() as new:
        step(new)
        assert indexer.applied.floor == new.watermark().revision
    assert len(indexer.index or ()) == len(TEXTS) + 2


def test_deleting_the_vectors_of_an_indexed_generation_is_not_an_error(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    generation = progress(w).generation
    w.vectors.commit(lambda unit: unit.clear(generation, 99))
    assert found(w, "login fields")


def test_a_lexical_index_that_lost_records_is_rebuilt(world: Make) -> None:
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


def test_term_vectors_of_another_form_are_rebuilt(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = recall(w, "login fields").hits
    w.stop(Actor.GRAPH_CACHE)

    def earlier(unit: GraphChange) -> None:
        unit.put_term_vectors(dict.fromkeys(range(1, len(TEXTS) + 1), b"another form"))
        unit.add_document_frequencies({7: 1})
        unit.mark_uncounted([1])
        unit.advance(structs.replace(unit.progress(), form=0))

    w.graph.commit(earlier)
    w.start(Actor.GRAPH_CACHE)
    w.run(5.0)
    assert recall(w, "login fields").hits == before
    with w.graph.view() as view:
        assert view.document_frequencies([7]) == {}
        assert view.uncounted() == set()


def test_a_live_turn_is_found_before_a_backlog_is_worked_off(
    world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lexical_indexer, "WORDS_SLICE", 4)
    monkeypatch.setattr(document_frequency, "TOGETHER", 8)
    monkeypatch.setattr(document_frequency, "TERMS_SLICE", 1)
    w = world()
    old = [new_record(str(n), text=f"long ago {n}") for n in range(200)]
    w.records.commit(lambda unit: [unit.records.insert(one) for one in old], w.now, live=False)
    capture(w, "the login works again")
    while found(w, "login works") != [201]:
        w.run(0.01)
    assert len(w.lexical) < len(old)
    w.run(30.0)
    assert len(w.lexical) == len(old) + 1


def test_everything_derived_can_be_rebuilt_with_the_same_answers(world: Make) -> None:
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


def test_a_new_generation_of_vectors_replaces_the_old_one_all_at_once(world: Make) -> None:
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


def test_the_index_answers_during_a_rebuild_on_demand(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    before = found(w, "login fields")
    graph_cache = w.actors[Actor.GRAPH_CACHE]
    assert isinstance(graph_cache, GraphCache)
    index = graph_cache._indexes.vector.index
    list(graph_cache.on_event(RebuildWanted(), w.now))
    assert found(w, "login fields") == before
    w.run(2.0)
    assert graph_cache._indexes.vector.index is not index
    assert found(w, "login fields") == before


@pytest.mark.parametrize("seed", range(8))
def test_answers_end_up_the_same_after_crashes_at_any_time(
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
    """Are the document frequencies of all terms right?"""
    with world.graph.view() as links, world.records.view() as view:
        labels = [record.label for record in view.after(0)]
        vectors = TermVectors(links.term_vectors(labels).values())
        expected = vectors.document_frequencies().by_term()
        return links.document_frequencies(expected) == expected and len(
            links.term_vectors(labels)
        ) == len(labels)


def _being_counted(world: World) -> bool:
    graph_cache = world.actors[Actor.GRAPH_CACHE]
    assert isinstance(graph_cache, GraphCache)
    return graph_cache._indexes.lexical._frequencies.due


def _with_a_backlog(world: Make, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world with 40 old records, each term of which takes a slice to count."""
    monkeypatch.setattr(lexical_indexer, "WORDS_SLICE", 4)
    monkeypatch.setattr(document_frequency, "TERMS_SLICE", 1)
    w = world()
    old = [new_record(str(n), text=f"long ago {n}") for n in range(40)]
    w.records.commit(lambda unit: [unit.records.insert(one) for one in old], w.now, live=False)
    return w


def test_a_backlog_counts_as_behind_until_its_terms_are_counted_and_live_turns_are_found_meanwhile(
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


def test_a_long_backlog_is_counted_in_parts(world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_frequency, "TOGETHER", 8)
    w = _with_a_backlog(world, monkeypatch)
    w.run(30.0, until=lambda: _being_counted(w))
    with w.graph.view() as view:
        assert view.term_vector_count() == 8
    w.run(30.0, until=lambda: progress(w).records_applied.floor == revision(w))
    assert _rightly_counted(w)


def _all(texts: list[str]) -> Capture:
    return Capture(turns=tuple(CapturedTurn(text=t, cwd="/p", session="s") for t in texts))


def test_chatter_next_to_a_match_does_not_fill_the_top(world: Make) -> None:
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
    assert [len(hit.same) for hit in sorted(hits, key=lambda hit: hit.label)] == [4, 0]


def test_a_turn_from_the_date_in_the_question_comes_first(world: Make) -> None:
    w = world()
    may, june = 1_778_750_000 * 10**9, 1_781_430_000 * 10**9  # 2026
    capture(w, "the release went wrong", created_at=june, session="a")
    capture(w, "a release went wrong here", created_at=may, session="b")
    w.run(5.0)
    assert found(w, "which release went wrong in May 2026")[0] == 2
    assert found(w, "which release went wrong in June")[0] == 1


@pytest.mark.parametrize("seed", range(6))
def test_the_neighbours_of_a_turn_do_not_depend_on_the_order_of_changes(
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
            assert links.neighbours([record.label])[0].tolist() == sides[0] + sides[1]
        assert links.term_vector_count() == view.watermark().records_count


def test_a_backlog_is_worked_off_in_small_slices_while_questions_come(world: Make) -> None:
    w = world()
    capture(w, *TEXTS)
    w.run(5.0)
    w.actors.pop(Actor.LIFECYCLE)
    old = [new_record(str(n), text=f"long ago {n}") for n in range(400)]
    w.records.commit(lambda unit: [unit.records.insert(one) for one in old], w.now, live=False)
    counts = []
    while len(w.lexical) < len(TEXTS) + len(old):
        assert 1 in found(w, "login page")
        w.run(APART_S)
        with w.graph.view() as view:
            counts.append(view.term_vector_count())
    assert counts == sorted(counts)
    assert max(b - a for a, b in pairwise(counts)) <= 2 * lexical_indexer.WORDS_SLICE // PART
