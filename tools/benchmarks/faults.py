"""The real group under work while everything goes wrong; at the end, what it promised must hold.

Hooks, clients and imports give it numbered texts; others ask, refresh and start sessions. Meanwhile
processes are killed and stopped at random times and right before and after each kind of write,
derived files are cut and flipped, half events and garbage arrive, the clock jumps, a hundred `iai
up` come at once, and the disk is full or read-only (on a tmpfs; needs root). At the end every
acknowledged text is in the store once and byte for byte, every other at most once, every stage has
caught up, each text is found, what was derived equals what a fresh store derives from the same
records (`campaign.rebuilt` says what is compared), and no process or file is left over.

Then follows a phase in which all of that pauses and clients work at the pace of a few people, and
each process is killed --recoveries times: how long it takes it to be back is worth something only
then, and is printed apart from the times under the load of the campaign, which keeps every core
busy. Both with the load that there was.

`findings` must be empty. The same seed draws the same faults; when they hit is up to the machine.
"""

import random
import time
from argparse import ArgumentParser, Namespace
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
from campaign import rebuilt
from campaign.damage import Damage
from campaign.disk import SmallDisk
from campaign.kills import Kills
from campaign.promises import Promises
from campaign.workload import (
    CWD,
    Captures,
    Imports,
    Questions,
    Refreshes,
    Sessions,
    Starts,
    Worker,
)
from harness.group import CHECKOUT, Group, TooLate, wait_until

from benchmarks.stats import Stats, load, quantiles
from iai.model import framing
from iai.model.exchange import NARRATION
from iai.process import files
from iai.process.client import recall
from iai.protocol.graph_cache import Recall
from iai.protocol.message import PIPELINE
from iai.store.readers import Readers

_STORE_MB = 512
_KILL_MB = 2  # of what is said between two kills, with what is derived from it, twice
_JUMPS_S = (0, 3_600, -3_600, 86_400 * 400, -86_400 * 400)
_ASKED = 200  # texts that are looked for at the end
_COMPARED = 50  # questions that a rebuilt store is asked, too
_FULL_S = 3.0
_CLOSED_S = 10.0
_PAUSE_S = 0.1  # at most, between two faults
_PEOPLE = 40.0  # by how much clients work slower than in the campaign, to work like people


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=50, help="after which it ends")
    parser.add_argument("--seconds", type=float, default=3_600, help="or after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ups", type=int, default=100, help="how many `iai up` begin it, at once")
    parser.add_argument(
        "--recoveries", type=int, default=4, help="kills of each process at a user's load"
    )
    parser.add_argument("--slower", type=float, default=1.0, help="by how much clients work slower")
    parser.add_argument("--verbose", action="store_true", help="print each fault")


def run(args: Namespace) -> Stats:
    group = Group(session_cache_refresh_min_sec="0.2", tick_sec="0.5", hang_after_sec="30")
    with group, SmallDisk(group.layout.root, _STORE_MB + args.kills * _KILL_MB) as disk:
        try:
            return Campaign(group, disk, args).run()
        finally:
            group.end()


