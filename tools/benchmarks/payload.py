"""How much of what the next session talks about is in the payload that it starts with.

A history is told session by session, as one project: conversations in the form of LoCoMo (`--data`;
`conversation.session_N`: turns with `speaker` and `text`), or what was committed to a repository
(`--git`), each message a turn and each spell of work a session. After each session the group sleeps
(the real actors in one process, see `world`), so that the topics are found; before the next the
payload is composed. Its score is the share of the session's rare words that it holds, and that
share for every 100 tokens. Rare is a word that was said before, in at most one turn of `RARE`. Two
baselines have as many tokens: the last turns, and the turns that are most like all others (degree
centrality; Erkan and Radev, LexRank, 2004). `without_topics` is the payload of one that never
slept.
"""

import json
import re
import subprocess
import tempfile
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
from simulation.world import START, World

from benchmarks.stats import Stats
from iai.embedders.static import StaticEmbedder, bundled
from iai.model.clock import NS
from iai.payload.budget import tokens
from iai.payload.compose import render
from iai.payload.material import gather
from iai.projects.identity import identify
from iai.protocol.graph_cache import SleepFinished
from iai.protocol.ingest import Capture, CapturedTurn
from iai.protocol.lifecycle import RequestState
from iai.protocol.message import Actor, State

RARE = 50  # turns of which at most one has the word
DAY = 86_400 * NS
NIGHT_S = 3_600.0  # in which a group is done with all that it has to do
WAYS = ("payload", "without_topics", "last_turns", "central_turns")
COMMITS = 1_000  # of a repository, the latest
BREAK_S = 6 * 3_600  # without a commit, between two spells of work
PROJECT = "/history"
_WORD = re.compile(r"[a-z][a-z0-9_]{2,}")
_OUR_OWN = re.compile(r"^(<!--|##|#\d+ |What was said).*$", re.MULTILINE)


class Held(NamedTuple):
    """What one text held of a session's rare words."""

    share: float
    tokens: int


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="histories in the form of LoCoMo")
    parser.add_argument("--git", type=Path, nargs="*", default=[], help="git directories")


def run(args: Namespace) -> Stats:
    """Replay every history; return the mean of each way to fill the tokens, for each history."""
    embedder = bundled()
    told = json.loads(args.data.read_text()) if args.data else []
    histories = {f"conversation {n}": list(_sessions(one)) for n, one in enumerate(told, 1)}
    histories |= {f"git {path.resolve().parent.name}": _spells(path) for path in args.git}
    if not histories:
        raise SystemExit("nothing to replay: give --data FILE or --git DIRECTORY")
    found = {name: list(_replay(sessions, embedder)) for name, sessions in histories.items()}
    every = {"all": [held for one in found.values() for held in one]}
    return {name: _compared(helds) for name, helds in (every | found).items()}


def _compared(found: list[tuple[str, Held]]) -> Stats:
    return {way: _stats([h for w, h in found if w == way]) for way in WAYS}


def _stats(helds: list[Held]) -> Stats:
    per_100 = mean(100 * held.share / held.tokens for held in helds)
    return {
        "sessions": len(helds),
        "share": round(mean(held.share for held in helds), 4),
        "tokens": round(mean(held.tokens for held in helds)),
        "share_per_100_tokens": round(per_100, 5),
    }


def _sessions(conversation: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the turns of each session, in order."""
    told = conversation["conversation"]
    numbers = sorted(int(key[8:]) for key in told if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        yield [f"{turn['speaker']}: {turn['text']}" for turn in told[f"session_{number}"]]


def _spells(repository: Path) -> list[list[str]]:
    """Return the messages of a repository's latest commits, the oldest first, by spell of work."""
    command = ["git", "-C", str(repository), "log", "--no-merges", f"-{COMMITS}", "--reverse"]
    log = subprocess.run(
        [*command, "--format=%ct%x1f%B%x1e"], capture_output=True, text=True, check=True
    ).stdout
    spells: list[list[str]] = []
    last = 0
    for entry in log.split("\x1e")[:-1]:
        at, message = entry.strip().split("\x1f")
        if int(at) - last > BREAK_S:
            spells.append([])
        last = int(at)
        spells[-1].append(message.strip())
    return spells


def _replay(sessions: list[list[str]], embedder: StaticEmbedder) -> Iterator[tuple[str, Held]]:
    with tempfile.TemporaryDirectory(prefix="iai-") as directory:
        world = World(Path(directory) / "store", embedder=embedder)
        world.stop(Actor.CACHE_WRITER)
        said: list[str] = []
        for number, turns in enumerate(sessions):
            wanted = _rare(turns, said)
            if wanted:
                yield from _ways(world, said, wanted, embedder, START.wall + number * DAY)
            _keep(world, number, turns)
            said += turns
        world.close()


def _ways(
    world: World, said: list[str], wanted: set[str], embedder: StaticEmbedder, wall: int
) -> Iterator[tuple[str, Held]]:
    project = identify(PROJECT)
    with world.records.view() as view, world.graph.view() as graph:
        topics = graph.topics(project.id)
        payload = render(gather(view, project.id, project.name, topics), wall)
        without = render(gather(view, project.id, project.name), wall)
    room = tokens(payload)
    yield "payload", _held(_OUR_OWN.sub("", payload), wanted, room)
    yield "without_topics", _held(_OUR_OWN.sub("", without), wanted, tokens(without))
    yield "last_turns", _held(_filled(reversed(said), room), wanted, room)
    central = (said[place] for place in _by_centrality(said, embedder))
    yield "central_turns", _held(_filled(central, room), wanted, room)


def _keep(world: World, session: int, turns: list[str]) -> None:
    """Take in a session, and sleep over it."""
    captured = tuple(
        CapturedTurn(
            text=text,
            role="assistant" if place % 2 else "user",
            host="claude",
            session=str(session),
            cwd=PROJECT,
            created_at=START.wall + session * DAY + place * 60 * NS,
            key=f"{session}.{place}",
        )
        for place, text in enumerate(turns)
    )
    world.answer(Actor.INGEST, Capture(turns=captured))
    world.run(NIGHT_S, until=world.settled)
    world.events.clear()
    world.effects.clear()
    world.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
    world.run(NIGHT_S, until=lambda: any(isinstance(e, SleepFinished) for e in world.events))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _rare(turns: list[str], said: list[str]) -> set[str]:
    """Return the words of a session that were said before, but hardly ever."""
    counts = Counter(word for text in said for word in _words(text))
    most = max(1, len(said) // RARE)
    return {word for text in turns for word in _words(text) if 0 < counts[word] <= most}


def _held(text: str, wanted: set[str], room: int) -> Held:
    return Held(len(wanted & _words(text)) / len(wanted), room)


def _filled(turns: Iterable[str], room: int) -> str:
    """Return as many turns as find room."""
    taken: list[str] = []
    for text in turns:
        cost = tokens(text)
        if cost > room:
            break
        room -= cost
        taken.append(text)
    return "\n".join(taken)


def _by_centrality(said: list[str], embedder: StaticEmbedder) -> list[int]:
    vectors = embedder.embed(said, embedder.frequencies(said), len(said))
    likeness = np.maximum(vectors @ vectors.T, 0.0).sum(axis=1)
    return [int(place) for place in np.argsort(-likeness)]
