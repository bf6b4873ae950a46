"""How fresh the session-start text was over a period, and is now: what `iai freshness` reports.

The ledger knows when the payloads were written and up to which revision; the log of the records
knows when each revision was made. So the past is computed, not sampled: one look into the log for
each write.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from iai.admin.health import Stage
from iai.config.layout import Layout
from iai.freshness.lag import Distribution, Gap, gaps, longest_by_bin
from iai.model.clock import NS, iso, parse_iso
from iai.model.revisions import Revisions
from iai.process import ledger
from iai.protocol.cache_writer import CacheWriteSuccess
from iai.protocol.message import Actor
from iai.protocol.wire import kind
from iai.session_start import deliveries
from iai.session_start.deliveries import Delivery
from iai.session_start.payload_files import read_sidecar
from iai.store.record_view import RecordView
from iai.store.records import view_of

LONGER_THAN_S = (0, 1, 10, 60, 300, 3_600, 86_400)
BINS = 168  # of the history: an hour each over a week
INPUT = {"records": "", "vectors": "records", "graph": "vectors", "payload": "records"}
_DAY = 86_400 * NS
_WRITTEN = kind(CacheWriteSuccess)
_NOT_STARTS = ("prompt", "file")  # sources of deliveries in the middle of a session


class Lag(Struct, frozen=True, kw_only=True):
    """How far one stage is behind."""

    local_changes: int  # that its input has and it has not
    local_s: float  # age of the oldest of them
    global_s: float  # age of the oldest change, or unread file, that has not come through here


class Quantiles(Struct, frozen=True, kw_only=True):
    """Of a distribution of times, in seconds."""

    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float


class Bin(Struct, frozen=True, kw_only=True):
    """The longest lag of the payload in one part of the period."""

    at: str  # when it began
    at_ns: int
    longest_s: float


class Behind(Struct, frozen=True, kw_only=True):
    """In which share of the period, 0 to 1, the payload was behind for longer than a time."""

    longer_than_s: float
    share: float


class Starts(Struct, frozen=True, kw_only=True):
    """What sessions were given when they started."""

    count: int
    current: int  # of these, with every change that was stored
    longest_lag_s: float  # the oldest change that one of them lacked


class Freshness(Struct, frozen=True, kw_only=True):
    """The freshness of the payload over a period."""

    since: str
    until: str
    seconds: float
    writes: int  # rewrites of the payload
    changes_behind: bool  # whether it is behind now
    lag: Quantiles  # over time
    reaction: Quantiles  # over rewrites: from the oldest change in it to the text
    behind: list[Behind]
    curve: list[Behind]  # the same for many times, to draw
    starts: Starts
    history: list[Bin]


def lags(stages: Mapping[str, Stage]) -> dict[str, Lag]:
    """Return the lag of each stage now, against its input and against what hosts wrote."""
    unread = stages.get("records")
    found = {}
    for name, stage in stages.items():
        before = stages.get(INPUT[name])
        changes = stage.lag_records
        if before is not None and INPUT[name] != "records":
            changes = max(0, changes - before.lag_records)
        found[name] = Lag(
            local_changes=changes,
            local_s=stage.lag_s if changes else 0.0,
            global_s=_global_s(stage, unread),
        )
    return found


def measure(layout: Layout, since: int) -> Freshness:
    """Measure the payload's freshness since a time, UTC nanoseconds.

    The period begins with the first change if that is later. Raises StoreError if the records
    cannot be read.
    """
    now = time.time_ns()
    given = deliveries.read(layout, since)
    with view_of(layout.records) as view:
        first_after = _first_after(view)
        first = first_after(0)
        start = min(now, max(since, first if first is not None else now))
        written = _writes(layout, start)
        found = list(gaps(written, first_after, start, now))
        starts = _starts(given, first_after)
    return _document(found, written, starts, start, now)


def _document(
    found: list[Gap], written: Sequence[tuple[int, int]], starts: Starts, start: int, now: int
) -> Freshness:
    spread = Distribution(found, now - start)
    history = longest_by_bin(found, start, now, BINS)
    width = (now - start) // BINS
    return Freshness(
        since=iso(start),
        until=iso(now),
        seconds=_seconds(now - start),
        writes=sum(at >= start for at, _ in written),
        changes_behind=bool(found) and not found[-1].closed,
        lag=Quantiles(
            p50_s=_seconds(spread.quantile(0.5)),
            p95_s=_seconds(spread.quantile(0.95)),
            p99_s=_seconds(spread.quantile(0.99)),
            max_s=_seconds(spread.longest),
        ),
        reaction=_quantiles([gap.longest for gap in found if gap.closed]),
        behind=_behind(spread, LONGER_THAN_S),
        curve=_behind(spread, [10 ** (tenths / 10) for tenths in range(-10, 61)]),
        starts=starts,
        history=[
            Bin(at=iso(at), at_ns=at, longest_s=_seconds(longest))
            for number, longest in enumerate(history)
            for at in (start + number * width,)
        ],
    )


def _first_after(view: RecordView) -> Callable[[int], int | None]:
    head = view.watermark().revision

    def first_after(revision: int) -> int | None:
        left = Revisions(((revision + 1, head),)) if revision < head else Revisions()
        return next((entry.at for _, entry in view.changes(left)), None)

    return first_after


def _writes(layout: Layout, start: int) -> list[tuple[int, int]]:
    """Return when the payload was written, and up to which revision.

    That is since `start`, and the last time before. Where no event of that is left, the payload
    counts as never written before.
    """
    found = _logged(layout, max(0, start - _DAY))
    if not found or found[0][0] >= start:
        found = _logged(layout, 0)
    before = [write for write in found if write[0] < start][-1:] or [(0, 0)]
    after = [write for write in found if write[0] >= start]
    return [*before, *after, *_last(layout, found)]


def _logged(layout: Layout, since: int) -> list[tuple[int, int]]:
    return [
        (event["at_ns"], event["revision"])
        for event in ledger.read(layout.ledger, since, by=Actor.CACHE_WRITER)
        if event["kind"] == _WRITTEN and type(event.get("revision")) is int
    ]


def _last(layout: Layout, found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the last write, by the payload's own sidecar, if the ledger has lost it."""
    sidecar = read_sidecar(layout.payload)
    if sidecar is None or (found and sidecar.revision <= found[-1][1]):
        return []
    try:
        return [(parse_iso(sidecar.generated_at), sidecar.revision)]
    except ValueError:
        return []


