"""Stores of an earlier version open, or are migrated."""

from pathlib import Path
from typing import Any

import lmdb
import msgpack
import pytest

from iai.model.clock import Now
from iai.model.ids import record_id
from iai.model.record import Transcript
from iai.store import graph, migrations
from iai.store.codec import encode_time, encode_u64
from iai.store.environment import Environment
from iai.store.graph import GraphStore, Progress
from iai.store.records import SCHEMA, Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put

# As they were when the group first landed: no order, nothing of `live`, `facts` and `changed`.
FIRST_DATABASES = (
    "meta", "log", "records", "by_id", "by_key", "by_session", "by_project", "by_created",
    "by_updated", "pinned", "sessions", "by_activity", "projects", "transcripts",
)  # fmt: skip


def test_every_earlier_schema_has_a_step() -> None:
    assert set(migrations.RECORDS) == set(range(1, SCHEMA))


def write_first_form(path: Path) -> None:
    """Put one record there as the first version that landed did."""
    path.mkdir(mode=0o700)
    env = lmdb.open(str(path), max_dbs=len(FIRST_DATABASES), map_size=1 << 20)
    db = {name: env.open_db(name.encode()) for name in FIRST_DATABASES}
    at = NOW.wall
    record: dict[str, Any] = {
        "id": record_id("k", at), "label": 1, "tier": "episodic", "role": "user",
        "text": "kept since the beginning", "host": "claude", "session": "s", "project": PROJECT,
        "cwd": "/p", "created_at": at, "ingested_at": at, "updated_at": at, "tags": [],
        "pinned": False, "supersedes": "", "source": {"transcript": "", "offset": 0, "uuid": ""},
    }  # fmt: skip
    mark = {
        "revision": 1, "records_count": 1, "max_vec_label": 1, "max_created_at": at,
        "max_updated_at": at,
    }  # fmt: skip
    entry = {"operation": "insert", "label": 1, "at": at}
    project = {"id": PROJECT, "name": "p", "root": "/p", "cwds": ["/p"]}
    with env.begin(write=True) as transaction:
        for database, key, value in (
            ("meta", b"schema", encode_u64(1)),
            ("meta", b"watermark", msgpack.packb(mark)),
            ("log", encode_u64(1), msgpack.packb(entry)),
            ("records", encode_u64(1), msgpack.packb(record)),
            ("by_id", record["id"].encode(), encode_u64(1)),
            ("by_project", PROJECT.encode() + encode_time(at) + encode_u64(1), b""),
            ("by_created", encode_time(at) + encode_u64(1), b""),
            ("by_updated", encode_time(at) + encode_u64(1), b""),
            ("projects", PROJECT.encode(), msgpack.packb(project)),
        ):
            transaction.put(key, value, db=db[database])
    env.close()


def test_records_of_the_first_version_open_and_go_on(tmp_path: Path) -> None:
    write_first_form(tmp_path / "records")
    records = Records(tmp_path / "records", writer=True)
    put(records, new_record("new"), now=Now(NOW.wall + 1, NOW.mono))
    with records.view() as view:
        old = view.find("#1")
        assert old is not None
        assert (old.text, old.order) == ("kept since the beginning", NOW.wall)
        assert [r.label for r in view.project(PROJECT)] == [2, 1]
        assert view.watermark().records_count == 2
    records.close()


@pytest.mark.parametrize("schema", [3, 4])
def test_transcripts_read_by_versions_before_are_read_again(tmp_path: Path, schema: int) -> None:
    records = Records(tmp_path / "records", writer=True)
    read = Transcript(path="/h/s.jsonl", host="codex", session="s", offset=900, tail=b"t")
    records.commit(lambda unit: unit.transcripts.follow(read), NOW)
    environment = records._environment
    environment.write(lambda t: t.put(b"schema", encode_u64(schema), db=environment.db["meta"]))
    records.close()
    records = Records(tmp_path / "records", writer=True)
    with records.view() as view:
        assert [again.transcript.path for again in view.rereading()] == ["/h/s.jsonl"]
        assert [again.transcript.offset for again in view.rereading()] == [0]
        assert view.transcript("/h/s.jsonl") == read  # ordinary reading goes on where it was
    records.close()


def databases(path: Path) -> set[bytes]:
    with lmdb.open(str(path), max_dbs=0, readonly=True) as env, env.begin() as transaction:
        return {key for key, _ in transaction.cursor()}


def test_an_index_drops_its_retired_databases_and_keeps_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "index"
    old = Environment(path, migrations.INDEX_RETIRED, schema=graph.SCHEMA, writer=True)
    old.write(lambda t: t.put(encode_u64(1), b"old", db=old.db["recalled"]))
    old.close()
    assert {name.encode() for name in migrations.INDEX_RETIRED} < databases(path)
    for reopened in range(2):
        store = GraphStore(path, writer=True)
        with store.view() as view:
            assert view.progress() == Progress(documents=reopened)
        store.commit(lambda unit: unit.advance(Progress(documents=1)))
        store.close()
    assert not databases(path) & {name.encode() for name in migrations.INDEX_RETIRED}
