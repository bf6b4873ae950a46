"""The records: watermark, log, indexes, and what forgetting leaves (SEED T1, D6, D7)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from iai.model.clock import NS, Now
from iai.model.record import (
    LastChange,
    NewRecord,
    Project,
    Record,
    Source,
    Transcript,
    Watermark,
    session_key,
)
from iai.model.revisions import Revisions, of, through
from iai.store import codec
from iai.store.record_change import RecordChange
from iai.store.records import Records
from iai.store.session_view import SessionView
from tests.iai.store.builders import NOW, PROJECT, new_record, put


def watermark(records: Records) -> Watermark:
    with records.view() as view:
        return view.watermark()


def get(records: Records, ref: str) -> Record:
    with records.view() as view:
        record = view.find(ref)
    assert record is not None
    return record


def test_a_record_inserted_with_an_old_time_moves_the_watermark(records: Records) -> None:
    put(records, new_record("new", created_at=NOW.wall))
    before = watermark(records)
    put(records, new_record("old", created_at=NOW.wall - 10**18))
    after = watermark(records)
    assert after.max_created_at == before.max_created_at
    assert after.max_vec_label == before.max_vec_label + 1
    assert after.records_count == before.records_count + 1


def test_a_pin_moves_the_watermark_though_no_record_was_added(records: Records) -> None:
    put(records, new_record("a"))
    before = watermark(records)
    record = get(records, "#1")
    records.commit(lambda unit: unit.edits.pin(record, pinned=True), NOW.later(1))
    after = watermark(records)
    assert after.revision == before.revision + 1
    assert after.max_updated_at > before.max_updated_at
    assert after.records_count == before.records_count


def test_the_watermark_is_read_as_one_value_not_counted(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(records, *(new_record(str(n)) for n in range(50)))
    with records.view() as view:
        reads = Mock(wraps=view._t.intact)
        monkeypatch.setattr(view, "_t", Mock(spec=["intact"], intact=reads))
        assert view.watermark().records_count == 50
        assert reads.call_count == 1


def test_pinning_a_pinned_record_changes_nothing(records: Records) -> None:
    put(records, new_record("a", pinned=True))
    before = watermark(records)
    record = get(records, "#1")
    records.commit(lambda unit: unit.edits.pin(record, pinned=True), NOW.later(1))
    assert watermark(records) == before


def test_the_same_key_is_stored_once(records: Records) -> None:
    assert put(records, new_record("a"), new_record("a"), new_record("b")) == [1, 1, 2]
    assert put(records, new_record("a", text="other words")) == [1]
    assert watermark(records).revision == 2
    assert get(records, "#1").text == "text of a"


def test_text_is_kept_verbatim(records: Records) -> None:
    text = "  tabs\tand\r\nlines \x00\x1b[31m \u200b \U0001f9e0 <!-- --> \n\n"
    put(records, new_record("a", text=text))
    assert get(records, "#1").text == text


def test_a_record_is_found_by_id_label_or_number_only(records: Records) -> None:
    put(records, new_record("a"))
    record = get(records, "#1")
    with records.view() as view:
        assert view.find("1") == view.find(record.id) == view.find(record.id.lower()) == record
        for ref in ("", "#", "#2", "0", "x" * 1_000, "\u00e9", "-1", "\u0661", "9" * 40):
            assert view.find(ref) is None


def test_a_forgotten_record_is_gone_and_does_not_come_back(records: Records) -> None:
    put(records, new_record("a", pinned=True), new_record("b"))
    record = get(records, "#1")
    records.commit(lambda unit: unit.forget.record(record), NOW)
    assert put(records, new_record("a")) == [1]
    with records.view() as view:
        assert view.find("#1") is view.find(record.id) is None
        assert [r.label for r in view.session(session_key("claude", "s"))] == [2]
        assert list(view.pinned(PROJECT)) == []
        assert view.watermark().records_count == 1


def test_labels_are_never_reused(records: Records) -> None:
    put(records, new_record("a"))
    record = get(records, "#1")
    records.commit(lambda unit: unit.forget.record(record), NOW)
    assert put(records, new_record("b")) == [2]
    assert watermark(records).max_vec_label == 2


def test_every_change_has_its_line_in_the_log(records: Records) -> None:
    put(records, new_record("a"), new_record("b"))
    record = get(records, "#1")
    records.commit(lambda unit: unit.edits.pin(record, pinned=True), NOW)
    record = get(records, "#1")
    records.commit(lambda unit: unit.edits.set_text(record, "else"), NOW)
    record = get(records, "#1")
    records.commit(lambda unit: unit.forget.record(record), NOW)
    with records.view() as view:
        log = [(revision, e.operation, e.label) for revision, e in view.changes(through(100))]
    assert log == [
        (1, "insert", 1),
        (2, "insert", 2),
        (3, "pin", 1),
        (4, "edit", 1),
        (5, "forget", 1),
    ]


def test_turns_of_a_session_are_in_the_order_they_were_said(records: Records) -> None:
    put(records, *(new_record(str(n), created_at=NOW.wall - 9 + n) for n in (5, 1, 3, 2, 4)))
    with records.view() as view:
        said = [record.text for record in view.session(session_key("claude", "s"))]
        assert said == [f"text of {n}" for n in range(1, 6)]
        middle = next(r for r in view.after(0) if r.text == "text of 3")
        before, after = view.around(middle, 5)
        assert [view.get(label).text for label in before] == ["text of 2", "text of 1"]  # type: ignore[union-attr]
        assert [view.get(label).text for label in after] == ["text of 4", "text of 5"]  # type: ignore[union-attr]


def test_sessions_of_a_project_are_ordered_by_their_latest_turn(records: Records) -> None:
    for session, at in (("one", 1), ("two", 2), ("one", 3), ("three", 0)):
        put(records, new_record(f"{session}{at}", session=session, created_at=NOW.wall - 9 + at))
    with records.view() as view:
        order = list(view.sessions(PROJECT))
    assert order == [session_key("claude", name) for name in ("one", "two", "three")]


@pytest.mark.parametrize("session", ["before", "after"])
def test_a_turn_after_the_clock_was_set_back_comes_after_earlier_turns(
    records: Records, session: str
) -> None:
    ahead = Now(NOW.wall + 365 * 86_400 * NS, NOW.mono)
    put(records, new_record("one", session="before", created_at=ahead.wall), now=ahead)
    for number in range(3):
        later = Now(NOW.wall + number, NOW.mono + number)
        put(records, new_record(str(number), session=session, created_at=later.wall), now=later)
    with records.view() as view:
        assert next(view.sessions(PROJECT)) == session_key("claude", session)
        latest = view.session(session_key("claude", session), newest_first=True)
        assert [r.text for r in latest][:3] == ["text of 2", "text of 1", "text of 0"]


def test_an_import_dated_in_the_future_does_not_stay_the_latest(
    records: Records,
) -> None:
    wrong = new_record("wrong", session="wrong", created_at=NOW.wall + 86_400 * NS)
    records.commit(lambda unit: unit.records.insert(wrong), NOW, live=False)
    soon = Now(NOW.wall + NS, NOW.mono + NS)
    put(records, new_record("right", session="right", created_at=soon.wall), now=soon)
    with records.view() as view:
        assert next(view.sessions(PROJECT)) == session_key("claude", "right")
        assert view.watermark().max_created_at == wrong.created_at


def test_a_record_written_without_an_order_is_ordered_by_its_time(
    records: Records,
) -> None:
    put(records, new_record("a"))
    record = get(records, "#1")
    fields = {name: getattr(record, name) for name in Record.__struct_fields__ if name != "order"}
    assert Record(**fields).order == record.created_at


def test_turns_of_one_time_are_each_placed_once(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transcript may be without times: its turns all have that of the file."""
    asked = create_autospec(SessionView.is_taken, side_effect=SessionView.is_taken)
    monkeypatch.setattr(SessionView, "is_taken", asked)
    put(records, *(new_record(str(n), created_at=NOW.wall) for n in range(100)))
    with records.view() as view:
        said = [record.text for record in view.session(session_key("claude", "s"))]
    assert said == [f"text of {n}" for n in range(100)]
    assert asked.call_count < 3 * 100


