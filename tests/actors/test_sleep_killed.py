"""A real group survives being killed in SLEEP, and what SLEEP makes can be rebuilt."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import corpus
from harness.group import PATIENCE_S, Group, wait_until

from iai.lifecycle.maintenance import QUARANTINE_S, TRIES
from iai.model.clock import NS
from iai.process import files
from iai.process.client import recall
from iai.protocol.graph_cache import Hit, Recall
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Changed,
    Edit,
    Forget,
)
from iai.protocol.lifecycle import LifecycleReport, RequestState
from iai.protocol.message import Actor, State
from iai.store.readers import Readers
from tests.actors.real import capture, events, with_faults

pytestmark = pytest.mark.slow
Make = Callable[..., Group]

STEPS = ("links", "topics", "compact", "check")
SETTINGS = {"session_cache_refresh_min_sec": "0", "tick_sec": "0.05"}
START = int(corpus.START.timestamp()) * NS
RECORDS, CAPTURED_AT_ONCE, QUESTIONS = 384, 96, 20
SAID_IN = 15  # texts that have a word of a question

# In which step graph-cache is killed, before which function writes to disk for the n-th time.
KILLS = (
    ("links", "LinkIndexer.step", 2),
    ("links", "Indexes._save", 2),  # some are made, and not noted
    ("topics", "_similar", 2),
    ("topics", "_look", 1),
    ("compact", "collect_garbage", 1),
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the vector of a question, as a busy machine makes it."""
    monkeypatch.setattr("iai.process.client.EMBED_S", PATIENCE_S)


def turns(chance: random.Random) -> Iterator[CapturedTurn]:
    """Talk in two projects: rare words come again, turns are repeated, and some are corrected."""
    texts: list[str] = []
    for number in range(RECORDS):
        text = corpus.text(chance, chance.randint(6, 24))
        if number % 8 == 6:
            text = f"{chance.choice(texts)} again"
        elif number % 8 == 7:
            text = f"{chance.choice(texts[-24:])}? no longer, as of now: {corpus.text(chance, 6)}."
        texts.append(text)
        session = number // 24
        yield CapturedTurn(
            text=text,
            role="assistant" if number % 2 else "user",
            session=f"s{session}",
            cwd=f"/p{session % 2}",
            created_at=START + number * 60 * NS,
        )


def asked(chance: random.Random, texts: list[str]) -> list[str]:
    """Return questions of words that few texts have.

    What the lexical index has deleted counts in its scores for a while, and they choose among many.
    """
    said_in = Counter(word for text in texts for word in set(text.split()))
    rare = sorted(word for word, count in said_in.items() if 1 < count <= SAID_IN)
    return [" ".join(chance.sample(rare, 3)) for _ in range(QUESTIONS)]


def settled(group: Group) -> None:
    """Wait until every index holds everything, with vectors under the weights of this size."""

    def done() -> bool:
        health = group.health()
        return health.caught_up and not any(stage.note for stage in health.stages.values())

    wait_until(done, "all stages have caught up, and the vectors have their last weights")


def answers(group: Group, questions: list[str]) -> list[tuple[Hit, ...]]:
    """Ask them all."""
    with group.client() as client:
        found = [recall(client, Recall(query=question, k=20), PATIENCE_S) for question in questions]
    assert [answer.degraded for answer in found] == [()] * len(questions)
    return [answer.hits for answer in found]


def sleep_until(group: Group, condition: Callable[[], object], what: str) -> None:
    """Put the group to sleep, again if it was woken up, until something holds."""
    with group.client() as client:

        def asleep() -> object:
            client.call(Actor.LIFECYCLE, RequestState(state=State.SLEEP), LifecycleReport)
            return condition()

        wait_until(asleep, what)


def killed_at(group: Group, orders: Path, kill: tuple[str, str, int]) -> None:
    """Have graph-cache killed in its sleep, and wait until there is another, which rests."""
    before = group.pid(Actor.GRAPH_CACHE)
    files.replace(orders, "kill {} {} {}".format(*kill).encode())
    sleep_until(group, lambda: orders.read_bytes() == b"rest", f"killed at {kill}")
    wait_until(lambda: group.pid(Actor.GRAPH_CACHE) not in (0, before), "another process")
    wait_until(group.all_ready, "it is ready")


