"""Heartbeats: proof that an actor's loop is running, in a few bytes of a memory-mapped file.

The actor writes a beat without a system call; the supervisor and `iai status` read it. Times are
CLOCK_MONOTONIC, which all processes of a machine share.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import NamedTuple

from iai.model.clock import NS
from iai.process.files import read_regular

_FORM = struct.Struct("<qq48s")  # pid, monotonic nanoseconds, what the loop is doing


class Beat(NamedTuple):
    """The last beat of a loop."""

    pid: int
    mono: int  # monotonic nanoseconds
    activity: str  # what the loop began then: `start`, `wait`, `work`, `stop` or a message kind

    def age_s(self, mono: int) -> float:
        """Return the seconds from this beat to `mono`."""
        return max(0.0, (mono - self.mono) / NS)


class Heartbeat:
    """The file of one actor, written by its process."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _FORM.size)
            self._map = mmap.mmap(descriptor, _FORM.size)
        finally:
            os.close(descriptor)

    def beat(self, mono: int, activity: str) -> None:
        """Record that the loop is running and what it does next (48 bytes of it)."""
        _FORM.pack_into(self._map, 0, os.getpid(), mono, activity.encode()[:48])


def read(path: Path) -> Beat | None:
    """Return the last beat; None if the file is missing or not of our form."""
    try:
        pid, mono, activity = _FORM.unpack(read_regular(path, _FORM.size + 1))
    except (OSError, struct.error):
        return None
    return Beat(pid, mono, activity.rstrip(b"\0").decode("utf-8", "replace"))