def test_a_turn_takes_the_place_of_one_of_its_time_that_was_forgotten_with_it(
    records: Records,
) -> None:
    put(records, *(new_record(str(n), created_at=NOW.wall) for n in range(3)))
    first, second, _ = (get(records, f"#{label}") for label in (1, 2, 3))

    def change(unit: RecordChange) -> None:
        unit.records.insert(new_record("3", created_at=NOW.wall))
        unit.forget.record(second)
        unit.records.insert(new_record("4", created_at=NOW.wall))

    records.commit(change, NOW)
    with records.view() as view:
        said = [record.text for record in view.session(first.session_key)]
    assert said == [f"text of {n}" for n in (0, 4, 2, 3)]


def test_a_note_outside_a_session_makes_no_session(records: Records) -> None:
    put(records, new_record("fact", tier="semantic", session=""))
    with records.view() as view:
        assert list(view.sessions(PROJECT)) == []
        assert [r.label for r in view.facts(PROJECT)] == [1]
        assert view.around(next(view.facts(PROJECT)), 2) == ([], [])


def test_a_transcript_offset_and_its_records_commit_together(records: Records) -> None:
    def broken(unit: RecordChange) -> None:
        unit.records.insert(new_record("a"))
        unit.transcripts.follow(Transcript(path="/t", host="claude", offset=100))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        records.commit(broken, NOW)
    with records.view() as view:
        assert view.transcript("/t") is None
        assert view.watermark() == Watermark()


