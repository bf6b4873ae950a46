"""Milliseconds of a recall, as a client measures them, and the CPU time that it takes.

`--encrypted` asks a second group each question as well, whose store is encrypted and otherwise the
same: what encryption costs is the median over the questions, so it does not depend on how busy the
machine is. The indexes of both are rebuilt before. While turns come in, how many segments the
lexical index has depends on how fast they do, and a question looks through each.
"""

import random
import shutil
import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing

from harness.corpus import coding_session, text
from harness.group import Group, wait_until

from benchmarks.stats import Stats, quantiles
from iai.process.client import Client, recall
from iai.protocol.graph_cache import Recall
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.lifecycle import LifecycleReport, RequestState
from iai.protocol.message import Actor, State
from iai.store.readers import Readers

_ASKED = (Actor.GRAPH_CACHE, Actor.EMBEDDING)
WARM_UP = 20  # queries not measured


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--encrypted", action="store_true", help="compare an encrypted store")


def run(args: Namespace) -> Stats:
    with Group(session_cache_refresh_min_sec="0") as plain:
        _fill(plain, args.turns)
        if not args.encrypted:
            return _figures(plain, *ask(plain, args.questions))
        with Group(session_cache_refresh_min_sec="0") as encrypted:
            encrypted.encrypt()
            _fill(encrypted, args.turns)
            return _compare(plain, encrypted, args.questions)


def _fill(group: Group, turns: int) -> None:
    histories = group.work / "histories"
    histories.mkdir()
    for number in range(max(1, turns // 100)):
        said = coding_session(f"s{number}", f"/home/dev/p{number % 7}", 100, seed=number)
        (histories / f"{number}.jsonl").write_text(said)
    group.up()
    with group.client() as client:
        job = client.call(Actor.INGEST, Import(paths=(str(histories),)), ImportProgress).job
        read = ImportStatus(job=job)
        wait_until(lambda: client.call(Actor.INGEST, read, ImportProgress).done, "all is read")
    _settle(group)
    group.down()
    shutil.rmtree(group.layout.index)
    group.up()
    _settle(group)
    with group.client() as client:  # links are made without pauses then
        client.call(Actor.LIFECYCLE, RequestState(state=State.SLEEP), LifecycleReport)
    wait_until(lambda: _linked(group), "all is linked", look_s=1)


def _linked(group: Group) -> bool:
    with closing(Readers(group.layout)) as readers, readers.graph.view() as view:
        progress = view.progress()
        return progress.links_applied == progress.records_applied


def _settle(group: Group) -> None:
    group.settle()
    wait_until(lambda: not group.health().stages["vectors"].note, "the weights are final")
    group.settle()


def ask(group: Group, questions: int) -> tuple[list[float], float]:
    """Return how long each question took, and the CPU time that one takes; both in ms."""
    times, before = [], 0.0
    with group.client() as client:
        for number, question in enumerate(_questions(questions + WARM_UP)):
            if number == WARM_UP:
                before = group.cpu_s(*_ASKED)
            times.append(_ask(client, question))
    return times[WARM_UP:], 1_000 * (group.cpu_s(*_ASKED) - before) / questions


def _compare(plain: Group, encrypted: Group, questions: int) -> Stats:
    """Ask both groups each question, in turn one or the other first."""
    groups, before = (plain, encrypted), [0.0, 0.0]
    times: list[list[float]] = [[], []]
    with plain.client() as one, encrypted.client() as other:
        both = list(enumerate((one, other)))
        for number, question in enumerate(_questions(questions + WARM_UP)):
            if number == WARM_UP:
                before = [group.cpu_s(*_ASKED) for group in groups]
            for place, client in both if number % 2 else reversed(both):
                times[place].append(_ask(client, question))
    measured = [every[WARM_UP:] for every in times]
    used = [
        1_000 * (group.cpu_s(*_ASKED) - start) / questions
        for group, start in zip(groups, before, strict=True)
    ]
    ratios = [after / first for first, after in zip(*measured, strict=True)]
    return {
        **_figures(plain, measured[0], used[0]),
        **{f"encrypted, {k}": v for k, v in _figures(encrypted, measured[1], used[1]).items()},
        "encryption adds, %": {
            "time": round(100 * (statistics.median(ratios) - 1), 1),
            "CPU": round(100 * (used[1] / used[0] - 1), 1),
        },
    }


def _figures(group: Group, times: list[float], cpu: float) -> Stats:
    return {
        "turns": group.health().watermark.records_count,
        "recall": quantiles(times, "ms"),
        "CPU of a recall, ms": round(cpu, 2),
    }


def _questions(count: int) -> Iterator[str]:
    chance = random.Random(1)  # noqa: S311
    return (text(chance, chance.randint(4, 12)) for _ in range(count))


def _ask(client: Client, question: str) -> float:
    began = time.perf_counter()
    recall(client, Recall(query=question, k=10))
    return (time.perf_counter() - began) * 1_000
