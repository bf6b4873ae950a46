"""What was done beside what was said: kept once, found by file and commit, forgotten with it."""

from typing import Any

import pytest
from msgspec import structs

from iai.model.action import Action
from iai.model.clock import NS
from iai.model.exchange import NARRATION, Exchange, exchanges
from iai.model.record import Record, session_key
from iai.model.session import SessionInfo
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put

SESSION = session_key("claude", "s")


def at(seconds: int) -> int:
    return NOW.wall - 1_000 * NS + seconds * NS


def action(key: str, seconds: int, **fields: Any) -> Action:
    return Action(**{"key": key, "kind": "edit", "at": at(seconds), "status": "ok", **fields})


def act(records: Records, *new: Action) -> list[bool]:
    def change(unit: RecordChange) -> list[bool]:
        return [unit.work.act(one, "claude", "s", PROJECT) for one in new]

    return records.commit(change, NOW)[0]


def asked(records: Records, key: str, seconds: int, **fields: Any) -> int:
    return put(records, new_record(key, created_at=at(seconds), **fields))[0]


def said(records: Records, key: str, seconds: int, **fields: Any) -> int:
    return asked(records, key, seconds, role="assistant", **fields)


def get(records: Records, label: int) -> Record:
    with records.view() as view:
        found = view.get(label)
    assert found is not None
    return found


def whole(records: Records) -> list[Exchange]:
    with records.view() as view:
        turns = sorted(
            [*view.session(SESSION), *view.narration(SESSION)], key=lambda r: (r.order, r.label)
        )
        return list(exchanges(turns, view.actions(SESSION)))


def test_an_action_is_kept_once(records: Records) -> None:
    assert act(records, action("a", 1)) == [True]
    assert act(records, action("a", 1), action("b", 2)) == [False, True]
    with records.view() as view:
        assert [one.key for one in view.actions(SESSION)] == ["a", "b"]
        assert [one.key for one in view.actions(SESSION, newest_first=True)] == ["b", "a"]
        assert list(view.actions(session_key("claude", "another"))) == []


def test_actions_are_in_the_order_in_which_they_were_done(records: Records) -> None:
    act(records, action("late", 9), action("early", 1), action("middle", 5))
    with records.view() as view:
        assert [one.key for one in view.actions(SESSION)] == ["early", "middle", "late"]


def test_a_file_that_is_moved_elsewhere_under_its_own_name_is_found_once(records: Records) -> None:
    act(records, action("a", 1, kind="move", path="/p/a/tide.py", to="/p/b/tide.py"))
    with records.view() as view:
        assert len(list(view.of_file("tide.py"))) == 1
    assert list(records.problems()) == [], "it was taken for a missing entry"


def test_a_file_is_found_by_its_name_whatever_directory_it_was_in(records: Records) -> None:
    act(
        records,
        action("a", 1, path="/w/src/Tide.py"),
        action("b", 2, path="/other/tide.py", kind="read"),
        action("c", 3, kind="move", path="/w/ebb.py", to="/w/lib/tide.py"),
        action("d", 4, path="/w/tide.pyi"),
    )
    with records.view() as view:
        assert [one.key for _, one in view.of_file("src/tide.py")] == ["c", "b", "a"]
        assert [one.key for _, one in view.of_file("ebb.py")] == ["c"]
        assert {session for session, _ in view.of_file("tide.pyi")} == {SESSION}
        assert list(view.of_file("tide")) == []


def test_a_commit_is_found_by_the_beginning_of_its_hash(records: Records) -> None:
    act(records, action("a", 1, kind="commit", commit="a1b2c3d4", text="Mend the tide"))
    with records.view() as view:
        for prefix in ("a1b2", "A1B2C3D4"):
            assert [one.text for _, one in view.of_commit(prefix)] == ["Mend the tide"]
        assert list(view.of_commit("b")) == []


def test_a_commit_that_was_taken_back_is_found_no_more_whatever_is_read_again(
    records: Records,
) -> None:
    asked(records, "ask", 0)
    made = action("a", 1, kind="commit", commit="a1b2c3d4", text="Mend the tide")
    act(records, made, action("b", 2))
    undone = structs.replace(made, undone=True)
    with records.view() as view:
        before = view.watermark().revision
    assert act(records, undone) == [False]
    with records.view() as view:
        assert view.watermark().revision == before + 1, "what is derived from it is derived again"
        assert not list(view.of_commit("a1b2"))
        assert [one.key for one in view.actions(SESSION)] == ["b"]
    assert act(records, made, undone, undone) == [False, False, False]
    with records.view() as view:
        assert view.watermark().revision == before + 1
        assert [one.undone for one in view.all_actions(SESSION)] == [True, False]


def test_an_exchange_is_a_request_and_all_up_to_the_next(records: Records) -> None:
    first = asked(records, "q1", 10)
    act(records, action("read", 11, kind="read"), action("edit", 13))
    narrated = said(records, "n1", 12)
    answered = said(records, "a1", 14)
    second = asked(records, "q2", 20)
    act(records, action("test", 21, kind="test"))

    one, two = whole(records)
    assert one.request is not None
    assert one.answer is not None
    assert (one.request.label, one.answer.label) == (first, answered)
    assert [turn.label for turn in one.narration] == [narrated]
    assert [done.key for done in one.actions] == ["read", "edit"]
    assert two.request is not None
    assert (two.request.label, two.answer) == (second, None)
    assert [done.key for done in two.actions] == ["test"]


