"""Requests that were taken back: kept, and shown only when asked for by number."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from iai.model.action import Action
from iai.model.clock import NS
from iai.model.record import NewRecord, Record, Source, session_key
from iai.model.revisions import through
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put

SESSION = session_key("claude", "s")
FILE = "/s.jsonl"
SAID = (
    ("user", "build the calendar"),
    ("assistant", "built"),
    ("user", "show a pie chart"),
    ("assistant", "let me look"),
    ("assistant", "pie chart it is"),
    ("user", "show a gantt chart"),
    ("assistant", "gantt it is"),
)
GONE = [3, 4, 5]  # labels


def turn(number: int, **fields: Any) -> NewRecord:
    role, text = SAID[number]
    source = Source(transcript=FILE, offset=100 * number)
    at = NOW.wall - (60 - number) * NS
    given: dict[str, Any] = {
        "role": role,
        "text": text,
        "source": source,
        "created_at": at,
        **fields,
    }
    return new_record(f"k{number}", **given)


@pytest.fixture
def rewound(records: Records) -> Records:
    put(records, *map(turn, range(len(SAID))))
    records.commit(lambda unit: unit.work.rewind("k2", FILE, 500), NOW)
    return records


DONE: dict[str, dict[str, Any]] = {  # key -> a second after which turn, and what
    "build": {"after": 0, "kind": "edit", "name": "Edit", "path": "/p/calendar.py"},
    "pie": {"after": 2, "kind": "edit", "name": "Edit", "path": "/p/pie.py"},
    "look": {"after": 2, "kind": "read", "name": "Read", "path": "/p/calendar.py"},
    "test": {"after": 2, "kind": "test", "name": "Bash", "text": "pytest", "failed": 1},
    "move": {"after": 3, "kind": "move", "name": "Bash", "path": "/p/old.py", "to": "/p/new.py"},
    "commit": {"after": 4, "kind": "commit", "name": "Bash", "commit": "abc1234", "text": "Pie"},
    "gantt": {"after": 5, "kind": "edit", "name": "Edit", "path": "/p/gantt.py"},
}
LEFT = ["build", "move", "commit", "gantt"]


def act(records: Records) -> None:
    def change(unit: RecordChange) -> None:
        for number, (key, fields) in enumerate(DONE.items()):
            at = NOW.wall - (60 - fields["after"]) * NS + number + 1
            given = {name: value for name, value in fields.items() if name != "after"}
            unit.work.act(Action(key=key, at=at, status="ok", **given), "claude", "s", PROJECT)

    records.commit(change, NOW)


def take_back(records: Records) -> None:
    records.commit(lambda unit: unit.work.rewind("k2", FILE, 500, frozenset({"Edit"})), NOW)


@pytest.fixture
def worked(records: Records) -> Records:
    """A session in which something was done for each request, the second taken back."""
    put(records, *map(turn, range(len(SAID))))
    act(records)
    take_back(records)
    return records


def keys(actions: Iterable[Action]) -> list[str]:
    return [action.key for action in actions]


def labels(turns: Iterator[Record]) -> list[int]:
    return [record.label for record in turns]


def test_the_request_and_all_up_to_the_rewind_is_out_of_its_session(rewound: Records) -> None:
    with rewound.view() as view:
        assert labels(view.session(SESSION)) == [1, 2, 6, 7]
        assert labels(view.rewound(SESSION)) == GONE
        assert labels(view.narration(SESSION)) == []
        assert labels(view.after(0)) == [1, 2, 6, 7]


def test_what_was_taken_back_leaves_the_indexes(rewound: Records) -> None:
    with rewound.view() as view:
        changed = view.latest(through(view.watermark().revision), 1e9).records
    assert {label for label, record in changed.items() if record is None} == set(GONE)


def test_it_is_still_found_by_its_number_with_its_exchange(rewound: Records) -> None:
    with rewound.view() as view:
        record = view.find("#3")
        assert record is not None
        assert record.text == "show a pie chart"
        assert [r.label for r in view.exchange(record).turns] == GONE
        for label in (1, 6):
            kept = view.get(label)
            assert kept is not None
            assert [r.label for r in view.exchange(kept).turns] == [label, label + 1]


def test_reading_the_transcript_again_changes_nothing(rewound: Records) -> None:
    put(rewound, *map(turn, range(len(SAID))))
    with rewound.view() as view:
        before = view.watermark()
    rewound.commit(lambda unit: unit.work.rewind("k2", FILE, 500), NOW)
    with rewound.view() as view:
        assert view.watermark() == before
        assert labels(view.rewound(SESSION)) == GONE


def test_words_that_no_transcript_has_are_not_proved_to_be_taken_back(records: Records) -> None:
    put(records, turn(0), turn(2), turn(4, source=Source()))
    records.commit(lambda unit: unit.work.rewind("k2", FILE, 500), NOW)
    records.commit(lambda unit: unit.work.rewind("k4", FILE, 500), NOW)
    records.commit(lambda unit: unit.work.rewind("unknown", FILE, 500), NOW)
    with records.view() as view:
        assert [record.text for record in view.rewound(SESSION)] == ["show a pie chart"]


def test_a_session_of_which_all_was_taken_back_is_no_longer_the_last(records: Records) -> None:
    put(records, turn(0, session="other"), turn(2), turn(4))
    records.commit(lambda unit: unit.work.rewind("k2", FILE, 500), NOW)
    with records.view() as view:
        assert list(view.sessions(turn(0).project)) == [session_key("claude", "other")]


def test_what_was_done_counts_only_if_it_outlasts_the_rewind(worked: Records) -> None:
    with worked.view() as view:
        assert keys(view.actions(SESSION)) == LEFT
        assert keys(view.actions(SESSION, newest_first=True)) == LEFT[::-1]
        for path, found in (("pie.py", []), ("calendar.py", ["build"]), ("new.py", ["move"])):
            assert keys(action for _, action in view.of_file(path)) == found
        assert keys(action for _, action in view.of_commit("abc")) == ["commit"]
        requests = [view.get(label) for label in (1, 6)]
        done = [keys(view.done(request)) for request in requests if request is not None]
        assert done == [["build", "move", "commit"], ["gantt"]]


def test_a_rollback_that_restores_no_file_leaves_the_changes(records: Records) -> None:
    put(records, *map(turn, range(len(SAID))))
    act(records)
    records.commit(lambda unit: unit.work.rewind("k2", FILE, 500), NOW)
    with records.view() as view:
        assert keys(view.actions(SESSION)) == ["build", "pie", "move", "commit", "gantt"]


def test_the_exchange_that_was_taken_back_still_shows_what_was_done(worked: Records) -> None:
    with worked.view() as view:
        record = view.get(3)
        assert record is not None
        done = view.exchange(record).actions
        assert keys(done) == ["pie", "look", "test", "move", "commit"]
        assert [action.key for action in done if action.undone] == ["pie", "look", "test"]


def test_the_request_before_is_indexed_again_with_what_is_left(records: Records) -> None:
    put(records, *map(turn, range(len(SAID))))
    act(records)
    with records.view() as view:
        before = through(view.watermark().revision)
    take_back(records)
    with records.view() as view:
        since = through(view.watermark().revision).minus(before)
        changed = [(entry.operation, entry.label) for _, entry in view.changes(since)]
    assert ("act", 1) in changed


def test_reading_it_all_again_changes_nothing(worked: Records) -> None:
    with worked.view() as view:
        before = view.watermark()
    put(worked, *map(turn, range(len(SAID))))
    act(worked)
    take_back(worked)
    with worked.view() as view:
        assert view.watermark() == before
        assert keys(view.actions(SESSION)) == LEFT


def test_what_a_forgotten_request_left_is_out_of_the_request_before(worked: Records) -> None:
    def forget(unit: RecordChange) -> None:
        record = unit.view.get(3)
        assert record is not None
        unit.forget.record(record)

    with worked.view() as view:
        before = through(view.watermark().revision)
    worked.commit(forget, NOW)
    with worked.view() as view:
        assert keys(view.all_actions(SESSION)) == ["build", "gantt"]
        assert list(view.of_commit("abc")) == []
        since = through(view.watermark().revision).minus(before)
        changed = [(entry.operation, entry.label) for _, entry in view.changes(since)]
    assert ("act", 1) in changed
