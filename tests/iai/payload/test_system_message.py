"""The line that the person sees when a session starts."""

from iai.model import framing
from iai.payload.material import Material, gather
from iai.payload.system_message import system_message
from iai.store.records import Records
from tests.iai.payload.test_compose import records, session
from tests.iai.store.builders import PROJECT

__all__ = ["records"]
TEXT = f"{framing.opening(3, 'now', 'quay', 1_834)}\nsaid\n{framing.CLOSING}\n"


def material(records: Records, branch: str) -> Material:
    session(records, "a", 60, branch=branch)
    with records.view() as view:
        return gather(view, PROJECT, "mine")


def test_it_counts_the_sessions_dates_the_last_and_says_what_is_given(records: Records) -> None:
    one = material(records, "main")
    said = "iai: 12 sessions of this project, the last 2023-11-14 on main; 1.8 k tokens"
    assert system_message(one, 12, TEXT) == said
    less = TEXT.replace("1834", "310")
    assert system_message(one, 1, less).startswith("iai: 1 session of this project, ")
    assert system_message(one, 1, less).endswith(" on main; 310 tokens")
    assert system_message(one, 1, TEXT, "hooks are silent").endswith("; warning: hooks are silent")


def test_a_branch_can_control_no_terminal_and_none_is_not_named(records: Records) -> None:
    assert "\x1b" not in system_message(material(records, "main\x1b[2J\nx"), 1, TEXT)


def test_without_a_project_or_a_session_there_is_none() -> None:
    assert system_message(Material(revision=3, project_name=""), 1, TEXT) == ""
    assert system_message(Material(revision=3, project_name="quay"), 0, TEXT) == ""
