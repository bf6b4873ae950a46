"""Cues by which a text says that something is open or decided."""

import pytest

from iai.payload.cues import decided, left_open, names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Done, 14 tests pass. Not done yet: the docs.", "Not done yet: the docs."),
        ("Fixed.\n\nLeft open: the header.", "Left open: the header."),
        ("TODO: migrate. Shall I commit?", "Shall I commit?"),
        ("Why does it fail? It was the cron job.", ""),
        ("All of it is done.", ""),
        ("", ""),
    ],
)
def test_what_is_left_open_is_the_last_sentence_that_says_so(text: str, said: str) -> None:
    assert left_open(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Do 1. We never retry more than 3 times here.", "We never retry more than 3 times here."),
        ("Right. From now on use tenacity.", "From now on use tenacity."),
        ("Should we never retry? We use a queue.", "We use a queue."),
        ("I looked at the job.", ""),
    ],
)
def test_a_decision_is_a_sentence_that_rules_and_does_not_ask(text: str, said: str) -> None:
    assert decided(text) == said


def test_files_and_identifiers_are_named_and_words_are_not() -> None:
    text = "See src/app/LoginForm.tsx, parse_config and retry() in camelCase. The end."
    assert names(text) == {
        "src/app/LoginForm.tsx", "LoginForm.tsx", "parse_config", "retry", "camelCase",
    }  # fmt: skip
