"""The part of a text that a hit shows."""

import re

from hypothesis import given
from hypothesis import strategies as st

from iai.index.terms import LONGEST_TEXT, terms
from iai.recall.passage import PASSAGE, Passages

FILLER = "Nothing of note happened on the quay today. " * 20


def rarity(question: str) -> dict[str, float]:
    return dict.fromkeys(terms(question), 1.0)


def passage(text: str, rarity: dict[str, float]) -> str:
    return Passages(rarity).passage(text)


def test_a_short_text_is_shown_whole_on_one_line() -> None:
    assert passage("the berth\n  is taken", rarity("crane")) == "the berth is taken"


def test_the_sentences_that_fit_are_shown_wherever_they_are() -> None:
    text = f"{FILLER}The crane dropped the anchor. It was Tuesday. {FILLER}"
    shown = passage(text, rarity("which anchor did the crane drop"))
    assert shown.startswith("… The crane dropped the anchor. It was Tuesday.")
    assert shown.endswith(" …")


def test_a_text_without_any_of_the_words_is_shown_from_its_beginning() -> None:
    assert passage(FILLER, rarity("crane")).startswith("Nothing of note")


def test_the_rarer_word_decides() -> None:
    text = f"The crane is here. {FILLER}The anchor is there. {FILLER}"
    assert "anchor" in passage(text, {"crane": 1.0, "anchor": 3.0})


def test_a_long_line_is_shown_around_its_words() -> None:
    text = "quay " * 200 + "the crane dropped the anchor " + "quay " * 200
    assert "crane" in passage(text, rarity("crane anchor"))


def test_words_beyond_what_is_indexed_are_not_looked_for() -> None:
    within, beyond = FILLER * 2, FILLER * (LONGEST_TEXT // len(FILLER) + 1)
    assert "crane" in passage(f"{within}The crane is here.", rarity("crane"))
    assert "crane" not in passage(f"{beyond}The crane is here.", rarity("crane"))


def test_letters_that_get_longer_in_lower_case_move_no_word() -> None:
    text = "İ " * 200 + "the crane dropped the anchor " + "quay " * 200
    assert "crane dropped" in passage(text, rarity("crane anchor"))


def test_what_markdown_says_only_to_a_page_is_left_out() -> None:
    text = "## The crane:\n\n**Lifts** the `anchor`.\n\n```go\nf(**a, **b)\n```\n---\n| a |\n|---|"
    assert passage(text, rarity("crane")) == "The crane: Lifts the `anchor`. f(**a, **b) | a |"
    assert passage("```", rarity("crane")) == "```"
    assert passage("#5 is a berth", rarity("berth")) == "#5 is a berth"


def test_the_number_of_an_item_stays_with_it() -> None:
    text = f"1. The crane lifts.\n2. {FILLER}"
    assert passage(text, rarity("crane")).startswith("1. The crane lifts.")
    assert not re.search(r"\b2\. …$", Passages(rarity("crane")).passage(text, 30))


def test_a_question_is_shown_with_the_answer_that_was_given() -> None:
    asked = "Which crane should lift the anchor of the ship? \u2192 The small one"
    shown = passage(f"{FILLER}\n{asked}\n{FILLER}", rarity("which crane lifts the anchor"))
    assert asked in shown


def test_what_is_left_out_is_marked_once_at_each_end() -> None:
    text = f"{FILLER}\n{'the crane dropped the anchor and ' * 20}\n{FILLER}"
    shown = passage(text, rarity("crane anchor"))
    assert shown.count("…") == 2


@given(st.text(max_size=2_000), st.text(max_size=50))
def test_a_passage_is_one_short_line(text: str, question: str) -> None:
    shown = passage(text, rarity(question))
    assert len(shown) <= PASSAGE + len("…  …") + 2
    assert "\n" not in shown
