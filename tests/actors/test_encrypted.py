"""What is said to an encrypted store is in the clear in no file of it, and found all the same.

Which files are never sealed is in `iai help privacy`; the one of them that holds what was said is
the session-start text, unless it is kept off the disk.
"""

import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group, wait_until

from iai.cli.help import TOPICS
from iai.config.access import matches
from tests.actors.test_forget import holding, indexed, session, words

pytestmark = pytest.mark.slow

Make = Callable[..., Group]

HOOKED, NOTED, AWAITED = "zqhookedword", "zqnotedword", "zqawaitedword"
PLANTED = [HOOKED, NOTED, AWAITED, "zqwindmill.py", *words("imported")]
ROW = re.compile(r"^\| (`.*?) \| .* \| (.*) \|$", re.MULTILINE)


def listed() -> dict[str, str]:
    """What the table of the topic says of each path: how it is in an encrypted store."""
    rows = ROW.findall((TOPICS / "privacy.md").read_text())
    return {path: how for paths, how in rows for path in re.findall(r"`([^`]+)`", paths)}


def row_of(path: str, table: dict[str, str]) -> str:
    """The row of the table that a file belongs to: that with the longest pattern."""
    fits = [pattern for pattern in table if matches(path, (pattern,))]
    assert fits, f"`iai help privacy` does not name {path}"
    return max(fits, key=len)


def say(group: Group, cwd: Path) -> None:
    """Say the planted words in each way there is."""
    event = {"session_id": "s-hooked", "cwd": str(cwd), "hook_event_name": "UserPromptSubmit"}
    hooked = event | {"prompt": f"why is the {HOOKED} late?", "prompt_id": "1"}
    assert group.hook("turn-capture", hooked).returncode == 0
    past = group.work / "past"
    past.mkdir()
    (past / "s-imported.jsonl").write_text(
        session("imported", cwd, 0).replace("/imported.py", "/zqwindmill.py")
    )
    assert group.iai("import", str(past)).returncode == 0
    noted = group.iai("remember", f"the {NOTED} is blue", "--pin", "--cwd", str(cwd))
    assert noted.returncode == 0, noted.stderr
    group.settle()
    awaits = event | {"session_id": "s-late", "prompt": f"the {AWAITED} is next"}
    late = awaits | {"transcript_path": str(group.work / "late.jsonl")}
    assert group.hook("turn-capture", late).returncode == 0
    awaiting = lambda: [path.suffix for path in group.layout.spool_new.iterdir()] == [".awaits"]  # noqa: E731
    wait_until(awaiting, "ingest has read all that it can")


def exposed(group: Group) -> dict[str, list[str]]:
    """The rows of the table whose files have a planted word, each with these words."""
    table, found = listed(), dict[str, list[str]]()
    for path, there in holding(group, PLANTED).items():
        found.setdefault(row_of(path, table), []).extend(there)
    return found


def test_a_planted_word_is_in_no_file_but_a_session_start_text_and_found_all_the_same(
    group: Make, tmp_path: Path
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    cwd = g.work / "p"
    cwd.mkdir()
    init = g.iai("crypto", "init", "--key-file", str(g.work / "key"))
    assert init.returncode == 0, init.stderr
    g.up()
    say(g, cwd)
    table = listed()
    for path in g.layout.root.rglob("*"):
        if not path.is_dir():
            row_of(str(path.relative_to(g.layout.root)), table)
    assert set(exposed(g)) == {".session-start-payload.cached.md", "session-start/*.md"}
    for word in (HOOKED, NOTED, words("imported")[0]):
        assert any(word in hit["text"] for hit in g.json("recall", word)["hits"]), word
    given = g.iai("session-start", "--cwd", str(cwd)).stdout
    assert all(word in given for word in (NOTED, words("imported")[0], "zqwindmill.py")), given
    start = {"session_id": "new", "source": "startup", "cwd": str(cwd)}
    assert NOTED in g.hook("session-recall", start).stdout
    assert indexed(g, [*PLANTED, "imported"]) == []
    findings = {one["check"]: one for one in g.json("doctor", "--deep")["checks"]}
    assert findings["encryption"]["said"].startswith("on: ")
    assert [
        c for c, one in findings.items() if c.startswith(("deep", "plain")) and one["todo"]
    ] == []
    told = g.iai("export", "--out", str(tmp_path / "exported")).stderr
    assert "is not encrypted" in told
    file = tmp_path / "b.tar.gz"
    assert "encrypted as the store is" in g.iai("backup", str(file)).stdout
    with tarfile.open(file) as tar:
        members = {m.name: (tar.extractfile(m) or file.open("rb")).read() for m in tar}
    assert {"crypto.json", "records/data.mdb"} <= set(members)
    assert [n for n, data in members.items() if any(w.encode() in data for w in PLANTED)] == []
    (g.work / "late.jsonl").write_text(session("late", cwd, 1))
    g.settle()
    g.down()
    # The same store, with no text on disk.
    g.environment["IAI_MCP_PAYLOAD"] = "live"
    g.up()
    g.settle()
    assert exposed(g) == {}
    assert NOTED in g.hook("session-recall", start).stdout
    assert any(NOTED in hit["text"] for hit in g.json("recall", NOTED)["hits"])
    # Without its key nothing is read, and that is said.
    g.down()
    (g.work / "key").unlink()
    locked = g.iai("session-start", "--cwd", str(cwd))
    assert (locked.returncode, locked.stdout) == (1, "")
    assert f"{g.work / 'key'} cannot be read" in locked.stderr
    assert g.hook("session-recall", start).stdout == ""
    assert "its key file" in g.layout.recall_log.read_text().splitlines()[-1]
