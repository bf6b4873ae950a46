"""Requests that were taken back: kept, and shown only when asked for by number."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iai.model.clock import NS
from iai.model.record import NewRecord, Record, Source, session_key
from iai.model.revisions import through
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record, put

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
def records(tmp_path: Path) -> Iterator[Records]:
    store = Records(tmp_path / "records", writer=True)
    yield store
    store.close()


@pytest.fixture
def rewound(records: Records) -> Records:
    put(records, *map(turn, range(len(SAID))))
    records.commit(lambda unit: unit.rewind("k2", FILE, 500), NOW)
    return records


def labels(turns: Iterator[Record]) -> list[int]:
    return [record.label for record in turns]


def test_the_request_and_all_up_to_the_rewind_is_out_of_its_session(rewound: Records) -> None:
    with rewound.view() as view:
        assert labels(view.session(SESSION)) == [1, 2, 6, 7]
        assert labels(view.rewound(SESSION)) == GONE
        assert labels(view.narration(SESSION)) == []
        assert labels(view.after(0)) == [1, 2, 6, 7]


def test_it_leaves_the_indexes(rewound: Records) -> None:
    with rewound.view() as view:
        _, changed = view.latest(through(view.watermark().revision), 1e9)
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
    rewound.commit(lambda unit: unit.rewind("k2", FILE, 500), NOW)
    with rewound.view() as view:
        assert view.watermark() == before
        assert labels(view.rewound(SESSION)) == GONE


def test_words_that_no_transcript_has_are_not_proved_to_be_taken_back(records: Records) -> None:
    put(records, turn(0), turn(2), turn(4, source=Source()))
    records.commit(lambda unit: unit.rewind("k2", FILE, 500), NOW)
    records.commit(lambda unit: unit.rewind("k4", FILE, 500), NOW)
    records.commit(lambda unit: unit.rewind("unknown", FILE, 500), NOW)
    with records.view() as view:
        assert [record.text for record in view.rewound(SESSION)] == ["show a pie chart"]


def test_a_session_of_which_all_was_taken_back_is_no_longer_the_last(records: Records) -> None:
    put(records, turn(0, session="other"), turn(2), turn(4))
    records.commit(lambda unit: unit.rewind("k2", FILE, 500), NOW)
    with records.view() as view:
        assert list(view.sessions(turn(0).project)) == [session_key("claude", "other")]
