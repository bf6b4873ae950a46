"""Skipped refreshes as events: the first of a kind at once, its repeats as one event with a count.

A refresh that had nothing to do, or came too soon, is only counted. Writing each one would add some
2,880 empty lines a day to the ledger.
"""

from msgspec import structs

from iai.protocol.cache_writer import CacheWriteSkipped, Reason

REPORT_S = 3_600.0  # how long repeats are collected before they are reported

_NO_OPS = frozenset({Reason.NO_NEW_RECORDS, Reason.MIN_INTERVAL_NOT_ELAPSED})

_Kind = tuple[str, Reason, Reason | None]


class Skips:
    """Collects repeats. `now_s` is the monotonic clock."""

    def __init__(self) -> None:
        self._first: dict[_Kind, float] = {}
        self._repeats: dict[_Kind, CacheWriteSkipped] = {}

    def add(self, event: CacheWriteSkipped, now_s: float) -> list[CacheWriteSkipped]:
        """Add one skip; return the events to report now."""
        kind = (event.trigger, event.reason, event.wanted)
        if kind not in self._first:
            self._first[kind] = now_s
            if not (event.reason in _NO_OPS and event.trigger != "manual"):
                return [event]
        before = self._repeats.get(kind)
        count = (before.count if before else 0) + 1
        span_s = round(now_s - self._first[kind], 3)
        self._repeats[kind] = structs.replace(event, count=count, span_s=span_s)
        return []

    def drain(self, now_s: float, *, force: bool = False) -> list[CacheWriteSkipped]:
        """Remove and return the repeats that are due; with `force`, all of them."""
        due = [k for k, first in self._first.items() if force or now_s - first >= REPORT_S]
        for kind in due:
            del self._first[kind]
        return [self._repeats.pop(kind) for kind in due if kind in self._repeats]
