"""`iai done`, `dismiss` and `forget` with what was done, against a real group."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group

from tests.iai.hosts.claude_lines import answer, call, prompt, result

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
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
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


def test_actions_sessions_and_marks_are_backed_up_and_restored(shared: Group) -> None:
    g = shared  # whose commands stop and start it
    g.iai("done", "#1")
    file = str(g.work / "b.tar.gz")
    assert g.iai("backup", file).returncode == 0
    before = g.iai("export").stdout
    assert '"marks": ["done"]' in before
    assert '"action"' in before
    assert g.iai("forget", "#1", "--whole-session").returncode == 0
    assert g.iai("export").stdout == ""
    assert "nothing is known" in g.iai("file", "/p/tide.py").stdout
    g.down()
    assert g.iai("restore", file, "--replace").returncode == 0
    assert g.iai("export").stdout == before
    assert "+2" in g.iai("file", "/p/tide.py").stdout
    g.up()
    g.iai("done", "#1", "--undo")
