"""When a stage looks, and how it gives way to questions."""

from iai.lifecycle.pace import (
    APART_S,
    ASKED_S,
    LOOK_S,
    PART,
    Pace,
)
from iai.model.clock import NS, Now


def at(seconds: float) -> Now:
    return Now(wall=int(seconds * NS), mono=int(seconds * NS))


def test_it_looks_at_once_while_there_is_more_and_now_and_then_in_any_case() -> None:
    pace = Pace()
    assert pace.due_s(at(5)) == 0
    pace.looked(at(5), more=True)
    assert pace.due_s(at(5)) == 0
    pace.looked(at(5), more=False)
    assert pace.due_s(at(5)) == LOOK_S
    pace.hint()
    assert pace.due_s(at(5)) == 0


def test_while_nobody_asks_a_slice_is_whole() -> None:
    assert Pace().part(at(5)) == 1


def test_after_a_question_slices_are_small_and_begin_at_a_distance() -> None:
    pace = Pace()
    pace.asked(at(5))
    assert pace.part(at(5.5)) == PART
    pace.looked(at(5.5), more=True)
    assert pace.due_s(at(5.5)) == APART_S
    assert pace.due_s(at(5.5 + APART_S)) == 0


def test_hints_do_not_take_the_time_that_questions_have() -> None:
    pace = Pace()
    pace.asked(at(5))
    pace.looked(at(5), more=True)
    pace.hint()
    assert pace.due_s(at(5)) == APART_S


def test_what_there_is_a_hint_of_is_looked_at_at_once_if_nothing_was_left_to_do() -> None:
    pace = Pace()
    pace.asked(at(5))
    pace.looked(at(5), more=False)
    pace.hint()
    assert pace.due_s(at(5)) == 0


def test_however_much_is_asked_work_goes_on() -> None:
    pace, slices = Pace(), 0
    for step in range(1_000):
        now = at(5 + step * APART_S / 5)
        pace.asked(now)
        pace.hint()
        if not pace.due_s(now):
            slices += 1
            pace.looked(now, more=True)
    assert slices == 1_000 // 5


def test_when_nobody_has_asked_for_a_while_slices_are_whole_again() -> None:
    pace = Pace()
    pace.asked(at(5))
    later = at(5 + ASKED_S)
    assert pace.part(later) == 1
    pace.looked(later, more=True)
    assert pace.due_s(later) == 0
