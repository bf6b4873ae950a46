"""A small file system of its own for a store, to be filled and made read-only. Needs root."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.group import wait_until


class SmallDisk:
    """A tmpfs at a directory while it is entered; `there` is False where it cannot be had."""

    def __init__(self, directory: Path, megabytes: int) -> None:
        self._directory = directory
        self._ballast = directory / "ballast"
        self._size = megabytes
        self.there = False
        self.has_room = threading.Lock()  # held by who needs that it has

    def __enter__(self) -> Self:
        self._directory.mkdir(mode=0o700, parents=True)
        self.there = os.geteuid() == 0 and _mount(
            "-t", "tmpfs", "-o", f"size={self._size}m,mode=700", "tmpfs", str(self._directory)
        )
        return self

    def __exit__(
        self,
        type_: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.there:
            wait_until(self._unmounted, f"{self._directory} is not in use any more")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave not a byte free meanwhile."""
        with self.has_room:
            self._fill()
            yield
            self._ballast.unlink()

    def _fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass

    def read_only(self, *, on: bool) -> bool:
        """Have every write refused, or not; return whether that could be done."""
        return _mount("-o", f"remount,{'ro' if on else 'rw'}", str(self._directory))

    def _unmounted(self) -> bool:
        return subprocess.run(["umount", str(self._directory)], check=False).returncode == 0  # noqa: S607


def _mount(*arguments: str) -> bool:
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)  # noqa: S607
    return done.returncode == 0
