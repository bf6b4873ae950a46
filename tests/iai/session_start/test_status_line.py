"""The file of the status line: what it says, and when that changes."""

from collections.abc import Iterator

import pytest

from iai.config.layout import Layout
from iai.freshness.inputs import InputVersion, Snapshot
from iai.model import clock
from iai.model.action import Action
from iai.model.clock import NS, Now
from iai.model.record import Watermark
from iai.session_start import deliveries
from iai.session_start.deliveries import Delivery
from iai.session_start.status_line import LATE_S, RECOUNTED_S, SESSIONS, StatusLine
from iai.store.payload_readers import PayloadReaders
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put

MARKED = "the key [redacted: aws-key #3f9a] of the quay"


@pytest.fixture
def line(layout: Layout) -> StatusLine:
    records = Records(layout.records, writer=True)
    put(records, new_record("1", session="s1", text=MARKED))
    records.commit(lambda unit: unit.transcripts.leave_out("s2"), NOW)
    records.close()
    return StatusLine(layout, PayloadReaders(layout), 60.0, 0.0)


def snapshot(live: int, held: int) -> Snapshot:
    live_version, held_version = (InputVersion(Watermark(revision=n)) for n in (live, held))
    return Snapshot(live=live_version, claimed=held_version)


def give(layout: Layout, session: str, tokens: int) -> None:
    delivery = Delivery(at=clock.iso(NOW.wall), at_ns=NOW.wall, session=session, tokens=tokens)
    deliveries.record(layout, delivery, ())


def test_each_session_has_what_it_was_given_what_was_redacted_and_whether_it_is_recorded(
    line: StatusLine, layout: Layout
) -> None:
    give(layout, "s1", 1_500)
    give(layout, "s1", 310)
    give(layout, "s2", 0)
    assert line.changed(snapshot(3, 3), "", NOW).splitlines() == [
        "-\tup to date",
        "s1\tgiven 1.8 k tokens, 1 secret redacted",
        "s2\tnot recorded, given nothing",
    ]
    assert line.changed(snapshot(4, 4), "", NOW) == "", "nothing of it has changed"


def test_a_change_that_waits_for_the_interval_does_not_make_the_text_late(
    line: StatusLine,
) -> None:
    assert line.changed(snapshot(5, 3), "", NOW) == "-\tup to date\n"
    soon = Now(NOW.wall, NOW.mono + int(59 * NS))
    assert line.changed(snapshot(5, 3), "", soon) == ""
    later = Now(NOW.wall, NOW.mono + int((61 + LATE_S) * NS))
    assert line.changed(snapshot(5, 3), "", later) == "-\t2 changes behind\n"
    assert line.changed(snapshot(5, 5), "", later) == "-\tup to date\n"
    assert line.changed(snapshot(6, 5), "", later) == ""


def test_what_is_wrong_is_said_in_words(line: StatusLine, layout: Layout) -> None:
    said = line.changed(snapshot(1, 1), "the hooks are silent: the last came at 06:14:16 UTC", NOW)
    assert said == "-\tup to date, ! the hooks are silent\n"
    full = StatusLine(layout, PayloadReaders(layout), 60.0, 1e-9)
    assert "! no room: nothing new is stored" in full.changed(snapshot(1, 1), "", NOW)
    assert full.changed(Snapshot(live=None), "", NOW).startswith("-\t! the records cannot be read")


@pytest.fixture
def writer(line: StatusLine, layout: Layout) -> Iterator[Records]:
    """Return the writer of the records, through which the line reads: LMDB allows one a process."""
    writer = Records(layout.records, writer=True)
    line._readers.records = writer
    yield writer
    writer.close()


def test_secrets_are_counted_in_all_of_a_session_in_what_was_done_too_and_after_a_restart(
    line: StatusLine, layout: Layout, writer: Records
) -> None:
    give(layout, "s1", 10)
    assert line.changed(snapshot(3, 3), "", NOW).endswith(", 1 secret redacted\n")

    def more(unit: RecordChange) -> None:
        done = Action(key="a", kind="command", at=NOW.wall, text=f"echo {MARKED}", output=MARKED)
        unit.work.act(done, "claude", "s1", PROJECT)
        for number in range(3_000):  # of other sessions
            at = NOW.wall - number
            unit.records.insert(new_record(f"o{number}", session="other", created_at=at))

    writer.commit(more, NOW)
    assert line.changed(snapshot(3, 3), "", NOW) == "", "not at every turn"
    later = NOW.later(RECOUNTED_S)
    assert line.changed(snapshot(3, 3), "", later).endswith(", 3 secrets redacted\n")
    restarted = StatusLine(layout, line._readers, 60.0, 0.0)
    assert restarted.changed(snapshot(3, 3), "", NOW).endswith(", 3 secrets redacted\n")


def test_a_session_that_was_switched_off_says_by_what(
    line: StatusLine, layout: Layout, writer: Records
) -> None:
    give(layout, "s1", 10)
    writer.commit(lambda unit: unit.transcripts.switch_recording("s1", on=False), NOW)
    assert "s1\tnot recorded (iai:off), given 10 tokens" in line.changed(snapshot(3, 3), "", NOW)
    writer.commit(lambda unit: unit.transcripts.switch_recording("s1", on=True), NOW)
    assert "s1\tgiven 10 tokens" in line.changed(snapshot(3, 3), "", NOW)


def test_it_keeps_only_the_latest_sessions(line: StatusLine, layout: Layout) -> None:
    for number in range(SESSIONS + 5):
        give(layout, f"n{number}", 1)
    names = [one.split("\t")[0] for one in line.changed(snapshot(1, 1), "", NOW).splitlines()]
    assert names == ["-", *(f"n{number}" for number in range(5, SESSIONS + 5))]
