"""Does a group that works for long need more and more? Memory, files and disk, over many days' use.

A store of --records, then bursts of work with pauses in which the group falls asleep and tidies
up, as over a night, which takes seconds here. Compared is what each process has at a tenth of the
time and at the end: `growth` is the ratio. The records added meanwhile are a few percent.
"""

import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack

import psutil
from campaign.damage import Damage
from campaign.promises import Promises
from campaign.workload import Captures, Questions, Refreshes, Starts, Worker
from harness.corpus import history
from harness.group import Group, wait_until
from msgspec import Struct

from benchmarks.stats import Stats
from iai.process import disk_space
from iai.protocol.message import PIPELINE

_BURST_S = 3.0
_NIGHT = {"drowsy_after_sec": "1", "sleep_after_sec": "2", "hibernate_after_sec": "600"}


class Usage(Struct, frozen=True):
    """What one process has at one time."""

    rss: int  # bytes
    files: int  # open descriptors


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=50_000, help="in the store before")
    parser.add_argument("--minutes", type=float, default=30.0)


def run(args: Namespace) -> Stats:
    with Group(session_cache_refresh_min_sec="0.2", tick_sec="0.2", **_NIGHT) as group:
        group.up()
        history(group.work / "history", args.records)
        group.iai("import", str(group.work / "history"), "--wait")
        group.settle()
        began = time.monotonic()
        samples: list[tuple[float, dict[str, Usage]]] = []
        findings: list[str] = []
        day = 0
        while (elapsed := time.monotonic() - began) < args.minutes * 60:
            findings += _day(group, day)
            samples.append((elapsed, _usage(group)))
            day += 1
        first = next(s for at, s in samples if at >= args.minutes * 6)
        last = samples[-1][1]
        health = group.health()
        return {
            "days": day,
            "records": health.watermark.records_count,
            "disk, MB": round(disk_space.measure(group.layout.root, 0).used / 1e6),
            **{who: _growth(first[who], last[who]) for who in last},
            "findings": findings or "none",
        }


def _day(group: Group, day: int) -> list[str]:
    """Have the group work, then sleep; return what went wrong."""
    promises = Promises(day)
    with ExitStack() as stack:
        workers: list[Worker] = [
            Slowly(group, promises, day),
            Questions(group, promises, day),
            Refreshes(group, promises, day, Damage(group.layout, day)),
            Starts(group, promises, day),
        ]
        for worker in workers:
            worker.start()
            stack.callback(worker.stop)
        time.sleep(_BURST_S)
    wait_until(lambda: group.json("status")["lifecycle"]["state"] == "sleep", "it sleeps", look_s=1)
    return [finding for worker in workers for finding in worker.findings]


class Slowly(Captures):
    """Captures so little that the store hardly grows."""

    @property
    def pause_s(self) -> float:
        return 1.0


def _usage(group: Group) -> dict[str, Usage]:
    report = group.report()
    pids = {"supervisor": report.pid, **{str(a.actor): a.pid or 0 for a in report.actors}}
    return {who: _of(psutil.Process(pids[who])) for who in ("supervisor", *PIPELINE)}


def _of(process: psutil.Process) -> Usage:
    return Usage(process.memory_info().rss, process.num_fds())


def _growth(first: Usage, last: Usage) -> Stats:
    return {
        "MB": round(last.rss / 1e6, 1),
        "growth": round(last.rss / first.rss, 3),
        "files": last.files,
        "files at a tenth": first.files,
    }
