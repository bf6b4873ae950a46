"""Whether all that is in a store belongs to its user alone; checked whenever the group starts.

And whether that user can read it: a copy may have lost that.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from iai.errors import StoreError

_TODO = "replace it with what it points to, or move the whole store and set IAI_MCP_STORE"
_OTHERS = 0o077  # permissions of the group and of all others


def secure(root: Path) -> None:
    """Take others' permissions from everything in a store.

    Raises StoreError if there is anything in it that is not for us to change: see `unsafe`.
    """
    for path, why in unsafe(root):
        raise StoreError(f"{path} {why}")
    for path in closed(root):
        raise StoreError(f"{path} is closed to yourself; `iai doctor --fix` opens it")
    for path in exposed(root):
        with suppress(OSError):
            path.chmod(path.lstat().st_mode & 0o700)


def unsafe(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield what must not be in a store, and why not.

    That is what others own, links that lead out of the store, and pipes and devices, at which a
    reader could wait for ever.
    """
    inside = os.path.realpath(root)
    for path, status in _below(root):
        if status.st_uid != os.getuid():
            todo = "chown it to yourself if it is yours, else move it away"
            yield path, f"belongs to another user (uid {status.st_uid}); {todo}"
        elif stat.S_ISLNK(status.st_mode):
            target = os.path.realpath(path)
            if not f"{target}/".startswith(f"{inside}/"):
                yield path, f"is a symbolic link that leads out of the store, to {target}; {_TODO}"
        elif not (
            stat.S_ISREG(status.st_mode)
            or stat.S_ISDIR(status.st_mode)
            or path.parent == root / "run"  # sockets, and the pipe that wakes ingest
        ):
            yield path, "is a pipe, a socket or a device that iai did not create; delete it"


def closed(root: Path) -> Iterator[Path]:
    """Yield the directories and files in a store that its user has no right to read.

    What is in a directory follows it, once it was opened.
    """
    for path, status in _below(root):
        wanted = 0o500 if stat.S_ISDIR(status.st_mode) else 0o400
        if status.st_mode & wanted != wanted and not stat.S_ISLNK(status.st_mode):
            yield path


def open_up(root: Path) -> None:
    """Give the user the right to read and write all that is closed to him in his store."""
    for path in closed(root):
        with suppress(OSError):
            mode = path.stat().st_mode
            path.chmod(mode | (0o700 if stat.S_ISDIR(mode) else 0o600))


def exposed(root: Path) -> list[Path]:
    """Return the paths in a store that other users can read or enter."""
    return [
        path
        for path, status in _below(root)
        if status.st_mode & _OTHERS and not stat.S_ISLNK(status.st_mode)
    ]


def _below(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield a store and all below it, following no link. What vanishes meanwhile is left out."""
    with suppress(OSError):
        yield root, root.stat()
    left = [str(root)]
    while left:
        with suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), status
                    if stat.S_ISDIR(status.st_mode):
                        left.append(entry.path)
