"""The whole group in one process, under a clock that the scheduler moves.

The behaviours are real, and so are LMDB, FAISS, tantivy and the files. Simulated is what lies
between them: time, and messages, which may be lost, doubled, late and out of order. An actor may
crash between any two of its effects, and is restarted after a while; the disk may refuse a write.
All randomness comes from one seed, so every scenario can be replayed: see `simulation.replay`.

Several worlds under one scheduler are the machines of a team; between them is an engine in memory.
"""

import errno
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from actors.cache_writer import CacheWriter
from actors.embedding import Embedding
from actors.graph_cache import GraphCache
from actors.ingest import Ingest
from actors.lifecycle import Lifecycle
from actors.replicator import Replicator
from iai.config import access
from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.embedders.embedder import Embedder, Frequencies, Vectors
from iai.embedders.registry import Embedders
from iai.embedders.vector_generations import VectorGenerations
from iai.encryption.cipher import Cipher
from iai.errors import EmbedderUnavailable, StoreError
from iai.index.lexical import LexicalIndex
from iai.ingest.secret_scanner import Kingfisher
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
from iai.protocol.cache_writer import CacheWriteSuccess
from iai.protocol.message import (
    PIPELINE,
    Actor,
    Event,
    Reply,
    Request,
)
from iai.protocol.registry import FEED
from iai.redaction.redactor import Redactor
from iai.store.auto_backups import AutoBackups
from iai.store.graph import GraphStore
from iai.store.inbox import Inbox, InboxView
from iai.store.payload_readers import PayloadReaders
from iai.store.readers import Readers
from iai.store.records import Records
from iai.store.team_store import TeamStore
from iai.store.vectors import VectorStore
from iai.team import team_file
from iai.team.enrolment import Enrolment
from simulation.engine import Engine, MemoryStream

MAP_SIZE = 256 << 20  # bytes
SLICE_NS = 1_000_000  # duration of a slice of work
EFFECT_NS = 100_000  # duration of an effect
START = Now(1_700_000_000 * NS, 1_000 * NS)


class LettersEmbedder:
    """A small embedder that counts letters and keeps every promise of `Embedder`."""

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
            counts = [text.lower().count(letter) for letter in ascii_lowercase]
            out[row, : len(counts)] = counts
        return out


class SharedReaders(Readers):
    """Reads through the writers' environments: LMDB allows one per file and process."""

    def __init__(self, layout: Layout, records: Records, vectors: VectorStore, graph: GraphStore):
        super().__init__(layout)
        self.records, self.vectors, self.graph = records, vectors, graph

    def close(self) -> None:
        """Close nothing: the world owns them."""


class SharedPayloadReaders(PayloadReaders):
    """The same for the cache-writer."""

    def __init__(self, layout: Layout, records: Records, graph: GraphStore):
        super().__init__(layout)
        self.records, self.topics = records, graph

    def close(self) -> None:
        """Close nothing: the world owns them."""


class SharedInbox(Inbox):
    """The same for ingest, which reads what the replicator writes."""

    def __init__(self, store: TeamStore) -> None:
        self._store = store

    @contextmanager
    def view(self) -> Iterator[InboxView]:
        with self._store.view() as view:
            yield view

    def close(self) -> None:
        """Close nothing: the world owns it."""


class Chances(Struct, frozen=True):
    """Probabilities of faults, from 0 to 1."""

    lost: float = 0.0  # of each message, as the next two
    doubled: float = 0.0
    late: float = 0.0
    crash: float = 0.0  # before each effect


class Crashed(Exception):
    """Ends an actor where its process would have been killed."""


class Seat(NamedTuple):
    """The place of a world in a team."""

    own: Enrolment
    engine: Engine


