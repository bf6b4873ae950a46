"""`iai import` as users run it: all histories on the machine, and a project's commits."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from harness.corpus import coding_session
from harness.group import PATIENCE_S, Group, wait_until

from tests.actors.real import recalled, texts, with_faults

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def claude(g: Group, name: str, turns: int = 6, seed: int = 0) -> Path:
    """Write a history where Claude Code keeps them."""
    path = g.work / ".claude" / "projects" / "-p" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(coding_session(name, "/home/dev/p", turns, seed))
    return path


def codex(g: Group) -> None:
    sample = Path(__file__).parents[1] / "samples"
    for place in ("sessions/2026/11/20", "archived_sessions"):
        directory = g.work / ".codex" / place
        directory.mkdir(parents=True)
        for number, path in enumerate(sorted(sample.rglob("rollout-*.jsonl"))):
            if number % 2 == (place == "archived_sessions"):
                shutil.copy(path, directory)


def held_reading(g: Group) -> Path:
    """Pause imports after their first slice for as long as the returned file exists."""
    held = g.work / "held"
    held.touch()
    with_faults(g, read=str(held))
    return held


def test_all_histories_are_imported_and_outlive_the_hosts_files(
    group: Make, in_process: Callable[[Group], Group]
) -> None:
    g = group()
    claude(g, "a"), claude(g, "b", seed=1)
    codex(g)
    up = g.iai("up", "--detach")
    assert re.search(r"found \d+ past sessions \(", up.stdout)
    assert up.stdout.rstrip().endswith("`iai import --all` imports them")
    in_process(g)
    read = g.json("import", "--all")
    assert read["unreadable"] == []
    assert read["files"] >= 3
    kept = texts(g)
    assert len(kept) == read["records_added"] > 12
    again = g.json("import", "--all")
    assert (again["turns_read"], again["records_added"]) == (0, 0)
    shutil.rmtree(g.work / ".claude")
    shutil.rmtree(g.work / ".codex")
    assert g.json("import", "--all")["files"] == 0
    g.settle()
    assert texts(g) == kept
    assert len(recalled(g, "the", "--limit", "50")["hits"]) > 3
    assert "past sessions" not in g.iai("hooks", "install", "--host", "claude").stdout


def test_a_file_that_vanishes_during_an_import_is_reported_and_the_rest_is_read(
    group: Make,
) -> None:
    g = group()
    held = held_reading(g)
    os.utime(claude(g, "first", turns=3_000), (2_000_000_000, 2_000_000_000))
    gone = claude(g, "gone", seed=2)
    os.utime(gone, (1_900_000_000, 1_900_000_000))
    claude(g, "last", seed=3)
    g.up()
    command = [sys.executable, "-m", "iai", "import", "--all"]
    with subprocess.Popen(
        command, env=g.environment, cwd=g.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as importing:  # fmt: skip
        wait_until(lambda: texts(g), "it has begun")
        gone.unlink()
        held.unlink()
        out, err = importing.communicate(timeout=PATIENCE_S)
    assert importing.returncode == 1
    assert err == f"  not read: {gone}: cannot be read: No such file or directory\n"
    assert out.startswith("3 files, 3006 turns read, 3006 new, 0 already known")


def importing(g: Group) -> "tuple[subprocess.Popen[str], int]":
    """Start an import of all histories; return it and the terminal that shows its progress."""
    terminal, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 160))
    command = [sys.executable, "-m", "iai", "import", "--all", "--json"]
    started = subprocess.Popen(
        command, env=g.environment, cwd=g.work, stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    os.close(theirs)
    return started, terminal


def seen(terminal: int, wanted: bytes | None = None) -> str:
    """Return the output of a terminal, up to `wanted` or until the other side is closed."""
    shown = b""
    with suppress(OSError):  # how a terminal reports that its other side was closed
        while (wanted is None or wanted not in shown) and (piece := os.read(terminal, 4_096)):
            shown += piece
    return shown.decode(errors="replace")


def test_ctrl_c_stops_the_progress_display_and_the_import_continues(group: Make) -> None:
    g = group()
    held = held_reading(g)
    claude(g, "a", turns=3_000)
    g.up()
    interrupted, terminal = importing(g)
    seen(terminal, b" new")
    interrupted.send_signal(signal.SIGINT)
    assert "the import continues in the background" in seen(terminal)
    os.close(terminal)
    interrupted.communicate()
    assert interrupted.returncode == 130
    again, terminal = importing(g)
    seen(terminal, b" new")
    held.unlink()
    seen(terminal)
    os.close(terminal)
    assert json.loads(again.communicate()[0])["records_added"] == 3_000  # it joined the same job
    assert len(texts(g)) == 3_000


def test_up_offers_an_import_on_a_terminal_only(group: Make) -> None:
    g = group()
    claude(g, "a")
    asked, answered = pty.openpty()
    os.write(asked, b"y\n")
    up = subprocess.Popen(
        [sys.executable, "-m", "iai", "up", "--detach"], env=g.environment, cwd=g.work,
        stdin=answered, stdout=answered, stderr=answered,
    )  # fmt: skip
    os.close(answered)
    shown = seen(asked)
    os.close(asked)
    assert up.wait(PATIENCE_S) == 0
    assert re.search(r"found 1 past session \(\d\.\d kB\)\. Import them now\? \[y/N\]", shown)
    assert "imported 6 turns" in shown
    assert len(texts(g)) == 6


def test_imported_commits_are_recalled_but_stay_out_of_the_payload(
    group: Make, in_process: Callable[[Group], Group]
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    top = g.work / "ledger"
    top.mkdir()
    stream = ["reset refs/heads/main\n"]
    for number in range(300):
        message = f"Account {number} gets a balance sheet\n\nBecause of reason{number}."
        stream.append(
            f"commit refs/heads/main\ncommitter Ada <a@b.c> {1_700_000_000 + number} +0000\n"
            f"data {len(message)}\n{message}\n"
        )
    subprocess.run(["git", "init", "-q", "-b", "main", str(top)], check=True)  # noqa: S607
    subprocess.run(
        ["git", "fast-import", "--quiet"],  # noqa: S607
        cwd=top, input="".join(stream), text=True, check=True,
    )  # fmt: skip
    g.up()
    in_process(g)
    g.iai("remember", "Deployments go through make release.", "--project", str(top))
    seeded = g.json("import", "--git", str(top), "--limit", "250", "--wait")["git"]
    assert (seeded["commits"], seeded["kept"], seeded["added"]) == (250, 250, 250)
    assert g.json("import", "--git", str(top), "--limit", "250")["git"]["added"] == 0
    (hit,) = g.json("recall", "reason177", "--limit", "1", "--project", str(top))["hits"]
    assert hit["text"].startswith("Account 177 gets a balance sheet")
    assert (hit["host"], hit["tier"], hit["tags"]) == ("git", "semantic", ["commit"])
    shown = g.iai("session-start", "--cwd", str(top)).stdout
    assert "\n> Deployments go through make release.\n" in shown
    assert "balance sheet" not in shown
    (project,) = (p for p in g.json("project", "list")["projects"] if p["name"] == "ledger")
    assert (project["records"], project["sessions"]) == (251, 0)
    assert g.iai("import", "--git", str(g.work)).returncode == 2
    assert g.iai("import").returncode == 2
