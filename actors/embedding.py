"""Embedding: gives every record its vector, newest first, and embeds queries between two batches.

When a new generation of vectors is due (`iai.embedders.rebuild`), it is built once every record has
its vector and can be found, while the old one serves.

It follows the records. It also reads two numbers from `index/`, which the graph-cache writes after
it: which generation the vector index holds, so that queries are embedded under those weights, too;
and how far the index has come, so that a rebuild leaves the processor to it. Without `index/` it
works all the same.
"""

from collections.abc import Iterable, Iterator
from functools import cache

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.embedders.embedder import Vectors
from iai.embedders.generations import Weights
from iai.embedders.rebuild import Rebuild
from iai.embedders.registry import Embedders, load
from iai.embedders.vector_generations import VectorGenerations
from iai.errors import StoreError
from iai.lifecycle.pace import Pace
from iai.model.clock import Now
from iai.model.revisions import through
from iai.protocol.behaviour import (
    Answer,
    Caller,
    Publish,
    Steps,
)
from iai.protocol.embedding import EmbedQuery, QueryVector, QueryVectors, VectorsCommitted
from iai.protocol.lifecycle import StateChanged, Tick
from iai.protocol.message import Actor, Event, Request, State
from iai.store import graph
from iai.store.readers import Readers
from iai.store.record_view import RecordView
from iai.store.vectors import VectorStore

BATCH = 256  # changes taken at a time
BATCH_MS = 30.0  # how long a batch may keep the embedder
BEHIND_S = 0.2  # between two looks at whether the graph-cache has caught up
CLEARED = 2_000  # vectors of an old generation deleted at a time

_load = cache(load)


class Embedding:
    """See `Behaviour`."""

    subscriptions = (Actor.INGEST, Actor.LIFECYCLE)

    def __init__(self, readers: Readers, generations: VectorGenerations) -> None:
        self._readers = readers
        self._generations = generations
        self._rebuild = Rebuild(generations)
        self._check: Iterator[int] = iter(())  # of all vectors, once in each SLEEP
        self._asleep = False
        self._pace = Pace()

    def start(self, now: Now) -> Steps:
        self._generations.open()
        self._scrubber = self._generations.scrubber()
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        if isinstance(request, EmbedQuery):
            self._pace.asked(now)
            indexed = self._index()
            weights = self._generations.since(indexed.generation if indexed else 0)
            yield Answer(caller, QueryVectors(vectors=tuple(_queries(weights, request.text))))

    def on_event(self, event: Event, now: Now) -> Steps:
        if isinstance(event, StateChanged | Tick):
            asleep = event.state is State.SLEEP
            if asleep and not self._asleep:
                self._check = self._generations.check_entries()
            self._asleep = asleep
        self._pace.hint()
        yield from ()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Embed what is new; else do a slice of a rebuild; else tidy up; in SLEEP, check all.

        A scrub comes first.
        """
        part = self._pace.part(now)
        if self._scrub(part, now):
            self._pace.looked(now, more=True)
            return
        with self._readers.records.view() as view:
            events = self._embed_new(view, BATCH_MS / part)
            behind = events is None and self._index_is_behind(view)
            if events is None and not behind:
                events = self._rebuild.step(view, BATCH_MS / part)
        more = events is not None or (not behind and self._generations.tidy(CLEARED // part))
        more = more or (self._asleep and next(self._check, None) is not None)
        self._pace.looked(now, more=more)
        if behind:
            self._pace.rest(now, BEHIND_S)
        for event in events or ():
            yield Publish(event, keep=not isinstance(event, VectorsCommitted))

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._readers.close()
        self._generations.close()

    def _embed_new(self, view: RecordView, room_ms: float) -> list[Event] | None:
        """Embed the next records that have no vector; None if none can be embedded.

        Where the embedder of the vectors that serve is gone, they wait for the next generation.
        """
        done = self._generations.progress
        batch = view.next_batch(through(view.watermark().revision).minus(done.applied), BATCH)
        if not batch.ranges:
            return None
        if not done.serving:
            return [self._rebuild.first(view)]
        serving = self._generations.serving
        if serving is None:
            return None
        taken, changed, altered = view.latest(batch, room_ms, serving.cost_ms)
        recount = self._rebuild.alters_weights(altered)
        self._generations.apply(taken, changed, recount=recount)
        revision = self._generations.progress.applied.floor
        embedded = sum(record is not None for record in changed.values())
        return [VectorsCommitted(revision=revision, embedded=embedded, reembedded=0)]

    def _scrub(self, part: int, now: Now) -> bool:
        """Do a slice of a scrub, if one is due and no vector is left that was to be deleted."""
        with self._readers.records.view() as view:
            pending = self._scrubber.pending(view, now)
        if not pending.ranges or pending.minus(self._generations.progress.applied).ranges:
            return False
        if not self._generations.tidy(CLEARED // part):
            self._scrubber.step(pending, now)
        return True

    def _index_is_behind(self, view: RecordView) -> bool:
        """Return whether anything cannot be found yet; false if there is no index to wait for."""
        indexed = self._index()
        if indexed is None:
            return False
        words = through(view.watermark().revision).minus(indexed.records_applied)
        applied = self._generations.progress.applied
        return bool(words.ranges or applied.minus(indexed.vectors_applied).ranges)

    def _index(self) -> graph.Progress | None:
        """Return how far the graph-cache has come; None if that cannot be read."""
        try:
            with self._readers.graph.view() as view:
                return view.progress()
        except StoreError:
            return None


def preload(settings: Settings) -> None:
    """Load the default embedder before the process is forked: most of what a restart would take.

    Others are left to the process: MiniLM has threads, which do not outlive a fork.
    """
    if settings.embedder == "static":
        _load(settings.embedder, Layout(settings.store).models)


def make(settings: Settings) -> Embedding:
    """Return the behaviour of the embedding process."""
    layout = Layout(settings.store)
    embedders = Embedders(settings.embedder, lambda name: _load(name, layout.models))
    store = VectorStore(layout.vectors, writer=True)
    return Embedding(Readers(layout), VectorGenerations(store, embedders))


def _queries(every: Iterable[Weights], text: str) -> Iterator[QueryVector]:
    """Embed a query under the weights of each generation."""
    known: dict[str, Vectors] = {}  # by fingerprint
    for weights in every:
        generation = weights.generation
        rows = weights.embed([text], known.get(generation.fingerprint))
        known[generation.fingerprint] = rows
        yield QueryVector(
            generation=generation.number,
            dtype="f4",
            dimension=rows.shape[1],
            data=rows[0].astype("<f4").tobytes(),
        )
