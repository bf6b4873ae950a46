"""What an answer says that was done, in the forms in which agents report."""

from hypothesis import given
from hypothesis import strategies as st

from iai.payload.headline import done, verdict


def test_a_sentence_above_any_list_that_says_what_was_done_comes_first() -> None:
    assert done("Done. Two short berths share one line of the list now.", 90) == (
        "Two short berths share one line of the list now"
    )
    text = "I've successfully removed the guard from the pilot.\n\n- Added a test of the ebb table"
    assert done(text, 90) == "Removed the guard from the pilot"
    assert done(f"All tests pass.\n\n{text}", 30) == "Removed the guard from the ..."


def test_the_mark_of_a_name_that_a_sentence_begins_with_stays() -> None:
    text = "Done: `quay/retry.py` has `again()`, and `reconcile()` uses it now."
    assert verdict(text, 90).startswith("`retry.py` has `again()`")
    assert done(text, 90).startswith("`retry.py` has `again()`")


def test_a_path_or_a_name_of_code_that_a_sentence_begins_with_is_not_capitalised() -> None:
    for name in ("quay/retry.py", "retry.py", "again_soon()", "tide2"):
        text = f"Done: {name} has five attempts, and all of the pilots use it now."
        assert done(text, 90).startswith(f"{name} has five"), name
    text = "Done: pilots' boats have five attempts now, and `again()` uses them."
    assert done(text, 90).startswith("Pilots' boats have five")


def test_headings_that_say_what_was_done_are_joined_without_their_details() -> None:
    text = (
        "Done! Here's what I implemented:\n\n## Changes Made\n\n"
        "### 1. Added a berth to the harbour\n- **`quay/berth.py`**: Added `Berth.length`\n\n"
        "### 2. Removed the pilot's guard (`pilot.py`)\n- `pilot.py` - Deleted `guard`\n"
    )
    assert done(text, 110) == "Added a berth to the harbour; Removed the pilot's guard"
    assert done(text, 40) == "Added a berth to the harbour"


def test_items_are_joined_in_brief_without_the_files_and_reasons() -> None:
    text = (
        "All tests pass. Here's a summary of the changes:\n\n**Files modified:**\n\n"
        "1. **`quay/berth.py`** (2 places):\n   - Noted why\n"
        "2. **Removed `pilot` reuse in `moor`** (lines 3-9) - Previously: it was reused\n"
        "3. `quay/harbour/ebb.py` - Added the ebb to `tide_of` so that it is never empty\n"
        "4. Look at `quay.py` as well\n"
    )
    assert done(text, 120) == (
        "Removed `pilot` reuse in `moor`; Added the ebb to `tide_of` so that it is never empty"
    )


def test_a_numbered_title_in_bold_is_an_item() -> None:
    text = (
        "Here's what was done:\n\n**1. Flattened the branches of `moor`** — Replaced three.\n\n"
        "**2. Removed `scan`** — Deleted it.\n\nNet result: **-247 lines**."
    )
    assert done(text, 110) == "Flattened the branches of `moor`; Removed `scan`"


def test_files_created_are_told_by_the_first_that_was() -> None:
    table = "| Test | What |\n|---|---|\n| `test_ebb` | the ebb |"
    text = (
        f"### New Test File Created\n`quay/tests/test_ebb.py` with tests of all tides:\n\n{table}"
    )
    assert done(text, 110) == "Added `test_ebb.py` with tests of all tides"


def test_a_list_of_what_comes_next_or_of_what_was_found_is_nothing_done() -> None:
    for text in (
        "Done. All tests pass.\n\n| a | b |\n|---|---|\n| c.py | d |",
        "Let me write the plan for it now, with all details.",
        "I've successfully addressed all the review comments on this branch.",
        "Both issues have been addressed:\n\n- the ebb of the quay\n- the flood of the quay",
        "The list of the harbour now shows:\n\n```\nquay\n```",
        "Excellent separation - New `tide` and `ebb` packages",
        "Committed as `a1b2c3d`: the ebb has been changed for all ports of the coast.",
        "Updated the following files:\n\n- `quay.py`",
        "It now says what the ebb of the whole coast is.",
    ):
        assert done(text, 90) == "", text


def test_what_is_said_after_a_list_comes_after_its_items() -> None:
    after = "Now when other ports are added, they just need a `Port.name` to be shown at once."
    text = f"Changes:\n\n- **`quay.py`**: Added `Port.kind` to the list of ports\n\n{after}"
    assert done(text, 110) == "Added `Port.kind` to the list of ports"
    assert done(f"- a list\n\n{after}", 110) == after.rstrip(".")


def test_a_verdict_is_told_where_nothing_was_done() -> None:
    table = "| a | b |\n|---|---|\n| c | d |"
    text = f"Both reviewers want changes before the merge. Here's a synthesis:\n\n{table}"
    assert verdict(text, 80) == "Both reviewers want changes before the merge"
    review = (
        "## Review of the quay\n\nThe pull request adds an ebb table to all of the ports.\n\n"
        "**Verdict: approve, with two minor suggestions**\n\n- It's tested"
    )
    assert verdict(review, 80) == "Verdict: approve, with two minor suggestions"
    assert verdict("Done: the heading is 3em now. Is that right?", 80) == "The heading is 3em now"
    item = "- Short berths count by one line in `overlap.py`"
    assert verdict(f"Done.\n\n{item}\n- tests pass", 80) == item[2:]
    assert verdict(f"{item}\n\nThe pilot of the quay is a class of its own.", 80).startswith(
        "The p"
    )


def test_a_verdict_is_no_routine_and_nothing_that_only_refers() -> None:
    for text in (
        "All green - 0 lint issues, all tests passing in both directories.",
        "But then the second ship was silently turned away at the gate.",
        "`quay/harbour/pilot.py` (+8 lines)",
        "Would you like me to read the detailed review files of the quay?",
        "It reads as `tide.Pattern` and so on.",
        "- `push_sessions: false` \u2192 disabled\n- `tide: x` -> `y`",
        "The settings of the harbour as they are in the file now:\n\n- `a` = b",
    ):
        assert verdict(text, 90) == "", text


BLOCK = st.sampled_from(
    [
        "```",
        "# Added h",
        "a:",
        "- Added `i` ",
        "| a | b |",
        "|---|",
        "",
        "w " * 40,
        "**1. Fixed b** ",
    ]
)


@given(st.lists(BLOCK | st.text(max_size=80), max_size=30), st.integers(40, 900))
def test_any_text_gives_one_line_of_at_most_the_limit(lines: list[str], limit: int) -> None:
    for text in ("\n".join(lines), " ".join(lines)):
        for line in (done(text, limit), verdict(text, limit)):
            assert len(line) <= limit + len(" ...")
            assert "\n" not in line
