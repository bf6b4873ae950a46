"""Commands that change what is remembered, or restore it, against one real group."""

from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group

from tests.actors.real import texts
from tests.iai.cli.pseudo_terminal import on_a_terminal
from tests.iai.hosts.claude_lines import answer, call, prompt, result, transcript

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


@pytest.fixture(scope="module")
def shared(group_of_module: Make) -> Group:
    """Return a group that has read one session, in which something is left to do."""
    g = group_of_module(session_cache_refresh_min_sec="0")
    g.up()
    todos = [{"content": "answer the reviewer", "status": "pending", "activeForm": "-"}]
    lines = [
        prompt(1, "mend the tide in all the harbours"),
        answer(2, "Let me look.", call("a", "Write", file_path="/p/tide.py", content="x\ny")),
        result(3, "a"),
        answer(4, call("b", "TodoWrite", todos=todos)),
        result(5, "b"),
        answer(6, "Mended."),
    ]
    path = Path(g.work) / "s1.jsonl"
    path.write_text(transcript(lines))
    g.json("import", str(path), "--wait")
    g.settle()
    return g


@pytest.fixture
def g(shared: Group, in_process: Callable[[Group], Group]) -> Group:
    return in_process(shared)


def start(g: Group) -> str:
    g.settle()
    return g.iai("session-start", "--cwd", "/p").stdout


def test_what_is_done_is_open_no_longer_until_that_is_undone(g: Group) -> None:
    assert "Open: answer the reviewer" in start(g)
    assert g.iai("done", "#3").stdout == "done\n"
    assert "answer the reviewer" not in start(g)
    assert "mend the tide" in start(g)
    assert "answer the reviewer" not in g.layout.payload.read_text()
    assert g.iai("done", "1", "--undo").stdout == "open again\n"
    assert "Open: answer the reviewer" in start(g)
    missing = g.iai("done", "#99")
    assert (missing.returncode, missing.stderr) == (1, "iai: there is no record #99\n")
    assert g.iai("done").returncode == 2


def test_what_is_dismissed_is_in_no_start_and_is_recalled_still(g: Group) -> None:
    assert "mend the tide" in g.layout.payload.read_text()
    assert g.iai("dismiss", "#1").stdout == "dismissed\n"
    assert "mend the tide" not in start(g)
    assert "mend the tide" not in g.layout.payload.read_text()
    assert "mend the tide" in g.iai("recall", "tide harbours").stdout
    assert ", dismissed" in g.iai("show", "1").stdout.splitlines()[0]
    assert g.iai("dismiss", "#1", "--undo").stdout == "no longer dismissed\n"
    assert "mend the tide" in start(g)


def test_an_edited_record_is_found_shown_and_told_by_its_new_text(
    g: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("the port is 8080", "and the host is ours"):
        assert g.iai("remember", text, "--project", "/p").returncode == 0
    assert "8080" in start(g)
    port, host = (f"#{g.health().watermark.max_vec_label - back}" for back in (1, 0))
    revision = g.health().watermark.revision
    assert g.iai("edit", port, "--text", "the harbour is zanzibar").stdout == "changed\n"
    assert g.health().watermark.revision == revision + 1
    g.settle()
    assert g.json("recall", "zanzibar")["hits"][0]["text"] == "the harbour is zanzibar"
    assert "8080" not in start(g)
    assert "zanzibar" in start(g)
    assert g.iai("edit", port, "--text", "the harbour is zanzibar").stdout == "not changed\n"
    monkeypatch.setitem(g.environment, "EDITOR", "sed -i s/ours/theirs/")
    without = g.iai("edit", host)
    assert (without.returncode, "give the new text with --text" in without.stderr) == (2, True)
    assert on_a_terminal(g, "edit", host) == (0, "changed\r\n")
    assert texts(g)[-2:] == ["the harbour is zanzibar", "and the host is theirs"]
    monkeypatch.setitem(g.environment, "EDITOR", "false")
    code, said = on_a_terminal(g, "edit", host)
    assert (code, "nothing changed" in said) == (1, True)
    assert g.iai("edit", host, "--text", " ").returncode == 2
    assert g.iai("edit", "#99", "--text", "x").returncode == 1


def test_a_backup_of_a_running_group_has_everything_and_is_indexed_again(shared: Group) -> None:
    g = shared  # whose commands stop and start it
    g.iai("done", "#1")
    file = str(g.work / "b.tar.gz")
    records = g.health().watermark.records_count
    assert f"{records} records" in g.iai("backup", file).stdout
    before = g.iai("export").stdout
    assert '"marks": ["done"]' in before
    assert '"action"' in before
    assert g.iai("forget", "#1", "--whole-session").returncode == 0
    assert "tide" not in g.iai("export").stdout
    assert "nothing is known" in g.iai("file", "/p/tide.py").stdout
    assert g.iai("restore", file, "--replace").returncode == 1  # it runs
    g.down()
    done = g.iai("restore", file, "--replace")
    assert (done.returncode, "before-restore" in done.stdout) == (0, True)
    assert g.iai("export").stdout == before
    assert "+2" in g.iai("file", "/p/tide.py").stdout
    g.up()
    g.iai("done", "#1", "--undo")
    g.settle()
    assert "mend the tide" in g.json("recall", "tide harbours")["hits"][0]["text"]
    assert "mend the tide" in g.layout.payload.read_text()
