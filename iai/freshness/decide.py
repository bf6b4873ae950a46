"""Whether to write the payload now: one pure function, and the whole of the refresh contract.

The first matching row decides. A test checks `decide` against this table in every combination, and
`iai help freshness` shows it. A refresh skipped in a later row is still *wanted*, for the reason of
the row that would have written it.

| records | forced | payload | sidecar | last attempt | graph | decision | reason |
| --- | --- | --- | --- | --- | --- | --- | --- |
| unreadable | | | | | | skip | `probe_failed` |
| | yes | | | | | write | `forced` |
| | | present | equal | | | skip | `no_new_records` |
| none | | absent | | | | skip | `empty_render` |
| | | | | unsuccessful | | skip | that attempt's, or `min_interval_not_elapsed` |
| | | present | | within the interval | | skip | `min_interval_not_elapsed` |
| | | | | | cold | skip | `runtime_graph_cache_cold` |
| | | absent | | | | write | `cache_absent` |
| | | present | absent | | | write | `meta_absent` |
| | | present | different | | | write | `watermark_changed` |

forced: by the request, or because the trigger is `sleep_pipeline`. payload: present if a hook would
print it. sidecar: absent if it cannot be read; equal if the records, the graph and the program are
still those it names. last attempt: an unsuccessful one counts until its back-off ends or its cause
is gone; a successful one, until the minimum interval ends. graph: one that stays cold past a bound
is left out of the payload and holds nothing back.
"""

from typing import TypeAlias

from msgspec import Struct, structs

from iai.freshness.inputs import LEFT_OUT, InputVersion, RefreshInputs
from iai.model.record import Watermark
from iai.protocol.cache_writer import Reason

FIRST_BACKOFF_S = 1.0  # after the first unsuccessful attempt
LONGEST_BACKOFF_S = 600.0


class Write(Struct, frozen=True):
    """Write the payload, for this reason."""

    reason: Reason
    with_graph: bool


class Skipped(Struct, frozen=True):
    """Do not write the payload, for this reason."""

    reason: Reason
    wanted: Reason | None = None  # why it would have been written
    until_s: float | None = None  # when to decide again; None if time alone changes nothing


Decision: TypeAlias = Write | Skipped


def decide(inputs: RefreshInputs) -> Decision:
    """Decide whether to write the payload now."""
    if inputs.live is None:
        return Skipped(Reason.PROBE_FAILED)
    if inputs.force or inputs.trigger == "sleep_pipeline":
        return Write(Reason.FORCED, with_graph=inputs.graph == "warm")
    wanted = _wanted(inputs, inputs.live)
    if wanted is None:
        return Skipped(Reason.NO_NEW_RECORDS)
    if not inputs.live.watermark.records_count and not inputs.cache_present:
        return Skipped(Reason.EMPTY_RENDER, wanted)
    until = _held_until(inputs, inputs.live.watermark, wanted)
    if until > inputs.now_s:
        held = inputs.last.reason if inputs.last else None
        return Skipped(held or Reason.MIN_INTERVAL_NOT_ELAPSED, wanted, until)
    if inputs.graph == "cold":
        return Skipped(Reason.RUNTIME_GRAPH_CACHE_COLD, wanted)
    return Write(wanted, with_graph=inputs.graph == "warm")


def backoff_s(failures: int) -> float:
    """Seconds to wait after this many consecutive unsuccessful attempts."""
    return min(FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 32), LONGEST_BACKOFF_S)


def _wanted(inputs: RefreshInputs, live: InputVersion) -> Reason | None:
    if not inputs.cache_present:
        return Reason.CACHE_ABSENT
    if inputs.claimed is None:
        return Reason.META_ABSENT
    # A graph that is not ready has nothing to add, so it does not make a payload stale.
    graph = inputs.claimed.graph if live.graph == LEFT_OUT else live.graph
    changed = inputs.claimed != structs.replace(live, graph=graph)
    return Reason.WATERMARK_CHANGED if changed else None


def _held_until(inputs: RefreshInputs, live: Watermark, wanted: Reason) -> float:
    """When the last attempt lets the next one begin."""
    last = inputs.last
    if last is None:
        return inputs.now_s
    if last.failures == 0:
        # The interval saves work; it never keeps a missing payload missing.
        absent = wanted is Reason.CACHE_ABSENT
        return inputs.now_s if absent else last.at_s + inputs.min_interval_s
    if last.reason is Reason.EMPTY_RENDER and last.watermark != live:
        return inputs.now_s  # the records changed, so there may be something to render
    if last.reason is Reason.RUNTIME_GRAPH_CACHE_COLD and inputs.graph != "cold":
        return inputs.now_s
    return last.at_s + backoff_s(last.failures)
