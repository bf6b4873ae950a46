"""The whole group in one process, under a clock that the scheduler moves.

The behaviours are the real ones, and so are LMDB, FAISS, tantivy and the files. What is simulated
is all that lies between them: time, and messages, which may be lost, doubled, late and out of
order. An actor may crash between any two of its effects and is started again after a while; the
disk may refuse what it wants to write. All chance comes from one seed, so every story can be told
again.
"""

import errno
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from actors.cache_writer import CacheWriter
from actors.embedding import Embedding
from actors.graph_cache import GraphCache
from actors.ingest import Ingest
from actors.lifecycle import Lifecycle
from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.embedders.embedder import Embedder, Frequencies, Vectors
from iai.embedders.registry import Embedders
from iai.embedders.vector_generations import VectorGenerations
from iai.errors import EmbedderUnavailable, StoreError
from iai.index.lexical import LexicalIndex
from iai.lifecycle.states import Thresholds
from iai.model.clock import NS, Now
from iai.process import files
from iai.protocol.behaviour import (
    Answer,
    Behaviour,
    Caller,
    Effect,
    LinkFile,
    MoveFile,
    Publish,
    RemoveFile,
    ReplaceFile,
    Steps,
)
from iai.protocol.message import (
    PIPELINE,
    Actor,
    Event,
    Reply,
    Request,
)
from iai.protocol.registry import FEED
from iai.store.graph import GraphStore
from iai.store.readers import Readers
from iai.store.records import Records
from iai.store.vectors import VectorStore

MAP_SIZE = 256 << 20  # bytes
SLICE_NS = 1_000_000  # what a slice of work takes in this world
EFFECT_NS = 100_000  # what an effect takes
START = Now(1_700_000_000 * NS, 1_000 * NS)


class LettersEmbedder:
    """Counts letters: small, and otherwise all that `Embedder` promises."""

    name = "letters"
    fingerprint = "letters-1"
    parts: tuple[int, ...] = (26,)

    def cost_ms(self, text: str) -> float:
        return len(text) / 1_000

    def frequencies(self, texts: Sequence[str]) -> Frequencies:
        return np.asarray((self._counts(texts) > 0).sum(axis=0), np.uint32)

    def embed(
        self,
        texts: Sequence[str],
        frequencies: Frequencies,
        documents: int,
        known: Vectors | None = None,
    ) -> Vectors:
        rarity = np.log1p((documents - frequencies + 0.5) / (frequencies + 0.5))
        rows = self._counts(texts) * rarity
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)

    def _counts(self, texts: Sequence[str]) -> Vectors:
        out = np.zeros((len(texts), self.parts[0]), np.float32)
        for row, text in enumerate(texts):
            for letter in text.lower():
                if "a" <= letter <= "z":
                    out[row, ord(letter) - ord("a")] += 1
        return out


class SharedReaders(Readers):
    """What other processes would open for reading is here the writers' own: LMDB wants it so."""

    def __init__(self, layout: Layout, records: Records, vectors: VectorStore, graph: GraphStore):
        super().__init__(layout)
        self._records, self._vectors, self._graph = records, vectors, graph

    def close(self) -> None:
        """They are not ours to close."""


class Chances(Struct, frozen=True):
    """How often things go wrong, from 0 to 1."""

    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    crash: float = 0.0  # before each effect


class Crashed(Exception):
    """Thrown into an actor where its process would have ended."""


