"""Which sentences of a user decide something, and which only look so."""

import pytest

from iai.payload.cues import decided, pasted, refers, says_something, small_talk, typed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Do 1. We never retry more than 3 times here.", "We never retry more than 3 times here."),
        ("Right. From now on use tenacity.", "From now on use tenacity."),
        ("If it is unknown, warn; no silent default", "If it is unknown, warn; no silent default"),
        ("If a pilot is missing, log it and go on", "If a pilot is missing, log it and go on"),
        ("When the depth is unknown, show a dash", "When the depth is unknown, show a dash"),
        ("for an empty berth: return None", "for an empty berth: return None"),
        ("two decimals in the fees, never floats", "two decimals in the fees, never floats"),
        ("a missing buoy counts as lit; no exception",
         "a missing buoy counts as lit; no exception"),
        ("we keep sqlite; postgres is too much", "we keep sqlite; postgres is too much"),
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
        ("leave the old gate alone until spring", "leave the old gate alone until spring"),
        ("use cents for the fees, not euros", "use cents for the fees, not euros"),
        ("go with option 2", "go with option 2"),
        ("don't apply anything to prod yourself, i do that",
         "don't apply anything to prod yourself, i do that"),
        ("hm no, keep our mock, extend it", "hm no, keep our mock, extend it"),
        ("nein, nicht im Rechner, sondern in der Datei",
         "nein, nicht im Rechner, sondern in der Datei"),
        ("never log the pilots' names", "never log the pilots' names"),
        ("tide tables must be sorted everywhere", "tide tables must be sorted everywhere"),
        ("Nein, wir bleiben bei SQLite.", "Nein, wir bleiben bei SQLite."),
        ("no toques la tabla de mareas", "no toques la tabla de mareas"),
        ("ne change pas l'API", "ne change pas l'API"),
        ("не трогай старый причал", "не трогай старый причал"),
        ("好的。不要修改数据库结构", "不要修改数据库结构"),
        ("本番のデータは使わないで", "本番のデータは使わないで"),
        ("no! never update snapshots blindly", "never update snapshots blindly"),
        ("do that, but through the context, not a prop",
         "do that, but through the context, not a prop"),
        ("no vitest until the rewrite is out", "no vitest until the rewrite is out"),
        ("keep a deprecated wrapper, we are not doing 2.0 this year",
         "keep a deprecated wrapper, we are not doing 2.0 this year"),
        ("the fee must not change for children", "the fee must not change for children"),
        ("/apply no auto-approve, ever.", "/apply no auto-approve, ever."),
        ("Vale, usa polars en vez de pandas", "Vale, usa polars en vez de pandas"),
        ("doch lieber auf vier Stellen runden", "doch lieber auf vier Stellen runden"),
        ("mach das nicht mit Threads, sondern mit asyncio",
         "mach das nicht mit Threads, sondern mit asyncio"),
        ("finalement on part sur SQLite", "finalement on part sur SQLite"),
        ("usa polars en vez de pandas", "usa polars en vez de pandas"),
        ("nada de libs novas", "nada de libs novas"),
        ("meglio usare la vecchia tabella", "meglio usare la vecchia tabella"),
        ("gebruik een wachtrij in plaats van een lus",
         "gebruik een wachtrij in plaats van een lus"),
        ("nie dodawaj nowych kolumn", "nie dodawaj nowych kolumn"),
        ("вместо pandas используй polars", "вместо pandas используй polars"),
        ("还是用旧的表吧", "还是用旧的表吧"),
        ("새 의존성은 추가하지 마", "새 의존성은 추가하지 마"),
    ],
)  # fmt: skip
def test_a_decision_is_a_sentence_that_prescribes(text: str, said: str) -> None:
    assert decided(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "I looked at the job.",
        "tide_test.py:80: the ebb should never be below zero, got -5",
        "tests/test_tide.py::test_ebb FAILED: the ebb should never be None",
        "2026-11-20 10:00:00 the gate must never be held here",
        "quay | ERROR the lock should never be held here",
        "If it works, show me the table",
        "the tests pass; no failures",
        "I ran it twice, never worked",
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
        "WARN 10:02:11 you should never moor here twice",
        "E       AssertionError: the berth must not be empty",
        "hint: Use 'git switch' instead",
        "Expected: the tide should never be null",
        "clang: note: no new lines allowed here",
        "at Quay.<init> (quay.js:3:1) must only be called once",
        "it('should never sink', () => {",
        "FAIL quay.test.ts > must only dock once",
        "* Do not edit this file by hand",
        "I think we never close the gate",
        "never seen this before",
        "always fails on CI",
        "it never worked here",
        "no tests ran until I restarted",
        "immer dasselbe Problem",
        "no sé por qué nunca funciona aquí",
        "No uses of the gate were found",
        "toujours la même erreur",
        "не понимаю, почему падает",
        "We never retry. " + "pasted " * 200,
        "",
    ],
)
def test_what_is_pasted_quoted_or_asked_decides_nothing(text: str) -> None:
    assert decided(text) == ""


