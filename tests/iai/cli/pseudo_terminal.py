"""Commands as they run on a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from harness.group import PATIENCE_S, Group


def on_a_terminal(group: Group, *words: str, columns: int = 80) -> tuple[int, str]:
    """Run `iai` on a terminal of so many columns; return the exit code and what it printed."""
    ours, theirs = pty.openpty()
    # These are asked before the terminal is, and pytest-xdist sets them.
    environment = {k: v for k, v in group.environment.items() if k not in ("COLUMNS", "LINES")}
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "iai", *words],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment | {"TERM": "xterm-256color"}, cwd=group.work,
    ) as process:  # fmt: skip
        os.close(theirs)
        printed = b""
        while data := _read(ours):
            printed += data
        os.close(ours)
        return process.wait(PATIENCE_S), printed.decode()


def _read(terminal: int) -> bytes:
    """Return what was printed next; nothing once all programs have left the terminal."""
    try:
        return os.read(terminal, 65_536)
    except OSError:  # EIO, on Linux
        return b""