def test_what_is_said_meanwhile_does_not_end_an_exchange(records: Records) -> None:
    asked(records, "q1", 10)
    queued = asked(records, "queued", 12, kind="queued")
    refusal = asked(records, "refusal", 13, kind="refusal")
    answer = said(records, "a1", 14)
    (one,) = whole(records)
    assert [turn.label for turn in one.meanwhile] == [queued, refusal]
    assert one.answer is not None
    assert one.answer.label == answer


def test_a_plan_that_the_user_gives_is_a_request(records: Records) -> None:
    plan = asked(records, "p", 10, kind="plan")
    act(records, action("edit", 11))
    with records.view() as view:
        asked_for = view.request_before(SESSION, at(11))
        assert asked_for is not None
        assert asked_for.label == plan
        assert [done.key for done in view.done(asked_for)] == ["edit"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (1, 3, 2)])
def test_only_the_last_text_of_an_exchange_answers_whatever_order_they_are_kept_in(
    records: Records, order: tuple[int, ...]
) -> None:
    asked(records, "q", 0)
    asked(records, "q2", 100)
    labels = {seconds: said(records, f"t{seconds}", seconds) for seconds in order}
    kinds = {seconds: get(records, label).kind for seconds, label in labels.items()}
    assert kinds == {1: NARRATION, 2: NARRATION, 3: ""}
    with records.view() as view:
        assert [r.label for r in view.narration(SESSION)] == [labels[1], labels[2]]
        assert labels[1] not in [r.label for r in view.session(SESSION)]


def test_a_text_that_becomes_narration_later_is_a_change_that_stages_see(records: Records) -> None:
    asked(records, "q", 0)
    first = said(records, "first", 1)
    with records.view() as view:
        before = view.watermark().revision
    said(records, "second", 2)
    with records.view() as view:
        entries = [view.entry(r) for r in range(before + 1, view.watermark().revision + 1)]
        assert ("narrate", first) in [(e.operation, e.label) for e in entries if e]
        assert first not in [record.label for record in view.after(0)]


def test_texts_kept_in_one_change_need_no_second_entry(records: Records) -> None:
    new = [
        new_record("q", created_at=at(0)),
        *(new_record(f"t{n}", role="assistant", created_at=at(n)) for n in range(1, 4)),
    ]
    labels = put(records, *new)
    with records.view() as view:
        assert view.watermark().revision == len(new)
        assert [record.label for record in view.after(0)] == [labels[0], labels[3]]


def test_an_action_of_an_earlier_request_counts_as_a_change_of_that_request(
    records: Records,
) -> None:
    request = asked(records, "q", 0)
    with records.view() as view:
        before = view.watermark()
    act(records, action("a", 1), action("b", 2))
    with records.view() as view:
        after = view.watermark()
        entry = view.entry(after.revision)
        assert after.revision == before.revision + 1
        assert after.records_count == before.records_count
        assert entry is not None
        assert (entry.operation, entry.label) == ("act", request)
        assert view.changed(PROJECT) == after.revision


def test_what_was_done_for_a_forgotten_request_is_forgotten_and_does_not_come_back(
    records: Records,
) -> None:
    request = asked(records, "q1", 0)
    act(records, action("a", 1, path="/w/secret.py", kind="commit", commit="abc1"))
    asked(records, "q2", 10)
    act(records, action("b", 11, path="/w/plain.py"))
    records.commit(lambda unit: unit.forget.record(get(records, request)), NOW)
    assert act(records, action("a", 1, path="/w/secret.py")) == [False]
    with records.view() as view:
        assert [one.key for one in view.actions(SESSION)] == ["b"]
        assert list(view.of_file("secret.py")) == []
        assert list(view.of_commit("abc1")) == []


def test_a_session_of_which_all_turns_are_forgotten_leaves_nothing(records: Records) -> None:
    labels = [asked(records, "q", 0), said(records, "n", 1), said(records, "a", 2)]
    act(records, action("a", 1))
    info = SessionInfo(host="claude", session="s", title="a title", branch="main")
    records.commit(lambda unit: unit.work.note_session(info), NOW)
    for label in labels:
        with records.view() as view:
            assert view.session_info(SESSION) == info
        record = get(records, label)
        records.commit(lambda unit, record=record: unit.forget.record(record), NOW)  # type: ignore[misc]
    with records.view() as view:
        assert view.session_info(SESSION) is None
        assert list(view.actions(SESSION)) == []


def test_what_is_known_of_a_session_gathers(records: Records) -> None:
    named = SessionInfo(host="claude", session="s", title="mine", title_rank=3, branch="fix/tide")
    for info in (
        SessionInfo(host="claude", session="s", title="a guess", title_rank=1),
        named,
        SessionInfo(host="claude", session="s", title="a late guess", title_rank=1, cwd="/w"),
    ):
        records.commit(lambda unit, info=info: unit.work.note_session(info), NOW)  # type: ignore[misc]
    with records.view() as view:
        found = view.session_info(SESSION)
    assert found is not None
    assert (found.title, found.branch, found.cwd) == ("mine", "fix/tide", "/w")


def test_a_branch_that_is_forgotten_is_a_change_that_stages_see(records: Records) -> None:
    """The session-start text named it until something else was said."""
    asked(records, "q", 0)
    info = SessionInfo(host="claude", session="s", branch="fix/tide")
    records.commit(lambda unit: unit.work.note_session(info), NOW)
    with records.view() as view:
        before = view.watermark().revision
    records.commit(lambda unit: unit.forget.branch(SESSION), NOW)
    with records.view() as view:
        found = view.session_info(SESSION)
        assert found is not None
        assert found.branch == ""
        assert view.last_change(PROJECT).revision > before
        assert view.erased_through() > before
