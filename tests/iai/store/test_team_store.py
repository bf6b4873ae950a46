"""What the replicator keeps in `team/`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.store.copies import text_mark
from iai.store.inbox import Inbox, Mark
from iai.store.team_store import Control, TeamStore, Unopened
from iai.team.chain import Span
from tests.iai.store.builders import encrypt

MAP = 16 << 20
NOW = 1_800_000_000_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TeamStore]:
    opened = TeamStore(tmp_path / "team", map_size=MAP)
    yield opened
    opened.close()


def test_changes_are_numbered_as_they_can_be_applied_whatever_was_deleted_or_begun_anew(
    store: TeamStore,
) -> None:
    store.commit(lambda unit: unit.arrive([("m", b"one"), ("n", b"two")], NOW))
    with store.view() as view:
        inbox, batch = view.after(Mark(), 10)
    assert batch == [(1, "m", b"one"), (2, "n", b"two")]
    store.commit(lambda unit: unit.delete_through(Mark(inbox, 2)))
    store.commit(lambda unit: unit.begin_stream("another"))
    store.commit(lambda unit: unit.arrive([("m", b"three")], NOW + 5))
    with store.view() as view:
        assert view.after(Mark(inbox, 2), 10) == (inbox, [(3, "m", b"three")])
        assert view.waiting_for_ingest(10) == {"m": 1}


def test_what_another_has_forgotten_deletes_only_our_messages_and_what_we_have_forgotten_all(
    store: TeamStore,
) -> None:
    store.commit(lambda unit: unit.note_about({"x": b"", "y": b""}, 1, Span(0, 5)))
    store.commit(lambda unit: unit.note_about({"x": b""}, 2, None))
    store.commit(lambda unit: unit.forget(["x"], ours=False))
    with store.view() as view:
        assert view.erasures(9) == [1]
        assert (view.forgotten("x"), view.forgotten("y")) == (False, None)
    store.commit(lambda unit: unit.forget(["x"], ours=True))
    store.commit(lambda unit: unit.note_about({"x": b""}, 3, None))  # who did not know of it
    store.commit(lambda unit: unit.forget(["x"], ours=False))  # takes nothing back
    with store.view() as view:
        assert view.erasures(9) == [1, 2, 3]
        assert view.forgotten("x") is True


def test_with_another_stream_what_was_known_by_sequence_is_void(store: TeamStore) -> None:
    store.commit(lambda unit: unit.take(Mark("one", 7)))
    store.commit(lambda unit: unit.put_unopened(3, Unopened("s", b"d")))
    store.commit(lambda unit: unit.erase(4))
    store.commit(lambda unit: unit.put_control(b"k" * 16, Control(5, b"statement")))
    store.commit(lambda unit: unit.begin_stream("two"))
    with store.view() as view:
        assert view.taken() == Mark("two", 0)
        assert (view.unopened(0, 9), view.erasures(9)) == ([], [])
        assert view.control() == [Control(0, b"statement")]


def test_in_an_encrypted_store_nothing_that_waits_is_in_the_clear(tmp_path: Path) -> None:
    encrypt(tmp_path)
    store = TeamStore(tmp_path / "team", map_size=MAP)
    store.commit(lambda unit: unit.arrive([("m", b"zebra-quartz")], NOW))
    store.commit(lambda unit: unit.note_about({"01ZEBRA": b""}, 1, Span(0, 1)))
    store.close()
    assert b"zebra" not in (tmp_path / "team" / "data.mdb").read_bytes().lower()
    inbox = Inbox(tmp_path / "team")
    with inbox.view() as view:
        assert view.after(Mark(), 1)[1] == [(1, "m", b"zebra-quartz")]
    inbox.close()


P, M = "p" * 16, "m" * 16


def copied(store: TeamStore) -> list[bytes]:
    with store.view() as view:
        return [data for _, data in view.copies(P, M, 0, 99)]


def indexed(store: TeamStore) -> int:
    with store.view() as view:
        return sum(view._t.count(view._db[name]) for name in ("copies_about", "copy_subjects"))


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_of_the_texts_that_a_machine_gave_a_record_only_the_last_is_kept_in_a_copy(
    store: TeamStore, order: tuple[int, ...]
) -> None:
    texts = {1: "secret", 2: "secret", 3: "redacted"}
    for position in order:
        about = {"x": text_mark(texts[position]), "y": b""}
        data = texts[position].encode()
        store.commit(lambda unit, p=position, d=data, a=about: unit.copy(P, M, p, d, a))  # type: ignore[misc]
    assert copied(store) == [b"redacted"]
    assert indexed(store) == 3


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_copy_with_an_old_text_stays_for_what_else_is_in_it_until_that_is_published_again(
    store: TeamStore, order: tuple[int, ...]
) -> None:
    old, new = {"x": text_mark("old"), "y": text_mark("y")}, {"x": text_mark("new")}
    made = {
        1: lambda unit: unit.copy(P, M, 1, b"old and y", old, several=True),
        2: lambda unit: unit.copy(P, M, 2, b"new", new),
    }
    for position in order:
        store.commit(made[position])
    assert copied(store) == [b"old and y", b"new"]
    store.commit(lambda unit: unit.copy(P, M, 1, b"y", {"y": text_mark("y")}))
    store.commit(made[1])  # by a server that repeats it
    assert copied(store) == [b"y", b"new"]
    assert indexed(store) == 4


def test_a_copy_that_goes_leaves_nothing_in_the_index(store: TeamStore) -> None:
    store.commit(lambda unit: unit.copy(P, M, 1, b"of both", {"x": b"", "y": text_mark("y")}))
    store.commit(lambda unit: unit.copy(P, M, 2, b"a pin", {"y": b""}))
    store.commit(lambda unit: unit.copy(P, M, 1, b"of x, again", {"x": b""}))
    store.commit(lambda unit: unit.forget(["x"], ours=False))
    assert copied(store) == [b"a pin"]
    assert indexed(store) == 2
