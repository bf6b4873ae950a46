"""The page of now: the stages, the text of the next session, and how fresh it was."""

import time
from collections import deque
from contextlib import suppress
from functools import cached_property
from typing import Any

import msgspec

from iai.admin import freshness, status
from iai.admin.freshness import Freshness
from iai.admin.health import Stage
from iai.admin.status import Memory
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.model.clock import NS
from iai.model.record import Record
from iai.process.build import build
from iai.process.disk_space import DiskSpace
from iai.process.ledger import Reader
from iai.ui import charts
from iai.ui.page_request import Document, PageRequest

EVENTS = 12  # of the event log
RECORDS = 8  # that came last
LOOKED_AT = 64  # labels: some were forgotten
PERIOD_S = 7 * 86_400
RECENT_S = 3_600  # events that are shown
REMEASURED_S = 60.0  # how long a measurement of the past is good enough
MEMORY_S = 20.0  # and one of the memory of a process
_HEAD = ("at", "by", "severity", "kind")  # of an event, with a place of their own
_WATERMARK = (  # what else nobody reads
    "at_ns", "cache_path", "max_vec_label", "max_record_created_at", "max_updated_at",
)  # fmt: skip
STAGES = {
    "records": "what hosts wrote, as read and stored",
    "vectors": "records embedded",
    "graph": "vectors and words indexed, topics found",
    "payload": "the text that the next session starts with",
}


class LiveState:
    """What changes while somebody looks at it. It remembers how far the event log was read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._layout = Layout(settings.store)
        self._log = Reader(self._layout.ledger, time.time_ns() - RECENT_S * NS)
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self._measured: Freshness | None = None
        self._measured_at = 0.0
        self._memory: dict[int, tuple[float, Memory]] = {}  # by process: when it was measured

    @cached_property
    def _build(self) -> str:
        return build()

    def live(self, wall: int) -> Document:
        """Return the state of the group and its stages, and what happened last."""
        document, _ = status.collect(self._settings, self._build, self._memory_of)
        stages = msgspec.convert(document["stages"], dict[str, Stage])
        self._events.extend(self._log.new())
        return {
            "status": document,
            "headline": headline(document),
            "lags": freshness.lags(stages),
            "space": DiskSpace(**document["space"]),
            "stages": STAGES,
            "events": [event_line(event) for event in reversed(self._events)],
            "records": self._latest(),
            "wall": wall,
        }

    def _memory_of(self, pid: int) -> Memory:
        """Return the memory of a process, of some seconds ago: the kernel walks all its pages."""
        at, found = self._memory.get(pid, (-MEMORY_S, (None, None)))
        if (now := time.monotonic()) - at >= MEMORY_S:
            found = status.memory_of(pid)
            self._memory[pid] = now, found
        return found

    def past(self) -> Document:
        """Return the freshness of the last days. It is measured once a minute at most."""
        now = time.monotonic()
        if self._measured is None or now - self._measured_at > REMEASURED_S:
            self._measured = None
            with suppress(StoreError):
                since = time.time_ns() - PERIOD_S * NS
                self._measured = freshness.measure(self._layout, max(1, since))
                self._measured_at = now
        found = self._measured
        if found is None:
            return {"past": None}
        return {
            "past": found,
            "history": charts.history(found),
            "distribution": charts.distribution(found),
        }

    def _latest(self) -> list[Record]:
        """Return the records that came last, the latest first."""
        found: list[Record] = []
        request = PageRequest(self._settings, {}, 0)
        with suppress(StoreError), request.records() as view:
            last = view.watermark().max_vec_label
            for label in range(last, max(0, last - LOOKED_AT), -1):
                record = view.get(label)
                if record is not None and len(found) < RECORDS:
                    found.append(record)
        return found


def headline(document: Document) -> tuple[str, str]:
    """Return the state in one sentence, and how good it is: ok, warn or fail."""
    group, payload = document["group"]["state"], document["payload"]
    if group == "stopped":
        return "iai is not running, so nothing new is stored.", "fail"
    if group != "running":
        return "iai does not answer.", "fail"
    if document["stalled"]:
        return "What is said is no longer recorded.", "fail"
    if payload["behind"] is None:
        return "It is not known how far behind the next session's text is.", "fail"
    if payload["behind"]:
        changes = "1 change" if payload["behind"] == 1 else f"{payload['behind']:,} changes"
        return f"The next session's text lacks {changes}.", "warn"
    if payload["age_s"] is None:
        return "Nothing is stored yet.", "warn"
    return "The next session's text has everything that is stored.", "ok"


def event_line(event: dict[str, Any]) -> Document:
    """Return an event as its time, its kind and the rest of it."""
    rest = ", ".join(
        f"{name} {value}"
        for name, value in event.items()
        if name not in (*_HEAD, *_WATERMARK) and value not in (None, "", False)
    )
    about = {name: str(event.get(name, "")) for name in _HEAD}
    return {**about, "rest": rest}
