"""Which texts tell the most in little room."""

from hypothesis import given
from hypothesis import strategies as st

from iai.payload.salience import WORTH, most_telling, words

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS)).map(" ".join), max_size=12)


def test_a_text_that_tells_more_in_as_many_words_comes_first() -> None:
    terse = "retry twice, jitter, then alarm"
    chatty = "so it is as it is and so it goes on and on as if we had a day or two to do it"
    assert most_telling([chatty, terse], [""] * 2, [])[0] == 1


def test_what_is_known_already_is_not_repeated() -> None:
    assert most_telling(["the postgres port is 5433"], [""], words("the postgres port is")) == []


def test_the_same_text_is_chosen_once() -> None:
    assert len(most_telling(["the postgres port has moved"] * 2, [""] * 2, [])) == 1


def test_words_that_came_up_in_several_sessions_come_first() -> None:
    texts = ["tenacity retries thrice", "pytest fixtures leak", "tenacity retries thrice, again"]
    chosen = most_telling(texts, ["one", "two", "three"], ["again"])
    assert texts[chosen[0]].startswith("tenacity")
    assert most_telling(texts, ["one"] * 3, ["again"])[0] == 1


def test_chatter_tells_nothing() -> None:
    texts = ["yes please go on"] * 40 + ["ok, commit it", "the schema lives in ledger/models.py"]
    assert most_telling(texts, [""] * len(texts), []) == [41]


def test_words_are_identifiers_in_any_script_and_no_numbers() -> None:
    assert words("Fix parse_date() in Über/länge.py, 2026-11-23 an") == {
        "fix", "parse_date", "über", "länge",
    }  # fmt: skip


@given(TEXTS, st.sets(st.sampled_from(["alpha", "beta"])))
def test_what_is_chosen_tells_all_that_there_is_to_tell_and_each_choice_something(
    texts: list[str], known: set[str]
) -> None:
    chosen = most_telling(texts, [""] * len(texts), known)
    seen = set(known)
    for place in chosen:
        assert len(words(texts[place]) - seen) >= WORTH
        seen |= words(texts[place])
    assert len(set(chosen)) == len(chosen)
