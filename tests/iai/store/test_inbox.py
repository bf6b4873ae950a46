"""The inbox: in order of the stream, also across a stream that was created again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.store.inbox import Batch, Inbox, Mark
from iai.store.team_store import TeamStore
from tests.iai.store import builders

A, B = "a" * 16, "b" * 16


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[TeamStore]:
    inbox = TeamStore(tmp_path / "team", map_size=16 << 20)
    yield inbox
    inbox.close()


def put(inbox: TeamStore, stream: str, *entries: tuple[int, str, bytes]) -> None:
    inbox.commit(lambda unit: unit.put(stream, entries))


def after(inbox: TeamStore | Inbox, mark: Mark, limit: int = 9) -> tuple[str, Batch]:
    with inbox.view() as view:
        return view.after(mark, limit)


def test_entries_come_in_the_order_of_the_stream(inbox: TeamStore) -> None:
    put(inbox, "S", (300, A, b"late"), (2, B, b"early"))
    put(inbox, "S", (7, A, b"between"))
    assert after(inbox, Mark(), 2) == ("S", [(2, B, b"early"), (7, A, b"between")])
    assert after(inbox, Mark("S", 7)) == ("S", [(300, A, b"late")])
    assert after(inbox, Mark("S", 300)) == ("S", [])


def test_an_entry_that_is_put_again_is_there_once(inbox: TeamStore) -> None:
    for _ in range(2):
        put(inbox, "S", (1, A, b"one"))
    assert after(inbox, Mark()) == ("S", [(1, A, b"one")])


def test_a_stream_that_was_created_again_comes_after_the_rest_of_the_former(
    inbox: TeamStore,
) -> None:
    put(inbox, "S", (8, A, b"old"), (9, A, b"last"))
    put(inbox, "S2", (1, A, b"new"))
    assert after(inbox, Mark("S", 8)) == ("S", [(9, A, b"last")])
    assert after(inbox, Mark("S", 9)) == ("S2", [(1, A, b"new")])


def test_what_was_applied_is_deleted_with_all_of_the_streams_before(inbox: TeamStore) -> None:
    put(inbox, "S", (8, A, b"old"))
    put(inbox, "S2", (1, A, b"done"), (2, A, b"left"))
    inbox.commit(lambda unit: unit.delete_through(Mark("S2", 1)))
    assert after(inbox, Mark()) == ("S2", [(2, A, b"left")])
    with inbox.view() as view:
        assert view.count() == 1


def test_all_comes_after_a_mark_of_a_stream_that_is_not_known(inbox: TeamStore) -> None:
    put(inbox, "S", (1, A, b"one"))
    assert after(inbox, Mark("lost", 99)) == ("S", [(1, A, b"one")])


def test_it_tells_where_to_go_on_receiving(inbox: TeamStore) -> None:
    with inbox.view() as view:
        assert view.last() == Mark()
    put(inbox, "S", (1, A, b"one"), (5, A, b"five"))
    put(inbox, "S2", (3, A, b"three"))
    with inbox.view() as view:
        assert view.last() == Mark("S2", 3)
    inbox.commit(lambda unit: unit.delete_through(Mark("S2", 3)))
    with inbox.view() as view:
        assert view.last() == Mark("S2", 0), "its entries are applied: ask the mark of the records"


def test_an_encrypted_inbox_has_nothing_of_a_change_in_its_file(tmp_path: Path) -> None:
    builders.encrypt(tmp_path)
    writer = TeamStore(tmp_path / "team", map_size=16 << 20)
    put(writer, "S", (1, A, b"zanzibar"))
    writer.close()
    inbox = Inbox(tmp_path / "team")
    assert after(inbox, Mark()) == ("S", [(1, A, b"zanzibar")])
    inbox.close()
    assert b"zanzibar" not in (tmp_path / "team" / "data.mdb").read_bytes()
