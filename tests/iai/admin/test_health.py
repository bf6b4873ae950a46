"""The health of a store is reported correctly, whatever has happened to its files."""

import json
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from iai.admin import health
from iai.admin.health import StoreHealth
from iai.cli import freshness
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.freshness.sidecar import Sidecar, encode_sidecar, sidecar_path
from iai.ingest import spool
from iai.model import clock
from iai.model.clock import NS
from iai.model.record import Project, Transcript
from iai.model.revisions import through
from iai.payload.compose import render
from iai.payload.material import gather
from iai.session_start.payload_files import read_sidecar
from iai.session_start.targets import targets
from iai.store.codec import encode_u64
from iai.store.environment import Environment
from iai.store.graph import GraphStore
from iai.store.graph import Progress as GraphProgress
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView
from iai.store.records import SCHEMA, Records
from iai.store.vectors import Progress as VectorProgress
from iai.store.vectors import VectorStore
from tests.iai.hosts.claude_lines import turn_line
from tests.iai.store.builders import NOW, PROJECT, new_record

WALL = NOW.later(100.0).wall


def remember(layout: Layout, *keys: str, after_s: float = 0.0) -> None:
    """Keep a text for each key in one project."""

    def change(unit: RecordChange) -> None:
        unit.projects.place(Project(id=PROJECT, name="mine", root="/p"), "/p")
        for key in keys:
            unit.records.insert(new_record(key))

    commit(layout, change, after_s)


def commit(layout: Layout, change: Callable[[RecordChange], None], after_s: float = 0.0) -> None:
    records = Records(layout.records, writer=True)
    records.commit(change, NOW.later(after_s))
    records.close()


def write_payloads(layout: Layout) -> None:
    """Do what a refresh does."""
    records = Records(layout.records)
    with records.view() as view:
        for target in targets(view, layout, 16):
            text = render(gather(view, target.project, target.name), NOW.wall)
            target.path.parent.mkdir(exist_ok=True)
            target.path.write_text(text)
            claim = Sidecar(
                **structs.asdict(view.watermark()),
                rendered_chars=len(text),
                generated_at=clock.iso(NOW.wall),
                trigger="manual",
            )
            sidecar_path(target.path).write_bytes(encode_sidecar(claim))
    records.close()


def claim(payload: Path, **fields: int) -> None:
    """RecordChange what a sidecar claims."""
    found = read_sidecar(payload)
    assert found is not None
    sidecar_path(payload).write_bytes(encode_sidecar(structs.replace(found, **fields)))


def look(layout: Layout) -> StoreHealth:
    return health.measure(layout, WALL)


@pytest.fixture
def current(layout: Layout) -> Layout:
    """Return a store with three changes and payloads that hold them all."""
    remember(layout, "one")
    remember(layout, "two", "three", after_s=40.0)
    write_payloads(layout)
    return layout


# --- the payload ---------------------------------------------------------------------------------


def test_a_payload_that_holds_every_change_is_not_behind(current: Layout) -> None:
    found = look(current)
    assert (found.payload.behind, found.payload.behind_s, found.payload.revision) == (0, 0.0, 3)
    assert found.stages["payload"].note == ""


def test_a_payload_is_behind_by_the_changes_it_lacks_since_the_first_of_them(
    current: Layout,
) -> None:
    remember(current, "four", after_s=60.0)
    remember(current, "five", "six", after_s=90.0)
    found = look(current)
    assert (found.payload.behind, found.payload.behind_s, found.payload.revision) == (3, 40.0, 3)
    stage = found.stages["payload"]
    assert (stage.lag_records, stage.lag_s, stage.revision) == (3, 40.0, 3)


def deleted(payload: Path) -> None:
    payload.unlink()


def empty(payload: Path) -> None:
    payload.write_text("")


def other_bytes(payload: Path) -> None:
    payload.write_bytes(b"\xff" * 500)


def another_text(payload: Path) -> None:
    payload.write_text("hello\n")


def cut(payload: Path) -> None:
    os.truncate(payload, payload.stat().st_size - 10)


def a_directory(payload: Path) -> None:
    payload.unlink()
    payload.mkdir()


def without_sidecar(payload: Path) -> None:
    sidecar_path(payload).unlink()


def garbage_in_sidecar(payload: Path) -> None:
    sidecar_path(payload).write_bytes(b"\xff{")


def of_a_longer_history(payload: Path) -> None:
    payload.write_text(payload.read_text().replace("revision=3", "revision=9"))
    claim(payload, revision=9)


def of_another_history(payload: Path) -> None:
    claim(payload, max_updated_at=1)


