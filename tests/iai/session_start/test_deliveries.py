"""The record of what each session was given, as the hooks write it and the library reads it."""

import msgspec
import pytest

from iai.config.layout import Layout, private
from iai.session_start import deliveries, delivery_notes
from iai.session_start.deliveries import Delivery


def write(layout: Layout, text: str, session: str = "s") -> None:
    private(layout.deliveries)
    (layout.deliveries / session).write_text(text)


@pytest.mark.parametrize(
    ("text", "revision", "records"),
    [
        ("7\n", 7, set()),
        ("7 1 2\n9 3\n", 9, {1, 2, 3}),
        ("7 1\n0 4 5\n", 7, {1, 4, 5}),  # then the answer to a prompt
        ("0 4\n", 0, {4}),
        ("", 0, set()),
        ("\n\nx y\n7 z\n", 7, set()),
    ],
)
def test_the_last_revision_and_all_records_are_read(
    layout: Layout, text: str, revision: int, records: set[int]
) -> None:
    write(layout, text)
    assert delivery_notes.through(layout, "s") == revision
    assert delivery_notes.delivered(layout, "s") == records


@pytest.mark.parametrize("session", ["", "unknown", "../s", "a/b"])
def test_a_session_without_a_file_was_given_nothing(layout: Layout, session: str) -> None:
    write(layout, "7 1\n")
    assert delivery_notes.through(layout, session) == 0
    assert delivery_notes.delivered(layout, session) == frozenset()


def test_a_recorded_delivery_is_read_back(layout: Layout) -> None:
    delivery = Delivery(at="2026-11-23T10:00:00Z", at_ns=1_795_428_000_000_000_000, session="s")
    deliveries.record(layout, delivery, [3, 1])
    assert deliveries.read(layout) == [delivery]
    assert delivery_notes.delivered(layout, "s") == {1, 3}
    assert delivery_notes.through(layout, "s") == 0


def test_a_delivery_of_more_than_can_be_counted_is_none(layout: Layout) -> None:
    given = Delivery(at="2026-11-23T10:00:00Z", at_ns=1_795_428_000_000_000_000, tokens=5)
    for tokens in (5, 10**400, -1):
        deliveries.record(layout, msgspec.structs.replace(given, tokens=tokens), [])
    assert deliveries.read(layout) == [given]
    assert deliveries.totals(deliveries.read(layout)).mean_tokens == 5
