"""What a SLEEP costs: seconds of each step, the longest slice, and memory of the graph-cache.

A group takes in so many turns and is put to sleep. First it is asked for what was said, again and
again: each question wakes it, and each time it is put to sleep again. Then it sleeps on, and one
ping after another is sent to the graph-cache: the longest answer shows the longest slice.
"""

import time
from argparse import ArgumentParser, Namespace
from typing import Any

import psutil
from harness.corpus import history
from harness.group import Group, wait_until

from benchmarks.past import Memory, larger, memory
from benchmarks.scale import queries
from benchmarks.stats import Stats, quantiles
from iai.process import ledger
from iai.process.client import Client, recall
from iai.protocol.graph_cache import Recall
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.lifecycle import LifecycleReport, RequestState
from iai.protocol.message import (
    Actor,
    Ping,
    Pong,
    State,
)
from iai.store.readers import Readers

PATIENCE_S = 3_600.0
_BETWEEN_S = 0.005  # pings
_ASLEEP_S = 0.1  # until a question wakes it
_LABELS = 1_000  # whose links are counted at a time


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=100)


def run(args: Namespace) -> Stats:
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
            process = psutil.Process(group.pid(Actor.GRAPH_CACHE))
            before = memory(process.pid)
            idle = _recall(client, args.questions, asleep=False)
            asleep = _recall(client, args.questions, asleep=True)
            began, times, most = time.monotonic(), [], Memory()
            client.call(Actor.LIFECYCLE, RequestState(state=State.SLEEP), LifecycleReport)
            while not _events(group, "sleep-finished"):
                asked_at = time.perf_counter()
                client.call(Actor.GRAPH_CACHE, Ping(), Pong)
                times.append((time.perf_counter() - asked_at) * 1_000)
                most = larger(most, memory(process.pid))
                time.sleep(_BETWEEN_S)
            seconds = time.monotonic() - began
        steps = {e["step"]: f"{e['seconds']} s, {e['items']} items" for e in _steps(group)}
        mark = group.health().watermark
        links = _links(group, mark.max_vec_label)
    return {
        "records": mark.records_count,
        "links kept": links,
        "recall while awake": quantiles(idle, "ms"),
        "recall that ends a sleep": quantiles(asleep, "ms"),
        "sleep, s": round(seconds, 2),
        **steps,
        "ping": quantiles(times, "ms"),
        "graph-cache before, MB": str(before),
        "graph-cache at most, MB": str(most),
    }


def _recall(client: Client, count: int, *, asleep: bool) -> list[float]:
    """Return the milliseconds of each question."""
    times = []
    for question in queries(count):
        if asleep:
            client.call(Actor.LIFECYCLE, RequestState(state=State.SLEEP), LifecycleReport)
            time.sleep(_ASLEEP_S)
        began = time.perf_counter()
        recall(client, Recall(query=question))
        times.append((time.perf_counter() - began) * 1_000)
    return times


def _links(group: Group, newest: int) -> int:
    """Count the links that records keep, those to the turns around them left out."""
    readers, count = Readers(group.layout), 0
    try:
        with readers.graph.view() as view:
            for first in range(1, newest + 1, _LABELS):
                labels = range(first, first + _LABELS)
                for kept in (view.kept(labels), view.kept_similar(labels)):
                    count += sum(map(len, kept.values()))
    finally:
        readers.close()
    return count


def _steps(group: Group) -> list[dict[str, Any]]:
    return _events(group, "sleep-step")


def _events(group: Group, kind: str) -> list[dict[str, Any]]:
    return [event for event in ledger.read(group.layout.ledger) if event["kind"] == kind]
