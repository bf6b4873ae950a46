"""`iai edit`, `export`, `backup` and `restore`, with a real group."""

import json
from collections.abc import Callable

import pytest
from harness.group import Group

from tests.actors.real import capture, texts

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
    assert g.iai("edit", "#2").returncode == 0
    assert texts(g) == ["the harbour is zanzibar", "and the host is theirs"]
    g.environment["EDITOR"] = "false"
    failed = g.iai("edit", "#2")
    assert (failed.returncode, "nothing is changed" in failed.stderr) == (1, True)
    assert g.iai("edit", "#2", "--text", " ").returncode == 2
    assert g.iai("edit", "#9", "--text", "x").returncode == 1


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


def test_what_is_kept_is_exported_whole_while_the_group_is_down(group: Make) -> None:
    g = group()
    g.up()
    capture(g, "first\n\nline three", "second")
    g.iai("remember", "a fact", "--cwd", "/elsewhere")
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