def _starts(given: Iterable[Delivery], first_after: Callable[[int], int | None]) -> Starts:
    missing: list[int] = []
    for one in given:
        if one.revision and one.tokens and one.source not in _NOT_STARTS:
            since = first_after(one.revision)
            missing.append(max(0, one.at_ns - since) if since is not None else 0)
    return Starts(
        count=len(missing),
        current=missing.count(0),
        longest_lag_s=_seconds(max(missing, default=0)),
    )


def _behind(spread: Distribution, times: Iterable[float]) -> list[Behind]:
    return [
        Behind(longer_than_s=one, share=round(spread.share_longer(int(one * NS)), 9))
        for one in times
    ]


def _quantiles(times: list[int]) -> Quantiles:
    ordered = sorted(times) or [0]
    p50, p95, p99 = (
        _seconds(ordered[min(len(ordered) - 1, int(share * len(ordered)))])
        for share in (0.5, 0.95, 0.99)
    )
    return Quantiles(p50_s=p50, p95_s=p95, p99_s=p99, max_s=_seconds(ordered[-1]))


def _global_s(stage: Stage, unread: Stage | None) -> float:
    return max(stage.lag_s, unread.lag_s if unread is not None else 0.0)


def _seconds(ns: int) -> float:
    return round(ns / NS, 3)


def document(found: Freshness, now: dict[str, Lag]) -> dict[str, Any]:
    """Return both as one document, for `--json`."""
    return {"now": now, **{name: getattr(found, name) for name in Freshness.__struct_fields__}}
