"""How well recall finds what answers a question, through a running group and over the wire.

A question has evidence: the turns that hold its answer. `any@k`: is one of them among the first k;
`recall@k`: how many of them are. At the level of sessions: of those that hold evidence, how many
are among the first k different ones.
"""

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from statistics import fmean

from harness.group import Group
from msgspec import Struct

from benchmarks.stats import Stats, quantiles
from iai.process.client import Client, recall
from iai.protocol.graph_cache import Hit, Recall, Recalled
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor

TURN_RANKS = (5, 10, 20)
SESSION_RANKS = (5, 10)
DEEPEST = 200  # hits that are asked for where sessions are counted
PATIENCE_S = 60.0  # what is measured is what is found, on a busy machine too


class Question(Struct, frozen=True):
    """One question. `evidence` are keys of turns."""

    text: str
    evidence: frozenset[str]
    category: str


class History(Struct, frozen=True):
    """What one store is filled with, and asked. Turns have keys, and come by session."""

    name: str
    sessions: Sequence[Sequence[CapturedTurn]]
    questions: Sequence[Question]


class Asked(Struct, frozen=True):
    """The outcome of a question."""

    history: str
    category: str
    found: dict[str, float]
    ms: float
    degraded: bool  # answered without vectors, say, since the machine was too busy


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments that all such benchmarks share."""
    parser.add_argument("--halves", action="store_true", help="also over halves of the set")
    parser.add_argument("--embedder", default="static", help="as IAI_MCP_EMBEDDER has it")


def run(history: History, embedder: str) -> tuple[list[Asked], int, float]:
    """Fill a fresh store, wait for all stages, and ask. Returns also turns and seconds taken in."""
    with Group(session_cache_refresh_min_sec="0", embedder=embedder) as group:
        group.up()
        keys: dict[str, str] = {}  # by id
        began = time.monotonic()
        with group.client() as client:
            for turns in history.sessions:
                done = client.call(Actor.INGEST, Capture(turns=tuple(turns)), Captured)
                keys |= dict(zip(done.ids, (turn.key for turn in turns), strict=True))
            group.settle()
            seconds = time.monotonic() - began
            session = {turn.key: turn.session for turns in history.sessions for turn in turns}
            asked = []
            for question in history.questions:
                began = time.perf_counter()
                first = _recall(client, question, max(TURN_RANKS))
                ms = (time.perf_counter() - began) * 1_000
                deep = _recall(client, question, DEEPEST)
                found = _found(question, _keys(first.hits, keys), _keys(deep.hits, keys), session)
                degraded = bool(first.degraded or deep.degraded)
                asked.append(Asked(history.name, question.category, found, ms, degraded))
    return asked, len(keys), seconds


def _recall(client: Client, question: Question, k: int) -> Recalled:
    return recall(client, Recall(query=question.text, k=k), PATIENCE_S)


def stats(asked: Sequence[Asked], turns: int, seconds: float, *, halves: bool) -> Stats:
    """Return means over the questions: all, those of each category, and those of each half."""
    parts = {"all": list(asked)}
    categories = sorted({one.category for one in asked})
    for category in categories if len(categories) > 1 else ():
        parts[category] = [one for one in asked if one.category == category]
    if halves:
        names = list(dict.fromkeys(one.history for one in asked))
        for number in (0, 1):
            if len(names) > 1:
                half = names[number::2]
                parts[f"histories, half {number + 1}"] = [o for o in asked if o.history in half]
            parts[f"questions, half {number + 1}"] = list(asked[number::2])
    means = {f"{name} ({len(part)})": _means(part) for name, part in parts.items()}
    return {
        **means,
        "turns": turns,
        "ingest, turns/s": round(turns / seconds),
        "answered with less than all": sum(one.degraded for one in asked),
        "recall": quantiles([one.ms for one in asked], "ms"),
    }


def _keys(hits: Sequence[Hit], keys: dict[str, str]) -> list[str]:
    return [keys.get(hit.id, "") for hit in hits]


def _found(
    question: Question, first: list[str], deep: list[str], session: dict[str, str]
) -> dict[str, float]:
    wanted = question.evidence
    found: dict[str, float] = {}
    for rank in TURN_RANKS:
        found[f"any@{rank}"] = float(not wanted.isdisjoint(first[:rank]))
    for rank in TURN_RANKS:
        found[f"recall@{rank}"] = len(wanted.intersection(first[:rank])) / len(wanted)
    sessions = list(dict.fromkeys(session.get(key, "") for key in deep))
    held = {session[key] for key in wanted}
    for rank in SESSION_RANKS:
        found[f"session recall@{rank}"] = len(held.intersection(sessions[:rank])) / len(held)
    return found


def _means(part: Sequence[Asked]) -> dict[str, float]:
    names = part[0].found if part else {}
    return {name: round(fmean(one.found[name] for one in part), 3) for name in names}
