"""Does a group that works for long need more and more? Memory, files and disk, over hours of use.

A store of --records with all their links, then bursts of work with pauses in which the group falls
asleep and tidies up, as over a night. The actors' clocks run --speed times faster, so that --hours
take minutes, and whatever expires in that time does. The first bursts only warm up: what is used
for the first time is loaded, and buffers get their size. Compared is what each process has at a
tenth of the time after that and at the end, each time when a SLEEP is over: to find topics takes 10
to 20 MB for a while. The records added meanwhile are a few percent.

What is compared is the memory that a process has written to and shares with none (`Private_Dirty`
of Linux): neither the pages of files, which the system takes back when it needs them, nor what all
actors were forked with. Such a page becomes a process's own when it first writes to it, and a few
still do after hours. That is no growth: the process is as large as before, and there are only so
many. So `growth` is what all its memory of no file (`Anonymous`) grew by, and its own at a tenth is
what that is compared with.
"""

import re
import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path

import psutil
from campaign.damage import Damage
from campaign.promises import Promises
from campaign.workload import Captures, Questions, Refreshes, Starts, Worker
from harness.corpus import history
from harness.group import CHECKOUT, PATIENCE_S, Group, wait_until
from msgspec import Struct

from benchmarks.stats import Stats
from iai.process import disk_space, ledger
from iai.process.client import Client
from iai.protocol.graph_cache import SleepFinished
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.lifecycle import LifecycleReport, RequestState
from iai.protocol.message import PIPELINE, Actor, State
from iai.protocol.wire import kind
from iai.store.readers import Readers

_BURST_S = 3.0
_WARM_UP = 4  # bursts
_LINKED = 10  # turns in a row: each keeps as many links of a kind as a record may, 8
_PATIENCE_S = 3_600.0  # for the links of a large store
_NIGHT = {"drowsy_after_sec": "20", "sleep_after_sec": "40", "hibernate_after_sec": "86400"}


class Usage(Struct, frozen=True):
    """What one process has at one time."""

    own: int  # bytes, of no file, and shared with no process
    anonymous: int  # bytes, of no file, also what it was forked with
    rss: int  # bytes, with what is
    files: int  # open descriptors


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=50_000, help="in the store before")
    parser.add_argument("--hours", type=float, default=2.0, help="by the actors' clocks")
    parser.add_argument("--speed", type=int, default=20, help="how much faster these run")


def run(args: Namespace) -> Stats:
    with Group(session_cache_refresh_min_sec="4", tick_sec="4", **_NIGHT) as group:
        links = _fill(group, args.records)
        _speed_up(group, args.speed)
        seconds = args.hours * 3_600 / args.speed
        findings = [found for day in range(_WARM_UP) for found in _day(group, day)]
        began = time.monotonic()
        samples: list[tuple[float, dict[str, Usage]]] = []
        while (elapsed := time.monotonic() - began) < seconds:
            findings += _day(group, _WARM_UP + len(samples))
            samples.append((elapsed, _usage(group)))
        tenths = [
            next(usage for at, usage in samples if at >= seconds * n / 10 or at == samples[-1][0])
            for n in range(1, 11)
        ]
        return {
            "hours": args.hours,
            "bursts": len(samples),
            "records": group.health().watermark.records_count,
            "links, before": links,
            "disk, MB": round(disk_space.measure(group.layout.root, 0).used / 1e6),
            **{who: _growth([usage[who] for usage in tenths]) for who in tenths[0]},
            "findings": findings or "none",
        }


def _fill(group: Group, records: int) -> int:
    """Have a group import records and link them; return how many links there are."""
    history(group.work / "history", records, linked=_LINKED)
    group.up()
    with group.client() as client:
        paths = (str(group.work / "history"),)
        job = client.call(Actor.INGEST, Import(paths), ImportProgress, PATIENCE_S).job
        wait_until(lambda: _read(client, job), "all is read", _PATIENCE_S, look_s=1)
        wait_until(lambda: group.health().caught_up, "all is indexed", _PATIENCE_S, look_s=1)
        all_read = group.health().watermark.revision
        asleep = RequestState(state=State.SLEEP)  # links are made without pauses then
        client.call(Actor.LIFECYCLE, asleep, LifecycleReport, PATIENCE_S)
    linked = lambda: max(_sleeps(group), default=0) >= all_read  # noqa: E731
    wait_until(linked, "all is linked", _PATIENCE_S, look_s=1)
    group.down()
    readers = Readers(group.layout)
    with readers.records.view() as view, readers.graph.view() as graph:
        labels = [record.label for record in view.after(0)]
        rows = (*graph.kept(labels).values(), *graph.kept_similar(labels).values())
    readers.close()
    return sum(map(len, rows))


def _read(client: Client, job: str) -> bool:
    return client.call(Actor.INGEST, ImportStatus(job=job), ImportProgress, PATIENCE_S).done


def _sleeps(group: Group) -> list[int]:
    """Return the revision up to which all was linked at the end of each SLEEP so far."""
    ended = (e for e in ledger.read(group.layout.ledger) if e["kind"] == kind(SleepFinished))
    return [event["revision"] for event in ended]


def _speed_up(group: Group, factor: int) -> None:
    """Start a group whose actors' clocks run faster."""
    faults = f"{CHECKOUT / 'tests' / 'faults'}:{CHECKOUT}"
    speed = f"{factor} {time.monotonic_ns()} {time.time_ns()}"
    group.environment |= {"PYTHONPATH": faults, "IAI_FAULT_SPEED": speed}
    group.up()


def _day(group: Group, day: int) -> list[str]:
    """Have the group work, then sleep; return what went wrong."""
    promises, nights = Promises(day), len(_sleeps(group))
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
    wait_until(lambda: len(_sleeps(group)) > nights, "it has slept", _PATIENCE_S, look_s=1)
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
    areas = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    sizes = {name: int(kb) * 1_024 for name, kb in re.findall(r"(\w+): +(\d+) kB", areas)}
    own, anonymous = sizes["Private_Dirty"], sizes["Anonymous"]
    return Usage(own, anonymous, process.memory_info().rss, process.num_fds())


def _growth(tenths: list[Usage]) -> Stats:
    """Compare the end with the first tenth."""
    first, last = tenths[0], tenths[-1]
    return {
        "growth": round(1 + (last.anonymous - first.anonymous) / first.own, 3),
        "MB, by tenths": " ".join(f"{usage.own / 1e6:.1f}" for usage in tenths),
        "MB with what it was forked with": " ".join(f"{u.anonymous / 1e6:.1f}" for u in tenths),
        "MB with what is shared": round(last.rss / 1e6, 1),
        "files": last.files,
        "files at a tenth": first.files,
    }
