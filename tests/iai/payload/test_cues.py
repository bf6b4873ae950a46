"""Which sentences of a user decide something, and which only look so."""

import pytest

from iai.payload.cues import decided


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Do 1. We never retry more than 3 times here.", "We never retry more than 3 times here."),
        ("Right. From now on use tenacity.", "From now on use tenacity."),
        ("If it is unknown, warn; no silent default", "If it is unknown, warn; no silent default"),
        ("ok, but don't add a flag for that", "ok, but don't add a flag for that"),
        ("- never commit generated files\n- run the linter", "- never commit generated files"),
        ("actually use a queue instead", "actually use a queue instead"),
        ("I'd rather keep the ids in the session", "I'd rather keep the ids in the session"),
        ("Should we never retry? Let's keep it at 3.", "Let's keep it at 3."),
    ],
)  # fmt: skip
def test_a_decision_is_a_sentence_that_prescribes(text: str, said: str) -> None:
    assert decided(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "I looked at the job.",
        "tide_test.py:80: the ebb should never be below zero, got -5",
        "# You do not need to set this by hand.",
        "// Generated - DO NOT EDIT",
        "The row should NOT exist",
        'Rename the test "we never retry" to "retries"',
        "ValueError: must never be empty",
        "ok, let's do that",
        "don't change anything, just tell me",
        "Should we always use a queue?",
        "We never retry. " + "pasted " * 200,
        "",
    ],
)
def test_what_is_pasted_quoted_or_asked_decides_nothing(text: str) -> None:
    assert decided(text) == ""
