"""How long each process is away after SIGKILL, and what its restart costs, without other load.

From the kill until the next process answers a ping: noticing, starting Python, importing, opening
what it reads and writes. The CPU time is that of the new process until then.
"""

import time
from argparse import ArgumentParser, Namespace
from collections import defaultdict

import psutil
from campaign.kills import answering
from harness.corpus import history
from harness.group import Group, wait_until

from benchmarks.stats import Stats, load, quantiles
from iai.lifecycle.supervision import STABLE_AFTER_S
from iai.protocol.message import PIPELINE


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=20, help="kills of each process")
    parser.add_argument("--records", type=int, default=2_000, help="in the store")


def run(args: Namespace) -> Stats:
    away: defaultdict[str, list[float]] = defaultdict(list)
    cpu: defaultdict[str, list[float]] = defaultdict(list)
    with Group() as group:
        group.up()
        history(group.work / "history", args.records)
        group.iai("import", str(group.work / "history"), "--wait")
        group.settle()
        for _ in range(args.rounds):
            time.sleep(STABLE_AFTER_S + 1)  # a kill after another would be answered with a delay
            for actor in PIPELINE:
                old = group.kill(actor)
                killed = time.monotonic()
                wait_until(lambda: answering(group, actor, not_=old), f"{actor} is back")  # noqa: B023
                away[actor].append(time.monotonic() - killed)
                times = psutil.Process(group.pid(actor)).cpu_times()
                cpu[actor].append(times.user + times.system)
    each: Stats = {
        actor: {
            "kills": len(away[actor]),
            **quantiles(away[actor], "s"),
            "cpu_s": round(sorted(cpu[actor])[len(cpu[actor]) // 2], 2),
        }
        for actor in PIPELINE
    }
    return {"load of the machine": load(), **each}