USELESS = [
    deleted, empty, other_bytes, another_text, cut, a_directory, without_sidecar,
    garbage_in_sidecar, of_a_longer_history, of_another_history,
]  # fmt: skip


@pytest.mark.parametrize("damage", USELESS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", ["(every project)", "mine"])
def test_an_unusable_payload_lacks_every_change_whatever_its_sidecar_claims(
    current: Layout, damage: Callable[[Path], None], name: str
) -> None:
    damage(current.project_payload(PROJECT) if name == "mine" else current.payload)
    found = look(current)
    assert (found.payload.behind, found.payload.behind_s, found.payload.revision) == (3, 100.0, 0)
    assert found.stages["payload"].note == f"missing: {name}"
    assert not found.caught_up


@pytest.mark.parametrize("damage", [deleted, a_directory])
def test_a_missing_payload_has_no_age(current: Layout, damage: Callable[[Path], None]) -> None:
    damage(current.payload)
    assert look(current).payload.age_s is None


def test_a_payload_dated_in_the_future_was_not_written_just_now(current: Layout) -> None:
    for ahead_s, age_s in ((60.0, -60.0), (0.5, 0.0), (-5.0, 5.0)):
        os.utime(current.payload, ns=(0, WALL + int(ahead_s * NS)))
        assert look(current).payload.age_s == age_s


def test_an_older_payload_under_a_newer_sidecar_holds_what_it_holds(current: Layout) -> None:
    older = current.payload.read_text()
    remember(current, "four", after_s=60.0)
    write_payloads(current)
    assert look(current).payload.behind == 0
    current.payload.write_text(older)
    assert look(current).payload.behind == 1


def test_a_payload_newer_than_its_sidecar_is_credited_with_the_sidecar_only(
    current: Layout,
) -> None:
    before = sidecar_path(current.payload).read_bytes()
    remember(current, "four", after_s=60.0)
    write_payloads(current)
    sidecar_path(current.payload).write_bytes(before)
    assert look(current).payload.behind == 1


def test_a_store_without_records_needs_no_payload_and_may_keep_none(current: Layout) -> None:
    def forget_all(unit: RecordChange) -> None:
        for record in list(unit.view.after(0)):
            unit.forget.record(record)

    commit(current, forget_all)
    assert look(current).payload.behind == 3, "what was forgotten is still in the file"
    current.payload.unlink()
    found = look(current)
    assert (found.payload.behind, found.payload.revision) == (0, 6)
    assert found.stages["payload"].note == ""


def test_an_empty_store_lacks_nothing(layout: Layout) -> None:
    commit(layout, lambda _: None)
    found = look(layout)
    assert (found.payload.behind, found.stages["payload"].note) == (0, "")


def test_the_lag_that_iai_freshness_prints_is_that_of_the_texts_that_are_kept_on_disk(
    current: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    current.project_payload(PROJECT).unlink()

    def lag(payload: str) -> int:
        args = Namespace(since="7d", plot=None, json=True)
        freshness.run(args, Settings(store=current.root, payload=payload))
        now = json.loads(capsys.readouterr().out)["now"]
        return int(now["payload"]["local_changes"])

    assert lag("file") == 3
    assert lag("live") == 0


def test_only_the_configured_number_of_projects_needs_a_payload(current: Layout) -> None:
    def elsewhere(unit: RecordChange) -> None:
        unit.projects.place(Project(id="f" * 16, name="other", root="/o"), "/o")
        unit.records.insert(new_record("four", project="f" * 16, created_at=NOW.later(5.0).wall))

    commit(current, elsewhere, after_s=60.0)
    write_payloads(current)
    current.project_payload(PROJECT).unlink()
    assert health.measure(current, WALL, projects=2).payload.behind == 4
    assert health.measure(current, WALL, projects=1).payload.behind == 0


def test_the_payload_of_a_second_checkout_is_needed_too(current: Layout, tmp_path: Path) -> None:
    def worked(unit: RecordChange) -> None:
        for name in ("main", "beside"):
            (tmp_path / name / ".git").mkdir(parents=True)
            project = Project(id="f" * 16, name="two", root=str(tmp_path / "main"))
            remote = '[remote "origin"]\n\turl = https://example.org/two.git\n'
            (tmp_path / name / ".git" / "config").write_text(remote)
            unit.projects.place(project, str(tmp_path / name))
        unit.records.insert(new_record("four", project="f" * 16, created_at=NOW.later(5.0).wall))

    commit(current, worked, after_s=60.0)
    write_payloads(current)
    assert look(current).stages["payload"].note == ""
    current.checkout_payload("f" * 16, str(tmp_path / "beside")).unlink()
    assert look(current).stages["payload"].note == "missing: two"


# --- what has not been read ----------------------------------------------------------------------


def test_spooled_events_are_unread_since_the_first_of_them(current: Layout) -> None:
    for name, age_s in (("a", 30), ("b", 70), ("c", 10)):
        file = current.spool_new / f"{name}.json"
        file.write_text("{}")
        os.utime(file, ns=(0, WALL - age_s * NS))
    stage = look(current).stages["records"]
    assert (stage.lag_records, stage.lag_s) == (3, 70.0)


def test_a_spool_file_ingested_meanwhile_is_no_lag_and_no_failure(
    current: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "waiting", lambda directory: [directory / "gone.json"])
    stage = look(current).stages["records"]
    assert (stage.lag_records, stage.lag_s) == (0, 0.0)


def follow(layout: Layout, path: Path) -> None:
    transcript = Transcript(path=str(path), host="claude", followed_until=WALL + NS)
    commit(layout, lambda unit: unit.transcripts.follow(transcript))


def turn(age_s: int) -> str:
    return turn_line(f"u{age_s}", "hello", clock.iso(WALL - age_s * NS))


def test_a_transcript_that_grew_is_unread_since_its_oldest_unread_turn(
    current: Layout, short_path: Path
) -> None:
    """Its host keeps writing: the file seems to be a second old."""
    path = short_path / "t.jsonl"
    path.write_text('{"type":"summary"}\n' + turn(50) + turn(20))
    os.utime(path, ns=(0, WALL - NS))
    follow(current, path)
    stage = look(current).stages["records"]
    assert (stage.lag_records, stage.lag_s) == (1, 50.0)


def test_a_transcript_that_grew_without_a_turn_is_unread_since_it_was_written(
    current: Layout, short_path: Path
) -> None:
    path = short_path / "t.jsonl"
    path.write_text('{"half')
    os.utime(path, ns=(0, WALL - 3 * NS))
    follow(current, path)
    stage = look(current).stages["records"]
    assert (stage.lag_records, stage.lag_s) == (1, 3.0)
    path.unlink()
    assert look(current).stages["records"].lag_records == 0


def test_an_event_ingested_meanwhile_is_seen_in_the_spool_or_in_the_records(
    current: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ingest commits first and removes the event after that, so health reads the spool first."""
    looked: list[str] = []

    def watched(name: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(of: Any) -> Any:
            looked.append(name)
            return function(of)

        return call

    monkeypatch.setattr(spool, "waiting", watched("spool", spool.waiting))
    monkeypatch.setattr(RecordView, "transcripts", watched("records", RecordView.transcripts))
    look(current)
    assert looked == ["spool", "records"]


# --- what cannot be read -------------------------------------------------------------------------


def cut_short(layout: Layout) -> None:
    os.truncate(layout.records / "data.mdb", 8_192)


def overwritten(layout: Layout) -> None:
    path = layout.records / "data.mdb"
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)


def of_a_newer_version(layout: Layout) -> None:
    records = Environment(layout.records, (), schema=SCHEMA, writer=True)
    records.write(lambda t: t.put(b"schema", encode_u64(99), db=records.db["meta"]))
    records.close()


@pytest.mark.parametrize("damage", [cut_short, overwritten, of_a_newer_version])
def test_unreadable_records_are_a_problem_and_nothing_is_claimed(
    current: Layout, damage: Callable[[Layout], None]
) -> None:
    damage(current)
    found = look(current)
    assert str(current.records) in found.problem
    assert (found.payload.behind, found.payload.behind_s, found.payload.revision) == (None, None, 0)
    assert found.stages["records"].note == "cannot be read"
    assert not found.caught_up


def test_a_missing_derived_store_holds_nothing_and_is_a_problem(
    current: Layout,
) -> None:
    found = look(current)
    for name in ("vectors", "graph"):
        stage = found.stages[name]
        assert (stage.revision, stage.lag_records, stage.lag_s) == (0, 3, 100.0)
    assert str(current.vectors) in found.problem
    assert not found.caught_up


def test_a_graph_built_from_an_older_generation_of_vectors_has_not_caught_up(
    current: Layout,
) -> None:
    vectors = VectorStore(current.vectors, writer=True)
    vectors.commit(lambda unit: unit.advance(VectorProgress(applied=through(3), serving=2)))
    vectors.close()
    assert _note_of_graph(current, generation=1) == "indexing new vectors"
    assert _note_of_graph(current, generation=2) == ""


def _note_of_graph(layout: Layout, generation: int) -> str:
    progress = GraphProgress(
        records_applied=through(3), vectors_applied=through(3), warm=True, generation=generation
    )
    graph = GraphStore(layout.index, writer=True)
    graph.commit(lambda unit: unit.advance(progress))
    graph.close()
    return look(layout).stages["graph"].note
