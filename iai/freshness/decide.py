"""Whether to write the payload now: one pure function, and the whole of the refresh contract.

The first row that fits decides. A test holds `decide` to this table in every combination, and the
README shows it. What is skipped in one of the later rows is still *wanted*, for the reason of the
row in which it would have been written.

| records | forced | payload | sidecar | last attempt | graph | decision | reason |
| --- | --- | --- | --- | --- | --- | --- | --- |
| unreadable | | | | | | skip | `probe_failed` |
| | yes | | | | | write | `forced` |
| | | there | equal | | | skip | `no_new_records` |
| none | | absent | | | | skip | `empty_render` |
| | | | | came to nothing | | skip | that attempt's, or `min_interval_not_elapsed` |
| | | there | | within the interval | | skip | `min_interval_not_elapsed` |
| | | | | | cold | skip | `runtime_graph_cache_cold` |
| | | absent | | | | write | `cache_absent` |
| | | there | absent | | | write | `meta_absent` |
| | | there | moved | | | write | `watermark_changed` |

forced: asked for, or the trigger is `sleep_pipeline`. payload: there, if a hook would print it.
sidecar: absent if it cannot be read; equal if the records, the graph and the program are still
those that it names. last attempt: one that came to nothing counts until its back-off ends, or what
held it back is gone; one that succeeded, until the least interval ends. graph: cold for longer than
a bound, it is left out and holds nothing back.
"""

from typing import Literal, TypeAlias

from msgspec import Struct, structs

from iai.model.record import Watermark
from iai.protocol.cache_writer import Reason, Trigger

FIRST_BACKOFF_S = 1.0  # after the first attempt that came to nothing
LONGEST_BACKOFF_S = 600.0

Graph: TypeAlias = Literal["warm", "cold", "cold_too_long"]
LEFT_OUT = -1


class Basis(Struct, frozen=True):
    """All that a payload is made from. If it is the same, so is the payload."""

    watermark: Watermark
    graph: int = LEFT_OUT  # how often the graph was made again
    program: str = ""  # version and settings that shape the text


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
    live: Basis | None  # None: the records could not be looked at
    claimed: Basis | None  # what the sidecar says; None: it is absent or cannot be read
    cache_present: bool  # there is a payload that the hook would print
    graph: Graph
    trigger: Trigger | None = None  # None: the loop only looked by itself
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
    if at.force or at.trigger == "sleep_pipeline":
        return Write(Reason.FORCED, with_graph=at.graph == "warm")
    wanted = _wanted(at, at.live)
    if wanted is None:
        return Hold(Reason.NO_NEW_RECORDS)
    if not at.live.watermark.records_count and not at.cache_present:
        return Hold(Reason.EMPTY_RENDER, wanted)
    until = _held_until(at, at.live.watermark, wanted)
    if until > at.now_s:
        held = at.last.reason if at.last else None
        return Hold(held or Reason.MIN_INTERVAL_NOT_ELAPSED, wanted, until)
    if at.graph == "cold":
        return Hold(Reason.RUNTIME_GRAPH_CACHE_COLD, wanted)
    return Write(wanted, with_graph=at.graph == "warm")


def backoff_s(failures: int) -> float:
    """Seconds to wait after so many attempts in a row that came to nothing."""
    return min(FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 32), LONGEST_BACKOFF_S)


def _wanted(at: Situation, live: Basis) -> Reason | None:
    if not at.cache_present:
        return Reason.CACHE_ABSENT
    if at.claimed is None:
        return Reason.META_ABSENT
    # A graph that is not ready has nothing to add: it makes no payload old.
    graph = at.claimed.graph if live.graph == LEFT_OUT else live.graph
    moved = at.claimed != structs.replace(live, graph=graph)
    return Reason.WATERMARK_CHANGED if moved else None


def _held_until(at: Situation, live: Watermark, wanted: Reason) -> float:
    """When the last attempt lets the next one begin."""
    last = at.last
    if last is None:
        return at.now_s
    if last.failures == 0:
        # A payload that is gone is written again at once: the interval spares work, not the reader.
        return at.now_s if wanted is Reason.CACHE_ABSENT else last.at_s + at.min_interval_s
    if last.reason is Reason.EMPTY_RENDER and last.seen != live:
        return at.now_s  # there is something new: it may not be empty any more
    if last.reason is Reason.RUNTIME_GRAPH_CACHE_COLD and at.graph != "cold":
        return at.now_s  # it was the graph that held it back, and it does no more
    return last.at_s + backoff_s(last.failures)