def night(group: Group) -> dict[str, str]:
    """Wake the group up and have it sleep; return the outcome of each step."""
    steps, nights = len(events(group, "sleep-step")), len(events(group, "sleep-finished"))
    with group.client() as client:
        client.call(Actor.LIFECYCLE, RequestState(state=State.WAKE), LifecycleReport)
    sleep_until(group, lambda: len(events(group, "sleep-finished")) > nights, "a whole sleep")
    return {event["step"]: event["outcome"] for event in events(group, "sleep-step")[steps:]}


def made(group: Group) -> dict[str, Any]:
    """Return what SLEEP has made of the records."""
    readers = Readers(group.layout)
    with readers.records.view() as records, readers.graph.view() as view:
        labels = [record.label for record in records.after(0)]
        found = {
            "links": view.kept(labels),
            "similar": view.kept_similar(labels),
            "topics": {p.id: view.topics(p.id) for p in records.projects()},
        }
    readers.close()
    return found


def test_answers_stay_the_same_wherever_a_sleep_is_killed_after_a_restart_and_after_a_rebuild(
    group: Make,
) -> None:
    g = group(**SETTINGS)
    orders = g.work / "orders"
    with_faults(g, sleep=str(orders))
    g.up()
    chance = random.Random(4)  # noqa: S311
    said = list(turns(chance))
    for start in range(
        0, RECORDS, CAPTURED_AT_ONCE
    ):  # so that the weights are recounted on the way
        with g.client() as client:
            turns_ = Capture(turns=tuple(said[start : start + CAPTURED_AT_ONCE]))
            client.call(Actor.INGEST, turns_, Captured, PATIENCE_S)
            settled(g)
            mended = Edit(ref=f"#{start + 3}", text="the frobnicator of the gizmo was oiled")
            client.call(Actor.INGEST, mended, Changed, PATIENCE_S)
            gone = Forget(refs=(f"#{start + 5}", f"#{start + 50}"))
            client.call(Actor.INGEST, gone, Changed, PATIENCE_S)
    settled(g)
    questions = asked(chance, [turn.text for turn in said])
    before = answers(g, questions)
    for kill in KILLS[:3]:
        killed_at(g, orders, kill)
        assert answers(g, questions) == before, kill
    g.down()
    g.up()
    assert answers(g, questions) == before, "after a restart"
    for kill in KILLS[3:]:
        killed_at(g, orders, kill)
        assert answers(g, questions) == before, kill
    files.remove(orders)
    assert night(g) == dict.fromkeys(STEPS, "finished")
    failed = [event for event in events(g, "sleep-step") if event["outcome"] == "failed"]
    assert [event["step"] for event in failed] == [kill[0] for kill in KILLS], failed
    assert answers(g, questions) == before, "after a whole sleep"

    asleep = made(g)
    assert {e.relation for edges in asleep["links"].values() for e in edges} >= {
        "shares", "duplicate", "supersedes",
    }  # fmt: skip
    assert all(asleep["topics"].values())
    g.down()
    shutil.rmtree(g.layout.index)
    shutil.rmtree(g.layout.vectors)
    g.up()
    settled(g)
    assert answers(g, questions) == before, "rebuilt from the records alone"
    night(g)
    assert made(g) == asleep


def test_a_step_that_fails_three_times_is_skipped_for_a_day_and_the_others_go_on(
    group: Make,
) -> None:
    g = group(**SETTINGS)
    orders, clock = g.work / "orders", g.work / "clock"
    files.replace(clock, b"0")
    with_faults(g, sleep=str(orders), wall=str(clock))
    g.up()
    capture(g, "the parser fails on empty input", "a failing router retries, then times out")
    settled(g)
    files.replace(orders, b"fail topics")
    for outcome in ["failed"] * TRIES + ["quarantined"]:
        assert night(g) == dict.fromkeys(STEPS, "finished") | {"topics": outcome}
    with g.client() as client:  # so that the next process finds nobody asleep
        client.call(Actor.LIFECYCLE, RequestState(state=State.WAKE), LifecycleReport)
    killed = g.kill(Actor.GRAPH_CACHE)
    wait_until(lambda: g.pid(Actor.GRAPH_CACHE) not in (0, killed), "another process")
    wait_until(g.all_ready, "it is ready")
    files.remove(orders)
    assert night(g)["topics"] == "quarantined"
    files.replace(clock, str(QUARANTINE_S + 60).encode())
    assert set(night(g).values()) == {"finished"}
    shown = g.iai("events", "--kind", "sleep-step").stdout
    for told in ("outcome=failed", "error=RuntimeError: no luck", "outcome=quarantined"):
        assert told in shown
