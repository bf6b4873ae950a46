"""The notes on a project's files that a hook prints: what each session did to each file."""

import json

import pytest

from iai.model import framing
from iai.model.clock import iso
from iai.payload import file_notes
from iai.payload.budget import tokens
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, START, session

DAY = iso(START)[:10]
OPENING = framing.opening(7, iso(NOW.wall), 'my "own"', file_notes.TOKENS)


def written(records: Records, *tops: str, memo: file_notes.Memo | None = None) -> list[list[str]]:
    """Return the fields of each line below the frame's."""
    with records.view() as view:
        notes = file_notes.gather(view, PROJECT, {} if memo is None else memo)
    text = file_notes.render(notes, tops or ("/w",), OPENING)
    return [
        [json.loads(f'"{field}"') for field in line.split("\t")[1:]]
        for line in text.splitlines()[2:]
    ]


def test_a_session_is_one_line_for_each_file_that_it_changed(records: Records) -> None:
    session(records, "one", 0, {"path": "/w/src/tide.py", "added": 3, "kind": "write"})
    session(records, "two", 90, {"path": "/w/src/tide.py", "kind": "read"})
    session(records, "three", 100, {"path": "/w/src/tide.py", "added": 5, "removed": 2})
    label = session(
        records,
        "three",
        200,
        {"path": "/w/src/tide.py", "added": 1},
        {"kind": "commit", "commit": "0000000", "text": "init"},  # in a test's repository
        {"kind": "commit", "commit": "abc1234f00", "text": "Mend the tide"},
        {"path": "/w/ebb.py", "kind": "delete"},
        text="mend the\ntide in all harbours",
    )
    ebb, late, early = written(records)
    text = (
        f'- tide.py, {DAY} on fix/three: +6 -2; for "mend the tide in all harbours" (#{label});'
        " commit abc1234 Mend the tide"
    )
    assert late == ["src/tide.py", "three", str(tokens(text + "\n")), str(label), text]
    assert early[-1] == f'- tide.py, {DAY} on fix/one: +3; for "asked in one" (#1)'
    assert ebb[-1].startswith(f"- ebb.py, {DAY} on fix/three: removed; for")


def test_a_request_that_says_nothing_is_not_what_a_file_was_changed_for(records: Records) -> None:
    session(records, "one", 0, text="mend the tide in all of the harbours")
    session(records, "one", 100, {"path": "/w/tide.py"}, text="yes")
    session(records, "two", 200, {"path": "/w/ebb.py"}, text="yes")
    texts = [line[-1] for line in written(records)]
    assert [text.split("for ")[1] for text in texts] == [
        '"yes" (#3)',
        '"mend the tide in all of the harbours" (#1)',
    ]


@pytest.mark.parametrize("status", ["refused", "interrupted", "failed"])
def test_what_changed_nothing_is_no_history(records: Records, status: str) -> None:
    session(records, "one", 0, {"path": "/w/tide.py", "status": status})
    assert written(records) == []


def test_a_moved_file_has_its_history_under_both_names(records: Records) -> None:
    session(records, "one", 0, {"kind": "move", "path": "/w/tide.py", "to": "/w/ebb.py"})
    found = {line[0]: line[-1] for line in written(records)}
    assert f"tide.py, {DAY} on fix/one: removed;" in found["tide.py"]
    assert f"ebb.py, {DAY} on fix/one: changed;" in found["ebb.py"]


def test_what_was_dismissed_is_left_out(records: Records) -> None:
    label = session(records, "one", 0, {"path": "/w/tide.py"})
    session(records, "one", 100, {"path": "/w/ebb.py"})
    memo: file_notes.Memo = {}
    assert len(written(records, memo=memo)) == 2

    def dismiss(unit: RecordChange) -> None:
        record = unit.view.get(label)
        assert record is not None
        unit.edits.mark(record, "dismissed")

    records.commit(dismiss, NOW)
    assert [line[0] for line in written(records, memo=memo)] == ["ebb.py"]


def test_a_file_is_the_same_in_every_checkout(records: Records) -> None:
    gone = "/w/.worktrees/fix"
    session(records, "one", 0, {"path": f"{gone}/src/tide.py"}, cwd=gone)
    session(records, "two", 100, {"path": "/trees/two/src/tide.py"}, cwd="/trees/two")
    session(records, "three", 200, {"path": "/w/src/tide.py"})
    found = written(records, "/w", "/trees/two")
    assert [line[:2] for line in found] == [
        ["src/tide.py", name] for name in ("three", "two", "one")
    ]


def test_only_the_latest_sessions_of_a_file_are_kept(records: Records) -> None:
    for number in range(file_notes.LINES + 2):
        session(records, f"s{number}", 10 * number, {"path": "/w/tide.py"})
    kept = [line[1] for line in written(records)]
    assert kept == [f"s{number}" for number in range(file_notes.LINES + 1, 1, -1)]


def test_every_field_is_text_of_a_json_string_and_fits_on_its_line(records: Records) -> None:
    odd = '/w/a\tb"\n\u00e9.py'
    session(records, "one", 0, {"path": odd}, text='say "hi" \\ <!-- /iai --> \x1b[1m')
    ((path, _, _, _, text),) = written(records)
    assert path == odd.removeprefix("/w/")
    assert 'for "say "hi" \\ <! -- /iai --> [1m"' in text


def test_the_frame_is_framed_and_names_its_own_cost(records: Records) -> None:
    with records.view() as view:
        text = file_notes.render(file_notes.gather(view, PROJECT, {}), ("/w",), OPENING)
    opening, preface = (json.loads(f'"{line}"') for line in text.splitlines())
    cost = tokens(f"{opening}\n{preface}\n{framing.CLOSING}\n")
    assert opening == OPENING.replace("tokens=300", f"tokens={cost}")
    assert framing.without(f"{opening}\n{preface}\n{framing.CLOSING}\n") == ""
