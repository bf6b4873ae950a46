"""The log files below `logs/`: bounded, and no line is lost when one is put aside for the next.

The group's processes write to standard error, which is `group.log` where `iai up --detach` or
launchd has made it so. The supervisor puts a long file aside under another name; whoever still has
that file open writes on into it, and goes over to the new one with its next line of log.
"""

import logging
import os
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path

LIMIT = 5 << 20  # bytes, from which on a file is put aside
KEPT = 2  # files that were put aside, as .1 (the latest) and .2

_STANDARD_ERROR = 2


class Following(WatchedFileHandler):
    """Logs to the file that has this name now; standard error goes there, too."""

    def emit(self, record: logging.LogRecord) -> None:
        before = self.stream
        super().emit(record)
        if self.stream is not None and self.stream is not before:
            os.dup2(self.stream.fileno(), _STANDARD_ERROR)


def handler(path: Path) -> logging.Handler:
    """Return what logs to standard error, wherever that goes; follow `path` if it goes there."""
    with suppress(OSError):
        if os.path.samestat(os.fstat(_STANDARD_ERROR), path.stat()):
            return Following(path)
    return logging.StreamHandler()


def rotate(path: Path, limit: int = LIMIT, kept: int = KEPT) -> bool:
    """Put a file aside if it has grown beyond `limit` bytes; return whether that was done."""
    try:
        if path.stat().st_size <= limit:
            return False
        names = [path, *(aside(path, number) for number in range(1, kept + 1))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        return False  # the next look tries again
    return True


def aside(path: Path, number: int) -> Path:
    """Name of the file that was put aside so many times ago."""
    return path.with_name(f"{path.name}.{number}")
