"""The ledger: what happened, one JSON object a line, one file for each actor and UTC day.

Writing it never stops the work that it tells of; reading it passes over what it cannot read.
"""

import json
import logging
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from iai import clock
from iai.messages import Actor, CacheWriteFailed, Message
from iai.wire import kind

log = logging.getLogger(__name__)


class Ledger:
    """The files of one actor, which only that actor writes."""

    def __init__(self, directory: Path, actor: Actor, keep_days: int) -> None:
        self._directory = directory
        self._actor = actor
        self._keep_days = keep_days
        self._day = ""
        self.lost = 0  # events that could not be written

    def write(self, event: Message, wall: int) -> None:
        """Append one event. Never raises: a full disk must not stop the actor."""
        fields: dict[str, Any] = msgspec.to_builtins(event)
        severity = "warning" if isinstance(event, CacheWriteFailed) else "info"
        head = {"at": clock.iso(wall), "at_ns": wall, "by": self._actor, "severity": severity}
        line = json.dumps({**head, "kind": kind(event), **fields}, ensure_ascii=False)
        try:
            day = clock.iso(wall)[:10]
            if day != self._day:
                self._day = day
                self._drop_old(day)
            self._append(self._directory / f"{day}.{self._actor}.jsonl", line)
        except OSError as error:
            self.lost += 1
            log.warning("the ledger lost an event (%d so far): %s", self.lost, error)

    def _append(self, path: Path, line: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, (line + "\n").encode("utf-8", "replace"))
        finally:
            os.close(descriptor)

    def _drop_old(self, day: str) -> None:
        oldest = (date.fromisoformat(day) - timedelta(days=self._keep_days)).isoformat()
        for path in self._directory.glob(f"????-??-??.{self._actor}.jsonl"):
            if path.name[:10] < oldest:
                path.unlink(missing_ok=True)


def read(directory: Path, since: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the events of all actors since a wall time, in the order in which they happened."""
    first_day = clock.iso(max(since, 0))[:10]
    events: list[dict[str, Any]] = []
    for path in sorted(directory.glob("????-??-??.*.jsonl")):
        if path.name[:10] >= first_day:
            events += [event for event in _events(path) if event["at_ns"] >= since]
    yield from sorted(events, key=lambda event: event["at_ns"])


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(event, dict) and isinstance(event.get("at_ns"), int):
            yield event
