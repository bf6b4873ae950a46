"""Turns per second from `iai import` of a whole history until the last stage."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from harness.corpus import history
from harness.group import Group, wait_until

from benchmarks.stats import Stats
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.message import Actor

LOOK_S = 0.1  # polling more often would take a core from what is measured


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20_000)


def run(args: Namespace) -> Stats:
    with Group() as group:
        histories = group.work / "histories"
        history(histories, args.turns)
        group.up()
        with group.client() as client:
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
    rates = {f"{name}, turns/s": round(count / taken) for name, taken in seconds.items()}
    return {"turns": count, "seconds": {k: round(v, 2) for k, v in seconds.items()}, **rates}


def _seconds(began: float, reached: Callable[[], bool]) -> float:
    wait_until(reached, "the next stage has caught up", 600, LOOK_S)
    return time.monotonic() - began
