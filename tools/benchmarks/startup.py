"""From `iai up --detach` to every process ready, and what the group costs when idle."""

import time
from argparse import ArgumentParser, Namespace

import psutil
from harness.group import Group

from benchmarks.stats import Stats, quantiles


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=5, help="starts measured")
    parser.add_argument("--quiet", type=float, default=65.0, help="seconds of quiet before that")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds of idleness measured")


def run(args: Namespace) -> Stats:
    with Group(session_cache_refresh_min_sec="0") as group:
        group.up()  # the first start also compiles the modules
        group.down()
        starts = []
        for _ in range(args.runs):
            began = time.monotonic()
            group.up()
            starts.append(time.monotonic() - began)
            group.down()
        group.up()
        group.iai("remember", "something, so that no stage is empty")
        group.settle()
        time.sleep(args.quiet)
        processes = group.processes()
        before = sum(_cpu_s(p) for p in processes)
        began = time.monotonic()
        time.sleep(args.idle)
        cpu_s = sum(_cpu_s(p) for p in processes) - before
        seconds = time.monotonic() - began
        memory = {name_of(p): round(p.memory_full_info().pss / 1e6, 1) for p in processes}
        return {
            "start to ready": quantiles(starts, "s"),
            "idle cpu, percent of one core": round(100 * cpu_s / seconds, 2),
            "idle pss, MB": {**memory, "sum": round(sum(memory.values()), 1)},
        }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def name_of(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return line.removeprefix("iai: ").strip() if line.startswith("iai: ") else "resource tracker"
