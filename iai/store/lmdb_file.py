"""One LMDB file on disk: claimed by its one writer, opened, and checked before it is read.

LMDB's errors become ours here.
"""

import errno
import fcntl
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
from lmdb.verify import VerifyError, verify

from iai.config.layout import private
from iai.errors import StoreAbsent, StoreBusy, StoreCorrupt, StoreWriteFailed
from iai.store.copying import MOST_DATABASES

LARGEST_WALK = 512 << 20  # bytes of a file that is verified page by page: some 6 s
_QUICK = 16 << 20  # bytes of a file that a reader verifies for the lack of one page: some 0.2 s
_SCARCE = 1 << 20  # bytes that are free on a disk that counts as full
_GIVEN_BACK = 1 << 20  # bytes that a sound file may lack
MAX_READERS = 1_024  # a hundred sessions may start at once, each a reader
_SLOT = 64  # bytes of a lock file for each reader, and for its head
DAMAGE = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
)


def claim(path: Path) -> int:
    """Become the only writer of this environment while the returned file stays open."""
    private(path)
    descriptor = os.open(path / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreBusy(f"another process writes {path}") from None
    return descriptor


def open_file(path: Path, map_size: int, *, writer: bool, derived: bool) -> lmdb.Environment:
    if not writer and not (path / "data.mdb").exists():
        raise StoreAbsent(path)
    with translated(path):
        if writer:
            _reserve_lock_file(path / "lock.mdb")
        # A reader registers in the lock file, so that the writer spares the pages it sees. If that
        # file is not writable (a read-only home), there is no writer either.
        lock = writer or os.access(path / "lock.mdb", os.W_OK)
        return lmdb.open(
            str(path),
            map_size=map_size if writer else 0,
            # A power cut may undo the last change of derived data, which is then derived again. So
            # each commit waits for the disk once instead of twice.
            metasync=not derived,
            max_dbs=MOST_DATABASES,
            readonly=not writer,
            create=writer,
            mode=0o600,
            max_readers=MAX_READERS,
            lock=lock,
            readahead=False,  # lookups are scattered; read-ahead would load whole extents
        )


def _reserve_lock_file(file: Path) -> None:
    """Have all of the lock file on disk: to touch a hole in it on a full disk is a SIGBUS.

    Raises StoreWriteFailed if there is no room for it.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, (MAX_READERS + 2) * _SLOT)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreWriteFailed(f"{file}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _full(path: Path) -> bool:
    """Is the disk full? LMDB calls a write that was cut short an I/O error."""
    try:
        return shutil.disk_usage(path).free < _SCARCE
    except OSError:
        return False


def damaged(error: lmdb.Error, path: Path) -> StoreCorrupt:
    """Return what to raise for one of the errors in DAMAGE."""
    return StoreCorrupt(str(error).removeprefix(f"{path}: "), path)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Translate LMDB's errors into ours, but for MapFull and MapResized, handled in this module."""
    try:
        yield
    except (lmdb.MapFullError, lmdb.MapResizedError):
        raise
    except DAMAGE as error:
        raise damaged(error, path) from error
    except StoreCorrupt as error:  # a value that cannot be read
        if error.path is not None:
            raise
        raise StoreCorrupt(str(error), path) from error
    except lmdb.ReadersFullError as error:
        raise StoreWriteFailed(f"{path}: {MAX_READERS} read it at once; try again") from error
    except lmdb.Error as error:
        said = str(error).removeprefix(f"{path}: ")
        if _full(path):
            raise StoreWriteFailed(f"{path}: the disk is full ({said}): free some space") from error
        raise StoreWriteFailed(f"{path}: {said}; check the disk") from error


def check_length(env: lmdb.Environment, path: Path, *, writer: bool) -> None:
    """Reject a truncated file: reading beyond its end would kill the process (SIGBUS).

    A sound file may lack its last pages: LMDB never writes a page that the same transaction took
    and gave back. The writer verifies all pages to tell the two apart, since nothing changes the
    file meanwhile, and then extends the file, since verifying misses the end of a long value.
    Readers verify them if that is quick, or more is missing than a transaction gives back.
    """
    needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    size = (path / "data.mdb").stat().st_size
    if size >= needed:
        return
    if size < needed // 4:
        raise StoreCorrupt(f"data.mdb has {size} bytes of {needed}", path)
    if writer:
        check(path)
        os.truncate(path / "data.mdb", needed)
    elif size < _QUICK or needed - size > _GIVEN_BACK:
        before = env.info()["last_txnid"]
        damaged = size < LARGEST_WALK and page_problems(path)
        if damaged and env.info()["last_txnid"] == before:  # else the writer changed it meanwhile
            raise StoreCorrupt(f"data.mdb has {size} bytes of {needed}", path)


def check(path: Path | None) -> None:
    """Verify all pages of an environment that no process has open.

    Raises StoreCorrupt if it is damaged. A missing file counts as intact; a huge one is not
    checked.
    """
    file = path / "data.mdb" if path is not None else None
    if file is None or not file.exists() or file.stat().st_size > LARGEST_WALK:
        return
    if problems := page_problems(file.parent):
        raise StoreCorrupt(problems[0], path)


def page_problems(path: Path) -> list[str]:
    try:
        return list(verify(str(path)))  # type: ignore[no-untyped-call]
    except VerifyError as error:
        return [str(error)]


def inode(path: Path) -> int:
    try:
        return (path / "data.mdb").stat().st_ino
    except OSError:
        return 0


def page_faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
