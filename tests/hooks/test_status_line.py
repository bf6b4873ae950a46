"""The script of the status line, as Claude Code calls it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.group import CHECKOUT

from iai.config.layout import Layout
from iai.install.status_line import SCRIPT

HOOK = CHECKOUT / "hooks" / SCRIPT
FIELDS = {"hook_event_name": "Status", "session_id": "s-1.2", "cwd": "/p", "x": "y" * 3_000}
EVENT = json.dumps(FIELDS)
FILE = "-\tup to date\nother\tgiven nothing\ns-1.2\tgiven 1.8 k tokens, 2 secrets redacted\n"


@pytest.fixture
def supervisor(layout: Layout) -> Iterator[Layout]:
    """A process that seems to hold the store, as far as a hook can see."""
    command = ["bash", "-c", 'exec -a "iai: supervisor" sleep 600']
    with subprocess.Popen(command) as process:
        layout.lease.write_text(f"{process.pid}\n")
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"iai: "):
            pass  # it is still bash
        yield layout
        process.kill()


def shown(layout: Layout, *args: str, event: str = EVENT, **environment: str) -> str:
    done = subprocess.run(
        [str(HOOK), str(layout.root), *args], input=event, text=True, capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere", **environment}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_prints_the_line_of_its_session(supervisor: Layout) -> None:
    supervisor.status_line.write_text(FILE)
    expected = "iai: up to date, given 1.8 k tokens, 2 secrets redacted\n"
    assert shown(supervisor) == expected
    assert shown(supervisor, event='{"session_id": "s-1"}') == "iai: up to date\n"
    assert shown(supervisor, event="") == "iai: up to date\n"
    assert shown(supervisor, "true", event="a\0b") == "iai: up to date\n"
    off = shown(supervisor, IAI_MCP_CAPTURE="off")
    assert off.startswith("iai: up to date, not recorded (IAI_MCP_CAPTURE=off), given 1.8 k tokens")
    supervisor.status_line.write_text(
        "-\tup to date\ns-1.2\tnot recorded (iai:off), given nothing\n"
    )
    both = shown(supervisor, IAI_MCP_CAPTURE="off")
    assert both == "iai: up to date, not recorded (IAI_MCP_CAPTURE=off), given nothing\n"


@pytest.mark.parametrize("text", [None, "", "garbage", "s-1.2\tx\n", "-\tno end of line"])
def test_without_a_usable_file_it_says_only_that_iai_runs(
    supervisor: Layout, text: str | None
) -> None:
    if text is not None:
        supervisor.status_line.write_text(text)
    assert shown(supervisor) == "iai: running\n"


def test_it_says_that_iai_is_down_whatever_the_file_says(layout: Layout) -> None:
    layout.status_line.write_text(FILE)
    for pid in (None, "", "x", "999999999", "1"):
        if pid is not None:
            layout.lease.write_text(f"{pid}\n")
        assert shown(layout) == "iai: not running (iai up --detach)\n"


def test_another_status_line_is_run_with_the_whole_event_and_comes_first(
    supervisor: Layout,
) -> None:
    supervisor.status_line.write_text("-\tup to date\n")
    count = "wc -c | tr -d ' '; echo second"
    size = len(EVENT) + 1  # a line feed, by the shell
    assert shown(supervisor, count) == f"{size}\x1b[0m | iai: up to date\nsecond\n"
    assert shown(supervisor, "exit 3") == "iai: up to date\n"
