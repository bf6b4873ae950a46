import pytest

from iai.payload.choices import chosen

NAMED = """There are three ways to count short berths:

**Option A — by the line**: exact, and slow.
**Option B — by the hour** (today's)
**Option C — not at all**

I'd take **Option A**. Which do you prefer?"""

HEADINGS = """## Options
### Option 1: A lock file
Needs no daemon.
### Option 2: A socket
1. Bind it.
2. Connect.

**Option 1** - it is simple, for two reasons:"""

LIST = """The hull has two faults:
1. **Rust** - below the line
2. **Paint** - it peels

Options:
1. Scrape it
2. **Weld it** - dear
   - takes a week"""

ASKED = """Seen: 1. nothing.

1. Add a gauge?
2. Read the tide tables?

Which approach would you prefer?"""

LISTED_ONLY = "Fixed:\n1. The mooring\n2. The rope\n\nAll tests pass."


@pytest.mark.parametrize(
    ("request_", "answer", "option"),
    [
        ("Option C", NAMED, "not at all"),
        ("I like option b.", NAMED, "by the hour (today's)"),
        ("ok, let's go with A for now", NAMED, "by the line: exact, and slow"),
        ("I'd prefer option 1, since a socket outlives its process", HEADINGS, "A lock file"),
        ("yes, do 2", LIST, "Weld it - dear"),
        ("2", LIST, "Weld it - dear"),
        ("option 1 please", LIST, "Scrape it"),
        ("I think 2 is the right approach. Tides are known", ASKED, "Read the tide tables?"),
        ("solution 2", LISTED_ONLY, "The rope"),
    ],
)
def test_a_choice_is_known_by_what_its_option_says(request_: str, answer: str, option: str) -> None:
    assert chosen(request_, answer) == option


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("Option 1 doesn't work, it needs a lock", HEADINGS),
        ("option 2, or what do you think?", HEADINGS),
        ("I don't like option C", NAMED),
        ("option 7", HEADINGS),
        ("do 2 more test runs", LIST),
        ("let's fix 2 too", LISTED_ONLY),
        ("2", LISTED_ONLY),
        ("take a look", NAMED),
        ("1. scrape it by hand\n2. then paint it", LIST),
        ("A berth is missing", NAMED),
        ("option A", ""),
    ],
)
def test_what_chooses_no_option_that_was_offered_is_no_choice(request_: str, answer: str) -> None:
    assert not chosen(request_, answer)
