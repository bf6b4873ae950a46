"""Which turn of an event is a copy of another."""

import pytest

from iai.model import duplicate_turns
from iai.model.clock import NS
from iai.model.record import NewRecord, Source
from tests.iai.store.builders import NOW, kept, new_record

IN_FILE = Source(transcript="/s.jsonl")


def heard(**fields: object) -> NewRecord:
    return new_record("k", **{"text": "go on", "heard": True, **fields})


@pytest.mark.parametrize("source", [IN_FILE, Source()])
def test_an_event_repeats_the_latest_turn_with_its_words(source: Source) -> None:
    turn = kept(1, "go  on\n", source=source)
    assert duplicate_turns.repeated(heard(), [turn]) == turn
    for other in ({"role": "assistant"}, {"text": "go on!"}, {"session": "t"}):
        assert duplicate_turns.repeated(heard(**other), [turn]) is None


def test_an_event_has_the_name_of_a_command_before_its_arguments() -> None:
    arguments = kept(1, "only the north quay", source=IN_FILE)
    for text in ("/survey only the north quay", "/pier:survey  only the north quay"):
        assert duplicate_turns.repeated(heard(text=text), [arguments]) == arguments
    for text in ("/srv/log only the north quay", "survey only the north quay"):
        assert duplicate_turns.repeated(heard(text=text), [arguments]) is None


def test_a_hook_may_run_longer_after_its_line_than_after_another_hook() -> None:
    later = heard(created_at=NOW.wall + 20 * NS)
    assert duplicate_turns.repeated(later, [kept(1, "go on", source=IN_FILE)]) is not None
    assert duplicate_turns.repeated(later, [kept(1, "go on")]) is None


def test_what_was_said_again_after_an_answer_is_no_copy() -> None:
    answer = kept(2, "done", role="assistant")
    assert duplicate_turns.repeated(heard(), [answer, kept(1, "go on")]) is None


def test_two_prompts_that_the_host_tells_apart_are_two() -> None:
    first = kept(1, "go on", source=Source(uuid="p1"))
    assert duplicate_turns.repeated(heard(source=Source(uuid="p2")), [first]) is None
    assert duplicate_turns.repeated(heard(source=Source(uuid="p1")), [first]) == first
