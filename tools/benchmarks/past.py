"""`iai import --all` on a machine with that many bytes of histories: seconds, and peak memory.

Memory is the sum of PSS, which counts a page that two processes share once, the database's mapped
pages included; the command line's own process is counted in.
"""

import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress

import psutil

from benchmarks.figures import Figures
from benchmarks.group import Group
from benchmarks.histories import machine

LOOK_S = 0.25
MB = 1e6


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--bytes", type=float, default=2e8, help="of histories (default 2e8)")


def run(args: Namespace) -> Figures:
    with Group(hang_after_sec="60") as group:
        turns = machine(group.work, int(args.bytes))
        files = list((group.work / ".claude").rglob("*.jsonl"))
        size = sum(file.stat().st_size for file in files)
        group.up()
        group.settle()
        idle = _memory(group, None)
        began = time.monotonic()
        peak, total = dict(idle), sum(idle.values())
        command = [sys.executable, "-m", "iai", "import", "--all", "--wait", "--json"]
        with subprocess.Popen(
            command, env=group.environment, cwd=group.work, stdout=subprocess.DEVNULL
        ) as importing:
            read = 0.0
            while importing.poll() is None:
                now = _memory(group, importing.pid)
                peak = {name: max(peak.get(name, 0), now.get(name, 0)) for name in peak | now}
                total = max(total, sum(now.values()))
                time.sleep(LOOK_S)
                if not read and group.health().watermark.records_count == turns:
                    read = time.monotonic() - began
        seconds = time.monotonic() - began
        store = sum(f.stat().st_blocks * 512 for f in group.layout.root.rglob("*") if f.is_file())
    return {
        "files": len(files),
        "MB": round(size / MB),
        "turns": turns,
        "seconds to read": round(read, 1),
        "MB/s": round(size / MB / read, 1) if read else "not seen",
        "seconds to searchable": round(seconds, 1),
        "MB of the store": round(store / MB),
        "MB idle, all": round(sum(idle.values()) / MB),
        "MB peak, all": round(total / MB),
        "MB idle": {name: round(size / MB) for name, size in idle.items()},
        "MB peak": {name: round(size / MB) for name, size in peak.items()},
    }


def _memory(group: Group, command: int | None) -> dict[str, float]:
    """PSS of each process of the group, by its title, and of the command's."""
    found: dict[str, float] = {}
    processes = group.processes()
    with suppress(psutil.Error):
        processes += [psutil.Process(command)] if command else []
    for process in processes:
        with suppress(psutil.Error):
            ours = process.pid == command
            title = "iai import" if ours else " ".join(process.cmdline()).removeprefix("iai: ")
            found[title] = found.get(title, 0) + process.memory_full_info().pss
    return found
