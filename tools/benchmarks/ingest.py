"""Turns per second from `iai import` of a whole history until the last stage, and its CPU time.

What comes after the last turn is searchable is in the CPU times of the whole: all is embedded again
under final weights, and links are made. What two cores can make of an import follows from the times
until then.
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

_STAGES = (Actor.INGEST, Actor.EMBEDDING, Actor.GRAPH_CACHE, Actor.CACHE_WRITER)
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
            before, searchable = _cpu_s(group), dict[Actor, float]()

            def is_searchable() -> bool:
                done = not group.health().stages["graph"].lag_records
                searchable.update(_cpu_s(group) if done else {})
                return done

            began = time.monotonic()
            job = client.call(Actor.INGEST, Import(paths=(str(histories),)), ImportProgress).job
            seconds = {
                name: _seconds(began, reached)
                for name, reached in {
                    "read": lambda: (
                        client.call(Actor.INGEST, ImportStatus(job=job), ImportProgress).done
                    ),
                    "embedded": lambda: not group.health().stages["vectors"].lag_records,
                    "searchable": is_searchable,
                    "under final weights": lambda: not group.health().stages["vectors"].note,
                }.items()
            }
        count = group.health().watermark.records_count
        times = {"until searchable": searchable, "in all": _cpu_s(group)}
    rates = {f"{name}, turns/s": round(count / taken) for name, taken in seconds.items()}
    cpu = {
        f"CPU {when}, us a turn": {
            actor: round(1e6 * (s - before[actor]) / count, 1) for actor, s in used.items()
        }
        for when, used in times.items()
    }
    return {
        "turns": count, "seconds": {k: round(v, 2) for k, v in seconds.items()}, **rates, **cpu,
    }  # fmt: skip


def _cpu_s(group: Group) -> dict[Actor, float]:
    return {actor: group.cpu_s(actor) for actor in _STAGES}


def _seconds(began: float, reached: Callable[[], bool]) -> float:
    wait_until(reached, "the next stage has caught up", 600, LOOK_S)
    return time.monotonic() - began
