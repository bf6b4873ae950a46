"""Topics: related records are one topic, with a readable label that stays the same."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from iai.config.layout import Layout
from iai.index import communities
from iai.index.communities import find
from iai.model.topic import Topic
from iai.store.topics import MOST_TOPICS
from iai.store.vectors import VectorStore
from tests.iai.index.test_link_indexer import Linked
from tests.iai.store.builders import PROJECT

CHECKOUT = (
    "the checkout page times out at the payment gateway",
    "checkout: the payment gateway answers after nine seconds",
    "raised the timeout of the payment gateway for the checkout",
    "does the checkout wait for the payment gateway?",
)
EXPORT = (
    "the invoice export writes commas into csv fields",
    "quoted the csv fields of the invoice export",
    "a test for commas in csv fields of the invoice export",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Linked]:
    made = Linked(tmp_path)
    made.say(*CHECKOUT, session="one")
    made.say(*EXPORT, session="two")
    made.follow()
    yield made
    made.close()


def test_a_single_record_in_a_project_has_no_topic_and_no_error(
    tmp_path: Path,
) -> None:
    alone = Linked(tmp_path)
    alone.say("the only thing that was ever said", session="one")
    alone.follow()
    vectors = VectorStore(Layout(tmp_path).vectors, writer=True)
    vectors.commit(lambda unit: unit.put(1, [1], np.ones((1, 4), np.float32)))
    vectors.close()
    assert sum(find(alone, alone.graph, 1)) == 1
    assert topics(alone) == ()
    alone.close()


def look(store: Linked) -> int:
    """Look for topics; return at how many records it had to look."""
    return sum(find(store, store.graph, 0))


def topics(store: Linked) -> tuple[Topic, ...]:
    with store.graph.view() as graph:
        return graph.topics(PROJECT)


def test_records_about_the_same_are_one_topic_with_a_readable_label(store: Linked) -> None:
    look(store)
    first, second = topics(store)
    assert set(first.members) == {1, 2, 3, 4}
    assert set(second.members) == {5, 6, 7}
    assert {"checkout", "payment", "gateway"} & set(first.label.split(", "))
    assert {"invoice", "export", "csv"} & set(second.label.split(", "))


def test_a_topic_is_called_by_one_of_its_own_requests(store: Linked) -> None:
    look(store)
    for topic in topics(store):
        assert topic.request in topic.members


def test_only_changed_windows_are_computed_again(store: Linked) -> None:
    assert look(store) == 7
    before = topics(store)
    assert look(store) == 0
    store.forget(7)
    store.follow()
    assert look(store) == 6
    assert topics(store) != before


def test_the_same_records_have_the_same_topics(store: Linked) -> None:
    look(store)
    before = topics(store)
    store.again()
    look(store)
    assert topics(store) == before


def test_the_windows_of_a_project_are_deleted_with_its_records(store: Linked) -> None:
    look(store)
    for label in range(1, 8):
        store.forget(label)
    store.follow()
    look(store)
    assert topics(store) == ()


def test_topics_are_bounded_and_those_of_the_latest_window_come_first(
    store: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(communities, "WINDOW", 30)
    for number in range(40):
        said = (f"gadget{number} widget{number} part {n}" for n in "abc")
        store.say(*said, session=f"{number}", created_at=number * 1_000)
    store.follow()
    look(store)
    found = topics(store)
    assert len(found) == MOST_TOPICS
    with store.graph.view() as graph:
        windows = graph.windows(PROJECT)
    assert len(windows) == 4
    assert found[0] in windows[3].topics
