"""The ledger: the events that are kept, as JSON lines, one file per actor and UTC day.

A failed write never stops the work that it reports; a reader skips what it cannot read.
"""

import errno
import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from iai.config.layout import private
from iai.errors import StoreError
from iai.model import clock
from iai.protocol.cache_writer import CacheWriteFailed
from iai.protocol.message import Actor, Message
from iai.protocol.wire import kind

log = logging.getLogger(__name__)

LARGEST_FILE = 64 << 20  # bytes of one actor's events of a day; what would follow is lost
LONGEST_LINE = 1 << 20  # bytes; a longer line is none of ours


class Ledger:
    """The files of one actor, written by its process only."""

    def __init__(self, directory: Path, actor: Actor, keep_days: int) -> None:
        self._directory = directory
        self._actor = actor
        self._keep_days = keep_days
        self._day = ""
        self.lost = 0  # events that could not be written

    def write(self, event: Message, wall: int) -> None:
        """Append one event that happened at `wall`, UTC nanoseconds. Never raises."""
        fields: dict[str, Any] = msgspec.to_builtins(event)
        severity = "warning" if isinstance(event, CacheWriteFailed) else "info"
        head = {"at": clock.iso(wall), "at_ns": wall, "by": self._actor, "severity": severity}
        line = json.dumps({**head, "kind": kind(event), **fields}, ensure_ascii=False)
        day = clock.iso(wall)[:10]
        if not self._directory.parent.exists():  # a store that was deleted is not created again
            return
        try:
            private(self._directory)
            self._append(self._directory / f"{day}.{self._actor}.jsonl", line)
        except (OSError, StoreError) as error:
            self.lost += 1
            log.warning("the ledger lost an event (%d so far): %s: %s", self.lost, error, line)
        if day != self._day:
            self._day = day
            self._drop_old(day)

    def _append(self, path: Path, line: str) -> None:
        data = line.encode("utf-8", "replace") + b"\n"
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size >= LARGEST_FILE:
                raise OSError(errno.EFBIG, "it has reached its limit for a day", str(path))
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                data = b"\n" + data  # a line that a full disk or a crash cut off spoils no other
            if os.write(descriptor, data) < len(data):
                raise OSError(errno.ENOSPC, "only a part of it was written", str(path))
        finally:
            os.close(descriptor)

    def _drop_old(self, day: str) -> None:
        oldest = (date.fromisoformat(day) - timedelta(days=self._keep_days)).isoformat()
        for path in self._directory.glob(f"????-??-??.{self._actor}.jsonl"):
            if path.name[:10] < oldest:
                with suppress(OSError):
                    path.unlink()


class Reader:
    """Reads the events of all actors: on each call those since the last."""

    def __init__(self, directory: Path, since: int = 0, by: str = "*") -> None:
        """`since` is in UTC nanoseconds; only events `by` this actor, or `hook`, are read."""
        self._directory = directory
        self._since = since
        self._files = f"????-??-??.{by}.jsonl"
        self._read: dict[Path, int] = {}  # bytes read so far

    def new(self) -> list[dict[str, Any]]:
        """Return the events not returned before, ordered by time."""
        first_day = clock.iso(max(self._since, 0))[:10]
        events: list[dict[str, Any]] = []
        for path in sorted(self._directory.glob(self._files)):
            # Only files: reading a device or a pipe might never end.
            if path.name[:10] >= first_day and path.is_file():
                with suppress(OSError):
                    events += self._events(path)
        return sorted(events, key=lambda event: event["at_ns"])

    def _events(self, path: Path) -> Iterator[dict[str, Any]]:
        with path.open("rb") as file:
            start = self._read.get(path, 0)
            if start <= os.fstat(file.fileno()).st_size:  # else it is another file of that name
                file.seek(start)
            while line := file.readline(LONGEST_LINE):
                event = _event(line)
                if event is None and not line.endswith(b"\n") and len(line) < LONGEST_LINE:
                    break  # still being written
                self._read[path] = file.tell()
                if event is not None and event["at_ns"] >= self._since:
                    yield event


def read(directory: Path, since: int = 0, by: str = "*") -> list[dict[str, Any]]:
    """Return the events since `since`, UTC nanoseconds, ordered by time; `by` as in `Reader`."""
    return Reader(directory, since, by).new()


def _event(line: bytes) -> dict[str, Any] | None:
    """Return the event in a line, or None. A crash may leave NULs before a line."""
    try:
        event = msgspec.json.decode(line.strip(b"\0 \t\r\n"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(event, dict) or type(event.get("at_ns")) is not int:
        return None
    return event if isinstance(event.get("kind"), str) else None
