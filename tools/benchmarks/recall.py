"""Milliseconds of a recall, as a client measures them, and the CPU time that it takes.

`--encrypted` measures an encrypted store. On a machine that others use, compare CPU times.
"""

import random
import time
from argparse import ArgumentParser, Namespace

from harness.corpus import coding_session, text
from harness.group import Group, wait_until

from benchmarks.stats import Stats, quantiles
from iai.process.client import recall
from iai.protocol.graph_cache import Recall
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.message import Actor

_ASKED = (Actor.GRAPH_CACHE, Actor.EMBEDDING)
WARM_UP = 20  # queries not measured


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--encrypted", action="store_true", help="encrypt the store first")


def run(args: Namespace) -> Stats:
    with Group(session_cache_refresh_min_sec="0") as group:
        histories = group.work / "histories"
        histories.mkdir()
        for number in range(max(1, args.turns // 100)):
            said = coding_session(f"s{number}", f"/home/dev/p{number % 7}", 100, seed=number)
            (histories / f"{number}.jsonl").write_text(said)
        if args.encrypted:
            group.encrypt()
        group.up()
        with group.client() as client:
            job = client.call(Actor.INGEST, Import(paths=(str(histories),)), ImportProgress).job
            read = ImportStatus(job=job)
            wait_until(lambda: client.call(Actor.INGEST, read, ImportProgress).done, "all is read")
            group.settle()
            wait_until(lambda: not group.health().stages["vectors"].note, "the weights are final")
            group.settle()
        times, used = ask(group, args.questions)
        count = group.health().watermark.records_count
    return {
        "turns": count,
        "recall": quantiles(times, "ms"),
        "CPU of a recall, ms": round(used, 2),
    }


def ask(group: Group, questions: int) -> tuple[list[float], float]:
    """Return how long each question took, and the CPU time that one takes; both in ms."""
    chance = random.Random(1)  # noqa: S311
    times, before = [], 0.0
    with group.client() as client:
        for number in range(questions + WARM_UP):
            if number == WARM_UP:
                before = group.cpu_s(*_ASKED)
            question = text(chance, chance.randint(4, 12))
            began = time.perf_counter()
            recall(client, Recall(query=question, k=10))
            times.append((time.perf_counter() - began) * 1_000)
    return times[WARM_UP:], 1_000 * (group.cpu_s(*_ASKED) - before) / questions
