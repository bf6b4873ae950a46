"""What is left of a long text: its beginning and its end, without code."""

from hypothesis import given
from hypothesis import strategies as st

from iai.payload.abridge import abridge, opening

ANSWER = """\
Perfect! All tests pass. Let me summarize the changes:

## Summary

**`quay.py`** counts short berths by one line. It [calls](quay.py#L3) the pilot once.

```python
def quay():
    return "never shown"
```

You can verify it:

```sh
make verify
```

| Case | Result |
| --- | --- |
| short | one line |
| long | two lines |

1. The export is 4 minutes, was 31.
2. Nothing else changed.

Not committed yet. Shall I?
"""


def test_code_courtesies_and_what_announces_them_are_left_out() -> None:
    text = abridge(ANSWER, 2_000)
    assert text == (
        "All tests pass. `quay.py` counts short berths by one line. It calls the pilot once."
        " short, one line; long, two lines; The export is 4 minutes, was 31. Nothing else changed."
        " Not committed yet. Shall I?"
    )


def test_where_room_is_short_the_middle_goes_and_tables_before_the_rest() -> None:
    assert abridge(ANSWER, 190) == (
        "All tests pass. `quay.py` counts short berths by one line. It calls the pilot once. ..."
        " The export is 4 minutes, was 31. Nothing else changed. Not committed yet. Shall I?"
    )
    assert abridge(ANSWER, 160) == (
        "All tests pass. `quay.py` counts short berths by one line. It calls the pilot once. ..."
        " Nothing else changed. Not committed yet. Shall I?"
    )


def test_of_the_middle_what_was_changed_or_is_left_comes_first() -> None:
    why = "\n\n".join(f"The quay {n} is long because of the wind from the sea." for n in range(9))
    text = f"It is right.\n\n{why}\n\nRemoved the guard.\n\nThe pilot is still open.\n\nBye."
    assert abridge(text, 150).endswith(" ... Removed the guard. The pilot is still open. Bye.")


def test_a_short_text_stays_as_it_is_but_for_emphasis() -> None:
    assert abridge("mend **the** tide - all of it\n\n- 2**3 * 4", 80) == (
        "mend the tide - all of it - 2**3 * 4"
    )


def test_of_one_long_paragraph_the_first_and_the_last_sentence_are_shown() -> None:
    text = "The quay is closed. " + "There is a lot of wind today. " * 40 + "It opens on Monday."
    short = abridge(text, 120)
    assert short.startswith("The quay is closed. ")
    assert short.endswith(" ... It opens on Monday.")


def test_what_is_nothing_but_code_is_cut_as_it_is() -> None:
    assert abridge("```\n" + "x = 1\n" * 99 + "```", 40).startswith("``` x = 1")


def test_a_text_that_begins_in_the_middle_has_no_blank_before_it() -> None:
    log = "```\n" + "x = 1\n" * 50 + "```\n" + "The harbour list is short of two berths. " * 12
    assert not abridge(log, 120).startswith(" ")


def test_items_below_an_item_come_after_those_beside_it() -> None:
    text = "Hooks are chained.\n\n" + "\n".join(
        f"- Added the part {n} of the chain\n  - added detail {n} of it" for n in range(9)
    )
    short = abridge(text, 280)
    assert "part 4" in short
    assert "detail 1" not in short
    assert "detail 1" in abridge(text, 2_000)


def test_how_it_was_checked_comes_after_what_was_done() -> None:
    checked = "## Verification\n\nAll unit tests now pass, the linter is clean, nothing is left."
    text = f"The pilot is optional.\n\n{checked}\n\nThe berth is not: see the list.\n\nEnd."
    assert abridge(text, 80) == "The pilot is optional. ... The berth is not: see the list. End."


def test_on_one_line_what_a_person_typed_first_is_not_cut_for_what_was_pasted_last() -> None:
    asked = "can you look at the list, this is now the third ship that was deleted by accident"
    log = "quay: 3 ships\n\nquay: 2 ships, one is gone since the last run of the import job"
    assert abridge(f"{asked}\n\n{log}", 100) == asked
    assert abridge(f"{log}\n\n{asked}", 120).startswith("quay: 3 ships ... can you look")
    assert abridge(f"{asked}\n\n{log}", 300).endswith("import job")


def test_a_text_that_is_too_long_is_cut_after_a_clause() -> None:
    asked = "can you look at the berths of the quay, and write down the names of ships"
    assert abridge(f"{asked} for ships.", 60) == "can you look at the berths of the quay ..."
    aside = "can you look at the berths of the quay (those on the left, as before) for it"
    assert abridge(aside, 60) == "can you look at the berths of the quay ..."
    assert abridge("can you look at the berths_of_the_quay of all those ships", 40) == (
        "can you look at the berths_of_the_quay ..."
    )


def test_of_a_request_that_announces_what_it_quotes_the_quotation_is_shown() -> None:
    quoted = "The ebb table of the port counts each of its tides twice since last spring."
    asked = "can you look at this and let me know what you think of it, please:"
    assert abridge(f"{asked}\n\n{quoted}", 100) == quoted
    assert abridge(f"can you look:\n\n{quoted}", 100) == f"can you look: {quoted}"
    named = "can you look at `quay.py`, which is not right since the spring:"
    assert abridge(f"{named}\n\n{quoted}", 100).startswith(named[:-1])


def test_the_opening_of_a_plan_is_its_title_and_what_it_begins_with() -> None:
    plan = (
        "Implement the following plan:\n\n# Plan: Chain the hooks\n\n## Context\n\nThey are lost."
    )
    assert opening(plan) == "Chain the hooks: They are lost."
    assert opening("Do this:\n\n# Chain the hooks\n\nThey are lost.\n\nEnd.") == (
        "Do this: Chain the hooks: They are lost."
    )


BLOCK = st.sampled_from(["```", "# h", "a:", "- i ", "| a | b |", "|---|", "", "w " * 40, "**b** "])


@given(st.lists(BLOCK | st.text(max_size=80), max_size=30), st.integers(40, 900))
def test_any_text_gives_one_line_of_at_most_the_limit(lines: list[str], limit: int) -> None:
    for text in ("\n".join(lines), " ".join(lines)):
        short = abridge(text, limit)
        assert len(short) <= limit + len(" ...")
        assert "\n" not in short
