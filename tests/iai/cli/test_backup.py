"""`iai backup` and `iai restore`, with a real group."""

from collections.abc import Callable

import pytest
from harness.group import Group

from tests.actors.real import capture, texts

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def test_a_backup_of_a_running_group_is_restored_and_indexed_again(group: Make) -> None:
    g = group(session_cache_refresh_min_sec="0")
    g.up()
    capture(g, "the mast is oak")
    g.settle()
    file = str(g.work / "b.tar.gz")
    assert "1 record" in g.iai("backup", file).stdout
    capture(g, "later")
    assert g.iai("restore", file, "--replace").returncode == 1
    g.down()
    done = g.iai("restore", file, "--replace")
    assert (done.returncode, "before-restore" in done.stdout) == (0, True)
    g.up()
    g.settle()
    assert texts(g) == ["the mast is oak"]
    assert g.json("recall", "oak")["hits"][0]["text"] == "the mast is oak"
    assert "oak" in g.layout.payload.read_text()
