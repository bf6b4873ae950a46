"""The cost of a refresh in a small and a large store: it reads what it shows, not the store.

The cache-writer itself is run, without its process, so that nothing else is measured. Both
stores have the same projects and sessions of the same length, only more of them.
"""

import random
import tempfile
import time
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

from harness.corpus import text

from actors.cache_writer import CacheWriter, make
from benchmarks.stats import Stats, quantiles
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model.clock import NS
from iai.model.ids import record_id
from iai.model.record import NewRecord, Project
from iai.process import files, system_clock
from iai.projects.identity import identify
from iai.protocol.behaviour import (
    Answer,
    Caller,
    LinkFile,
    RemoveFile,
    ReplaceFile,
    Steps,
)
from iai.protocol.cache_writer import Refresh
from iai.store.record_change import RecordChange
from iai.store.records import Records

BATCH = 1_000
TEXTS = 500  # different ones: making them up takes longer than storing them
TURN_S = 60  # between two turns


class Cost:
    """Seconds of refreshes, and how many of them the disk took."""

    def __init__(self) -> None:
        self.all: list[float] = []
        self.disk: list[float] = []

    def refresh(self, writer: CacheWriter) -> None:
        """Refresh once, as if somebody had asked for it."""
        began = time.perf_counter()
        caller = Caller(b"bench", "1")
        self.disk.append(0.0)
        answered = self._perform(writer.receive(Refresh(force=True), caller, system_clock.read()))
        while not answered:
            answered = self._perform(writer.work(system_clock.read()))
        self.all.append(time.perf_counter() - began)

    def _perform(self, steps: Steps) -> bool:
        """Carry out the steps; was one of them the answer?"""
        answered = False
        try:
            effect = next(steps)
            while True:
                began = time.perf_counter()
                match effect:
                    case ReplaceFile(path=path, data=data):
                        files.replace(path, data)
                    case LinkFile(path=path, target=target):
                        files.link(path, target)
                    case RemoveFile(path=path):
                        files.remove(path)
                    case Answer():
                        answered = True
                    case _:
                        pass
                self.disk[-1] += time.perf_counter() - began
                effect = steps.send(system_clock.read())
        except StopIteration:
            return answered


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--small", type=int, default=1_000, help="records of the small store")
    parser.add_argument("--large", type=int, default=100_000, help="records of the large store")
    parser.add_argument("--projects", type=int, default=7)
    parser.add_argument("--turns", type=int, default=20, help="turns of a session")
    parser.add_argument("--runs", type=int, default=100, help="refreshes measured of each")


def run(args: Namespace) -> Stats:
    costs = {records: Cost() for records in (args.small, args.large)}
    with tempfile.TemporaryDirectory(prefix="iai-") as directory:
        writers = {n: _writer(Path(directory) / str(n), n, args) for n in costs}
        for _ in range(args.runs):  # in turn: what else the machine does is the same for both
            for records, writer in writers.items():
                costs[records].refresh(writer)
        for writer in writers.values():
            writer.close()
    ready = min(args.projects, Settings(store=Path()).payload_projects)
    stats: Stats = {"payloads": ready + 1}
    computed = {n: [a - d for a, d in zip(c.all, c.disk, strict=True)] for n, c in costs.items()}
    everything = {n: cost.all for n, cost in costs.items()}
    for name, seconds in {"refresh": everything, "without the disk": computed}.items():
        shown = {n: quantiles([s * 1_000 for s in each], "ms") for n, each in seconds.items()}
        stats |= {f"{name}, {n} records": quantities for n, quantities in shown.items()}
        ratio = shown[args.large]["p50_ms"] / shown[args.small]["p50_ms"]
        stats[f"{name}, large / small, at p50"] = round(ratio, 2)
    return stats


def _writer(root: Path, count: int, args: Namespace) -> CacheWriter:
    """Return a cache-writer on a store of so many records."""
    layout = Layout(root)
    layout.create()
    records = Records(layout.records, writer=True)
    chance = random.Random(5)  # noqa: S311
    texts = [text(chance, chance.randint(5, 120)) for _ in range(TEXTS)]
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        records.commit(partial(_insert, numbers, count, texts, args), system_clock.read())
    records.close()
    return make(Settings(store=root))


def _insert(
    numbers: range, count: int, texts: list[str], args: Namespace, unit: RecordChange
) -> None:
    for number in numbers:
        session = number // args.turns
        cwd = f"/home/dev/p{session % args.projects}"
        project = identify(cwd)
        unit.projects.place(Project(id=project.id, name=project.name, root=project.root), cwd)
        created_at = time.time_ns() - (count - number) * TURN_S * NS
        unit.records.insert(
            NewRecord(
                key=str(number),
                id=record_id(str(number), created_at),
                tier="episodic",
                role="assistant" if number % 2 else "user",
                text=texts[number % TEXTS],
                host="claude",
                session=str(session),
                project=project.id,
                cwd=cwd,
                created_at=created_at,
            )
        )
