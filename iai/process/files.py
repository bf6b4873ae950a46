"""Files that are written in one step, and files that anybody may have named, read with care.

Names that are used once are text here: pathlib would intern each (see `iai.config.layout`).
"""
# ruff: noqa: PTH105, PTH108, PTH115, PTH211

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from iai.config.layout import private

LONGEST = 8 << 20  # bytes of a file that is appended to, as the session-start hook has it
_ASIDE = ".tmp"


def replace(path: Path, data: bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    """Replace the content of `path`, by renaming a temporary file over it. Mode 0600.

    `durable`: fsync, to survive power loss. Raises OSError and leaves the old content in place.
    """
    private(path.parent)
    aside = f"{path.parent}/.{path.name[:200]}.{os.getpid()}{_ASIDE}"
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
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise


def sync(path: Path) -> None:
    """Make a file, or the names in a directory, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link(path: Path, target: Path) -> None:
    """Make `path` a relative symbolic link to `target`, in one step. Raises OSError."""
    wanted = os.path.relpath(target, path.parent)
    with suppress(OSError):
        if os.readlink(path) == wanted:
            return
    private(path.parent)
    aside = f"{path.parent}/.{os.getpid()}{_ASIDE}"
    with suppress(FileNotFoundError):
        os.unlink(aside)
    os.symlink(wanted, aside)
    os.replace(aside, path)


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


def open_regular(path: str | Path, *, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading. A pipe, a device or a socket is refused, not waited for.

    `follow`: may the last part of the path be a symbolic link? Raises OSError.
    """
    try:
        status = os.stat(path, follow_symlinks=follow)  # noqa: PTH116  with pathlib half as fast
        _refuse_special(status, path)  # opening a device can do harm
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, "not the name of a file", str(path)) from error
    try:
        _refuse_special(os.fstat(descriptor), path)  # it may have been replaced in between
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | Path, longest: int, *, follow: bool = True) -> bytes:
    """Return at most the first `longest` bytes of a regular file. Raises OSError."""
    with open_regular(path, follow=follow) as file:
        return file.read(longest)


def append(path: Path, data: bytes) -> None:
    """Append to a regular file, in one write; create it with mode 0600. Raises OSError.

    Also if the file would become longer than `LONGEST`.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        status = os.fstat(descriptor)
        _refuse_special(status, path)
        if status.st_size + len(data) > LONGEST:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


def _refuse_special(status: os.stat_result, path: str | Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
