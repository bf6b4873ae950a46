"""`iai edit`, with a real group."""

from collections.abc import Callable

import pytest
from harness.group import Group

from tests.actors.real import capture, texts
from tests.iai.cli.pseudo_terminal import on_a_terminal

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def test_an_edited_record_is_found_shown_and_told_by_its_new_text(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    capture(g, "the port is 8080", "and the host is ours")
    g.settle()
    revision = g.health().watermark.revision
    assert g.iai("edit", "#1", "--text", "the harbour is zanzibar").stdout == "changed\n"
    assert g.health().watermark.revision == revision + 1
    g.settle()
    assert g.json("recall", "zanzibar")["hits"][0]["text"] == "the harbour is zanzibar"
    assert "8080" not in g.layout.payload.read_text()
    assert "zanzibar" in g.layout.payload.read_text()
    assert g.iai("edit", "#1", "--text", "the harbour is zanzibar").stdout == "not changed\n"
    g.environment["EDITOR"] = "sed -i s/ours/theirs/"
    without = g.iai("edit", "#2")
    assert (without.returncode, "give the new text with --text" in without.stderr) == (2, True)
    assert on_a_terminal(g, "edit", "#2") == (0, "changed\r\n")
    assert texts(g) == ["the harbour is zanzibar", "and the host is theirs"]
    g.environment["EDITOR"] = "false"
    code, said = on_a_terminal(g, "edit", "#2")
    assert (code, "nothing changed" in said) == (1, True)
    assert g.iai("edit", "#2", "--text", " ").returncode == 2
    assert g.iai("edit", "#9", "--text", "x").returncode == 1
