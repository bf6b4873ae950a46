"""A host's settings file: read, backed up, and replaced atomically. It belongs to the user.

Symbolic links, as used by dotfile repositories, are followed and never replaced. The lock is on the
directory, so that no lock file is left behind.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from iai.errors import IaiError
from iai.model import clock
from iai.process.files import open_regular

_NEW = 0o600  # settings hold keys
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)  # of a directory on NFS, say
_PATIENCE_S, _LOOK_AGAIN_S = 10.0, 0.02


class SettingsFault(IaiError):
    """A settings file can't be read, understood or changed. It is left as it was."""


class SettingsFile:
    """One file. `path` is where the host looks for it, `target` what that resolves to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.target = Path(os.path.realpath(path))

    def read(self) -> bytes | None:
        """Return its contents; None if it doesn't exist. Raises SettingsFault."""
        try:
            with open_regular(self.target) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsFault(f"cannot read {self.path}: {error.strerror}") from error

    def write(self, data: bytes | None, expected: bytes | None) -> bool:
        """Replace it, or delete it if `data` is None; False if it no longer holds `expected`.

        Raises SettingsFault.
        """
        aside = self.target.with_name(f".{self.target.name[:200]}.{os.getpid()}.iai")
        try:
            if data is not None:
                mode = stat.S_IMODE(self.target.stat().st_mode) if expected is not None else _NEW
                _put(aside, data, mode)
            if self.read() != expected:  # the host writes to it, too
                return False
            if data is None:
                self.target.unlink()
            else:
                aside.replace(self.target)
        except OSError as error:
            raise SettingsFault(f"cannot change {self.path}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                aside.unlink()
        return True

    def back_up(self, data: bytes, wall: int) -> Path:
        """Write a backup next to it and return its path. Raises SettingsFault."""
        stamp = clock.iso(wall).replace("-", "").replace(":", "")
        path = self.path.with_name(f"{self.path.name}.iai-backup-{stamp}")
        for number in range(1, 100):
            try:
                _put(path, data, stat.S_IMODE(self.target.stat().st_mode))
            except FileExistsError:
                path = path.with_name(f"{self.path.name}.iai-backup-{stamp}-{number}")
            except OSError as error:
                raise SettingsFault(
                    f"{self.path} was not changed: no backup next to it: {error.strerror}"
                ) from error
            else:
                return path
        raise SettingsFault(f"{self.path} was not changed: there are too many backups next to it")

    @contextmanager
    def locked(self) -> Iterator[list[Path]]:
        """Keep other installers out; yield the directories it had to create, innermost first.

        Raises SettingsFault.
        """
        made = [parent for parent in self.target.parents if not parent.exists()]
        descriptor = -1
        try:
            self.target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.target.parent, os.O_RDONLY | os.O_CLOEXEC)
            self._lock(descriptor)
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
            raise SettingsFault(f"cannot use {self.path}: {error.strerror}") from error
        try:
            for left in self.target.parent.glob(f".{self.target.name[:200]}.*.iai"):
                left.unlink(missing_ok=True)  # by an installer that was killed
            yield made
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_AGAIN_S)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                return  # `write` still compares before it replaces
            else:
                return


def _put(path: Path, data: bytes, mode: int) -> None:
    """Write a new file and sync it. Raises OSError; FileExistsError if the file exists."""
    with path.open("xb") as file:
        try:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise
