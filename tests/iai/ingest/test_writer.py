"""What each commit of ingest entails, effect by effect."""

from collections.abc import Callable
from pathlib import Path

import pytest
from harness.corpus import coding_session

from iai.config.layout import Layout
from iai.freshness.required_revision import UNKNOWN
from iai.ingest import parse
from iai.ingest.batch import Batch, Identify
from iai.ingest.insertion import Inserted
from iai.ingest.writer import MOVES_A_SLICE, RecordWriter
from iai.model.record import Project, Transcript
from iai.model.rereading import Rereading
from iai.model.revisions import through
from iai.projects.identity import ProjectIdentity, identify
from iai.protocol.behaviour import (
    Effect,
    Publish,
    RemoveFile,
    ReplaceFile,
    Steps,
    StepsTo,
)
from iai.protocol.ingest import CapturedTurn, ProjectMoved, RecordsCommitted, SessionEnded
from iai.redaction import marks
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.ingest.effects import perform
from tests.iai.store.builders import NOW

HERE = identify("/p").id
MARK = marks.mark("token", "KEY", b"key")


@pytest.fixture
def writer(layout: Layout, records: Records) -> RecordWriter:
    writer = RecordWriter(layout, records, identify, str)
    perform(writer.start())
    return writer


def insert(writer: RecordWriter, *texts: str) -> list[Effect]:
    turns = tuple(CapturedTurn(text=text, cwd="/p", session="s") for text in texts)

    def steps() -> Steps:
        yield from writer.insert_turns(turns, NOW)

    return perform(steps())


def commit(writer: RecordWriter, change: Callable[[RecordChange], object]) -> list[Effect]:
    def steps() -> Steps:
        yield from writer.commit(change, NOW)

    return perform(steps())


def batch(path: Path, cwd: str, text: str = "", find: Identify = identify) -> Batch:
    """Return all of a new transcript, with a text in its first turn."""
    said = coding_session(path.stem, cwd, 4, seed=len(path.stem))
    path.write_text(said.replace('"content": "', f'"content": "{text} ', 1))
    return parse.read(Transcript(path=str(path), host=""), find, NOW.wall)


def store(steps: StepsTo[list[Inserted]]) -> tuple[list[Inserted], list[Effect]]:
    """Carry out all effects by name only; return what was inserted as well."""
    stored: list[Inserted] = []

    def all_steps() -> Steps:
        stored.extend((yield from steps))

    return stored, perform(all_steps())


def line(text: str, layout: Layout) -> ReplaceFile:
    return ReplaceFile(layout.project_news(HERE), text.encode(), durable=False)


def test_a_commit_is_announced_with_the_number_of_new_records(
    writer: RecordWriter, records: Records, layout: Layout
) -> None:
    committed = RecordsCommitted(revision=2, ingested=2)
    assert insert(writer, "one", "two") == [Publish(committed), line("0 0 s\n", layout)]
    with records.view() as view:
        assert view.watermark() == writer.mark


def test_a_change_that_changes_nothing_is_not_announced(writer: RecordWriter) -> None:
    insert(writer, "one")
    assert insert(writer, "one") == []


def test_a_change_of_a_record_is_required_in_the_next_payload(
    writer: RecordWriter, layout: Layout
) -> None:
    insert(writer, "one")

    def forget(unit: RecordChange) -> None:
        record = unit.view.get(1)
        assert record is not None
        unit.forget.record(record)

    _, written = commit(writer, forget)
    assert written == line("2 2 s\n", layout)


def test_a_session_ends_for_the_hooks_before_it_is_announced(
    writer: RecordWriter, layout: Layout
) -> None:
    insert(writer, "one")
    assert writer.session_ending("/file", "/p") == HERE
    assert perform(writer.write_required()) == [line(f"{UNKNOWN} 0 s\n", layout)]
    ended = SessionEnded(revision=1, project=HERE)
    assert perform(writer.session_ingested("/file")) == [line("1 0 s\n", layout), Publish(ended)]


def test_a_line_that_cannot_be_written_is_removed_and_written_with_the_next_change(
    writer: RecordWriter, layout: Layout
) -> None:
    insert(writer, "one")
    writer.session_ending("/file", "/p")
    steps = writer.write_required()
    next(steps)
    assert steps.throw(OSError("disk full")) == RemoveFile(layout.project_news(HERE))
    assert perform(steps) == []
    writer.required.cancel("/file")
    assert perform(writer.write_required()) == [line("0 0 s\n", layout)]


@pytest.mark.parametrize("count", [MOVES_A_SLICE - 1, MOVES_A_SLICE])
def test_records_are_reassigned_slice_by_slice(writer: RecordWriter, count: int) -> None:
    insert(writer, *(f"text {number}" for number in range(count)))
    here, there = (Project(id=id_, name="", root="") for id_ in (HERE, "b" * 16))
    commit(writer, lambda unit: unit.projects.merge(here, there))
    writer.reassigning = True
    perform(writer.reassign(NOW))
    assert writer.reassigning == (count == MOVES_A_SLICE)
    perform(writer.reassign(NOW))
    assert not writer.reassigning


def test_a_reassignment_continues_after_a_restart(
    layout: Layout, records: Records, writer: RecordWriter
) -> None:
    insert(writer, "one")
    here, there = (Project(id=id_, name="", root="") for id_ in (HERE, "b" * 16))
    commit(writer, lambda unit: unit.projects.merge(here, there))
    again = RecordWriter(layout, records, identify, str)
    perform(again.start())
    assert again.reassigning
    assert again.mark == writer.mark


