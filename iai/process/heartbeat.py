"""The sign that an actor's loop is getting on: a few bytes of a file mapped into memory.

The actor stamps it, which costs no system call; the supervisor and `iai status` look at it. Both
clocks are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import mmap
import os
import struct
from pathlib import Path
from typing import NamedTuple

from iai.model.clock import NS

_FORM = struct.Struct("<qq48s")  # pid, monotonic nanoseconds, what the loop is doing


class Stamp(NamedTuple):
    """What was last stamped."""

    pid: int
    mono: int
    activity: str

    def age_s(self, mono: int) -> float:
        """Seconds since then."""
        return max(0.0, (mono - self.mono) / NS)


class Beat:
    """Written by one process."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _FORM.size)
            self._map = mmap.mmap(descriptor, _FORM.size)
        finally:
            os.close(descriptor)

    def stamp(self, mono: int, activity: str) -> None:
        """Say that the loop moves, and what it does next."""
        _FORM.pack_into(self._map, 0, os.getpid(), mono, activity.encode()[:48])


def read(path: Path) -> Stamp | None:
    """Return the last stamp; None if there is none."""
    try:
        pid, mono, activity = _FORM.unpack(path.read_bytes())
    except (OSError, struct.error):
        return None
    return Stamp(pid, mono, activity.rstrip(b"\0").decode("utf-8", "replace"))
