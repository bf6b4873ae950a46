"""Machines of a team with two processes each, those that pass on what was said, and real servers.

New machines take in all that another one has shared before. How long one takes is counted from when
its processes are ready, so it includes that it is let in, and gets its keys behind all that it was
sent until then. And one machine shares its past while something is said on it.
"""

import random
import time
from collections import Counter
from statistics import median

from harness.corpus import text
from harness.group import wait_until
from harness.nats_servers import NatsServers
from harness.replica import Replica
from harness.team import Crew, Machine

from benchmarks.stats import Stats, quantiles
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor
from iai.store.readers import Readers

WORDS = 60  # of a turn
BATCH = 500  # turns of one commit
PATIENCE_S = 900.0
APART_S = 0.3  # between two turns that are said while the past is shared
LATEST = 3_000  # records among which one that was just said is looked for


def join(servers: NatsServers, number: int, records: int, at_once: int) -> Stats:
    """Have so many machines join, some at once, after another has shared its records."""
    with Crew(1, servers, kind=Replica) as crew:
        speaker = crew.machines[0]
        say_many(speaker, records, random.Random(1))  # noqa: S311
        speaker.share()
        wait_until(lambda: not unpublished(speaker), "all is published", PATIENCE_S, 0.2)
        rates: list[float] = []
        cpu_s: list[float] = []
        unlike = 0
        said = _texts(speaker)
        for start in range(0, number, at_once):
            some = [Replica(f"r{n}") for n in range(start, min(start + at_once, number))]
            try:
                for wall_s, cpu in _join(crew, some, records):
                    rates.append(records / wall_s)
                    cpu_s.append(cpu)
                unlike += sum(_texts(one) != said for one in some)
            finally:
                for one in some:
                    one.destroy()
    return {
        "machines, one after another in groups of": [number, at_once],
        "records each": records,
        "machines unlike the first": unlike,
        "records/s of a machine, slowest, median": [round(min(rates)), round(median(rates))],
        "CPU s of a machine, least, median": [round(min(cpu_s), 1), round(median(cpu_s), 1)],
    }


def share_past(servers: NatsServers, past: int) -> Stats:
    """Have a machine share what it said, and time the way of what it says meanwhile."""
    with Crew(2, servers, kind=Replica) as crew:
        speaker, other = crew.machines
        say_many(speaker, past, random.Random(1))  # noqa: S311
        began = time.monotonic()
        speaker.share()
        times: list[float] = []
        while count(other) < past + len(times):
            said = f"live turn {len(times)}"
            speaker.say(said)
            said_at = time.monotonic()
            wait_until(lambda s=said: _has(other, s), "it has arrived", PATIENCE_S, 0.02)  # type: ignore[misc]
            times.append((time.monotonic() - said_at) * 1_000)
            time.sleep(APART_S)
    return {
        "turns of the past, shared in s": [past, round(time.monotonic() - began, 1)],
        "turn said meanwhile to records of another": quantiles(times, "ms"),
    }


def _has(machine: Machine, text: str) -> bool:
    """Is this among the latest records?"""
    readers = Readers(machine.layout)
    try:
        with readers.records.view() as view:
            last = view.watermark().max_vec_label
            labels = range(last, max(0, last - LATEST), -1)
            return any(r.text == text for r in map(view.get, labels) if r is not None)
    finally:
        readers.close()


def _join(crew: Crew, some: list[Replica], records: int) -> list[tuple[float, float]]:
    """Return how long each machine took, and the CPU time of its processes."""
    for one in some:
        crew.join(one)
    done: dict[str, tuple[float, float]] = {}

    def look() -> bool:
        for one in some:
            if one.name not in done and count(one) >= records:
                spent = one.cpu_s(Actor.REPLICATOR, Actor.INGEST)
                done[one.name] = time.monotonic() - one.ready_at, spent
        return len(done) == len(some)

    wait_until(look, "all is taken in", PATIENCE_S, 0.05)
    return list(done.values())


def _texts(machine: Machine) -> Counter[str]:
    return Counter(record.text for record in machine.records())


def say_many(machine: Machine, turns: int, chance: random.Random) -> None:
    """Have many turns be said on a machine."""
    with machine.client() as client:
        for start in range(0, turns, BATCH):
            some = range(start, min(start + BATCH, turns))
            said = tuple(
                CapturedTurn(
                    text=f"{n} {text(chance, WORDS)}", cwd=str(machine.checkout), session="long"
                )
                for n in some
            )
            client.call(Actor.INGEST, Capture(turns=said), Captured, 120.0)


def count(machine: Machine) -> int:
    """Return how many records a machine has."""
    readers = Readers(machine.layout)
    try:
        with readers.records.view() as view:
            return view.watermark().records_count
    finally:
        readers.close()


def unpublished(machine: Machine) -> int:
    """Return how many changes of a machine the stream has not acknowledged."""
    return sum(one.unpublished for one in machine.team().projects)
