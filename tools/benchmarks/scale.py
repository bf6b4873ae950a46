"""A large store, over the wire: what everything costs, and what recall finds."""

import random
import signal
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness.corpus import history, text
from harness.group import Group, wait_until

from benchmarks.startup import name_of
from benchmarks.stats import Stats, quantiles
from iai.index.vector import Vectors
from iai.index.vector_indexer import VectorIndexer
from iai.process.client import Client, recall
from iai.protocol.embedding import EmbedQuery, QueryVector, QueryVectors
from iai.protocol.graph_cache import Recall, Recalled
from iai.protocol.ingest import (
    Capture,
    CapturedTurn,
    Import,
    ImportProgress,
    ImportStatus,
)
from iai.protocol.ingest import Captured as Kept
from iai.protocol.message import Actor
from iai.store.readers import Readers
from iai.store.vectors import VectorView

PATIENCE_S = 3_600.0
LOOK_S = 0.2  # polling more often would take a core from what is measured
WARM_UP = 30  # queries not measured
CAPTURES = 20
COMPARED = 100  # questions that are also answered exactly
FIRST = 10
SCANNED = 20_000  # vectors compared at a time


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--more", type=int, default=0, help="imported while asking; 0: a tenth")


def run(args: Namespace) -> Stats:
    questions = queries(args.questions + WARM_UP)
    with Group() as group:
        first, more = group.work / "first", group.work / "more"
        history(first, args.records)
        history(more, args.more or max(2_000, args.records // 10), seed=args.records)
        group.up()
        with group.client() as client:
            stats = {"ingest": _ingest(group, client, first)}
            idle = _ask(client, questions)
            stats |= {name: quantiles(times[WARM_UP:], "ms") for name, times in idle.items()}
            stats["recall in one project"] = _filtered(client, questions)
            stats["commit to findable"] = _findable(client)
            stats["memory, MB"] = _memory(group)
            stats["disk, MB"] = _disk(group.layout.root)
            busy = _while_importing(group, client, more, questions)
            stats["recall during an import"] = quantiles(busy, "ms")
            _caught_up(group)
            asked = questions[:COMPARED]
            before = _answers(client, asked)
            given = [_embed(client, question) for question in asked]
        stats["start to warm"] = _restart(group, asked[0])
        stats["memory after the start, MB"] = _memory(group)
        with group.client() as client:
            same = {"after a start": _answers(client, asked) == before}
            killed = group.kill(Actor.GRAPH_CACHE, signal.SIGKILL)
            wait_until(
                lambda: group.all_ready() and group.pid(Actor.GRAPH_CACHE) != killed,
                "the graph-cache is back",
            )
            same["after a kill"] = _answers(client, asked) == before
        stats["same answers"] = same
        group.down()
        stats["vector index against all vectors"] = _approximation(group, given)
        records = group.health().watermark.records_count
    return {"records": records, **stats}


def queries(count: int) -> list[str]:
    chance = random.Random(1)  # noqa: S311
    return [text(chance, chance.randint(4, 12)) for _ in range(count)]


def _import(client: Client, path: Path) -> Callable[[], bool]:
    """Begin to read; return what says whether all is read."""
    job = client.call(Actor.INGEST, Import(paths=(str(path),)), ImportProgress).job
    return lambda: client.call(Actor.INGEST, ImportStatus(job=job), ImportProgress).done


def _ingest(group: Group, client: Client, path: Path) -> Stats:
    began = time.monotonic()
    read = _import(client, path)
    wait_until(read, "all is read", PATIENCE_S, LOOK_S)
    stats: Stats = {"read, s": time.monotonic() - began}
    for name, lag in (("embedded", "vectors"), ("searchable", "graph")):
        wait_until(
            lambda stage=lag: not group.health().stages[stage].lag_records,  # type: ignore[misc]
            f"all is {name}",
            PATIENCE_S,
            LOOK_S,
        )
        stats[f"{name}, s"] = time.monotonic() - began
    stats["turns/s"] = group.health().watermark.records_count / stats["searchable, s"]
    _caught_up(group)
    stats["under final weights, s"] = time.monotonic() - began
    return {name: round(value, 1) for name, value in stats.items()}


def _caught_up(group: Group) -> None:
    """Wait until every stage has all, under final weights, and the index is of these."""

    def done() -> bool:
        stages = group.health().stages
        left = [s.lag_records or s.note for s in (stages["vectors"], stages["graph"])]
        return not any(left) and _indexed(group)

    wait_until(done, "all stages have caught up", PATIENCE_S, LOOK_S)


def _indexed(group: Group) -> bool:
    readers = Readers(group.layout)
    try:
        with readers.graph.view() as links, readers.vectors.view() as stored:
            return links.progress().generation == stored.progress().serving
    finally:
        readers.close()


def _embed(client: Client, question: str) -> tuple[QueryVector, ...]:
    return client.call(Actor.EMBEDDING, EmbedQuery(text=question), QueryVectors).vectors


def _ask(client: Client, questions: list[str]) -> dict[str, list[float]]:
    """Return the milliseconds of each question, and those of its parts."""
    times: dict[str, list[float]] = {"recall": [], "of it embed-query": [], "of it graph-cache": []}
    for question in questions:
        began = time.perf_counter()
        given = _embed(client, question)
        embedded = time.perf_counter()
        client.call(Actor.GRAPH_CACHE, Recall(query=question, vectors=given), Recalled)
        ended = time.perf_counter()
        for name, took in zip(
            times, (ended - began, embedded - began, ended - embedded), strict=True
        ):
            times[name].append(took * 1_000)
    return times


def _filtered(client: Client, questions: list[str]) -> Stats:
    project = recall(client, Recall(query=questions[0])).hits[0].project
    times = []
    for question in questions[: COMPARED + WARM_UP]:
        began = time.perf_counter()
        recall(client, Recall(query=question, project=project))
        times.append((time.perf_counter() - began) * 1_000)
    return quantiles(times[WARM_UP:], "ms")


def _findable(client: Client) -> Stats:
    """From the answer to a capture to the first recall that finds it."""
    times = []
    for number in range(CAPTURES):
        word = f"zyzzyva{number}"
        turn = CapturedTurn(text=f"we call it {word} now", session="new", cwd="/home/dev/p1")
        (kept,) = client.call(Actor.INGEST, Capture(turns=(turn,)), Kept).ids
        began = time.perf_counter()
        question = Recall(query=word, k=3)
        wait_until(lambda: kept in _ids(recall(client, question)), "it is found")  # noqa: B023
        times.append((time.perf_counter() - began) * 1_000)
    return quantiles(times, "ms")


def _while_importing(group: Group, client: Client, path: Path, questions: list[str]) -> list[float]:
    read = _import(client, path)
    times: list[float] = []
    while not read() or group.health().stages["graph"].lag_records:
        question = questions[len(times) % len(questions)]
        began = time.perf_counter()
        recall(client, Recall(query=question))
        times.append((time.perf_counter() - began) * 1_000)
    return times


def _ids(answer: Recalled) -> list[str]:
    return [hit.id for hit in answer.hits]


def _answers(client: Client, questions: list[str]) -> list[list[str]]:
    return [_ids(recall(client, Recall(query=question, k=FIRST))) for question in questions]


def _restart(group: Group, question: str) -> Stats:
    group.down()
    began = time.monotonic()
    group.up()
    ready = time.monotonic() - began
    with group.client() as client:
        whole = Recall(query=question)
        wait_until(lambda: not recall(client, whole).degraded, "every part answers", PATIENCE_S)
    return {"ready, s": round(ready, 2), "warm, s": round(time.monotonic() - began, 2)}


def _memory(group: Group) -> Stats:
    """Anonymous memory is the processes' own; the rest of PSS is files, let go at need."""
    processes = {name_of(p): p for p in group.processes()}
    pss = {name: round(p.memory_full_info().pss / 1e6) for name, p in processes.items()}
    own = {
        name: round(sum(part.anonymous for part in p.memory_maps()) / 1e6)
        for name, p in processes.items()
    }
    every = {name: f"{pss[name]} pss {own[name]} anonymous" for name in processes}
    return {**every, "sum of pss": sum(pss.values()), "sum of anonymous": sum(own.values())}


def _disk(root: Path) -> Stats:
    """Megabytes that are taken, not those of holes."""
    sizes = {
        path.name: sum(f.stat().st_blocks * 512 for f in path.rglob("*") if f.is_file()) / 1e6
        for path in sorted(root.iterdir())
        if path.is_dir()
    }
    return {name: round(size, 1) for name, size in sizes.items() if size >= 1}


def _approximation(group: Group, given: list[tuple[QueryVector, ...]]) -> Stats:
    """How many of the exactly first ten are among the first ten of the index, and its cost."""
    readers = Readers(group.layout)
    indexer = VectorIndexer(0)
    try:
        with readers.graph.view() as links, readers.vectors.view() as stored:
            indexer.load(links, links.progress())
            index, generation = indexer.index, indexer.generation
            if index is None:
                raise ValueError("there is no vector index")
            asked = [_of_generation(vectors, generation) for vectors in given]
            exact = _exactly(stored, generation, np.stack(asked))
            shared, times = 0, []
            for vector, expected in zip(asked, exact, strict=True):
                began = time.perf_counter()
                found = index.search(
                    vector, FIRST, lambda labels: stored.of(generation, labels, index.dimension)
                )
                times.append((time.perf_counter() - began) * 1_000)
                shared += len({label for label, _ in found} & set(expected))
    finally:
        readers.close()
    share = shared / sum(len(expected) for expected in exact)
    return {"recall@10": round(share, 4), **quantiles(times, "ms")}


def _of_generation(given: tuple[QueryVector, ...], generation: int) -> Vectors:
    vector = next(vector for vector in given if vector.generation == generation)
    return np.frombuffer(vector.data, "<f4").astype(np.float32)


def _exactly(stored: VectorView, generation: int, asked: Vectors) -> list[list[int]]:
    """Return the first labels of each question when every stored vector is looked at."""
    best: list[list[tuple[float, int]]] = [[] for _ in asked]
    labels, rows = stored.scan(generation, 0, SCANNED)
    while labels:
        for place, scores in enumerate(asked @ rows.T):
            top = np.argsort(-scores, kind="stable")[:FIRST]
            both = best[place] + [(-float(scores[row]), labels[row]) for row in top]
            best[place] = sorted(both)[:FIRST]
        labels, rows = stored.scan(generation, labels[-1], SCANNED)
    return [[label for _, label in found] for found in best]
