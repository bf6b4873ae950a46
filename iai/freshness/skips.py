"""Skipped refreshes as events: the first of a kind at once, its repeats as one event with a count.

A refresh that had nothing to do, or came too soon, is only counted: at every tick it would fill the
ledger with some 2,880 lines a day that say nothing.
"""

from msgspec import structs

from iai.protocol.cache_writer import CacheWriteSkipped, Reason

REPORT_S = 3_600.0  # how long repeats are gathered before they are told

_NO_OPS = frozenset({Reason.NO_NEW_RECORDS, Reason.MIN_INTERVAL_NOT_ELAPSED})

_Kind = tuple[str, Reason, Reason | None]


class Skips:
    """Gathers repeats. `now_s` is the monotonic clock."""

    def __init__(self) -> None:
        self._first: dict[_Kind, float] = {}
        self._events: dict[_Kind, CacheWriteSkipped] = {}  # not yet told

    def add(self, event: CacheWriteSkipped, now_s: float) -> list[CacheWriteSkipped]:
        """Take one skip; return what is to be told now."""
        kind = (event.trigger, event.reason, event.wanted)
        if kind not in self._first:
            self._first[kind] = now_s
            if not (event.reason in _NO_OPS and event.trigger != "manual"):
                return [event]
        before = self._events.get(kind)
        count = (before.count if before else 0) + 1
        span_s = round(now_s - self._first[kind], 3)
        self._events[kind] = structs.replace(event, count=count, span_s=span_s)
        return []

    def told(self, now_s: float, *, everything: bool = False) -> list[CacheWriteSkipped]:
        """Return the gathered repeats that are due, and forget them."""
        due = [k for k, first in self._first.items() if everything or now_s - first >= REPORT_S]
        for kind in due:
            del self._first[kind]
        return [self._events.pop(kind) for kind in due if kind in self._events]
