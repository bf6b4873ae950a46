"""A lock that ends with the process that holds it, however that ends (flock(2))."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from iai.config.layout import private
from iai.process.files import read_regular

_RETRY_S = 0.02
_LONGEST_NOTE = 4_096  # bytes
GLANCE_S = 0.5  # patience enough to outlast `held`, which takes a shared lock for an instant


class Lock:
    """A lock that we hold, until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        """Write a note into the file for those who find it locked."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def intact(self, path: Path) -> bool:
        """Is `path` still the file that we locked? Not once it was deleted or replaced."""
        try:
            return path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except OSError:
            return False

    def release(self) -> None:
        """Give up the lock."""
        os.close(self._descriptor)


def take(path: Path, patience_s: float = 0.0) -> Lock | None:
    """Take the lock; None if another process still holds it after `patience_s`. Raises OSError."""
    private(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(_RETRY_S)
        else:
            return Lock(descriptor)


def held(path: Path) -> bool:
    """Does any process hold this lock? A missing file is not held."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def holder(path: Path) -> int:
    """Return the pid at the start of the holder's note; 0 if there is none."""
    first, *_ = note(path).split() or ["0"]
    return int(first) if first.isdecimal() else 0


def note(path: Path) -> str:
    """Return the note of the last holder; "" if there is none."""
    try:
        return read_regular(path, _LONGEST_NOTE).decode("utf-8", "replace")
    except OSError:
        return ""