def test_a_project_remembers_the_directories_it_was_worked_on_in(records: Records) -> None:
    project = Project(id=PROJECT, name="p", root="/p")
    for cwd in ("/p", "/p/src", "/p"):
        records.commit(lambda unit, cwd=cwd: unit.projects.place(project, cwd), NOW)  # type: ignore[misc]
    with records.view() as view:
        assert [p.cwds for p in view.projects()] == [("/p", "/p/src")]


def last_change(records: Records) -> LastChange:
    with records.view() as view:
        return view.last_change(PROJECT)


def test_a_project_knows_its_last_session_and_the_last_change_by_anyone_else(
    records: Records,
) -> None:
    assert last_change(records) == LastChange()
    put(records, new_record("1", session="a"), new_record("2", session="a"))
    assert last_change(records) == LastChange(last_session="a", last_foreign_revision=0, revision=2)
    put(records, new_record("3", session="b"), new_record("elsewhere", project="f" * 16))
    assert last_change(records) == LastChange(last_session="b", last_foreign_revision=2, revision=3)
    record = get(records, "#1")
    records.commit(lambda unit: unit.edits.pin(record, pinned=True), NOW)  # by whomever
    assert last_change(records) == LastChange(last_session="b", last_foreign_revision=5, revision=5)
    put(records, new_record("fact", session="b", tier="semantic"))  # noted outside a conversation
    put(records, new_record("4", session="b"))
    assert last_change(records) == LastChange(last_session="b", last_foreign_revision=6, revision=7)


def test_changes_made_by_an_earlier_version_count_as_foreign(
    records: Records,
) -> None:
    put(records, new_record("1", session="a"))
    environment = records._environment
    environment.write(
        lambda t: t.put(PROJECT.encode(), codec.encode_u64(9), db=environment.db["changed"])
    )  # an earlier version notes no session
    assert last_change(records) == LastChange(last_foreign_revision=9, revision=9)


def test_the_stored_form_of_a_last_change_keeps_its_field_names() -> None:
    change = LastChange(last_session="a", last_foreign_revision=1, revision=2)
    stored = b"\x83\xa7speaker\xa1a\xa6others\x01\xa8revision\x02"
    assert codec.pack(change) == stored
    assert codec.unpack(stored, LastChange) == change