REVIEW = """\
Ebb joined with the flood instead of kept apart

High Severity

The table expects each tide in a row of its own, but the code joins all tides of a day into one row.
This produces one long row, which the port won't read. {}
"""


def test_in_a_long_text_that_speaks_to_nobody_only_commands_decide() -> None:
    assert decided(REVIEW.format("The tides should be kept apart instead.")) == ""
    assert decided("The tides should be kept apart instead.") != ""
    assert decided(REVIEW.format("I think the tides should be kept apart instead.")) != ""
    assert decided(REVIEW.format("Never join the tides.")) == "Never join the tides."


def test_only_the_first_line_says_whether_a_text_is_pasted() -> None:
    assert pasted("\n=== RUN TestTide\nok")
    assert not pasted("Implement the plan:\n\nThe tide is NOT shown.")


def test_of_a_log_only_the_command_is_shown_and_what_somebody_says_below_it() -> None:
    log = "$ quay --all\n\nThe quay is open\n\n    at 3\n\nok 12"
    assert typed(log) == "$ quay --all"
    assert typed(f"{log}\n\ncan you mend it") == "can you mend it"
    assert typed(f"can you mend it\n\n{log}").startswith("can you mend it\n\nThe quay is open")


def test_of_a_page_its_title_is_shown_and_what_is_said_below_it() -> None:
    page = "<html>\n<head><title>The berths</title></head>\n<body>We moor here\n</body>\n</html>"
    assert typed(page) == "The berths"
    assert typed(f"{page}\n\ntwo columns") == "two columns"
    assert typed("<div>\n<p>x</p>\n</div>") == "a page"
    for said in ("<Berth> is too wide, mend it", "<b>\nis what I want\nin the title", "a < b\n<c>"):
        assert typed(said) == said


def test_of_a_log_without_a_command_the_exception_is_shown_or_the_first_error() -> None:
    raised = "Traceback (most recent call last):\n  main()\ntide.LevelError: no such berth\n"
    assert typed(raised) == "tide.LevelError: no such berth"
    assert typed("```\nquay:3: moored\nlock failed\nfatal: gone\n```") == "lock failed"
    assert typed("quay.py:3: moored\nfree") == "quay.py:3: moored"


def test_what_points_at_something_said_before_refers_to_it() -> None:
    for text in ("let's do the one here as well", "no, flying ones", "hm, nein: Cent", "option 2"):
        assert refers(text)
    for text in ("never log the pilots' names", "use cents for the fees"):
        assert not refers(text)


def test_a_greeting_thanks_a_command_or_a_question_about_the_agent_is_small_talk() -> None:
    for text in ("Hi!", "danke", "hello, thanks", "/model", "what model are you?", "test"):
        assert small_talk(text)
    for text in ("hi, mend the tide table", "test the tide table", "why is it slow?"):
        assert not small_talk(text)


def test_a_question_consent_or_what_is_pasted_says_nothing_of_its_own() -> None:
    assert says_something("The short ones belong in the list")
    assert says_something("can you free the berth\n\nthe list keeps it, I think")
    assert says_something("Is that right? The short ones belong in the list.")
    for text in (
        "Is that right? And why?",
        "yes, please. Go ahead!",
        "Yeah let's follow through with your recommendations",
        "unknown command: moor\n\nDid you mean this?\n\tmoon",
        "The berth is never freed\n\nHigh Severity\n\nThe list keeps it.",
        "=== RUN TestTide",
        "[test:ci] $ go test ./...",
        "quay.go:17: undefined: berth",
    ):
        assert not says_something(text)
