"""Which sentences of a user decide something, and which only look so."""

import pytest

from iai.payload.cues import decided, says_something


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
        ("Hm. The customer wants ISO dates in the export after all",
         "The customer wants ISO dates in the export after all"),
        ("scratch that, three is enough", "scratch that, three is enough"),
        ("I changed my mind about the cache", "I changed my mind about the cache"),
        ("make it a set instead", "make it a set instead"),
        ("let's switch back to polling", "let's switch back to polling"),
        ("the limit should be per berth, not per quay",
         "the limit should be per berth, not per quay"),
        ("the client wants it in euros", "the client wants it in euros"),
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
        "it works after all",
        "what would you use instead?",
        "run it instead of me",
        "Should we always use a queue?",
        "We never retry. " + "pasted " * 200,
        "",
    ],
)
def test_what_is_pasted_quoted_or_asked_decides_nothing(text: str) -> None:
    assert decided(text) == ""


def test_a_question_consent_or_what_is_pasted_says_nothing_of_its_own() -> None:
    assert says_something("The short ones belong in the list")
    assert says_something("Is that right? The short ones belong in the list.")
    for text in (
        "Is that right? And why?",
        "yes, please. Go ahead!",
        "=== RUN TestTide",
        "[test:ci] $ go test ./...",
        "quay.go:17: undefined: berth",
    ):
        assert not says_something(text)
