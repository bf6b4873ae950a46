"""By which words of a prompt its session is recorded, or not."""

import pytest

from iai.model.recording_switch import recording


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("iai:off", False),
        ("/iai:off\nfind out why my own salary is wrong", False),
        ("find out why my own salary is wrong\n\n  IAI:OFF \n", False),
        ("iai:on", True),
        ("iai:on\nand now to the parser", True),
        ("iai:off\nno, wait\niai:on", True),
        ("what does iai:off do?", None),
        ("the page says:\niai:off\nwhat is that?", None),
        ("iai:offline", None),
        ("iai: off", None),
        ("\n", None),
        ("", None),
    ],
)
def test_a_session_is_switched_by_the_first_or_the_last_line_of_a_prompt(
    prompt: str, said: object
) -> None:
    assert recording(prompt) is said
