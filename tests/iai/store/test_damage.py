"""Damaged records: what is damaged is named, and the rest still answers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lmdb
import pytest

from iai.errors import StoreCorrupt
from iai.model.action import Action
from iai.model.clock import Now
from iai.model.record import Record, Transcript, digest, session_key
from iai.model.revisions import through
from iai.store.codec import decode_u64, encode_u64
from iai.store.graph import GraphStore
from iai.store.links import Linked
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, flip, move, new_record, put, strip

SESSION = session_key("claude", "s")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records"


@pytest.fixture
def records(path: Path) -> Iterator[Records]:
    """Nine turns with an action each, and a transcript."""
    store = Records(path, writer=True, map_size=1 << 24)
    put(store, *(new_record(f"k{n}", created_at=NOW.wall + n) for n in range(1, 10)))

    def change(unit: RecordChange) -> None:
        for n in range(1, 10):
            action = Action(key=f"a{n}", kind="edit", at=NOW.wall + n, path=f"/p/{n}.py")
            unit.work.act(action, "claude", "s", PROJECT)
        unit.transcripts.follow(Transcript(path="/t.jsonl", host="claude", offset=7))

    store.commit(change, NOW)
    yield store
    store.close()


def test_a_damaged_record_is_named_and_all_others_are_read(records: Records) -> None:
    flip(records._environment, "records", encode_u64(4), 100)
    with records.view() as view:
        others = [1, 2, 3, 5, 6, 7, 8, 9]
        assert view.get(4) is None
        assert [record.label for record in view.after(0)] == others
        assert [record.label for record in view.session(SESSION)] == others
        assert [record.label for record in view.project(PROJECT)] == others[::-1]
        with pytest.raises(StoreCorrupt, match="entry #4 of `records` is not what was written"):
            view.find("#4")
    assert next(iter(records.problems())) == "the entry #4 of `records` is not what was written"


def test_a_damaged_entry_of_an_index_costs_only_itself(records: Records) -> None:
    with records.view() as view:
        key = next(
            key for key, _ in view._t.prefixed(records._environment.db["by_session"], SESSION)
        )
    flip(records._environment, "by_session", key)
    label = decode_u64(key[-8:])
    with records.view() as view:
        assert label not in [record.label for record in view.session(SESSION)]
        assert view.get(label) is not None
    assert f"record #{label} is not in `by_session`" in list(records.problems())


def test_a_damaged_action_costs_only_itself(records: Records) -> None:
    environment = records._environment
    with records.view() as view:
        key = list(view._t.prefixed(environment.db["actions"], SESSION))[2][0]
    flip(environment, "actions", key, 50)
    with records.view() as view:
        assert [action.key for action in view.actions(SESSION)] == [
            f"a{n}" for n in range(1, 10) if n != 3
        ]
        assert list(view.of_file("3.py")) == []
        assert len(list(view.of_file("4.py"))) == 1


def test_a_transcript_whose_offset_is_damaged_is_read_from_its_start(records: Records) -> None:
    flip(records._environment, "transcripts", digest("/t.jsonl"))
    with records.view() as view:
        assert view.transcript("/t.jsonl") is None


def test_a_damaged_change_of_the_log_is_passed_over(records: Records) -> None:
    flip(records._environment, "log", encode_u64(2))
    with records.view() as view:
        assert [revision for revision, _ in view.changes(through(4))] == [1, 3, 4]


def test_a_text_whose_key_is_damaged_is_not_stored_twice(records: Records) -> None:
    flip(records._environment, "by_key", digest("k4"))
    assert put(records, new_record("k4"), new_record("k99")) == [0, 10]
    with records.view() as view:
        assert view.watermark().records_count == 10
    records.commit(lambda unit: unit.work.rewind("k4", "/t.jsonl", 0), NOW)


def test_a_damaged_watermark_is_counted_again_and_written_by_the_next_change(
    records: Records,
) -> None:
    put(records, new_record("k10"))
    records.commit(lambda unit: unit.forget.record(got(unit, 10)), NOW)
    with records.view() as view:
        before = view.watermark()
    flip(records._environment, "meta", b"watermark")
    with records.view() as view:
        assert view.watermark() == before
    assert put(records, new_record("k11")) == [11], "no number is given twice"
    assert list(records.problems()) == []


def test_an_older_value_that_was_put_back_is_named(records: Records) -> None:
    handle, key = records._environment.db["records"].handle, encode_u64(4)
    with records._environment._connection.env.begin() as raw:
        older = raw.get(key, db=handle)
    assert older is not None
    records.commit(
        lambda unit: unit.edits.pin(got(unit, 4), pinned=True), Now(NOW.wall + 1, NOW.mono)
    )
    with records._environment._connection.env.begin(write=True) as raw:
        raw.put(key, older, db=handle)
    problems = list(records.problems())
    assert "record #4 is not in `by_updated`" in problems


def got(unit: RecordChange, label: int) -> Record:
    record = unit.view.get(label)
    assert record is not None
    return record


@pytest.mark.parametrize(
    "name",
    ["meta", "log", "records", "by_id", "by_key", "by_session", "by_project", "by_created",
     "by_updated", "sessions", "by_activity", "session_changed", "changed", "voices", "projects",
     "transcripts", "actions", "action_keys", "by_file", "session_info"],
)  # fmt: skip
def test_whatever_entry_is_damaged_the_next_turns_are_stored_once(
    records: Records, name: str
) -> None:
    environment = records._environment
    with records.view() as view:
        keys = [key for key, _ in view._t.entries(environment.db[name])]
    for key in {*keys} - {b"schema"}:
        flip(environment, name, key)
    texts = [new_record(key, created_at=NOW.wall + 20) for key in ("k1", "k20", "k21")]
    put(records, *texts)
    put(records, *texts)

    def work(unit: RecordChange) -> None:
        unit.forget.record(got(unit, 10))  # with what was done for it
        for key in ("a1", "a20"):
            action = Action(key=key, kind="edit", at=NOW.wall + 21, path="/p/1.py")
            unit.work.act(action, "claude", "s", PROJECT)
        unit.edits.pin(got(unit, 11), pinned=True)
        unit.transcripts.follow(Transcript(path="/t.jsonl", host="claude", offset=9))

    records.commit(work, NOW)
    with records.view() as view:
        assert view.watermark().max_vec_label == 11
        assert view.watermark().records_count == 10
        assert list(view.sessions(PROJECT)) == [SESSION]
        assert [action.key for action in view.actions(SESSION)][-1] == "a20"


@pytest.mark.parametrize("key", [b"watermark", b"max_action"])
def test_a_counter_that_is_gone_is_counted_again_and_no_number_is_given_twice(
    records: Records, key: bytes
) -> None:
    with records.view() as view:
        before = view.watermark()
    move(records._environment, "meta", key, b"z")
    records.commit(
        lambda unit: unit.work.act(Action(key="n", kind="read", at=1), "claude", "s", PROJECT), NOW
    )
    assert put(records, new_record("k10")) == [10]
    with records.view() as view:
        assert len(list(view.actions(SESSION))) == 10
        assert view.watermark().revision == before.revision + 2
        assert view.watermark().records_count == 10
    assert list(records.problems()) == ["the entry 'z' of `meta` is not what was written"]


def rename(path: Path, name: bytes, to: bytes) -> None:
    data = (path / "data.mdb").read_bytes()
    assert data.count(name) >= 1
    (path / "data.mdb").write_bytes(data.replace(name, to))


@pytest.mark.parametrize("name", [b"by_key", b"meta", b"voices"])
def test_a_database_whose_name_is_damaged_is_not_taken_for_a_new_one(
    path: Path, records: Records, name: bytes
) -> None:
    records.close()
    rename(path, name, name[:-1] + b"\x7f")
    for as_writer in (True, False):
        with pytest.raises(StoreCorrupt, match=f"`{name.decode()}` is gone"):
            Records(path, writer=as_writer)


def schema_note(path: Path, change: Callable[[Any, Any], None]) -> None:
    with lmdb.open(str(path), max_dbs=1) as env:
        database = env.open_db(b"meta", create=False)
        with env.begin(write=True) as transaction:
            change(transaction, database)


@pytest.mark.parametrize("note", [encode_u64(3), encode_u64(3) + b"abcd", b"", None])
def test_a_note_of_the_schema_that_is_damaged_starts_no_migration(
    path: Path, records: Records, note: bytes | None
) -> None:
    records.close()
    if note is None:
        schema_note(path, lambda t, db: t.delete(b"schema", db=db))
    else:
        schema_note(path, lambda t, db: t.put(b"schema", note, db=db))
    with pytest.raises(StoreCorrupt, match="schema"):
        Records(path, writer=True)


def test_records_without_checksums_are_migrated_and_a_copy_is_kept(
    path: Path, records: Records
) -> None:
    with records.view() as view:
        before = list(view.after(0))
    records.close()
    strip(path)
    migrated = Records(path, writer=True)
    assert list(migrated.problems()) == []
    with migrated.view() as view:
        assert list(view.after(0)) == before
    migrated.close()
    assert [copy.name[:16] for copy in (path.parent / "backups").iterdir()] == ["records-schema-2"]


def test_an_index_that_says_other_than_the_records_is_named(records: Records) -> None:
    assert list(records.problems()) == []
    environment = records._environment
    with records.view() as view:
        record = view.get(3)
    assert record is not None
    wrong = record.id.encode()
    environment.write(lambda t: t.delete(wrong, db=environment.db["by_id"]))
    environment.write(lambda t: t.put(b"x" + encode_u64(3), b"", db=environment.db["facts"]))
    environment.write(lambda t: t.delete(encode_u64(1), db=environment.db["log"]))
    assert list(records.problems()) == [
        "record #3 is not in `by_id`",
        "`by_id` has 8 entries where 9 belong",
        "`facts` has 1 entries where 0 belong",
        "there are 9 changes in the log, and 10 by the watermark",
    ]


def test_holders_of_terms_that_differ_from_the_links_are_named(tmp_path: Path) -> None:
    graph = GraphStore(tmp_path / "index", writer=True)
    linked = {n: Linked(1, n, False, frozenset({n, 77})) for n in (1, 2)}  # noqa: FBT003
    graph.commit(lambda unit: unit.link_by(linked))
    assert list(graph.problems()) == []
    holders = graph._environment.db["holders"].handle
    with graph._environment._connection.env.begin(write=True) as raw:
        raw.delete(b"\0\0\0\2", db=holders)
    assert list(graph.problems()) == [
        "record #2 is not in `holders`",
        "`holders` has 3 entries where 4 belong",
    ]
    graph.close()


def test_a_check_of_the_pages_runs_beside_the_writer(path: Path, records: Records) -> None:
    assert list(records._environment.problems()) == []
    records.close()
    with (path / "data.mdb").open("r+b") as file:
        in_use = file.read().rindex(b"/p/9.py")  # in the last commit
        file.seek(in_use // 4_096 * 4_096 + 10)  # the flags of that page
        file.write(b"\xff")
    reader = Records(path)
    assert any("page" in problem for problem in reader._environment.problems())
    reader.close()
