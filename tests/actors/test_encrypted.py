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
from iai.encryption.cipher import is_sealed
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
    noted = group.iai("remember", f"the {NOTED} is blue", "--pin", "--project", str(cwd))
    assert noted.returncode == 0, noted.stderr
    group.settle()
    awaits = event | {"session_id": "s-late", "prompt": f"the {AWAITED} is next"}
    late = awaits | {"transcript_path": str(group.work / "late.jsonl")}
    assert group.hook("turn-capture", late).returncode == 0
    awaiting = lambda: [path.suffix for path in group.layout.spool_new.iterdir()] == [".awaits"]  # noqa: E731
    wait_until(awaiting, "ingest has read all that it can")


def exposed(group: Group) -> dict[str, list[str]]:
    """The rows of the table whose files have a planted word, each with these words."""
    table, rows = listed(), dict[str, list[str]]()
    for path, there in holding(group, PLANTED).items():
        rows.setdefault(row_of(path, table), []).extend(there)
    return rows


def found(group: Group, *wanted: str) -> bool:
    """Does recall find a turn with each of these words?"""
    return all(
        any(word in hit["text"] for hit in group.json("recall", word)["hits"]) for word in wanted
    )


def start(group: Group, cwd: Path) -> str:
    """What the hook gives to a new session."""
    event = {"session_id": "new", "source": "startup", "cwd": str(cwd)}
    return group.hook("session-recall", event).stdout


def check_doctor(group: Group) -> None:
    findings = {one["check"]: one for one in group.json("doctor", "--deep")["checks"]}
    assert findings["encryption"]["said"].startswith("on: ")
    wrong = [name for name, one in findings.items() if one["todo"]]
    assert not any(name.startswith(("deep", "plaintext")) for name in wrong), wrong


def check_backup(group: Group, directory: Path) -> None:
    file = directory / "b.tar.gz"
    assert "encrypted as the store is" in group.iai("backup", str(file)).stdout
    with tarfile.open(file) as tar:
        members = {m.name: data.read() for m in tar if (data := tar.extractfile(m))}
    assert {"crypto.json", "records/data.mdb"} <= set(members)
    assert [n for n, data in members.items() if any(w.encode() in data for w in PLANTED)] == []
    assert "is not encrypted" in group.iai("export", "--out", str(directory / "out")).stderr


def check_locked(group: Group, cwd: Path) -> None:
    locked = group.iai("session-start", "--cwd", str(cwd))
    assert (locked.returncode, locked.stdout) == (1, "")
    assert f"{group.work / 'key'} cannot be read" in locked.stderr
    assert start(group, cwd) == ""
    assert "its key file" in group.layout.recall_log.read_text().splitlines()[-1]


def test_a_planted_word_is_in_no_file_but_a_session_start_text_and_found_all_the_same(
    group: Make, tmp_path: Path
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    cwd, key = g.work / "p", g.work / "key"
    cwd.mkdir()
    assert g.iai("crypto", "init", "--key-file", str(key)).returncode == 0
    g.up()
    say(g, cwd)
    table = listed()
    files = [str(f.relative_to(g.layout.root)) for f in g.layout.root.rglob("*") if not f.is_dir()]
    assert len({row_of(file, table) for file in files}) > 8
    (how,) = {table[row] for row in exposed(g)}
    assert how.startswith("plain, since a shell hook prints them")
    assert indexed(g, [*PLANTED, "imported"]) == []
    assert found(g, HOOKED, NOTED, words("imported")[0])
    given = g.iai("session-start", "--cwd", str(cwd)).stdout
    assert all(word in given for word in (NOTED, words("imported")[0], "zqwindmill.py")), given
    assert NOTED in start(g, cwd)
    check_doctor(g)
    check_backup(g, tmp_path)
    (g.work / "late.jsonl").write_text(session("late", cwd, 1))
    g.settle()
    g.down()
    # The same store, with no text on disk.
    g.environment["IAI_MCP_PAYLOAD"] = "live"
    g.up()
    g.settle()
    assert exposed(g) == {}
    assert NOTED in start(g, cwd)
    assert found(g, NOTED)
    g.down()
    # Without its key nothing is read, and that is said.
    key.rename(g.work / "elsewhere")
    check_locked(g, cwd)
    (g.work / "elsewhere").rename(key)
    # Decrypted, it is as it would have been.
    off = g.iai("crypto", "off")
    assert off.returncode == 0, off.stderr
    g.up()
    g.settle()
    assert found(g, NOTED)
    assert indexed(g, [NOTED]) == [NOTED]
    assert "records/" in exposed(g)
    assert not is_sealed(g.layout.redaction_key.read_bytes())
