"""What is selected to be forgotten, by each way and by several at once."""

from collections.abc import Iterator

import pytest

from iai.config.layout import Layout
from iai.errors import BadUsage
from iai.ingest import edits
from iai.model.action import Action, Step
from iai.model.clock import NS
from iai.model.exchange import NARRATION
from iai.model.record import Transcript, session_key
from iai.model.session import SessionInfo
from iai.protocol.ingest import Erase
from iai.recall.selection import Selected, Wanted, select
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put

OTHER = "f" * 16
A, B = session_key("claude", "a"), session_key("claude", "b")


def at(second: int) -> int:
    return NOW.wall - 7_200 * NS + second * NS


@pytest.fixture
def records(layout: Layout) -> Iterator[Records]:
    """Return two sessions: `a` mends a pump and paints a door, `b` reads about pumps elsewhere."""
    opened = Records(layout.records, writer=True)

    def change(unit: RecordChange) -> None:
        said = [
            ("a", 1, "user", "mend the pump", ""), ("a", 2, "assistant", "let me look", NARRATION),
            ("a", 5, "assistant", "the pump is mended", ""), ("a", 11, "user", "paint it", ""),
            ("a", 13, "assistant", "it is painted", ""),
        ]  # fmt: skip
        for session, second, role, text, kind in said:
            unit.records.insert(new_record(
                f"{session}{second}", session=session, role=role, text=text, created_at=at(second),
                kind=kind,
            ))  # fmt: skip
        unit.records.insert(new_record(
            "b1", session="b", text="what is a pump", created_at=at(20), project=OTHER
        ))  # fmt: skip
        unit.work.act(_action(3, "edit", path="/p/src/pump.py"), "claude", "a", PROJECT)
        unit.work.act(_action(4, "command", text="make pump"), "claude", "a", PROJECT)
        unit.work.act(_action(12, "write", path="/p/src/door.py"), "claude", "a", PROJECT)
        unit.work.act(_action(21, "read", path="/q/src/pump.py"), "claude", "b", OTHER)
        unit.work.note_session(SessionInfo(host="claude", session="a", title="A pump"))

    opened.commit(change, NOW)
    yield opened
    opened.close()


def _action(second: int, kind: str, **fields: str) -> Action:
    return Action(key=f"k{second}", kind=kind, at=at(second), **fields)  # type: ignore[arg-type]


def selected(records: Records, **wanted: object) -> Selected:
    with records.view() as view:
        return select(view, Wanted(**wanted))  # type: ignore[arg-type]


def labels(found: Selected) -> list[int]:
    return sorted(record.label for record in found.records)


def erase(records: Records, found: Selected, text: str = "") -> None:
    request = Erase(
        labels=tuple(labels(found)), parts=tuple(found.parts), projects=tuple(found.projects),
        text=text,
    )  # fmt: skip
    records.commit(lambda unit: edits.apply(request, unit, edits.named(request, unit.view)), NOW)


def test_a_session_is_selected_with_all_that_was_said_and_done_in_it(records: Records) -> None:
    found = selected(records, session="a")
    assert labels(found) == [1, 2, 3, 4, 5]
    assert found.actions == 3
    assert labels(selected(records, session="#5")) == labels(found)
    erase(records, found)
    with records.view() as view:
        assert list(view.actions(A)) == []
        assert view.session_info(A) is None
        assert [record.label for record in view.every()] == [6]


def test_a_project_is_selected_without_what_its_sessions_did_elsewhere(records: Records) -> None:
    found = selected(records, project=OTHER)
    assert labels(found) == [6]
    assert found.projects == [OTHER]
    erase(records, found)
    with records.view() as view:
        assert list(view.actions(B)) == []
        assert len(list(view.actions(A))) == 3


def known(records: Records) -> tuple[set[str], set[str], set[str]]:
    """Return the keys of all that was done, all titles and all branches."""
    with records.view() as view:
        infos = list(view.session_infos())
        done = {action.key for _, action in view.everything_done()}
        return done, {i.title for i in infos} - {""}, {i.branch for i in infos} - {""}


