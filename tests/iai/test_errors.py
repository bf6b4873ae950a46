"""Errors as their users read them."""

import pytest

from iai.errors import NoRecord, Refused


@pytest.mark.parametrize("code", ["not-found", "bad-request", "full"])
def test_an_answer_about_what_was_asked_is_the_actors_own_sentence(code: str) -> None:
    assert str(Refused(code, "ingest", "there is no record #9")) == "there is no record #9"


def test_any_other_error_of_an_actor_names_the_actor_and_the_code() -> None:
    said = str(Refused("failed", "ingest", "its log says more"))
    assert said == "ingest: its log says more (failed)"


def test_a_record_is_named_by_its_number_or_by_its_id() -> None:
    assert str(NoRecord("9", "#10", "01JD")) == "there is no record #9, #10, 01JD"
