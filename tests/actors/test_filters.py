"""Recall with filters, in the simulated group: each index finds what a narrow filter matches."""

from collections.abc import Callable

import pytest
from simulation.world import World

from iai.model.clock import NS
from iai.projects.identity import identify
from iai.protocol.embedding import EmbedQuery, QueryVectors
from iai.protocol.graph_cache import Hit, Recall, Recalled
from iai.protocol.message import Actor
from tests.simulation.stories import capture

Make = Callable[..., World]
MANY = 300  # more than there are candidates


@pytest.fixture
def w(world: Make) -> World:
    """Return a group in which one turn of each kind is buried under better matches."""
    w = world()
    start = w.now.wall - 3_600 * NS
    noise = [f"parser fails, parser {n}" for n in range(MANY)]
    for n, text in enumerate(noise):
        capture(w, text, session=f"many{n % 3}", cwd="/many", role="user", created_at=start + n)
    about = "somewhere in quite a long text there is something about a parser, too"
    capture(w, f"{about} 1", session="one", cwd="/many", created_at=start)
    capture(w, f"{about} 2", session="many1", cwd="/few", created_at=start)
    capture(w, f"{about} 3", session="many1", cwd="/many", role="assistant", created_at=start)
    capture(w, f"{about} 4", session="", cwd="/many", tier="semantic", created_at=start)
    capture(w, f"{about} 5", session="many1", cwd="/many", created_at=start - 60 * NS)
    capture(w, f"{about} 6", session="many1", cwd="/many", created_at=start + 60 * NS)
    w.run(60.0)
    return w


def recall(w: World, *, vector: bool = True, **fields: object) -> Recalled:
    answer = w.answer(Actor.EMBEDDING, EmbedQuery(text="parser fails"))
    assert isinstance(answer, QueryVectors)
    vectors = answer.vectors if vector else ()
    asked = Recall(query="parser fails", vectors=vectors, **fields)  # type: ignore[arg-type]
    reply = w.answer(Actor.GRAPH_CACHE, asked)
    assert isinstance(reply, Recalled)
    return reply


def buried(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.text[-1] for hit in hits if "quite a long text" in hit.text]


@pytest.mark.parametrize("vector", [True, False])
def test_each_filter_finds_the_one_that_fits_behind_hundreds_that_match_better(
    w: World, *, vector: bool
) -> None:
    # A note is always a candidate, and what was said next to one is scored along with it.
    assert set(buried(recall(w, vector=vector).hits)) <= {"3", "4"}
    few = identify("/few").id
    for number, fields in {
        "1": {"session": "one"},
        "2": {"project": few},
        "3": {"role": "assistant"},
        "4": {"tier": "semantic"},
    }.items():
        hits = recall(w, vector=vector, **fields).hits
        assert buried(hits) == [number], fields
        assert len(hits) == 1
        assert ("vectors" in hits[0].why) == vector


def test_a_period_finds_what_was_said_in_it(w: World) -> None:
    (middle,) = recall(w, session="one").hits
    assert buried(recall(w, until=middle.created_at).hits) == ["5"]
    assert buried(recall(w, since=middle.created_at + 30 * NS).hits) == ["6"]


def test_filters_combine(w: World) -> None:
    assert recall(w, project=identify("/few").id, role="assistant").hits == ()
    hits = recall(w, session="many1", role="assistant").hits
    assert buried(hits) == ["3"]


def test_a_user_turn_gains_from_the_answer_next_to_it_even_when_only_user_turns_are_wanted(
    world: Make,
) -> None:
    w = world()
    capture(w, "what was it", role="user", created_at=1)
    capture(w, "the parser fails", role="assistant", created_at=2)
    w.run(5.0)
    (hit,) = recall(w, role="user").hits
    assert hit.text == "what was it"
    assert hit.why["neighbours"] > 0


def test_a_hit_carries_where_it_was_said_and_the_words_that_matched_if_asked(w: World) -> None:
    (hit,) = recall(w, tier="semantic", explain=True).hits
    assert (hit.tier, hit.tags, hit.source.transcript) == ("semantic", (), "")
    assert hit.matched == ("parser",)
    assert recall(w, tier="semantic").hits[0].matched == ()


def test_what_is_not_indexed_yet_is_named(w: World) -> None:
    w.stop(Actor.GRAPH_CACHE)
    capture(w, "the latest about the parser")
    w.run(5.0)
    w.start(Actor.GRAPH_CACHE)
    answer = recall(w, session="one")
    assert buried(answer.hits) == ["1"]
    assert answer.degraded == ("words: 1 change not indexed yet",)
