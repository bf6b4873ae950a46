"""Hooks and recall of a machine without a team, and in one whose servers are down.

The store is the same, and the states take turns, so that whatever else the machine does slows all
of them. Killed servers refuse connections. Stopped ones (SIGSTOP) answer nothing: first on the
connection that there is, later to attempts at a new one. What the hook captures waits all the time
to be published.
"""

import signal
from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from uuid import uuid4

from harness.corpus import coding_session
from harness.group import wait_until
from harness.nats_servers import NatsServers
from harness.team import Machine

from benchmarks import hooks, recall
from benchmarks.hooks import Command
from benchmarks.replicas import unpublished
from benchmarks.stats import Stats, quantiles
from iai.team import enrolment, team_file

SESSIONS = 20  # of a hundred turns, before anything is measured
CALLS = 50  # of each hook, in each state of each round
QUESTIONS = 100
HOOKS = ("recall hook", "capture hook")
CPU = ("CPU of a recall, ms", "CPU of the group in a round, s")
WITHOUT = "no team"  # what the other states are compared with


def compare(servers: NatsServers, rounds: int) -> Stats:
    """Measure each state so many times, and compare it with that without a team."""
    measured: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with Machine("m0", session_cache_refresh_min_sec="0") as machine:
        for number in range(SESSIONS):
            session = coding_session(f"s{number}", str(machine.checkout), 100, seed=number)
            (machine.work / f"{number}.jsonl").write_text(session)
        machine.up()
        said = map(str, machine.work.glob("*.jsonl"))
        machine.iai("import", *said, "--wait").check_returncode()
        commands = hooks.install(machine, str(machine.checkout))
        for _ in range(rounds):
            for state in _states(machine, servers):
                machine.settle()
                before = _cpu_s(machine)
                for hook in HOOKS:
                    machine.settle()
                    calls = [_other(commands[hook]) for _ in range(CALLS + hooks.WARM_UP)]
                    cat, called = hooks.beside_cat(machine, commands["cat"], calls)
                    measured[state][f"cat, beside the {hook}"] += cat
                    measured[state][hook] += called
                machine.settle()
                times, cpu = recall.ask(machine, QUESTIONS)
                measured[state]["recall"] += times
                for name, used in zip(CPU, (cpu, _cpu_s(machine) - before), strict=True):
                    measured[state][name].append(used)
        starts = (machine.layout.logs / "recall-hook.log").read_text()
    stats: Stats = {state: _figures(times) for state, times in measured.items()}
    for state in list(measured)[1:]:
        pairs = zip(stats[state].items(), stats[WITHOUT].values(), strict=True)
        stats[f"{state} / {WITHOUT}"] = {
            name: round(one / other, 2) for (name, one), other in pairs
        }
    return stats | {"starts that had to compose": starts.count(" -> live-cli ")}


def _other(command: Command) -> Command:
    """Return it with a prompt that has not been captured: the same one is kept once."""
    return command._replace(stdin=command.stdin.replace("fix", f"fix {uuid4().hex}", 1))


def _states(machine: Machine, servers: NatsServers) -> Iterator[str]:
    """Bring the machine into each state, and name it."""
    every = range(len(servers))
    for index in every:
        servers.kill(index)
    yield WITHOUT
    machine.down()
    team_file.save(machine.layout, enrolment.create("crew", servers.server, "Kim", machine.name))
    machine.up()
    _connect(machine, servers)
    for index in every:
        servers.kill(index)
    wait_until(lambda: not _connected(machine), "the servers are missed")
    yield "servers killed"
    _connect(machine, servers)
    for index in every:
        servers.signal(index, signal.SIGSTOP)
    yield "servers just stopped"
    wait_until(lambda: not _connected(machine), "the servers are missed")
    yield "servers stopped"
    machine.iai("team", "leave", "--force").check_returncode()


def _connect(machine: Machine, servers: NatsServers) -> None:
    for index in range(len(servers)):
        servers.start(index)
    wait_until(lambda: _connected(machine), "the servers are reached")
    machine.share()  # it changes nothing where it is shared
    wait_until(lambda: not unpublished(machine), "all is published")


def _connected(machine: Machine) -> bool:
    report = machine.team()
    return report.state == "connected" and not report.reason


def _cpu_s(machine: Machine) -> float:
    times = [one.cpu_times() for one in machine.processes()]
    return sum(one.user + one.system for one in times)


def _figures(times: dict[str, list[float]]) -> dict[str, float]:
    """Return medians and p95 in ms, the ratio of each hook to `cat`, and median CPU times."""
    found: dict[str, float] = {}
    for name in (*HOOKS, "recall"):
        of = quantiles(times[name], "ms")
        found |= {f"{name} {point}": of[point] for point in ("p50_ms", "p95_ms")}
    for hook in HOOKS:
        cat = quantiles(times[f"cat, beside the {hook}"], "ms")
        found[f"{hook} / cat, at p50"] = round(found[f"{hook} p50_ms"] / cat["p50_ms"], 2)
    return found | {name: round(median(times[name]), 2) for name in CPU}
