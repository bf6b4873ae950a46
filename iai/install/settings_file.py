"""A host's settings file, which is the user's: read, backed up, replaced in one step.

A symbolic link, as repositories of dotfiles have it, is followed and never replaced. The lock is on
the directory: nothing of ours is left lying there.
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

_NEW = 0o600  # settings hold keys
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)  # of a directory on NFS, say
_PATIENCE_S, _LOOK_AGAIN_S = 10.0, 0.02


class SettingsFault(IaiError):
    """A settings file that cannot be read, changed or understood. It is as it was."""


class SettingsFile:
    """One file. `path` is where the host looks for it, `target` where it lies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.target = Path(os.path.realpath(path))

    def read(self) -> bytes | None:
        """Return what it holds; None if there is none. Raises SettingsFault."""
        try:
            return self.target.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsFault(f"{self.path} cannot be read: {error.strerror}") from error

    def write(self, data: bytes | None, expected: bytes | None) -> bool:
        """Replace it whole, or delete it; False if it does not hold `expected` any more.

        Raises SettingsFault.
        """
        aside = self.target.with_name(f".{self.target.name[:200]}.{os.getpid()}.iai")
        try:
            if data is not None:
                mode = stat.S_IMODE(self.target.stat().st_mode) if expected is not None else _NEW
                _put(aside, data, mode)
            if self.read() != expected:  # the host writes it, too
                return False
            if data is None:
                self.target.unlink()
            else:
                aside.replace(self.target)
        except OSError as error:
            raise SettingsFault(f"{self.path} cannot be changed: {error.strerror}") from error
        finally:
            with suppress(OSError):
                aside.unlink()
        return True

    def back_up(self, data: bytes, wall: int) -> Path:
        """Put a copy beside it, and return where. Raises SettingsFault."""
        moment = clock.iso(wall).replace("-", "").replace(":", "")
        path = self.path.with_name(f"{self.path.name}.iai-backup-{moment}")
        for number in range(1, 100):
            try:
                _put(path, data, stat.S_IMODE(self.target.stat().st_mode))
            except FileExistsError:
                path = path.with_name(f"{self.path.name}.iai-backup-{moment}-{number}")
            except OSError as error:
                raise SettingsFault(
                    f"{self.path} is left as it is: no backup beside it: {error.strerror}"
                ) from error
            else:
                return path
        raise SettingsFault(f"{self.path} is left as it is: too many backups beside it")

    @contextmanager
    def locked(self) -> Iterator[list[Path]]:
        """Keep other installers out; yield the directories that had to be made, innermost first.

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
            raise SettingsFault(f"{self.path} cannot be used: {error.strerror}") from error
        try:
            for left in self.target.parent.glob(f".{self.target.name[:200]}.*.iai"):
                left.unlink(missing_ok=True)  # by one that was killed
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
                return  # the comparison before the replacement has to do
            else:
                return


def _put(path: Path, data: bytes, mode: int) -> None:
    """Write a new file, durably. Raises OSError; FileExistsError if there is one."""
    with path.open("xb") as file:
        try:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise
