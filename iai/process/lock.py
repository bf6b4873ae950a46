"""A lock that ends with the process that holds it, however that ends (flock(2))."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from iai.config.layout import private

_LOOK_AGAIN_S = 0.02
GLANCE_S = 0.5  # of patience, where it is asked who holds it: who asks holds it for an instant


class Lock:
    """Held as long as this object is not released and its process lives."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: str) -> None:
        """Leave a word in the file for whoever finds it locked."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def stands(self, path: Path) -> bool:
        """Is this the lock that others would find? Not if its file was deleted or replaced."""
        try:
            return path.stat().st_ino == os.fstat(self._descriptor).st_ino
        except OSError:
            return False

    def release(self) -> None:
        """Let somebody else have it."""
        os.close(self._descriptor)


def take(path: Path, patience_s: float = 0.0) -> Lock | None:
    """Take the lock; None if another process keeps it for longer than `patience_s`."""
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
            time.sleep(_LOOK_AGAIN_S)
        else:
            return Lock(descriptor)


def held(path: Path) -> bool:
    """Does any process hold this lock?"""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


def holder(path: Path) -> int:
    """Return the process number with which the holder's word begins; 0 if it left none."""
    first, *_ = note(path).split() or ["0"]
    return int(first) if first.isdecimal() else 0


def note(path: Path) -> str:
    """Return the word that the holder left."""
    try:
        return path.read_text()
    except OSError:
        return ""
