"""The inbox: in order of the stream, also across a stream that was created again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.store.inbox import Inbox, Mark
from tests.iai.store import builders

A, B = "a" * 16, "b" * 16


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    inbox = Inbox(tmp_path / "team", writer=True, map_size=16 << 20)
    yield inbox
    inbox.close()


def test_entries_come_in_the_order_of_the_stream(inbox: Inbox) -> None:
    inbox.put("S", [(300, A, b"late"), (2, B, b"early")])
    inbox.put("S", [(7, A, b"between")])
    assert inbox.after(Mark(), 2) == ("S", [(2, B, b"early"), (7, A, b"between")])
    assert inbox.after(Mark("S", 7), 9) == ("S", [(300, A, b"late")])
    assert inbox.after(Mark("S", 300), 9) == ("S", [])


def test_an_entry_that_is_put_again_is_there_once(inbox: Inbox) -> None:
    for _ in range(2):
        inbox.put("S", [(1, A, b"one")])
    assert inbox.after(Mark(), 9) == ("S", [(1, A, b"one")])


def test_a_stream_that_was_created_again_comes_after_the_rest_of_the_former(inbox: Inbox) -> None:
    inbox.put("S", [(8, A, b"old"), (9, A, b"last")])
    inbox.put("S2", [(1, A, b"new")])
    assert inbox.after(Mark("S", 8), 9) == ("S", [(9, A, b"last")])
    assert inbox.after(Mark("S", 9), 9) == ("S2", [(1, A, b"new")])


def test_what_was_applied_is_deleted_with_all_of_the_streams_before(inbox: Inbox) -> None:
    inbox.put("S", [(8, A, b"old")])
    inbox.put("S2", [(1, A, b"done"), (2, A, b"left")])
    inbox.delete_through(Mark("S2", 1))
    assert inbox.after(Mark(), 9) == ("S2", [(2, A, b"left")])
    with inbox.view() as view:
        assert view.count() == 1


def test_all_comes_after_a_mark_of_a_stream_that_is_not_known(inbox: Inbox) -> None:
    inbox.put("S", [(1, A, b"one")])
    assert inbox.after(Mark("lost", 99), 9) == ("S", [(1, A, b"one")])


def test_it_tells_where_to_go_on_receiving(inbox: Inbox) -> None:
    with inbox.view() as view:
        assert view.last() == Mark()
    inbox.put("S", [(1, A, b"one"), (5, A, b"five")])
    inbox.put("S2", [(3, A, b"three")])
    with inbox.view() as view:
        assert view.last() == Mark("S2", 3)
    inbox.delete_through(Mark("S2", 3))
    with inbox.view() as view:
        assert view.last() == Mark("S2", 0), "its entries are applied: ask the mark of the records"


def test_an_encrypted_inbox_has_nothing_of_a_change_in_its_file(tmp_path: Path) -> None:
    builders.encrypt(tmp_path)
    inbox = Inbox(tmp_path / "team", writer=True, map_size=16 << 20)
    inbox.put("S", [(1, A, b"zanzibar")])
    assert inbox.after(Mark(), 9) == ("S", [(1, A, b"zanzibar")])
    inbox.close()
    assert b"zanzibar" not in (tmp_path / "team" / "data.mdb").read_bytes()
