"""`iai status`, without a group: its words, and --watch."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from harness.group import PATIENCE_S, Group

from tests.shell import Shell

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def watch(group: Group, *args: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    """Start `iai status --watch`."""
    return subprocess.Popen(
        [sys.executable, "-m", "iai", "status", "--watch", *args], env=group.environment,
        stdout=stdout, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_store_that_is_not_there_yet_is_said_to_be_so(shell: Shell) -> None:
    done = shell.iai("status")
    assert done.returncode == 3
    assert "group      stopped\n" in done.stdout
    assert "cannot be read" in done.stdout
    assert "0 records" not in done.stdout
    assert "does not exist yet; `iai up` creates it" in done.stdout
    assert not shell.layout.root.exists()


def test_watch_prints_one_block_after_another_into_a_pipe_until_interrupted(group: Make) -> None:
    g = group()
    watched = watch(g, "0.1")
    assert watched.stdout is not None
    seen = [watched.stdout.readline()]
    while seen.count("group      stopped\n") < 3:
        seen.append(watched.stdout.readline())
    assert "\x1b" not in "".join(seen)
    assert seen[-2] == "\n", "a line between two"
    watched.send_signal(signal.SIGINT)
    complaints = watched.communicate(timeout=PATIENCE_S)[1]
    assert (watched.returncode, complaints) == (0, "")


def test_watch_with_json_is_one_document_a_line_until_nobody_reads(group: Make) -> None:
    g = group()
    watched = watch(g, "0.1", "--json")
    assert watched.stdout is not None
    assert watched.stderr is not None
    for _ in range(3):
        assert json.loads(watched.stdout.readline())["group"]["state"] == "stopped"
    watched.stdout.close()
    assert watched.wait(PATIENCE_S) == 0
    assert watched.stderr.read() == ""
    watched.stderr.close()


def test_watch_writes_over_what_a_terminal_shows_and_never_clears_it(group: Make) -> None:
    g = group()
    terminal, theirs = pty.openpty()
    watched = watch(g, "0.1", stdout=theirs)
    os.close(theirs)
    seen = b""
    while seen.count(b"\x1b[H") < 3:
        seen += os.read(terminal, 4_096)
    watched.send_signal(signal.SIGINT)
    complaints = watched.communicate(timeout=PATIENCE_S)[1]
    os.close(terminal)
    assert (watched.returncode, complaints) == (0, "")
    frame = re.sub(rb"\x1b\[[0-9;]*m", b"", seen.split(b"\x1b[H")[1])  # without its colours
    assert frame.startswith(b"group      stopped\x1b[K\r\n")
    assert frame.endswith(b"\x1b[J")
    assert b"\x1b[2J" not in seen


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_watch_takes_a_length_of_time(shell: Shell, seconds: str) -> None:
    done = shell.iai("status", "--watch", seconds)
    assert (done.returncode, done.stdout) == (2, "")
