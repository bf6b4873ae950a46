"""Equal stores give equal answers, however each of them came to be what it is."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from harness.corpus import text

from iai.index.terms import extract
from iai.model.clock import NS
from iai.model.exchange import NARRATION
from iai.model.record import NewRecord
from iai.protocol.graph_cache import Hit, Recall
from iai.recall.search import search
from iai.recall.sources import Sources
from tests.iai.index.test_indexes import Indexed
from tests.iai.store.builders import NOW, new_record, put

_TURNS = ("user", "assistant", "assistant", "assistant")  # of an exchange; two are narration


def said(seed: int, exchanges: int) -> list[NewRecord]:
    chance = random.Random(seed)  # noqa: S311
    return [
        new_record(
            f"{exchange}.{place}",
            session=f"s{exchange % 7}",
            role=role,
            kind=NARRATION if place in (1, 2) else "",
            text=f"turn-{exchange}-{place} {text(chance, chance.randint(5, 60))}",
            created_at=NOW.wall + (len(_TURNS) * exchange + place) * NS,
        )
        for exchange in range(exchanges)
        for place, role in enumerate(_TURNS)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Indexed]:
    made = Indexed(tmp_path)
    put(made.records, *said(3, 400))
    made.catch_up()
    yield made
    made.close()


def ask(store: Indexed, question: str) -> tuple[Hit, ...]:
    indexes = store.indexes
    with store.records.view() as view, store.graph.view() as links:
        sources = Sources(view, links, indexes.lexical.index, indexes.vector, None)
        return search(Recall(query=question, k=10), sources, NOW.wall)[0]


def put_again(store: Indexed, labels: Iterable[int]) -> None:
    """Put records into the lexical index again, as when something was done for them."""
    with store.records.view() as view:
        for label in labels:
            store.indexes.lexical._put_again(view, label)
    store.indexes.lexical.index.commit()


def test_requests_that_were_indexed_again_and_again_change_no_answer(store: Indexed) -> None:
    """Tantivy counts what was deleted, until it merges: its scores are other ones then."""
    questions = [turn.text[:200] for turn in said(3, 400)[::9]]
    words = store.indexes.lexical.index
    terms = [extract(question).words.split() for question in questions]
    answers, scores = ([ask(store, q) for q in questions], [words.search(t, 40) for t in terms])
    for _ in range(3):
        put_again(store, range(1, 1_600, 16))
    assert words.stale_segments()
    assert [words.search(t, 40) for t in terms] != scores
    assert [ask(store, question) for question in questions] == answers
