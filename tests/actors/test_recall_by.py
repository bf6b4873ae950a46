"""Recall in a team: only what one person said, one's own first among equals, and whose a hit is."""

from collections.abc import Callable

import pytest
from simulation.world import World

from iai.embedders.static import bundled
from iai.model.clock import NS
from iai.protocol.embedding import EmbedQuery, QueryVectors
from iai.protocol.graph_cache import Hit, Recall, Recalled
from iai.protocol.message import Actor
from iai.recall import weights
from tests.iai.payload.team import KIMS, LEES, MEMBERS, WORKSTATION
from tests.iai.store.builders import know, new_record

TEXT = "the tide table of the harbour is {}, so count the neap days twice"


@pytest.fixture
def harbour(world: Callable[..., World]) -> World:
    """Kim said nearly the same as I did, a little later, and others said it many times."""
    w = world(embedder=bundled())
    know(w.records, *MEMBERS.values())
    at = w.now.wall - 3_600 * NS
    said = [("mine", "", TEXT.format("wrong")), ("kims", KIMS, TEXT.format("off"))]
    said += [(f"lees {n}", LEES, TEXT.format(f"late {n} {n * 7} {n * 13}")) for n in range(80)]
    said += [("ours", WORKSTATION, "the crane is moved to the berth of the harbour")]
    for number, (name, machine, text) in enumerate(said):
        new = new_record(
            name, text=text, session=name, machine=machine, created_at=at + number * NS
        )
        w.records.commit(lambda unit, new=new: unit.records.insert(new), w.now)  # type: ignore[misc]
    return w


def ask(w: World, query: str = "tide table of the harbour", **fields: object) -> tuple[Hit, ...]:
    w.run(5.0)
    embedded = w.answer(Actor.EMBEDDING, EmbedQuery(text=query))
    assert isinstance(embedded, QueryVectors)
    asked = Recall(query=query, vectors=embedded.vectors, **fields)  # type: ignore[arg-type]
    reply = w.answer(Actor.GRAPH_CACHE, asked)
    assert isinstance(reply, Recalled)
    assert reply.degraded == ()
    return reply.hits


def test_recall_finds_what_was_said_on_the_machines_that_are_asked_for_and_says_by_whom(
    harbour: World,
) -> None:
    w = harbour
    kims = ask(w, machines=(KIMS,))
    assert [(hit.session_id, hit.by) for hit in kims] == [("kims", "Kim on quay")]
    assert kims[0].why["others"] == weights.OTHERS
    mine = ask(w, machines=("", WORKSTATION), k=5)
    assert {hit.session_id: hit.by for hit in mine} == {"mine": "", "ours": "you on workstation"}
    assert all("others" not in hit.why for hit in mine)
    assert not ask(w, machines=("dd" * 8,))


def test_ones_own_comes_first_among_equals(world: Callable[..., World]) -> None:
    w = world(embedder=bundled())
    know(w.records, *MEMBERS.values())
    at = w.now.wall - 3_600 * NS
    for name, machine in (("kims", KIMS), ("mine", "")):
        text = TEXT.format("wrong today")
        new = new_record(name, text=text, session=name, machine=machine, created_at=at)
        w.records.commit(lambda unit, new=new: unit.records.insert(new), w.now)  # type: ignore[misc]
    (hit,) = ask(w)
    assert (hit.session_id, hit.same) == ("mine", (1,))
