"""What a SLEEP costs: seconds of each step, the longest slice, and memory of the graph-cache.

A group takes in so many turns and is put to sleep; meanwhile one question after another is asked of
the graph-cache that needs no index, so that the longest answer shows the longest slice.
"""

import time
from argparse import ArgumentParser, Namespace
from typing import Any

import psutil

from benchmarks.figures import Figures, quantiles
from benchmarks.group import Group, wait_until
from benchmarks.histories import history
from iai import ledger
from iai.messages import (
    Actor,
    Import,
    ImportProgress,
    ImportStatus,
    LifecycleReport,
    Ping,
    Pong,
    RequestState,
    State,
)

PATIENCE_S = 3_600.0
_BETWEEN_S = 0.005  # questions


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=10_000)


def run(args: Namespace) -> Figures:
    with Group(session_cache_refresh_min_sec="0") as group:
        history(group.work / "histories", args.records)
        group.up()
        with group.client() as client:
            asked = Import(paths=(str(group.work / "histories"),))
            job = ImportStatus(job=client.call(Actor.INGEST, asked, ImportProgress).job)
            wait_until(
                lambda: client.call(Actor.INGEST, job, ImportProgress).done, "read", PATIENCE_S
            )
            wait_until(lambda: group.health().caught_up, "caught up", PATIENCE_S)
            wait_until(lambda: not group.health().stages["vectors"].note, "final", PATIENCE_S)
            wait_until(lambda: group.health().caught_up, "caught up", PATIENCE_S)
            began, times, resident = time.monotonic(), [], 0
            process = psutil.Process(group.pid(Actor.GRAPH_CACHE))
            before = process.memory_info().rss
            client.call(Actor.LIFECYCLE, RequestState(state=State.SLEEP), LifecycleReport)
            while not _events(group, "sleep-finished"):
                asked_at = time.perf_counter()
                client.call(Actor.GRAPH_CACHE, Ping(), Pong)
                times.append((time.perf_counter() - asked_at) * 1_000)
                resident = max(resident, process.memory_info().rss)
                time.sleep(_BETWEEN_S)
            seconds = time.monotonic() - began
        steps = {e["step"]: f"{e['seconds']} s, {e['items']} items" for e in _steps(group)}
        count = group.health().watermark.records_count
    return {
        "records": count,
        "sleep, s": round(seconds, 2),
        **steps,
        "ping": quantiles(times, "ms"),
        "graph-cache before, MB": round(before / 1e6, 1),
        "graph-cache at most, MB": round(resident / 1e6, 1),
    }


def _steps(group: Group) -> list[dict[str, Any]]:
    return _events(group, "sleep-step")


def _events(group: Group, kind: str) -> list[dict[str, Any]]:
    return [event for event in ledger.read(group.layout.ledger) if event["kind"] == kind]