class World:
    """A group, its store, and its time."""

    def __init__(
        self,
        directory: Path,
        *,
        seed: int = 0,
        chances: Chances = Chances(),  # noqa: B008  it is frozen
        interleaved: bool = False,
        embedder: Embedder | None = None,
        **settings: float,
    ) -> None:
        """`interleaved`: between any two effects of one actor others may have theirs."""
        self.layout = Layout(directory)
        self.layout.create()
        self.settings = Settings(store=directory, **settings)  # type: ignore[arg-type]
        self.now = START
        self.chance = random.Random(seed)  # noqa: S311
        self.chances = chances
        self.records = Records(self.layout.records, writer=True, map_size=MAP_SIZE)
        self.vectors = VectorStore(self.layout.vectors, writer=True, map_size=MAP_SIZE)
        self.graph = GraphStore(self.layout.index, writer=True, map_size=MAP_SIZE)
        self.lexical = LexicalIndex(self.layout.lexical)
        self.embedder: Embedder = embedder or LettersEmbedder()  # the chosen one
        self.embedders = {self.embedder.name: self.embedder}  # all that can be loaded
        self.actors: dict[Actor, Behaviour] = {}
        self.down_until: dict[Actor, int] = {}
        self.interleaved = interleaved
        self.performing: dict[Actor, Iterator[None]] = {}
        self.asked: list[tuple[Actor, Request, Caller]] = []  # not yet received
        self.disk_full = False
        self.starts: dict[Actor, int] = dict.fromkeys(PIPELINE, 0)
        self.post: list[tuple[int, int, Actor, Event]] = []  # when, number, to whom, what
        self.replies: dict[str, Reply] = {}
        self.events: list[Event] = []  # all that was published, in order
        self.effects: list[tuple[Actor, Effect]] = []
        self.after_effect: Callable[[], None] = lambda: None
        self._numbers = 0
        for actor in PIPELINE:
            self.start(actor)

    def close(self) -> None:
        """Close the store."""
        for store in (self.records, self.vectors, self.graph):
            store.close()

    # --- driving it ---------------------------------------------------------------------------

    def ask(self, actor: Actor, request: Request) -> str:
        """Send a request; return its id, under which `replies` will hold the answer."""
        self._numbers += 1
        caller = Caller(b"test", str(self._numbers))
        if actor in self.performing:
            self.asked.append((actor, request, caller))
        elif actor in self.actors:
            self._perform(actor, self.actors[actor].receive(request, caller, self.now))
        return caller.request_id

    def answer(self, actor: Actor, request: Request, within_s: float = 60.0) -> Reply:
        """Send a request, as often as the actor crashes over it, until it is answered."""
        end = self.now.mono + int(within_s * NS)
        while self.now.mono < end:
            request_id = self.ask(actor, request)
            self.run(1.0, until=lambda: request_id in self.replies)  # noqa: B023  used at once
            if request_id in self.replies:
                return self.replies[request_id]
        raise TimeoutError(f"{actor} did not answer {request}")

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let so much time pass, or as much as it takes until something holds."""
        end = self.now.mono + int(seconds * NS)
        while self.now.mono < end and not until():
            if not self._turn():
                self._wait(end)

    def settled(self) -> bool:
        """Has nobody anything to do at once, and is no message under way?"""
        due = [self.actors[a].due_s(self.now) for a in self.actors]
        busy = self.post or self.performing or self.asked or self.down_until
        return not busy and all(s > 0 for s in due)

    def stop(self, actor: Actor) -> None:
        """Stop an actor in good order."""
        self._finish(actor)
        if actor in self.actors:
            self._perform(actor, self.actors[actor].stop(self.now))
            self._finish(actor)
        self.actors.pop(actor, None)

    def crash(self, actor: Actor, for_s: float = 0.2) -> None:
        """End an actor as SIGKILL does; it is started again after a while."""
        self.actors.pop(actor, None)
        self.performing.pop(actor, None)
        self.asked = [asked for asked in self.asked if asked[0] is not actor]
        self.down_until[actor] = self.now.mono + int(for_s * NS)

    def start(self, actor: Actor) -> None:
        """Start an actor: what it knew and did not write is gone."""
        self.down_until.pop(actor, None)
        self.actors[actor] = self._make(actor)
        self.starts[actor] += 1
        self._perform(actor, self.actors[actor].start(self.now))
        self._finish(actor)

    # --- the scheduler ------------------------------------------------------------------------

    def _turn(self) -> bool:
        """Do one thing that is due now; False if there is none."""
        for actor, until in list(self.down_until.items()):
            if until <= self.now.mono:
                self.start(actor)
                return True
        if self.performing and self.chance.random() < 0.5:  # noqa: PLR2004  fifty-fifty
            self._step(self.chance.choice(list(self.performing)))
            return True
        if self._receive() or self._hear():
            return True
        free = [a for a in PIPELINE if a in self.actors and a not in self.performing]
        due = [a for a in free if self.actors[a].due_s(self.now) <= 0]
        if due:
            actor = self.chance.choice(due)
            self._pass(SLICE_NS)
            self._perform(actor, self.actors[actor].work(self.now))
        elif self.performing:
            self._step(self.chance.choice(list(self.performing)))
        return bool(due or self.performing)

    def _receive(self) -> bool:
        for asked in self.asked:
            actor, request, caller = asked
            if actor not in self.performing:
                self.asked.remove(asked)
                self._perform(actor, self.actors[actor].receive(request, caller, self.now))
                return True
        return False

    def _hear(self) -> bool:
        for letter in self.post:
            when, _, actor, event = letter
            if when <= self.now.mono and actor not in self.performing:
                self.post.remove(letter)
                if actor in self.actors:
                    self._perform(actor, self.actors[actor].hear(event, self.now))
                return True
        return False

    def _wait(self, end: int) -> None:
        """Pass the time until something is due."""
        moments = [letter[0] for letter in self.post] + list(self.down_until.values())
        moments += [
            self.now.mono + max(1, int(behaviour.due_s(self.now) * NS))
            for behaviour in self.actors.values()
        ]
        self._pass(max(1, min([*moments, end]) - self.now.mono))

    def _pass(self, ns: int) -> None:
        self.now = Now(self.now.wall + ns, self.now.mono + ns)

    def _perform(self, actor: Actor, steps: Steps) -> None:
        """Begin what an actor does; where nothing is interleaved, it is also finished."""
        self.performing[actor] = self._effects(actor, steps)
        if not self.interleaved:
            self._finish(actor)

    def _finish(self, actor: Actor) -> None:
        while actor in self.performing:
            self._step(actor)

    def _step(self, actor: Actor) -> None:
        """Have an actor do one thing: carry out its next effect, or come to an end."""
        steps = self.performing[actor]
        try:
            next(steps)
        except StopIteration:
            if self.performing.get(actor) is steps:
                del self.performing[actor]
        except (Crashed, OSError, StoreError) as error:
            if not (self.disk_full or isinstance(error, Crashed)):
                raise
            self.crash(actor, self.chance.uniform(0.1, 2.0))
            self.after_effect()
        else:
            self._pass(EFFECT_NS)

    def _effects(self, actor: Actor, steps: Steps) -> Iterator[None]:
        """Carry out the effects of an actor; before each, others may have theirs."""
        try:
            effect = next(steps)
            while True:
                yield
                if self.chance.random() < self.chances.crash:
                    raise Crashed
                try:
                    self._carry_out(actor, effect)
                except OSError as error:
                    effect = steps.throw(error)
                else:
                    self.effects.append((actor, effect))
                    self.after_effect()
                    effect = steps.send(self.now)
        except StopIteration:
            pass

    def _carry_out(self, actor: Actor, effect: Effect) -> None:
        match effect:
            case Answer(to=caller, reply=reply):
                self.replies[caller.request_id] = reply
            case Publish(event=event):
                self.events.append(event)
                self._deliver(actor, event)
            case ReplaceFile() if self.disk_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            case ReplaceFile(path=path, data=data):
                files.replace(path, data)
                os.utime(path, ns=(self.now.wall, self.now.wall))
            case LinkFile(path=path, target=target):
                files.link(path, target)
            case MoveFile(path=path, to=to):
                private(to.parent)
                path.replace(to)
            case RemoveFile(path=path):
                files.remove(path)

    def _deliver(self, sender: Actor, event: Event) -> None:
        """Post an event to all who listen, as reliably as chance has it."""
        assert isinstance(event, FEED[sender])  # noqa: S101  a behaviour may publish nothing else
        for actor, behaviour in self.actors.items():
            if sender not in behaviour.hears or self.chance.random() < self.chances.lost:
                continue
            copies = 2 if self.chance.random() < self.chances.doubled else 1
            for _ in range(copies):
                late = self.chance.random() < self.chances.late
                delay = self.chance.uniform(0, 10.0) if late else 0.001
                self._numbers += 1
                self.post.append((self.now.mono + int(delay * NS), self._numbers, actor, event))

    def _load(self, name: str) -> Embedder:
        if name == self.embedder.name:
            return self.embedder
        if name not in self.embedders:
            raise EmbedderUnavailable(f"{name} was taken away")
        return self.embedders[name]

    def _make(self, actor: Actor) -> Behaviour:
        readers = SharedReaders(self.layout, self.records, self.vectors, self.graph)
        match actor:
            case Actor.INGEST:
                return Ingest(self.layout, self.records)
            case Actor.EMBEDDING:
                embedders = Embedders(self.embedder.name, self._load)
                return Embedding(readers, VectorGenerations(self.vectors, embedders))
            case Actor.GRAPH_CACHE:
                return GraphCache(readers, self.graph, self.lexical)
            case Actor.LIFECYCLE:
                limits = Thresholds(
                    self.settings.drowsy_after_s,
                    self.settings.sleep_after_s,
                    self.settings.hibernate_after_s,
                )
                return Lifecycle(self.layout, limits, self.settings.tick_s)
            case _:
                return CacheWriter(self.layout, readers, self.settings)
