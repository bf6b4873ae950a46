"""Turns per second from `iai import` of a whole history until the last stage, and its CPU time.

`--encrypted` measures an encrypted store. On a machine that others use, compare CPU times.
"""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from harness.corpus import history
from harness.group import Group, wait_until

from benchmarks.stats import Stats
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.message import Actor

_STAGES = (Actor.INGEST, Actor.EMBEDDING, Actor.GRAPH_CACHE)
LOOK_S = 0.1  # polling more often would take a core from what is measured


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20_000)
    parser.add_argument("--encrypted", action="store_true", help="encrypt the store first")


def run(args: Namespace) -> Stats:
    with Group() as group:
        histories = group.work / "histories"
        history(histories, args.turns)
        if args.encrypted:
            group.encrypt()
        group.up()
        with group.client() as client:
            before = {actor: group.cpu_s(actor) for actor in _STAGES}
            began = time.monotonic()
            job = client.call(Actor.INGEST, Import(paths=(str(histories),)), ImportProgress).job
            seconds = {
                name: _seconds(began, reached)
                for name, reached in {
                    "read": lambda: (
                        client.call(Actor.INGEST, ImportStatus(job=job), ImportProgress).done
                    ),
                    "embedded": lambda: not group.health().stages["vectors"].lag_records,
                    "searchable": lambda: not group.health().stages["graph"].lag_records,
                    "under final weights": lambda: not group.health().stages["vectors"].note,
                }.items()
            }
        count = group.health().watermark.records_count
        used = {actor: group.cpu_s(actor) - before[actor] for actor in _STAGES}
    rates = {f"{name}, turns/s": round(count / taken) for name, taken in seconds.items()}
    cpu = {f"CPU of {actor}, us a turn": round(1e6 * s / count, 1) for actor, s in used.items()}
    return {
        "turns": count, "seconds": {k: round(v, 2) for k, v in seconds.items()}, **rates, **cpu,
    }  # fmt: skip


def _seconds(began: float, reached: Callable[[], bool]) -> float:
    wait_until(reached, "the next stage has caught up", 600, LOOK_S)
    return time.monotonic() - began
