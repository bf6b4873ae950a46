"""Processes that are killed in the middle of their work, at a line that a test chooses."""

import os
import signal
import sys
from collections.abc import Callable, Container
from types import FrameType
from typing import Any


def killed(work: Callable[[], object]) -> bool:
    """Do some work in a process of its own; return whether a signal ended that."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        work()
    finally:
        os._exit(0)


def kill_after(lines: int, files: Container[str | None], functions: Container[str]) -> None:
    """From now on, count the lines that run of these functions; end the process after so many."""
    left = lines

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files or frame.f_code.co_name not in functions:
            return None
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
