"""Files that readers find whole or not at all, and that only their user can read."""

import os
import time
from contextlib import suppress
from pathlib import Path

from iai.config.layout import private


def replace(path: Path, data: bytes, mode: int = 0o600, *, lasting: bool = True) -> None:
    """Put `data` in the place of whatever `path` holds, in one step.

    What is `lasting` is on the disk then. Raises OSError; then the old content is still there.
    """
    private(path.parent)
    aside = path.with_name(f".{path.name[:200]}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            # By our clock, not by that of a file server: whoever asks for its age uses ours, too.
            now = time.time_ns()
            os.utime(descriptor, ns=(now, now))
            if lasting:
                os.fsync(descriptor)
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def link(path: Path, target: Path) -> None:
    """Make `path` a symbolic link to `target`, in one step. Does nothing if it already is."""
    wanted = os.path.relpath(target, path.parent)
    with suppress(OSError):
        if str(path.readlink()) == wanted:
            return
    private(path.parent)
    aside = path.with_name(f".{os.getpid()}.tmp")
    with suppress(FileNotFoundError):
        aside.unlink()
    aside.symlink_to(wanted)
    aside.replace(path)


def remove(path: Path) -> None:
    """Delete a file or link, if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()