class Scheduler:
    """The time and the chance that some worlds share; it decides which of them acts next."""

    def __init__(self, seed: int = 0) -> None:
        self.mono = START.mono
        self.chance = random.Random(seed)  # noqa: S311
        self.worlds: list[World] = []

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, at most until a condition holds."""
        end = self.mono + int(seconds * NS)
        while self.mono < end and not until():
            if not any(world.turn() for world in self._in_some_order()):
                following = min(world.next_moment() for world in self.worlds)
                self.mono = max(self.mono + 1, min(following, end))

    def _in_some_order(self) -> list["World"]:
        if len(self.worlds) == 1:
            return self.worlds
        return self.chance.sample(self.worlds, len(self.worlds))


class World:
    """A group, its store, and its clock."""

    def __init__(
        self,
        directory: Path,
        *,
        seed: int = 0,
        chances: Chances = Chances(),  # noqa: B008  it is frozen
        interleaved: bool = False,
        embedder: Embedder | None = None,
        library: Kingfisher | None = None,
        scheduler: Scheduler | None = None,
        seat: Seat | None = None,
        **settings: float,
    ) -> None:
        """`interleaved`: other actors may act between any two effects of one.

        `library` finds secrets, besides our own rules. With a `scheduler`, the seed is that one's.
        """
        self.layout = Layout(directory)
        self.layout.create()
        self.cipher: Cipher | None = None  # of the files that ingest seals
        self.settings = Settings(store=directory, **settings)  # type: ignore[arg-type]
        self.scheduler = scheduler or Scheduler(seed)
        self.scheduler.worlds.append(self)
        self._clock = START.wall - START.mono  # the wall clock, when the other one is at 0
        self.chance = self.scheduler.chance
        self.chances = chances
        self.records = Records(self.layout.records, writer=True, map_size=MAP_SIZE)
        self.vectors = VectorStore(self.layout.vectors, writer=True, map_size=MAP_SIZE)
        self.graph = GraphStore(self.layout.index, writer=True, map_size=MAP_SIZE)
        self.lexical = LexicalIndex(self.layout.lexical)
        self.pipeline = PIPELINE if seat is None else (*PIPELINE, Actor.REPLICATOR)
        self.seat = seat
        self.online = True  # may it reach the engine?
        self.stream: MemoryStream | None = None  # the connection of its replicator
        self.team: TeamStore | None = None
        if seat is not None:
            team_file.save(self.layout, seat.own)
            self.team = TeamStore(self.layout.team, map_size=MAP_SIZE)
        self.library = library
        self.redactor = Redactor(b"the key of a simulated store", library)
        self.embedder: Embedder = embedder or LettersEmbedder()  # the one in the settings
        self.embedders = {self.embedder.name: self.embedder}  # those that can be loaded
        self.actors: dict[Actor, Behaviour] = {}
        self.down_until: dict[Actor, int] = {}
        self.interleaved = interleaved
        self.performing: dict[Actor, Iterator[None]] = {}
        self.asked: list[tuple[Actor, Request, Caller]] = []  # not yet received
        self.disk_full = False
        self.starts: dict[Actor, int] = dict.fromkeys(self.pipeline, 0)
        self.post: list[tuple[int, int, Actor, Event]] = []  # when, number, receiver, event
        self.replies: dict[str, Reply] = {}
        self.events: list[Event] = []  # published so far, in order
        self.writes = 0  # of all payloads
        self.effects: list[tuple[Actor, Effect]] = []
        self.after_effect: Callable[[], None] = lambda: None
        self._numbers = 0
        for actor in self.pipeline:
            self.start(actor)

    def close(self) -> None:
        """Close the store."""
        for store in (self.records, self.vectors, self.graph, self.team):
            if store is not None:
                store.close()

    @property
    def now(self) -> Now:
        """The time on its clocks. To set the monotonic one moves that of all worlds."""
        return Now(self.scheduler.mono + self._clock, self.scheduler.mono)

    @now.setter
    def now(self, now: Now) -> None:
        self.scheduler.mono = now.mono
        self._clock = now.wall - now.mono

    # --- driving it ---------------------------------------------------------------------------

    def ask(self, actor: Actor, request: Request) -> str:
        """Send a request; return its id, the key of its answer in `replies`."""
        self._numbers += 1
        caller = Caller(b"test", str(self._numbers))
        if actor in self.performing:
            self.asked.append((actor, request, caller))
        elif actor in self.actors:
            self._perform(actor, self.actors[actor].receive(request, caller, self.now))
        return caller.request_id

    def answer(self, actor: Actor, request: Request, within_s: float = 60.0) -> Reply:
        """Send a request, again after a crash of the actor, until it is answered.

        Raises TimeoutError.
        """
        end = self.now.mono + int(within_s * NS)
        while self.now.mono < end:
            request_id = self.ask(actor, request)
            self.run(1.0, until=lambda: request_id in self.replies)  # noqa: B023  used at once
            if request_id in self.replies:
                return self.replies[request_id]
        raise TimeoutError(f"{actor} did not answer {request}")

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """See `Scheduler.run`: it passes in all worlds."""
        self.scheduler.run(seconds, until)

    def reach(self, *, online: bool) -> None:
        """Connect its replicator to the engine, or cut it off: what was under way may be lost."""
        self.online = online
        if self.stream is None:
            return
        if online:
            self.stream.connect()
        else:
            self.stream.drop(arriving=self.chance.randrange(8))

    def settled(self) -> bool:
        """Is no actor due, and no message under way?"""
        due = [self.actors[a].due_s(self.now) for a in self.actors]
        busy = self.post or self.performing or self.asked or self.down_until
        return not busy and all(s > 0 for s in due)

    def stop(self, actor: Actor) -> None:
        """Stop an actor cleanly."""
        self._finish(actor)
        if actor in self.actors:
            self._perform(actor, self.actors[actor].stop(self.now))
            self._finish(actor)
        self.actors.pop(actor, None)

    def crash(self, actor: Actor, for_s: float = 0.2) -> None:
        """End an actor as SIGKILL does; it is restarted after `for_s`."""
        self.actors.pop(actor, None)
        self.performing.pop(actor, None)
        if actor is Actor.REPLICATOR and self.stream is not None:
            self.stream.close()
        self.asked = [asked for asked in self.asked if asked[0] is not actor]
        self.down_until[actor] = self.now.mono + int(for_s * NS)

    def start(self, actor: Actor) -> None:
        """Start an actor, with no memory but its files."""
        self.down_until.pop(actor, None)
        self.actors[actor] = self._make(actor)
        self.starts[actor] += 1
        self._perform(actor, self.actors[actor].start(self.now))
        self._finish(actor)

    # --- the scheduler ------------------------------------------------------------------------

    def turn(self) -> bool:
        """Do one thing that is due now; return False if there is none."""
        for actor, until in list(self.down_until.items()):
            if until <= self.now.mono:
                self.start(actor)
                return True
        if self.performing and self.chance.random() < 0.5:  # noqa: PLR2004  fifty-fifty
            self._step(self.chance.choice(list(self.performing)))
            return True
        if self._receive() or self._deliver_next():
            return True
        free = [a for a in self.pipeline if a in self.actors and a not in self.performing]
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

    def _deliver_next(self) -> bool:
        for letter in self.post:
            when, _, actor, event = letter
            if when <= self.now.mono and actor not in self.performing:
                self.post.remove(letter)
                if actor in self.actors:
                    self._perform(actor, self.actors[actor].on_event(event, self.now))
                return True
        return False

    def next_moment(self) -> int:
        """Return when something is due, monotonic."""
        moments = [letter[0] for letter in self.post] + list(self.down_until.values())
        moments += [
            self.now.mono + max(1, int(behaviour.due_s(self.now) * NS))
            for behaviour in self.actors.values()
        ]
        return min(moments)

    def _pass(self, ns: int) -> None:
        self.scheduler.mono += ns

    def _perform(self, actor: Actor, steps: Steps) -> None:
        """Begin a call of an actor; unless calls are interleaved, also finish it."""
        self.performing[actor] = self._effects(actor, steps)
        if not self.interleaved:
            self._finish(actor)

    def _finish(self, actor: Actor) -> None:
        while actor in self.performing:
            self._step(actor)

    def _step(self, actor: Actor) -> None:
        """Carry out an actor's next effect, or end its call."""
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
        """Carry out the effects of a call; others may act before each."""
        try:
            effect = next(steps)
            while True:
                yield
                self._may_crash()
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

    def _may_crash(self) -> None:
        if self.chance.random() < self.chances.crash:
            raise Crashed

    def _carry_out(self, actor: Actor, effect: Effect) -> None:
        for path in _written(effect):  # a behaviour may write no other
            name = str(path.relative_to(self.layout.root))
            assert access.may_write(actor, name), f"{actor} writes {name}"  # noqa: S101
        match effect:
            case Answer(to=caller, reply=reply):
                self.replies[caller.request_id] = reply
            case Publish(event=event):
                self.events.append(event)
                self.writes += isinstance(event, CacheWriteSuccess)
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
        """Post an event to its subscribers, with the faults that chance has in store."""
        assert isinstance(event, FEED[sender])  # noqa: S101  a behaviour may publish nothing else
        for actor, behaviour in self.actors.items():
            if sender not in behaviour.subscriptions or self.chance.random() < self.chances.lost:
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
            raise EmbedderUnavailable(f"{name} was removed")
        return self.embedders[name]

    def _make(self, actor: Actor) -> Behaviour:
        readers = SharedReaders(self.layout, self.records, self.vectors, self.graph)
        match actor:
            case Actor.INGEST:
                backups = AutoBackups(self.layout, self.records, self.settings.backups)
                return Ingest(
                    self.layout,
                    self.records,
                    backups,
                    self.redactor,
                    self.library,
                    cipher=self.cipher,
                    inbox=SharedInbox(self.team) if self.team is not None else None,
                )
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
            case Actor.REPLICATOR:
                return self._make_replicator()
            case _:
                shared = SharedPayloadReaders(self.layout, self.records, self.graph)
                return CacheWriter(self.layout, shared, self.settings)

    def _make_replicator(self) -> Replicator:
        assert self.seat is not None and self.team is not None  # noqa: S101, PT018  for mypy
        if self.stream is not None:
            self.stream.close()
        self.stream = MemoryStream(
            self.seat.engine,
            self.seat.own.machine,
            online=self.online,
            before_command=self._may_crash,
        )
        shared = SharedPayloadReaders(self.layout, self.records, self.graph)
        return Replicator(self.seat.own, shared, self.team, self.stream)


def _written(effect: Effect) -> tuple[Path, ...]:
    """Return the paths that an effect changes."""
    match effect:
        case MoveFile(path=path, to=to):
            return (path, to)
        case ReplaceFile(path=path) | LinkFile(path=path) | RemoveFile(path=path):
            return (path,)
        case _:
            return ()
