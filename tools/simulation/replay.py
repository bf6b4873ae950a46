"""What a scenario would take from the machine that it runs on, bound to its seed instead.

So the same seed gives the same outcome, however busy the machine is: its directory, of which there
are hashes in names and keys; the clock that ends a slice of a copy; the page faults after which a
file is opened again; the time at which a file was changed; the random bytes of a team's keys.
"""

import fcntl
import itertools
import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from iai.config.layout import private
from iai.ingest import transcripts
from iai.ingest.transcripts import Status
from iai.store import connection, copying

MEMORY = Path("/dev/shm")  # noqa: S108  where there is one: no disk is slower for being real
LOOK_S = 0.001  # that passes between two looks at the clock


@contextmanager
def bound(seed: int) -> Iterator[Path]:
    """Bind it, and yield an empty directory; wait for another process with the same seed."""
    looks, faults = itertools.count(), itertools.count()
    clock = SimpleNamespace(monotonic=lambda: next(looks) * LOOK_S)
    chance = random.Random(f"machine {seed}")  # noqa: S311
    with (
        patch.object(copying, "time", clock),
        patch.object(connection, "page_faults", lambda: next(faults)),
        patch.object(transcripts, "status", _status),
        patch.object(secrets, "token_bytes", chance.randbytes),
        _directory(seed) as directory,
    ):
        yield directory


def write(path: Path, text: str, wall: int) -> None:
    """Append to a file at a simulated time."""
    with path.open("a") as file:
        file.write(text)
    os.utime(path, ns=(wall, wall))


_real_status = transcripts.status


def _status(path: str) -> Status:
    """Return the status of a transcript, changed when its host wrote it."""
    return _real_status(path)._replace(changed_at=transcripts.written_at(path))


@contextmanager
def _directory(seed: int) -> Iterator[Path]:
    memory = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
    root = memory / f"iai-simulated-{os.getuid()}"
    private(root)
    with (root / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX, 1, seed)
        directory = root / str(seed)
        shutil.rmtree(directory, ignore_errors=True)  # of a process that was killed
        directory.mkdir()
        try:
            yield directory
        finally:
            shutil.rmtree(directory)
