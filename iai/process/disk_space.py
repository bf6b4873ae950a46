"""How much the store may still grow: by its own limit, and by what the disk has left."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

RESERVE = 64 << 20  # bytes that stay free on the disk: for payloads, logs, and the user
LITTLE = 1 << 30  # bytes; with fewer left there is a warning
_LITTLE_SHARE = 0.1  # of the limit, which warns as well
_BLOCK = 512  # bytes, of `st_blocks` (POSIX)


class DiskSpace(Struct, frozen=True):
    """What the store takes up, and what is left for it, in bytes."""

    used: int
    free: int  # on its disk
    limit: int = 0  # that the user set for `used`; 0: none

    @property
    def left(self) -> int:
        """How much the store may grow; at most 0: nothing more is stored."""
        on_disk = self.free - RESERVE
        return min(on_disk, self.limit - self.used) if self.limit else on_disk

    @property
    def full(self) -> bool:
        return self.left <= 0

    @property
    def low(self) -> bool:
        """Is so little left that the user should know?"""
        near = self.limit and self.limit - self.used < _LITTLE_SHARE * self.limit
        return bool(near) or self.free - RESERVE < LITTLE

    @property
    def summary(self) -> str:
        """What is used and left, and what that means, in one line."""
        of = f" of {_size(self.limit)}" if self.limit else ""
        line = f"{_size(self.used)}{of} used, {_size(self.free)} free on the disk"
        return f"{line}: nothing new is stored" if self.full else line

    @property
    def todo(self) -> str:
        """What gives the store room again."""
        if self.limit and self.limit - self.used < self.free - RESERVE:
            return "raise IAI_MCP_STORE_MAX_GB or forget something; what waits is stored then"
        return "free some space on the disk; what waits is stored then"


def measure(root: Path, limit_gb: float) -> DiskSpace:
    """Measure a store; `limit_gb` is how many 10^9 bytes it may have, 0: any number.

    Costs a stat for each of its files. Raises OSError if it is out of reach.
    """
    used = sum(_allocated(entry) for entry in _entries(root))
    there = next(path for path in (root, *root.parents) if path.exists())
    return DiskSpace(used, shutil.disk_usage(there).free, int(limit_gb * 1e9))


def _entries(directory: str | Path) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _entries(entry.path)
                else:
                    yield entry
    except FileNotFoundError:
        return  # removed meanwhile


def _allocated(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * _BLOCK
    except FileNotFoundError:
        return 0


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 / 10 else f"{count / 1e6:.1f} MB"