def test_what_an_older_version_stored_under_another_spelling_joins_at_a_start(
    layout: Layout, records: Records
) -> None:
    found = identify("/clone", "git@github.com:Acme/Tides.git")
    (former,) = found.former
    older = RecordWriter(layout, records, lambda *_: found._replace(id=former, former=()), str)
    insert(older, "one", "two")
    newer = RecordWriter(layout, records, lambda *_: found, str)
    moved = [
        effect.event
        for effect in (*perform(newer.upgrade(NOW)), *perform(newer.upgrade(NOW)))
        if isinstance(effect, Publish) and isinstance(effect.event, ProjectMoved)
    ]
    assert [(event.project, event.into) for event in moved] == [(former, found.id)]
    assert newer.reassigning
    perform(newer.reassign(NOW))
    with records.view() as view:
        assert {record.text for record in view.project(found.id)} == {"one", "two"}


def test_a_password_that_an_older_version_kept_is_removed_at_a_start(
    writer: RecordWriter, records: Records
) -> None:
    old = Transcript(path="/t", host="codex", remote="https://me:s3cret@example.org/o/r")
    commit(writer, lambda unit: unit.transcripts.follow(old))
    perform(writer.upgrade(NOW))
    with records.view() as view:
        kept = view.transcript("/t")
    assert kept is not None
    assert kept.remote == "https://example.org/o/r"


def test_a_turn_from_an_event_stays_in_the_project_that_its_session_began_in(
    writer: RecordWriter, records: Records, tmp_path: Path
) -> None:
    for directory in (tmp_path / "outer", tmp_path / "outer" / "in", tmp_path / "other"):
        (directory / ".git").mkdir(parents=True)
        turn = CapturedTurn(text=directory.name, cwd=str(directory), session="s")
        perform(insertion(writer, turn))
    with records.view() as view:
        found = {record.text: view.project_named(record.project) for record in view.after(0)}
    roots = {text: project.root for text, project in found.items() if project}
    outer, other = str(tmp_path / "outer"), str(tmp_path / "other")
    assert roots == {"outer": outer, "in": outer, "other": other}


def insertion(writer: RecordWriter, *turns: CapturedTurn) -> Steps:
    yield from writer.insert_turns(turns, NOW)


def test_slices_of_several_files_are_one_commit_and_each_has_its_own_outcome(
    layout: Layout, records: Records, tmp_path: Path
) -> None:
    writer = RecordWriter(layout, records, identify, lambda text: text.replace("KEY", MARK))
    both = [batch(tmp_path / "a.jsonl", "/p", "KEY"), batch(tmp_path / "bb.jsonl", "/q", "KEY")]
    stored, effects = store(writer.insert_batches(both, NOW, live=False))
    assert [(one.added, dict(one.redacted)) for one in stored] == [(4, {"token": 1})] * 2
    committed = [effect.event for effect in effects if isinstance(effect, Publish)]
    assert committed == [RecordsCommitted(revision=8, ingested=8)]
    with records.view() as view:
        assert {one.path for one in view.transcripts()} == {one.transcript.path for one in both}
        changes = [entry.label for _, entry in view.changes(through(8))]
    assert changes == [*range(1, 9)]


def test_turns_of_a_session_not_to_be_recorded_are_counted_beside_those_of_others(
    writer: RecordWriter, tmp_path: Path
) -> None:
    both = [batch(tmp_path / "a.jsonl", "/p"), batch(tmp_path / "bb.jsonl", "/p")]
    perform(writer.leave_out("bb", NOW))
    stored, _ = store(writer.insert_batches(both, NOW, live=False))
    assert [(one.added, one.ignored) for one in stored] == [(4, 0), (0, 4)]


def test_turns_of_ignored_projects_are_counted_and_not_looked_at_for_secrets(
    layout: Layout, records: Records, tmp_path: Path
) -> None:
    seen: list[str] = []

    def look(text: str) -> str:
        seen.append(text)
        return text

    writer = RecordWriter(layout, records, identify, look)
    ignored = Project(**identify("/q")._asdict())
    commit(writer, lambda unit: unit.projects.ignore(ignored, "project"))
    both = [batch(tmp_path / "a.jsonl", "/p", "LEFT"), batch(tmp_path / "bb.jsonl", "/q", "OUT")]
    again = Rereading(transcript=both[1].transcript)
    stored, _ = store(writer.insert_batches(both, NOW, live=False))
    reread, _ = store(as_list(writer.insert_again(both[1], again, NOW, live=False)))
    assert [(one.added, one.ignored) for one in (*stored, *reread)] == [(4, 0), (0, 4), (0, 4)]
    assert any("LEFT" in text for text in seen)
    assert not any("OUT" in text for text in seen)


def as_list(steps: StepsTo[tuple[Rereading, Inserted]]) -> StepsTo[list[Inserted]]:
    _, inserted = yield from steps
    return [inserted]


def test_a_slice_before_which_projects_have_to_be_merged_waits_for_the_next_commit(
    writer: RecordWriter, records: Records, tmp_path: Path
) -> None:
    def find(cwd: str, _remote: str) -> ProjectIdentity:
        former = (identify("/p").id,) if cwd == "/moved" else ()
        return identify(cwd)._replace(former=former)

    every = [
        batch(tmp_path / "a.jsonl", "/p", find=find),
        batch(tmp_path / "bb.jsonl", "/q", find=find),
        batch(tmp_path / "ccc.jsonl", "/moved", find=find),
    ]
    stored, _ = store(writer.insert_batches(every, NOW, live=False))
    assert [one.added for one in stored] == [4, 4]
    (last,), effects = store(writer.insert_batches(every[2:], NOW, live=False))
    assert last.added == 4
    moved = [e.event for e in effects if isinstance(e, Publish)]
    assert any(isinstance(event, ProjectMoved) for event in moved)
    with records.view() as view:
        assert view.belongs(identify("/p").id) == identify("/moved").id
