"""What `iai ui` costs: each page of a large store, and ten pages that are left open.

The large store is filled in this process, with exchanges of two turns and three actions, and no
group runs on it: pages read the records. The ten pages are open for `--open` seconds, all in sight,
over a small group in which something is said every `SAID_EVERY_S`. CPU is that of the process that
serves the pages, or of the group's processes.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import psutil
from harness.corpus import START, coding_session, text
from harness.group import FOREIGN, Group

from benchmarks.stats import Stats
from iai.config.layout import Layout
from iai.model.action import Action
from iai.model.clock import NS, Now
from iai.model.ids import record_id
from iai.model.record import NewRecord, Project
from iai.model.session import SessionInfo
from iai.projects.identity import identify
from iai.store.record_change import RecordChange
from iai.store.records import Records

PAGES = (
    "now", "next", "sessions", "search?q=", "files", "deliveries", "settings", "health", "map",
    "record?ref=1", "session?host=claude&session=s1", "files?path=src%2Fa.py",
)  # fmt: skip
TIMES = 5  # that each page is asked for
PROJECTS, EXCHANGES = 20, 50  # exchanges of a session
AT_ONCE = 20  # sessions in a commit
OPEN, SAID_EVERY_S = 10, 20.0


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=100_000, help="of the large store")
    parser.add_argument("--open", type=float, default=30.0, help="seconds that ten pages are open")


def run(args: Namespace) -> Stats:
    stats: Stats = {}
    if args.records:
        with tempfile.TemporaryDirectory(prefix="iai-") as directory:
            layout = Layout(Path(directory) / "store")
            stats["records"] = fill(layout, args.records)
            ours = {"IAI_MCP_STORE": str(layout.root), "HOME": directory}
            others = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
            environment = {**others, **ours}
            with served(environment) as page:
                stats["pages"] = {name: page_cost(page, name) for name in PAGES}
    if args.open:
        with Group() as group:
            stats["left open"] = _left_open(group, args.open)
    return stats


# --- the pages of a large store -------------------------------------------------------------------


def fill(layout: Layout, records: int) -> int:
    """Fill a store with so many records, or a few more; return how many there are."""
    layout.create()
    chance = random.Random(5)  # noqa: S311
    sessions = -(-records // (2 * EXCHANGES))
    with closing(Records(layout.records, writer=True)) as store:
        for first in range(0, sessions, AT_ONCE):
            some = range(first, min(sessions, first + AT_ONCE))
            store.commit(partial(_talk, some, chance), Now(time.time_ns(), 0), live=False)
        with store.view() as view:
            return view.watermark().records_count


def _talk(sessions: range, chance: random.Random, unit: RecordChange) -> None:
    for session in sessions:
        root = f"/home/dev/p{session % PROJECTS}"
        project = Project(id=identify(root).id, name=Path(root).name, root=root)
        unit.projects.place(project, project.root)
        at = int(START.timestamp()) * NS + session * 3_600 * NS
        for exchange in range(EXCHANGES):
            for role, words in (("user", 20), ("assistant", 60)):
                key, at = f"{session}.{exchange}.{role}", at + 20 * NS
                said = text(chance, chance.randint(5, 2 * words))
                unit.records.insert(NewRecord(
                    key=key, id=record_id(key, at), tier="episodic", role=role, text=said,
                    host="claude", session=f"s{session}", project=project.id, cwd=project.root,
                    created_at=at,
                ))  # fmt: skip
            for done in (
                Action(key=f"{session}.{exchange}.1", kind="read", at=at, path="src/a.py"),
                Action(
                    key=f"{session}.{exchange}.2", kind="edit", at=at, path=f"src/{exchange}.py"
                ),
                Action(key=f"{session}.{exchange}.3", kind="test", at=at, text="make test"),
            ):
                unit.work.act(done, "claude", f"s{session}", project.id)
        info = SessionInfo(host="claude", session=f"s{session}", title=text(chance, 6),
                           branch=chance.choice(("main", "fix")), cwd=project.root)  # fmt: skip
        unit.work.note_session(info)


class Page:
    """A browser of one page, without a window."""

    def __init__(self, process: psutil.Process, address: str) -> None:
        self.process = process
        found = re.match(r"http://([^/]+)(/[^?]+)(.*)", address)
        assert found is not None  # noqa: S101  for mypy
        self._host, self._path, token = found.groups()
        self.base = f"http://{self._host}{self._path}"
        answer = self.ask(token)
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        answer.read()

    def ask(self, name: str) -> HTTPResponse:
        """Ask for a page on a connection of its own."""
        connection = HTTPConnection(self._host, timeout=600.0)
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": getattr(self, "cookie", "")}
        connection.request("GET", self._path + name, headers=headers)
        return connection.getresponse()

    def cpu_s(self) -> float:
        """Return the CPU time of the process that serves it, with the hooks that it ran."""
        times = self.process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)


@contextmanager
def served(environment: dict[str, str]) -> Iterator[Page]:
    """Serve the pages of a store, with `iai` on the path, as its hooks need it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "iai", "ui", "--no-open"], env=environment | {"PATH": path},
        text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None  # noqa: S101  for mypy
        yield Page(psutil.Process(process.pid), process.stdout.readline().strip())
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def page_cost(page: Page, name: str) -> Stats:
    """Return the milliseconds of a page, of CPU and of the clock: the first time, and then."""
    cpu, clock, size = [], [], 0
    for _ in range(TIMES):
        before, began = page.cpu_s(), time.perf_counter()
        answer = page.ask(name)
        size = len(answer.read())
        clock.append((time.perf_counter() - began) * 1_000)
        cpu.append((page.cpu_s() - before) * 1_000)
        if answer.status != 200:  # noqa: PLR2004
            raise AssertionError(f"{name}: {answer.status}")
    return {
        "CPU, ms": [round(cpu[0]), round(sorted(cpu[1:])[len(cpu) // 2])],
        "clock, ms": [round(clock[0]), round(sorted(clock[1:])[len(clock) // 2])],
        "kB": size // 1_000,
    }


# --- pages that are left open ---------------------------------------------------------------------


def _left_open(group: Group, seconds: float) -> Stats:
    """Return what the group costs with no page open, and then with ten, which show the state."""
    group.up()
    path = group.work / "s.jsonl"
    path.write_text(coding_session("s", "/home/dev/p", 400, seed=1))
    group.iai("import", str(path), "--wait")
    group.settle()
    without = _watched(group, seconds / 4)
    with ExitStack() as opened:
        page = opened.enter_context(served(group.environment))
        for _ in range(OPEN):
            page.ask("now").read()
            opened.enter_context(closing(page.ask("live")))  # its events wait to be read
        own, began = page.cpu_s(), time.monotonic()
        memory = [page.process.memory_info().rss]
        during = _watched(group, seconds)
        memory.append(page.process.memory_info().rss)
        share = (page.cpu_s() - own) / (time.monotonic() - began)
    return {
        "seconds": seconds,
        "group without pages": without,
        "group with ten": during,
        "the pages' own": {
            "CPU, percent of a core": round(100 * share, 2),
            "memory, MB": [round(one / 1e6, 1) for one in memory],
        },
    }


def _watched(group: Group, seconds: float) -> Stats:
    """Say something now and then; return the share of a core and the memory of all processes."""
    processes = group.processes()
    cpu, began = _cpu_s(processes), time.monotonic()
    memory = [_memory(processes)]
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, SAID_EVERY_S))
        group.hook("turn-capture", {
            "session_id": "t", "cwd": "/home/dev/p", "prompt": f"look at it, {left:.0f} s left",
        })  # fmt: skip
        memory.append(_memory(processes))
    share = (_cpu_s(processes) - cpu) / (time.monotonic() - began)
    return {
        "CPU, percent of a core": round(100 * share, 2),
        "memory, MB": [round(one / 1e6, 1) for one in (memory[0], max(memory), memory[-1])],
    }


def _cpu_s(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return sum(float(one.user + one.system) for one in times)


def _memory(processes: list[psutil.Process]) -> int:
    return sum(int(process.memory_full_info().pss) for process in processes)
