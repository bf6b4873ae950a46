"""The log files below `logs/`: bounded in size, and rotated without losing a line.

The group's processes log to standard error, which `iai up --detach` or launchd points at
`group.log`. The supervisor renames a long file; a process that has it open moves to the new file
with its next log line.
"""

import logging
import os
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path

from iai.model.printable import printable

LIMIT = 5 << 20  # bytes; a longer file is rotated
KEPT = 2  # rotated files: .1 (the latest) and .2

_STANDARD_ERROR = 2


class StandardErrorHandler(WatchedFileHandler):
    """Logs to the file that has this name now, and points standard error at it.

    If there can be none, as when its directory was deleted, it logs to the file from before.
    """

    def emit(self, record: logging.LogRecord) -> None:
        before = self.stream
        try:
            super().emit(record)
        except OSError:
            with suppress(OSError):
                os.write(_STANDARD_ERROR, f"{self.format(record)}\n".encode())
        if self.stream is not None and self.stream is not before:
            os.dup2(self.stream.fileno(), _STANDARD_ERROR)


class PlainFormatter(logging.Formatter):
    """Drops control and direction characters.

    Logs name files and quote errors, and people read them in terminals.
    """

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def line(process: str) -> str:
    """Return the format of a line by a process."""
    return f"%(asctime)s {process} %(levelname)s %(message)s"


def handler(path: Path, form: str) -> logging.Handler:
    """Return a handler for standard error; if that is `path`, it follows rotations.

    `form` is the format of a line, as `logging.Formatter` takes it.
    """
    chosen: logging.Handler = logging.StreamHandler()
    with suppress(OSError):
        if os.path.samestat(os.fstat(_STANDARD_ERROR), path.stat()):
            chosen = StandardErrorHandler(path)
    chosen.setFormatter(PlainFormatter(form))
    return chosen


def rotate(path: Path, limit: int = LIMIT, kept: int = KEPT) -> bool:
    """Rotate a file longer than `limit` bytes; return whether that was done. Never raises."""
    try:
        if path.stat().st_size <= limit:
            return False
        names = [path, *(rotated(path, number) for number in range(1, kept + 1))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        return False  # the next call tries again
    return True


def rotated(path: Path, number: int) -> Path:
    """Return the name that a file has after `number` rotations."""
    return path.with_name(f"{path.name}.{number}")
