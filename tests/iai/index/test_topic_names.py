"""What a topic is called: by the request that tells it from the other topics."""

from iai.index.term_vectors import term_vector
from iai.index.terms import extract
from iai.index.topic_names import Name, named, request_of
from tests.iai.store.builders import kept

GATEWAY = (
    kept(1, "yes, please"),
    kept(2, "the payment gateway times out", role="assistant"),
    kept(3, "why does the payment gateway time out?"),
    kept(4, "and the tests of the build?"),
)
EXPORT = (
    kept(5, "yes, please"),
    kept(6, "quote the commas of the export"),
    kept(7, "quoted: the export has commas, and the build and its tests pass"),
)
EVERY = (*GATEWAY, *EXPORT)


def names() -> list[Name]:
    vectors = [term_vector(record, extract(record.text)) for record in EVERY]
    return list(named(vectors, [[0, 1, 2, 3], [4, 5, 6]], 2))


def test_a_topic_is_called_by_the_request_with_the_most_of_what_tells_it_from_others() -> None:
    called = [request_of([EVERY[row] for row in name.requests], name.weights) for name in names()]
    assert called == [GATEWAY[2].label, EXPORT[1].label]


def test_no_topic_is_called_by_what_the_agent_said() -> None:
    assert all(EVERY[row].role == "user" for name in names() for row in name.requests)


def test_a_topic_without_a_request_is_called_by_none() -> None:
    assert request_of([], {}) == 0


def test_of_a_request_only_what_is_shown_of_it_counts() -> None:
    name, _ = names()
    pasted = kept(8, f"{'build: ok ' * 60} the payment gateway times out")
    short = kept(9, "the gateway?")
    assert request_of([pasted, short], name.weights) == short.label
