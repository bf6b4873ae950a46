"""`iai export`, after a real group stopped."""

import json
from collections.abc import Callable

import pytest
from harness.group import Group

from tests.actors.real import capture

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def test_what_is_kept_is_exported_whole_while_the_group_is_down(group: Make) -> None:
    g = group()
    g.up()
    capture(g, "first\n\nline three", "second")
    g.iai("remember", "a fact", "--project", "/elsewhere")
    g.down()
    lines = [json.loads(line) for line in g.iai("export").stdout.splitlines()]
    assert {line["text"] for line in lines} == {"first\n\nline three", "second", "a fact"}
    told = g.iai("export", "--format", "markdown", "--project", "/p").stdout
    assert told.startswith("# p\n")
    assert "> first\n>\n> line three\n" in told
    assert told.index("> first") < told.index("> second")
    assert "a fact" not in told
    out = g.work / "out"
    g.iai("export", "--format", "markdown", "--out", str(out))
    assert len(list(out.glob("*.md"))) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.iterdir())