class Campaign:
    """One run."""

    def __init__(self, group: Group, disk: SmallDisk, args: Namespace) -> None:
        self._group = group
        self._disk = disk
        self._args = args
        self._chance = random.Random(args.seed)  # noqa: S311
        self._clock = group.work / "clock"
        points = group.work / "points"
        points.mkdir()
        files.replace(self._clock, b"0")
        group.environment |= {
            "IAI_FAULT_WALL": str(self._clock),
            "IAI_FAULT_WRITES": str(points),
            "PYTHONPATH": f"{CHECKOUT / 'tests' / 'faults'}:{CHECKOUT}",
        }
        self._promises = Promises(args.seed)
        self._damage = Damage(group.layout, args.seed)
        self._kills = Kills(group, points, self._damage, args.seed)
        self._faults: Counter[str] = Counter()
        self._findings: list[str] = []

    def run(self) -> Stats:
        began = time.monotonic()
        self._many_ups()
        with self._working() as workers:
            for fault in self._schedule(began + self._args.seconds):
                done = fault()
                self._faults[fault.__name__.strip("_")] += 1
                if self._args.verbose:
                    print(f"{time.monotonic() - began:8.1f} s  {done}", flush=True)
                time.sleep(self._chance.uniform(0.0, _PAUSE_S))
            files.replace(self._clock, b"0")
            self._kills.start()
            busy, self._kills.back_s = self._kills.back_s, defaultdict(list)
            loaded = load()
            usual = self._recoveries(workers)
        findings = [f for worker in workers for f in worker.findings] + self._kills.findings
        audit = self._audit()
        findings += self._findings
        return {
            "disk": "a tmpfs" if self._disk.there else "never full: that needs root and a tmpfs",
            "seed": self._args.seed,
            "seconds": round(time.monotonic() - began, 1),
            "kills": self._kills.total,
            "of the supervisor or the template": self._kills.others,
            **{f"killed/tried, {who}": where for who, where in self._kills.table().items()},
            "other faults": dict(self._faults - Counter(any=self._faults["any"])),
            "done, refused": {w.name: f"{w.done}, {w.refused}" for w in workers},
            **audit,
            "load of the machine in the campaign": loaded,
            **_back("back, in the campaign", busy),
            **usual,
            **_back("back, at a user's load", self._kills.back_s),
            "children gone after a supervisor's death": quantiles(
                self._kills.orphaned_s or [0], "s"
            ),
            "findings": findings or "none",
        }

    # --- what goes wrong ----------------------------------------------------------------------

    def _schedule(self, deadline: float) -> Iterator[Callable[[], str]]:
        """Yield faults until there were enough kills, or the time is over."""
        others = [
            self._kills.freeze,
            self._damage.derived_file,
            self._damage.derived_file,
            self._damage.spool,
            self._damage.sockets,
            self._jump,
            *([self._full] if self._disk.there else []),
        ]
        while self._kills.total < self._args.kills and time.monotonic() < deadline:
            yield self._kills.any if self._chance.random() < 0.7 else self._chance.choice(others)  # noqa: PLR2004

    def _recoveries(self, workers: list[Worker]) -> Stats:
        """Kill each process at a user's load, and return what load that was."""
        for worker in workers:
            worker.slower = _PEOPLE
        try:
            self._group.settle(rebuilt.SETTLED_S)
        except TooLate as error:
            self._findings.append(str(error))
        psutil.cpu_percent()
        for _ in range(self._args.recoveries):
            for actor in self._kills.each():
                if self._args.verbose:
                    print(f"{actor} is back", flush=True)
        busy = psutil.cpu_percent() / 100 * (psutil.cpu_count() or 1)
        return {"load of the machine at a user's load": f"{load()}, {busy:.1f} of them busy"}

    def _jump(self) -> str:
        seconds = self._chance.choice(_JUMPS_S)
        files.replace(self._clock, str(seconds).encode())
        return f"the clock is off by {seconds} s"

    def _full(self) -> str:
        files.replace(self._clock, b"0")  # a day's watch of what nobody announced is by this clock
        with self._disk.full():
            time.sleep(_FULL_S)
        return "the disk was full"

    def _many_ups(self) -> None:
        with ThreadPoolExecutor(self._args.ups) as pool:
            up = lambda _: self._group.iai("up", "--detach")  # noqa: E731
            done = list(pool.map(up, range(self._args.ups)))
        wait_until(self._group.all_ready, "the group is up")
        supervisors = [p for p in self._group.processes() if "supervisor" in p.cmdline()[0]]
        if len(supervisors) != 1:
            self._findings.append(f"{len(supervisors)} groups after {len(done)} `iai up`")
        odd = {d.stderr for d in done if d.returncode and "not ready" not in d.stderr}
        if odd:
            self._findings.append(f"`iai up` at once: {odd}")
        self._kills.start()

    @contextmanager
    def _working(self) -> Iterator[list[Worker]]:
        group, promises, seed = self._group, self._promises, self._args.seed
        workers: list[Worker] = [
            Captures(group, promises, seed),
            Sessions(group, promises, seed + 1, group.work, self._disk),
            Sessions(group, promises, seed + 2, group.work, self._disk),
            Imports(group, promises, seed + 3, group.work),
            Questions(group, promises, seed + 4),
            Refreshes(group, promises, seed + 5, self._damage),
            Starts(group, promises, seed + 6),
        ]
        for worker in workers:
            worker.slower = self._args.slower
            worker.start()
        yield workers
        for worker in workers:
            worker.stop()

    # --- what must hold -----------------------------------------------------------------------

    def _audit(self) -> Stats:
        group = self._group
        group.settle(rebuilt.SETTLED_S)
        readers = Readers(group.layout)
        with readers.records.view() as view:
            labels = range(1, view.watermark().max_vec_label + 1)
            stored = [record for label in labels if (record := view.get(label)) is not None]
        readers.close()
        audit = self._promises.audit(record.text for record in stored)
        for what in ("lost", "doubled", "torn", "unknown"):
            found = getattr(audit, what)
            self._findings += [f"{len(found)} {what}, the first: {found[0][:300]}"] if found else []
        found = [r.text for r in stored if r.kind != NARRATION]
        missed = self._not_found(found)
        compared = self._compare(found)
        self._end()
        if self._disk.there:
            self._read_only()
        return {
            "offered": audit.offered,
            "acknowledged": audit.acknowledged,
            "lost": len(audit.lost),
            "doubled": len(audit.doubled),
            "torn": len(audit.torn),
            "not found by recall": missed,
            "equal to a rebuild": compared,
        }

    def _not_found(self, known: list[str]) -> int:
        """Return how many of some texts recall does not find."""
        asked = self._chance.sample(known, min(_ASKED, len(known)))
        missed = 0
        with self._group.client() as client:
            for said in asked:
                hits = recall(client, Recall(query=said[:200], k=10), 30.0).hits
                name = said.split(maxsplit=1)[0]
                lines = [line.text for hit in hits for line in hit.lines]
                missed += not any(name in text for text in [*(h.text for h in hits), *lines])
        if missed:
            self._findings.append(f"{missed} of {len(asked)} texts are not found")
        return missed

    def _compare(self, known: list[str]) -> dict[str, int]:
        """Return how much of what was derived was compared with a rebuild."""
        questions = [text[:200] for text in self._chance.sample(known, min(_COMPARED, len(known)))]
        with Group() as fresh:
            faults = ("IAI_FAULT_WALL", "PYTHONPATH")
            fresh.environment |= {name: self._group.environment[name] for name in faults}
            try:
                compared, different = rebuilt.differences(
                    self._group,
                    fresh,
                    questions,
                    lambda wall: files.replace(self._clock, f"at {wall}".encode()),
                )
            except TooLate as error:  # what was found before is worth as much
                compared, different = {}, [f"nothing was compared with a rebuild: {error}"]
            fresh.end()
        files.replace(self._clock, b"0")
        self._findings += different
        return compared

    def _read_only(self) -> None:
        """Have commands and hooks meet a read-only store, while the group is down."""
        group = self._group
        try:  # an ending process closes its files after it is gone from the list
            wait_until(lambda: self._disk.read_only(on=True), "no file is open", _CLOSED_S)
        except TooLate as error:
            self._findings.append(f"the store could not be made read-only: {error}")
            return
        event = {
            "session_id": "x",
            "cwd": CWD,
            "hook_event_name": "SessionStart",
            "source": "startup",
        }
        start = group.hook("session-recall", event)
        if not framing.revision(start.stdout) or start.returncode:
            self._findings.append(f"a start on a read-only disk: {start}")
        for command in (("up", "--detach"), ("status",), ("doctor",), ("recall", "turn")):
            done = group.iai(*command)
            if "Traceback" in done.stderr + done.stdout:
                self._findings.append(f"{command} on a read-only disk: {done.stderr[-300:]}")
        self._disk.read_only(on=False)

    def _end(self) -> None:
        """Stop the group; nothing may be left of it but the store."""
        group = self._group
        group.down()
        if group.processes():
            self._findings.append(f"left running: {group.processes()}")
        spool = [*group.layout.spool_new.iterdir(), *group.layout.spool_tmp.iterdir()]
        aside = list(group.layout.root.rglob(".*.tmp"))
        if spool or aside:
            self._findings.append(f"left over: {[path.name for path in (*spool, *aside)][:10]}")


def _back(when: str, took: dict[str, list[float]]) -> Stats:
    """Return how long processes were away, and all actors together."""
    actors = [seconds for who in PIPELINE for seconds in took.get(who, [])]
    every = {**dict(sorted(took.items())), **({"all actors": actors} if actors else {})}
    return {f"{when}, {who}": {"kills": len(s), **quantiles(s, "s")} for who, s in every.items()}
