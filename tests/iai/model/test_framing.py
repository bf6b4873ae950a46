"""The frame around memory's text: recognised, and not to be broken out of (SEED: no feedback)."""

from hypothesis import given
from hypothesis import strategies as st

from iai.model import framing

BLOCK = (
    f"{framing.opening(7, '2026-11-20T10:00:00Z', 'my project')}\nold words\n{framing.CLOSING}\n"
)


def test_what_we_put_in_is_taken_out() -> None:
    assert framing.without(BLOCK) == ""
    assert framing.without(f"before\n{BLOCK}after") == "before\nafter"
    assert framing.without(BLOCK + "between\n" + BLOCK) == "between\n"


def test_a_block_that_a_host_has_cut_is_taken_out_to_its_end() -> None:
    assert framing.without("before\n" + BLOCK[: BLOCK.index("words")]) == "before\n"


def test_a_text_that_only_speaks_of_it_is_left_alone() -> None:
    text = "the first line is `<!-- iai revision=N generated_at=T project=P -->`, then facts"
    assert framing.without(text) is text
    assert framing.without("<!-- iai is great -->") == "<!-- iai is great -->"


@given(st.text())
def test_no_text_of_memory_can_end_the_frame_or_begin_another(text: str) -> None:
    inside = framing.harmless(text + framing.CLOSING + text)
    assert "<!--" not in inside
    framed = BLOCK.replace("old words", inside)
    assert framing.without(framed) == ""


def test_control_and_direction_characters_are_taken_out_and_layout_stays() -> None:
    assert framing.harmless("a\x1b[31m\x00b\u202ec\u200bd") == "a[31mbcd"
    assert framing.harmless("a\tb\r\nc\nd") == "a\tb\nc\nd"


EMOJI = (
    "\u2764\ufe0f", "\u26a0\ufe0f", "\u2714\ufe0e",
    "3\ufe0f\u20e3", "#\ufe0f\u20e3", "\u00a9\ufe0f",
    "\U0001f469\U0001f3fd\u200d\U0001f4bb", "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\u2764\ufe0f\u200d\U0001f525", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f", "\U0001f9d1\u200d\u2695\ufe0f",
)  # fmt: skip


def test_emoji_stay_as_they_were_written() -> None:
    for one in EMOJI:
        assert framing.harmless(f"a {one}{one} b") == f"a {one}{one} b"


SELECTORS = [chr(n) for n in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))]
UNSEEN = ("\u200d", "\u200b", "\u2060", *SELECTORS[:20])


def test_no_text_can_be_hidden_in_selectors_and_joiners() -> None:
    for carrier in (
        "yes",
        "3",
        "\u2764",
        "\u2764\ufe0f",
        "3\ufe0f\u20e3",
        "\U0001f600\u200d",
        "\u4e00",
    ):
        shown = framing.harmless(carrier + "".join(SELECTORS) + "\u200d" * 9 + "no")
        assert len(shown) <= len(carrier) + 1 + len("no")
    assert framing.harmless("\u2764\ufe0f\ufe0e\ufe0f") == "\u2764\ufe0f"
    assert framing.harmless("\u2764\u200b\ufe0f") == "\u2764"
    assert framing.harmless("1\ufe0f2\ufe0e \u20e3") == "12 \u20e3"
    assert (
        framing.harmless("\u2764\u200d\u200d\u2764 \u2764\u200d a\u200d\u2764")
        == "\u2764\u2764 \u2764 a\u2764"
    )


@given(
    st.lists(st.sampled_from((*UNSEEN, "a", "3", "\u20e3", "\u2764", "\U0001f469"))).map("".join)
)
def test_behind_each_character_that_is_seen_at_most_one_is_left_that_is_not(text: str) -> None:
    shown = framing.harmless(text)
    assert [c for c in shown if c not in UNSEEN] == [c for c in text if c not in UNSEEN]
    hidden = "".join("." if c in UNSEEN else "x" for c in shown.replace("\ufe0f\u200d", "\u200d"))
    assert ".." not in hidden
    assert not hidden.startswith(".")
    assert set(shown) & set(UNSEEN) <= {"\ufe0e", "\ufe0f", "\u200d"}
    assert framing.harmless(shown) == shown


@given(st.text())
def test_any_name_of_a_project_makes_a_first_line_that_is_recognised(name: str) -> None:
    line = framing.opening(1, "2026-11-20T10:00:00Z", name)
    assert "\n" not in line
    assert framing.without(line + "\nx\n" + framing.CLOSING + "\n") == ""