def test_live_changes_go_before_an_import_and_then_the_newest(
    records: Records,
) -> None:
    def batch(first: int, count: int) -> Callable[[RecordChange], None]:
        return lambda unit: [
            unit.records.insert(new_record(str(n))) for n in range(first, first + count)
        ]  # type: ignore[return-value]

    records.commit(batch(0, 10), NOW, live=False)
    records.commit(batch(10, 2), NOW)
    records.commit(batch(12, 10), NOW, live=False)
    with records.view() as view:
        assert view.next_batch(through(22), 100) == of([11, 12])
        assert view.next_batch(through(22), 1) == of([12])
        assert view.next_batch(through(11), 1) == of([11])
        rest = through(22).minus(of([11, 12]))
        assert view.next_batch(rest, 4) == Revisions(((19, 22),))
        assert view.next_batch(Revisions(), 4) == Revisions()


class Model(RuleBasedStateMachine):
    """Any changes in any order: the watermark equals what a scan of all live records gives."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.live: dict[int, Record] = {}
        self.labels = 0

    @initialize()
    def open(self) -> None:
        import tempfile  # noqa: PLC0415  each run has its own

        self.directory = tempfile.TemporaryDirectory()
        self.records = Records(Path(self.directory.name), writer=True, map_size=1 << 20)

    def teardown(self) -> None:
        self.records.close()
        self.directory.cleanup()

    @rule(key=st.integers(0, 30), age=st.integers(-5, 5), session=st.sampled_from("xy"))
    def insert(self, key: int, age: int, session: str) -> None:
        made = new_record(str(key), created_at=NOW.wall + age, session=session)
        self.labels = max(self.labels, *put(self.records, made, now=self.now))

    @rule(label=st.integers(1, 30), pinned=st.booleans())
    def pin(self, label: int, pinned: bool) -> None:  # noqa: FBT001
        if label in self.live:
            record = self.live[label]
            self.records.commit(lambda unit: unit.edits.pin(record, pinned=pinned), self.now)

    @rule(label=st.integers(1, 30))
    def edit(self, label: int) -> None:
        if label in self.live:
            record = self.live[label]
            self.records.commit(
                lambda unit: unit.edits.set_text(record, f"at {self.now.wall}"), self.now
            )

    @rule(label=st.integers(1, 30))
    def forget(self, label: int) -> None:
        if label in self.live:
            record = self.live[label]
            self.records.commit(lambda unit: unit.forget.record(record), self.now)

    @rule(ns=st.integers(-3, 10))
    def time_passes(self, ns: int) -> None:
        self.now = Now(self.now.wall + ns, self.now.mono + abs(ns))

    @invariant()
    def the_watermark_equals_a_scan(self) -> None:
        if not hasattr(self, "records"):
            return
        with self.records.view() as view:
            found = list(view.after(0))
            mark = view.watermark()
            log = list(view.changes(through(10**6)))
            pinned = {record.label for record in view.pinned(PROJECT)}
            latest = {
                key: max(r.order for r in view.session(key)) for key in view.sessions(PROJECT)
            }
        self.live = {record.label: record for record in found}
        assert mark == Watermark(
            revision=len(log),
            records_count=len(found),
            max_vec_label=self.labels,
            max_created_at=max((r.created_at for r in found), default=0),
            max_updated_at=max((r.updated_at for r in found), default=0),
        )
        assert pinned == {record.label for record in found if record.pinned}
        assert set(latest) == {session_key(r.host, r.session) for r in found}
        assert list(latest.values()) == sorted(latest.values(), reverse=True)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=30, stateful_step_count=30)


def test_a_turn_that_another_session_has_copied_is_one(records: Records) -> None:
    def said(key: str, session: str, **fields: Any) -> NewRecord:
        source = Source(transcript=f"/{session}.jsonl")
        given = {"text": "go on", "session": session, "source": source, **fields}
        return new_record(key, **given)

    (first,) = put(records, said("a", "s1"))
    assert put(records, said("b", "s2"), said("c", "s3")) == [first, first]
    others = [
        said("d", "s1"),  # the same session: its lines have ids, or times, of their own
        said("e", "s4", created_at=NOW.wall + 1),
        said("f", "s4", role="assistant"),
        said("g", "s4", text="go back"),
        said("h", "s4", host="codex"),
        said("i", "s4", source=Source()),  # captured, not read in a transcript
    ]
    assert first not in put(records, *others)
    assert put(records, said("b", "s2")) == [first], "it is known by the key of the copy as well"