WAYS: tuple[dict[str, object], ...] = (
    {"project": OTHER}, {"project": PROJECT}, {"session": "a"}, {"since": at(2)},
    {"until": at(12)}, {"since": at(11)}, {"file": "pump.py"}, {"file": "door.py"},
    {"text": "pump"}, {"text": "paint it"}, {"text": "what"}, {"text": "fix/b"},
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_counted_is_what_goes(records: Records, way: dict[str, object]) -> None:
    """What goes with the last turn of a session, or was undone, was not counted."""

    def change(unit: RecordChange) -> None:
        unit.work.act(_action(0, "edit", path="/p/a.py"), "claude", "a", PROJECT)  # before any
        unit.work.act(_action(19, "edit", path="/p/b.py"), "claude", "b", OTHER)
        unit.work.act(_action(22, "edit", path="/p/c.py"), "claude", "b", OTHER)
        unit.actions.undo_actions(B, at(22), None, frozenset())
        unit.actions.undo_actions(A, at(4), at(5), frozenset())
        unit.work.note_session(
            SessionInfo(host="claude", session="a", title="mend the pump", branch="fix/a")
        )
        unit.work.note_session(
            SessionInfo(host="claude", session="b", title="what is a pump", branch="fix/b")
        )

    records.commit(change, NOW)
    before = known(records)
    found = selected(records, **way)
    erase(records, found, str(way.get("text", "")))
    after = known(records)
    gone = [len(was - now) for was, now in zip(before, after, strict=True)]
    assert [found.actions, len(found.titles), len(found.branches)] == gone


def test_a_period_holds_what_was_said_and_done_in_it(records: Records) -> None:
    found = selected(records, since=at(4), until=at(12))
    assert labels(found) == [3, 4]
    assert found.actions == 2  # the command, and the door that the request of that time painted
    erase(records, found)
    with records.view() as view:
        assert [action.at for action in view.actions(A)] == [at(3)]


def test_a_file_selects_the_exchanges_that_touched_it(records: Records) -> None:
    assert labels(selected(records, file="pump.py")) == [1, 2, 3, 6]
    assert labels(selected(records, file="/p/src/pump.py")) == [1, 2, 3]
    assert labels(selected(records, file="src/pump.py", session="b")) == [6]
    assert labels(selected(records, file="src/pump.py", since=at(10))) == [6]
    assert selected(records, file="mp.py").empty


def test_a_text_is_selected_wherever_it_is_exactly_so(records: Records) -> None:
    found = selected(records, text="pump")
    assert labels(found) == [1, 3, 6]
    assert found.actions == 3
    assert found.titles == ["A pump"]
    assert selected(records, text="Pump").empty
    erase(records, found, "pump")
    with records.view() as view:
        assert [record.text for record in view.every()] == [
            "let me look", "paint it", "it is painted",
        ]  # fmt: skip
        assert [action.path for action in view.actions(A)] == ["/p/src/door.py"]
        info = view.session_info(A)
        assert info is not None
        assert info.title == ""
    assert selected(records, text="pump").empty


def test_the_title_that_goes_with_the_last_turn_of_a_session_is_counted(records: Records) -> None:
    assert selected(records, project=PROJECT).titles == ["A pump"]
    assert selected(records, since=at(0), until=at(20)).titles == ["A pump"]
    assert selected(records, session="a").titles == ["A pump"]
    assert selected(records, since=at(0), until=at(12)).titles == []


def test_a_text_in_a_branch_or_in_what_is_half_read_is_selected_and_does_not_come_back(
    records: Records,
) -> None:
    info = SessionInfo(host="claude", session="a", branch="fix/turbine")
    read = Transcript(path="/t", host="claude", session="a", todos=(Step("oil the wheel"),))
    records.commit(lambda unit: unit.work.note_session(info), NOW)
    records.commit(lambda unit: unit.transcripts.follow(read), NOW)
    assert selected(records, text="turbine").branches == ["fix/turbine"]
    assert selected(records, text="wheel").half_read == 1
    for text in ("turbine", "wheel"):
        found = selected(records, text=text)
        assert not found.empty
        erase(records, found, text)
        assert selected(records, text=text).empty
    records.commit(lambda unit: unit.work.note_session(info), NOW)
    assert selected(records, text="turbine").empty


def test_a_text_is_selected_however_its_lines_break_and_its_accents_are_made(
    records: Records,
) -> None:
    """It may be copied from a session start, which has it on one line."""
    put(records, new_record("7", text="mend the cafe\u0301\n  in town"))
    todo = Step("mend the cafe\u0301  now")
    read = Transcript(path="/t", host="claude", session="a", todos=(todo,))
    records.commit(lambda unit: unit.transcripts.follow(read), NOW)
    for text in ("caf\u00e9 in town", "the caf\u00e9"):
        assert labels(selected(records, text=text)) == [7]
    assert selected(records, text="the caf\u00e9").half_read == 1
    for text in ("caf\u00e9in", "Caf\u00e9", "caf\u00e9 "):
        assert labels(selected(records, text=text)) == ([7] if text[-1] == " " else [])


def test_a_branch_of_another_session_than_the_given_one_stays(records: Records) -> None:
    for session in "ab":
        info = SessionInfo(host="claude", session=session, branch="fix/turbine")
        records.commit(lambda unit, info=info: unit.work.note_session(info), NOW)  # type: ignore[misc]
    erase(records, selected(records, text="turbine", session="a"), "turbine")
    with records.view() as view:
        found = {info.session: info.branch for info in view.session_infos()}
    assert found == {"a": "", "b": "fix/turbine"}


def test_all_that_is_given_has_to_fit(records: Records) -> None:
    assert labels(selected(records, text="pump", project=OTHER)) == [6]
    assert labels(selected(records, text="pump", session="a", since=at(2))) == [3]
    assert selected(records, text="pump", until=at(1)).empty


def test_a_session_that_is_not_there_is_refused(records: Records) -> None:
    for named in ("x", "#99"):
        with pytest.raises(BadUsage):
            selected(records, session=named)
