"""The timeline: which sessions there were, when, where, and how long."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iai.index.filters import Filter
from iai.model.record import Project
from iai.payload.sessions import PayloadSource, summary_of
from iai.payload.summary import Summary
from iai.recall import timeline as timeline_module
from iai.recall.timeline import Memo, Stretch, length, stretches
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record, put

ONE, OTHER = "1" * 16, "2" * 16
HOUR = 3_600_000_000_000


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(tmp_path / "records", writer=True)

    def place(unit: RecordChange) -> None:
        for id_, name in ((ONE, "one"), (OTHER, "other")):
            unit.projects.place(Project(id=id_, name=name, root=f"/{name}"), f"/{name}")

    records.commit(place, NOW)
    yield records
    records.close()


def say(records: Records, session: str, project: str, *turns: tuple[int, str]) -> None:
    """Keep turns, each with the hour it was said in and by whom."""
    put(
        records,
        *(
            new_record(
                f"{session}{at}",
                session=session,
                project=project,
                role=role,
                created_at=NOW.wall - (100 - at) * HOUR,
            )
            for at, role in turns
        ),
    )


def at(hour: int) -> int:
    return NOW.wall - (100 - hour) * HOUR


def timeline(records: Records, **only: object) -> list[Stretch]:
    with records.view() as view:
        return list(stretches(view, Filter(**only)))  # type: ignore[arg-type]


def test_the_last_active_session_comes_first_in_any_project(
    records: Records,
) -> None:
    say(records, "a", ONE, (1, "user"), (9, "assistant"))
    say(records, "b", OTHER, (2, "user"))
    say(records, "c", ONE, (3, "user"))
    assert [(s.session_id, s.project_name) for s in timeline(records)] == [
        ("a", "one"),
        ("c", "one"),
        ("b", "other"),
    ]


def test_a_session_is_shown_by_its_span_its_first_request_and_its_last_turn(
    records: Records,
) -> None:
    say(records, "a", ONE, (1, "assistant"), (2, "user"), (3, "user"), (5, "assistant"))
    (one,) = timeline(records)
    assert (one.began_at, one.ended_at, one.turns) == (at(1), at(5), 4)
    assert length(one) == "3 exchanges", "it began before its first request"
    assert one.first_request is not None
    assert one.first_request.text == "text of a2"
    assert one.last_said.text == "text of a5"
    assert one.host == "claude"
    assert one.summary.goal == one.first_request
    assert one.summary.outcome == "answered"


def test_a_session_in_several_projects_is_listed_under_each_with_its_turns_there(
    records: Records,
) -> None:
    say(records, "a", ONE, (1, "user"), (2, "assistant"))
    say(records, "a", OTHER, (3, "user"), (4, "assistant"))
    say(records, "a", ONE, (5, "assistant"))
    told = [(s.project_name, s.began_at, s.ended_at, s.turns) for s in timeline(records)]
    assert told == [("one", at(1), at(5), 3), ("other", at(3), at(4), 2)]


def test_of_a_very_long_session_only_the_first_turns_are_read_to_count_its_exchanges(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline_module, "COUNTED", 4)
    say(records, "a", ONE, *((hour, ("user", "assistant")[hour % 2]) for hour in range(4)))
    assert [length(one) for one in timeline(records)] == ["2 exchanges"]
    say(records, "a", ONE, (8, "user"))
    assert [length(one) for one in timeline(records)] == ["2+ exchanges"]


def test_a_session_without_a_request_is_listed_without_one(records: Records) -> None:
    say(records, "a", ONE, (1, "assistant"))
    (one,) = timeline(records)
    assert one.first_request is None


def test_only_sessions_of_the_given_project_and_period(records: Records) -> None:
    say(records, "early", ONE, (1, "user"), (2, "user"))
    say(records, "long", ONE, (1, "user"), (9, "user"))
    say(records, "late", ONE, (8, "user"))
    say(records, "other", OTHER, (5, "user"))

    def found(**only: object) -> list[str]:
        return [s.session_id for s in timeline(records, **only)]

    assert found(project=ONE) == ["long", "late", "early"]
    assert found(since=at(3)) == ["long", "late", "other"]
    assert found(until=at(5)) == ["long", "early"]  # what is said at its end is not in a period
    assert found(project=ONE, since=at(3), until=at(8)) == ["long"]
    assert found(project="3" * 16) == []


def test_a_note_outside_a_session_is_not_a_session(records: Records) -> None:
    put(records, new_record("fact", tier="semantic", session="", project=ONE))
    assert timeline(records) == []


def test_a_forgotten_session_is_not_listed(records: Records) -> None:
    say(records, "a", ONE, (1, "user"))
    say(records, "b", ONE, (2, "user"))

    def forget(unit: RecordChange) -> None:
        record = unit.view.get(2)
        assert record is not None
        unit.forget.record(record)

    records.commit(forget, NOW)
    assert [s.session_id for s in timeline(records)] == ["a"]


def test_a_session_that_was_read_is_read_again_only_once_it_has_changed(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []

    def counted(view: PayloadSource, session: bytes, project: str) -> Summary | None:
        read.append(session)
        return summary_of(view, session, project)

    monkeypatch.setattr(timeline_module, "summary_of", counted)
    memo: Memo = {}

    def listed(until: int = 0) -> list[tuple[str, int]]:
        with records.view() as view:
            found = stretches(view, Filter(until=until), memo=memo)
            return [(one.session_id, one.turns) for one in found]

    say(records, "a", ONE, (1, "user"))
    say(records, "b", OTHER, (2, "user"), (3, "assistant"))
    assert listed() == listed() == [("b", 2), ("a", 1)]
    assert len(read) == 2
    assert listed(until=at(2)) == [("a", 1)], "the period is not of the session"
    say(records, "a", ONE, (4, "assistant"))
    assert listed() == [("a", 2), ("b", 2)]
    assert len(read) == 3
