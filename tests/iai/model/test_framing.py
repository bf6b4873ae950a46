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


@given(st.text())
def test_any_name_of_a_project_makes_a_first_line_that_is_recognised(name: str) -> None:
    line = framing.opening(1, "2026-11-20T10:00:00Z", name)
    assert "\n" not in line
    assert framing.without(line + "\nx\n" + framing.CLOSING + "\n") == ""
