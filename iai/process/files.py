"""Files that are written in one step, so that readers never see half of one. Mode 0600."""

import os
import time
from contextlib import suppress
from pathlib import Path

from iai.config.layout import private

_ASIDE = ".tmp"


def replace(path: Path, data: bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    """Replace the content of `path`, by renaming a temporary file over it.

    `durable`: fsync, to survive power loss. Raises OSError and leaves the old content in place.
    """
    private(path.parent)
    aside = path.with_name(f".{path.name[:200]}.{os.getpid()}{_ASIDE}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            # Our clock, not a file server's: readers compute the age of the file by ours.
            now = time.time_ns()
            os.utime(descriptor, ns=(now, now))
            if durable:
                os.fsync(descriptor)
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def link(path: Path, target: Path) -> None:
    """Make `path` a relative symbolic link to `target`, in one step. Raises OSError."""
    wanted = os.path.relpath(target, path.parent)
    with suppress(OSError):
        if str(path.readlink()) == wanted:
            return
    private(path.parent)
    aside = path.with_name(f".{os.getpid()}{_ASIDE}")
    with suppress(FileNotFoundError):
        aside.unlink()
    aside.symlink_to(wanted)
    aside.replace(path)


def remove(path: Path) -> None:
    """Delete a file or link; does nothing if there is none. Raises OSError."""
    with suppress(FileNotFoundError):
        path.unlink()


def remove_unfinished(directory: Path) -> None:
    """Delete what processes that are gone have left of files that they were replacing."""
    for aside in directory.glob(f".*{_ASIDE}"):
        pid = aside.name.removesuffix(_ASIDE).rpartition(".")[2]
        if pid.isdecimal() and not _alive(int(pid)):
            with suppress(OSError):
                aside.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
