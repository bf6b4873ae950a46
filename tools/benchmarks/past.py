"""`iai import --all` on a machine with that many bytes of histories: seconds, and peak memory.

Memory is PSS, which counts a page that two processes share once; the command line's own process is
counted in. Pages of the database's files that are mapped count, though the system takes them back
when it needs them; `own` is without them (proc(5), smaps_rollup: so Linux only).
"""

import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from harness.corpus import machine
from harness.group import Group

from benchmarks.stats import Stats

LOOK_S = 0.25
MB = 1e6


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--bytes", type=float, default=2e8, help="of histories (default 2e8)")


def run(args: Namespace) -> Stats:
    with Group(hang_after_sec="60") as group:
        turns = machine(group.work, int(args.bytes))
        files = list((group.work / ".claude").rglob("*.jsonl"))
        size = sum(file.stat().st_size for file in files)
        group.up()
        group.settle()
        idle = _memory(group, None)
        peak, most = dict(idle), _all(idle)
        began = time.monotonic()
        command = [sys.executable, "-m", "iai", "import", "--all", "--wait", "--json"]
        with subprocess.Popen(
            command, env=group.environment, cwd=group.work, stdout=subprocess.DEVNULL
        ) as importing:
            read = 0.0
            while importing.poll() is None:
                now = _memory(group, importing.pid)
                peak = {name: larger(peak.get(name), now.get(name)) for name in peak | now}
                most = larger(most, _all(now))
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
        "MB idle, all": str(_all(idle)),
        "MB peak, all": str(most),
        "MB idle": {name: str(size) for name, size in idle.items()},
        "MB peak": {name: str(size) for name, size in peak.items()},
    }


class Memory(NamedTuple):
    """Kilobytes of some processes."""

    pss: int = 0
    own: int = 0  # of them, those that no file is behind

    def __str__(self) -> str:
        return f"{self.pss / 1e3:.0f} (own {self.own / 1e3:.0f})"


def larger(one: Memory | None, other: Memory | None) -> Memory:
    """Return the most of each of two measurements."""
    one, other = one or Memory(), other or Memory()
    return Memory(max(one.pss, other.pss), max(one.own, other.own))


def _all(sizes: dict[str, Memory]) -> Memory:
    return Memory(
        sum(size.pss for size in sizes.values()), sum(size.own for size in sizes.values())
    )


def _memory(group: Group, command: int | None) -> dict[str, Memory]:
    """Memory of each process of the group, by its title, and of the command's."""
    found: dict[str, Memory] = {}
    processes = group.processes()
    with suppress(psutil.Error):
        processes += [psutil.Process(command)] if command else []
    for process in processes:
        with suppress(psutil.Error, OSError):
            title = "iai import" if process.pid == command else _title(process)
            found[title] = memory(process.pid)
    return found


def memory(pid: int) -> Memory:
    """Memory of one process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(size.split()[0]) for name, size in (line.split(":") for line in lines)}
    return Memory(sizes["Pss"], sizes["Pss_Anon"])


def _title(process: psutil.Process) -> str:
    title = " ".join(process.cmdline()).strip()
    return title.removeprefix("iai: ") if title.startswith("iai: ") else "multiprocessing"
