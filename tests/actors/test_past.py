"""The past as users get it in: every history of the machine, and a project's commits."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.group import Group, wait_until
from benchmarks.histories import coding_session

from tests.actors.real import texts

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def claude(g: Group, name: str, turns: int = 6, seed: int = 0) -> Path:
    """Leave a history where Claude Code does."""
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


def test_every_history_is_read_and_stays_when_the_host_deletes_it(group: Make) -> None:
    g = group()
    claude(g, "a"), claude(g, "b", seed=1)
    codex(g)
    up = g.iai("up", "--detach")
    assert "transcripts of earlier sessions" in up.stdout
    assert up.stdout.rstrip().endswith("can be read, too: iai import --all")
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
    assert len(g.json("recall", "the", "--k", "50")["hits"]) > 3
    assert "earlier sessions" not in g.iai("hooks", "install", "--host", "claude").stdout


def test_a_file_that_vanishes_in_mid_import_is_told_and_the_rest_goes_on(group: Make) -> None:
    g = group()
    os.utime(claude(g, "first", turns=12_000), (2_000_000_000, 2_000_000_000))
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
        out, err = importing.communicate(timeout=100)
    assert importing.returncode == 1
    assert err == f"  not read: {gone}: cannot be read: No such file or directory\n"
    assert out.startswith("3 files, 12006 turns read, 12006 new, 0 known already")


def test_ctrl_c_ends_the_waiting_and_the_group_reads_on(group: Make) -> None:
    g = group()
    claude(g, "a", turns=12_000)
    g.up()
    command = [sys.executable, "-m", "iai", "import", "--all"]
    with subprocess.Popen(
        command, env=g.environment, cwd=g.work, stderr=subprocess.PIPE, text=True
    ) as importing:
        wait_until(lambda: texts(g), "it has begun")
        importing.send_signal(2)
        _, err = importing.communicate(timeout=30)
    assert importing.returncode == 130
    assert "the group goes on reading" in err
    assert g.json("import", "--all")["records_added"] == 12_000  # the same job, joined
    assert len(texts(g)) == 12_000


def test_on_a_terminal_it_is_asked_and_in_a_pipe_never(group: Make) -> None:
    g = group()
    claude(g, "a")
    asked, answered = pty.openpty()
    os.write(asked, b"y\n")
    subprocess.run(
        [sys.executable, "-m", "iai", "up", "--detach"], env=g.environment, cwd=g.work, check=True,
        stdin=answered, stdout=answered, stderr=answered, timeout=60,
    )  # fmt: skip
    shown = os.read(asked, 10_000).decode()
    os.close(asked)
    os.close(answered)
    assert "1 transcript of earlier sessions (0.0 MB) can be read, too. Now? [y/N]" in shown
    assert "6 turns kept" in shown
    assert len(texts(g)) == 6


def test_commits_are_found_by_recall_and_leave_the_payload_to_what_was_remembered(
    group: Make,
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
    g.iai("remember", "Deployments go through make release.", "--cwd", str(top))
    seeded = g.json("import", "--git", str(top), "--commits", "250", "--wait")["git"]
    assert (seeded["commits"], seeded["kept"], seeded["added"]) == (250, 250, 250)
    assert g.json("import", "--git", str(top), "--commits", "250")["git"]["added"] == 0
    (hit,) = g.json("recall", "reason177", "--k", "1", "--project", str(top))["hits"]
    assert hit["text"].startswith("Account 177 gets a balance sheet")
    assert (hit["host"], hit["tier"], hit["tags"]) == ("git", "semantic", ["commit"])
    shown = g.iai("session-start", "--cwd", str(top)).stdout
    assert "> Deployments go through make release." in shown
    assert "balance sheet" not in shown
    (project,) = (p for p in g.json("project", "list")["projects"] if p["name"] == "ledger")
    assert (project["records"], project["sessions"]) == (251, 0)
    assert g.iai("import", "--git", str(g.work)).returncode == 2
    assert g.iai("import").returncode == 2
