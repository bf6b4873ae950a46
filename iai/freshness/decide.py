"""Whether to write the payload now: one pure function, and the whole of the refresh contract.

The order of the gates is the order of the lines in `decide`.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

from iai.messages import Reason
from iai.store.records import Watermark

FIRST_BACKOFF_S = 1.0  # after the first attempt that came to nothing
LONGEST_BACKOFF_S = 600.0

Graph: TypeAlias = Literal["warm", "cold", "cold_too_long"]


class Attempt(Struct, frozen=True):
    """The last time a write was tried."""

    at_s: float  # when it began, on the monotonic clock
    failures: int  # attempts in a row that came to nothing, this one included; 0: it succeeded
    reason: Reason | None = None  # why it came to nothing, where it was held back, not broken
    seen: Watermark = Watermark()  # what it was about


class Situation(Struct, frozen=True, kw_only=True):
    """All that the decision depends on."""

    now_s: float  # monotonic clock
    min_interval_s: float
    live: Watermark | None  # None: the records could not be looked at
    claimed: Watermark | None  # what the sidecar says; None: it is absent or cannot be read
    cache_present: bool  # there is a payload that the hook would print
    graph: Graph
    force: bool = False
    last: Attempt | None = None


class Write(Struct, frozen=True):
    """Write it, for this reason."""

    reason: Reason
    with_graph: bool


class Hold(Struct, frozen=True):
    """Do not write it, for this reason. `until_s` is when to look again, if time alone helps."""

    reason: Reason
    wanted: Reason | None = None  # why it would have been written
    until_s: float | None = None


Decision: TypeAlias = Write | Hold


def decide(at: Situation) -> Decision:
    """Decide whether the payload is to be written now."""
    if at.live is None:
        return Hold(Reason.PROBE_FAILED)
    if at.force:
        return Write(Reason.FORCED, with_graph=at.graph == "warm")
    wanted = _wanted(at)
    if wanted is None:
        return Hold(Reason.NO_NEW_RECORDS)
    if not at.live.records_count and not at.cache_present:
        return Hold(Reason.EMPTY_RENDER, wanted)
    until = _held_until(at, wanted)
    if until > at.now_s:
        held = at.last.reason if at.last else None
        return Hold(held or Reason.MIN_INTERVAL_NOT_ELAPSED, wanted, until)
    if at.graph == "cold":
        return Hold(Reason.RUNTIME_GRAPH_CACHE_COLD, wanted)
    return Write(wanted, with_graph=at.graph == "warm")


def backoff_s(failures: int) -> float:
    """Seconds to wait after so many attempts in a row that came to nothing."""
    return min(FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 32), LONGEST_BACKOFF_S)


def _wanted(at: Situation) -> Reason | None:
    if not at.cache_present:
        return Reason.CACHE_ABSENT
    if at.claimed is None:
        return Reason.META_ABSENT
    return Reason.WATERMARK_CHANGED if at.claimed != at.live else None


def _held_until(at: Situation, wanted: Reason) -> float:
    """When the last attempt lets the next one begin."""
    last = at.last
    if last is None:
        return at.now_s
    if last.failures == 0:
        # A payload that is gone is written again at once: the interval spares work, not the reader.
        return at.now_s if wanted is Reason.CACHE_ABSENT else last.at_s + at.min_interval_s
    if last.reason is Reason.EMPTY_RENDER and last.seen != at.live:
        return at.now_s  # there is something new: it may not be empty any more
    if last.reason is Reason.RUNTIME_GRAPH_CACHE_COLD and at.graph != "cold":
        return at.now_s  # it was the graph that held it back, and it does no more
    return last.at_s + backoff_s(last.failures)
