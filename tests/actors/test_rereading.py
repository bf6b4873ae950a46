"""Stores of an earlier version: known transcripts are read again for what they give by now."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from simulation import agent
from simulation.agent import Line
from simulation.world import MAP_SIZE, START, World

from iai.admin import status
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.ingest import parse, transcripts
from iai.model.clock import NS
from iai.model.record import Record, Transcript, session_key
from iai.projects.identity import identify
from iai.protocol.message import Actor
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import strip
from tests.simulation.stories import spool

SESSION = session_key("claude", "s1")
KEPT_BEFORE = ("user", "assistant")

Old = Callable[..., Path]


def lines_of(*lines: Line) -> str:
    return "".join(
        agent.written(line, "s1", "/p", START.wall - 7_200 * NS + n * NS)
        for n, line in enumerate(lines)
    )


def some_work() -> list[Line]:
    """A request with two texts of the assistant, an edit, and words with a refusal."""
    return [
        agent.prompt("w000001"), agent.answer("w000002"), *agent.edit("w000003", 1, 2),
        *agent.refusal("w000004", "w000005"), agent.answer("w000006"),
        agent.prompt("w000007"), agent.answer("w000008"),
    ]  # fmt: skip


def as_before(lines: list[Line]) -> Iterator[Line]:
    """The turns that the earlier version took from these lines."""
    return (
        line for line in lines
        if line.fields["type"] in KEPT_BEFORE and line.said and not line.done
    )  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Old:
    """Make a store in which an earlier version read a transcript of these lines to its end."""

    def make(*lines: Line) -> Path:
        path = tmp_path / "s1.jsonl"
        path.write_text(lines_of(*lines))
        Layout(tmp_path / "store").create()
        records = Records(tmp_path / "store/records", writer=True, map_size=MAP_SIZE)
        whole = parse.read(Transcript(path=str(path), host=""), identify, START.wall)
        texts = {line.said for line in as_before(list(lines))}

        def change(unit: RecordChange) -> None:
            for place in whole.places:
                unit.projects.place(place.project, place.directory)
            for record in whole.records:
                if record.text.split(",")[0] in texts:
                    unit.records._add(record, unit.records._as_kept(record))
            unit.transcripts.follow(structs.replace(whole.transcript, tail=b"", calls=()))

        records.commit(change, START, live=False)
        records.close()
        strip(tmp_path / "store/records", schema=1)
        return path

    return make


def change(tmp_path: Path, made: Callable[[RecordChange], None]) -> None:
    """Change the records before the group starts, as the earlier version could."""
    records = Records(tmp_path / "store/records", writer=True, map_size=MAP_SIZE)
    records.commit(made, START._replace(wall=START.wall + NS))
    records.close()


def forget(unit: RecordChange, *labels: int) -> None:
    for label in labels:
        record = unit.view.get(label)
        assert record is not None
        unit.forget.record(record)


def opened(tmp_path: Path, **given: Any) -> World:
    return World(tmp_path / "store", **given)


def records_of(world: World) -> list[Record]:
    with world.records.view() as view:
        labels = range(1, view.watermark().max_vec_label + 1)
        return [record for label in labels if (record := view.get(label))]


def words(world: World) -> list[tuple[int, str, str]]:
    return [(r.label, r.text.split(",")[0], r.kind) for r in records_of(world)]


def done_in(world: World) -> list[str]:
    with world.records.view() as view:
        return [action.kind for action in view.actions(SESSION)]


def left(world: World) -> int:
    with world.records.view() as view:
        return view.reread_progress().left


def test_turns_keep_their_numbers_and_get_their_kinds(old: Old, tmp_path: Path) -> None:
    old(*some_work())
    w = opened(tmp_path)
    before = records_of(w)
    assert [r.kind for r in before] == [""] * 5
    w.run(5.0)
    assert words(w) == [
        (1, "w000001", ""), (2, "w000002", "narration"), (3, "w000006", ""), (4, "w000007", ""),
        (5, "w000008", ""), (6, "w000005", "refusal"),
    ]  # fmt: skip
    assert [r.id for r in records_of(w)][:5] == [r.id for r in before]
    w.close()


def test_what_was_done_is_added_once(old: Old, tmp_path: Path) -> None:
    old(*some_work())
    w = opened(tmp_path)
    w.run(5.0)
    assert done_in(w) == ["edit", "command"]
    w.crash(Actor.INGEST)
    w.run(5.0)
    assert done_in(w) == ["edit", "command"]
    with w.records.view() as view:
        assert view.session_info(SESSION) is not None
        assert [action.path for _, action in view.of_file("s1f2.py")] == ["/p/s1f2.py"]
    w.close()


def test_a_copy_of_the_records_is_kept(old: Old, tmp_path: Path) -> None:
    old(*some_work())
    opened(tmp_path).close()
    assert len(list((tmp_path / "store/backups").glob("records-schema-1-*"))) == 1


def test_a_restart_goes_on_where_it_was(
    old: Old, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "SLICE", 600)
    old(*some_work())
    w = opened(tmp_path)
    while not done_in(w):
        w.run(0.001)
    assert left(w) == 1
    w.crash(Actor.INGEST)
    with w.records.view() as view:
        (rereading,) = view.rereading()
    assert rereading.transcript.offset
    w.run(5.0)
    assert left(w) == 0
    assert done_in(w) == ["edit", "command"]
    assert len(words(w)) == 6
    w.close()


def test_ordinary_reading_goes_on_from_where_it_was(old: Old, tmp_path: Path) -> None:
    path = old(*some_work())
    w = opened(tmp_path)
    with w.records.view() as view:
        before = view.transcript(str(path))
    w.run(5.0)
    with w.records.view() as view:
        after = view.transcript(str(path))
    assert before is not None
    assert after is not None
    assert (after.offset, after.inode) == (before.offset, before.inode)
    assert after.tail
    w.close()


def test_the_result_of_a_call_from_before_the_update_completes_it(old: Old, tmp_path: Path) -> None:
    call, result = agent.edit("w000003", 1, 2)
    path = old(agent.prompt("w000001"), call)
    w = opened(tmp_path)
    w.run(5.0)
    with path.open("a") as file:
        file.write(agent.written(result, "s1", "/p", w.now.wall))
    spool(w, "e", transcript_path=str(path))
    w.run(5.0)
    assert done_in(w) == ["edit"]
    w.close()


def test_of_a_forgotten_session_nothing_comes_back(old: Old, tmp_path: Path) -> None:
    old(*some_work())
    change(tmp_path, lambda unit: forget(unit, 1, 2, 3, 4, 5))
    w = opened(tmp_path)
    w.run(5.0)
    assert done_in(w) == []
    assert words(w) == []
    with w.records.view() as view:
        assert view.session_info(SESSION) is None
    w.close()


def test_of_a_forgotten_request_nothing_that_was_done_comes_back(old: Old, tmp_path: Path) -> None:
    old(*some_work(), *agent.commit("w000009"))
    change(tmp_path, lambda unit: forget(unit, 1))
    w = opened(tmp_path)
    w.run(5.0)
    assert set(done_in(w)) == {"command", "commit"}
    w.close()


def test_a_changed_text_stays_as_it_was_changed(old: Old, tmp_path: Path) -> None:
    old(*some_work())

    def redact(unit: RecordChange) -> None:
        record = unit.view.get(1)
        assert record is not None
        unit.edits.set_text(record, "redacted")

    change(tmp_path, redact)
    w = opened(tmp_path)
    w.run(5.0)
    assert words(w)[0] == (1, "redacted", "")
    w.close()


def test_a_file_that_is_gone_leaves_its_turns_as_they_are(old: Old, tmp_path: Path) -> None:
    old(*some_work()).unlink()
    w = opened(tmp_path)
    w.run(5.0)
    assert left(w) == 0
    assert [kind for _, _, kind in words(w)] == [""] * 5
    w.close()


def test_a_new_store_has_nothing_to_read_again(tmp_path: Path) -> None:
    w = opened(tmp_path)
    with w.records.view() as view:
        assert view.reread_progress().total == 0
    w.close()


def test_unknown_markup_is_counted_once(old: Old, tmp_path: Path) -> None:
    odd = agent.Line(agent.prompt("w000001").fields | {
        "message": {"role": "user", "content": "<odd-note>w000001</odd-note>"}}, said="w000001",
    )  # fmt: skip
    path = old(odd)
    w = opened(tmp_path)
    w.run(5.0)
    spool(w, "e", transcript_path=str(path))
    w.run(5.0)
    with w.records.view() as view:
        assert view.unknown_markup() == {"odd-note": 1}
    w.close()


def test_status_shows_how_far_it_is(old: Old, tmp_path: Path) -> None:
    old(*some_work())
    change(tmp_path, lambda _: None)
    settings = Settings(store=tmp_path / "store")
    document, text = status.collect(settings)
    assert document["rereading"] == {"done": 0, "total": 1}
    assert "rereading  0 of 1 transcript, " in text
    w = opened(tmp_path)
    w.run(5.0)
    w.close()
    document, text = status.collect(settings)
    assert document["rereading"] is None
    assert "rereading" not in text
