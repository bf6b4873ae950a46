"""Embedding: gives every record its vector, newest first, and embeds queries between two batches.

When the store has doubled since the weights were counted, or what they were counted over was edited
or forgotten, or another embedder was chosen, a new generation of vectors is made beside the one
that serves, whenever all that is new is embedded and can be found, and takes its place when whole.
So the vectors follow from the records as they are now, as if they had just been made.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

from msgspec import structs

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.embedders.embedder import Vectors
from iai.embedders.generations import Census, Weights, counted_upto
from iai.embedders.registry import Embedders, load
from iai.errors import StoreError
from iai.lifecycle.pace import Pace
from iai.model.clock import Now
from iai.model.record import Record
from iai.model.revisions import Revisions, upto
from iai.protocol.behaviour import (
    Answer,
    Caller,
    Publish,
    Steps,
)
from iai.protocol.embedding import (
    EmbedQuery,
    GenerationBegun,
    GenerationServing,
    QueryVector,
    QueryVectors,
    VectorsCommitted,
)
from iai.protocol.message import Actor, Event, Request
from iai.store import vectors
from iai.store.readers import Readers
from iai.store.records import View
from iai.store.vectors import Generation, Progress, VectorStore

log = logging.getLogger(__name__)

BATCH = 256  # changes taken at a time
BATCH_MS = 30.0  # and no more of them than the embedder needs so long for
COUNTED_PER_MS = 5_000  # characters
BEHIND_S = 0.2  # between two looks at whether the graph-cache has taken in what is new
CLEARED = 2_000  # vectors of an old generation deleted at a time

Cost = Callable[[str], float]  # milliseconds for a text
Slice = list[Event] | None  # what there is to tell of it; None: there was nothing to do


class Embedding:
    """See `Behaviour`."""

    subscriptions = (Actor.INGEST, Actor.LIFECYCLE)

    def __init__(self, readers: Readers, store: VectorStore, embedders: Embedders) -> None:
        self._readers = readers
        self._store = store
        self._embedders = embedders
        self._embedder = embedders.chosen
        self._pace = Pace()
        self._progress = Progress()
        self._weights: dict[int, Weights] = {}  # by generation, where there is an embedder for it
        self._census: Census | None = None  # of the generation to come
        self._stale: list[int] = []  # generations whose vectors nobody needs any more

    def start(self, now: Now) -> Steps:
        self._reload()
        self._choose()
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        if isinstance(request, EmbedQuery):
            self._pace.asked(now)
            queries = tuple(_queries(self._wanted(), request.text))
            yield Answer(caller, QueryVectors(vectors=queries))

    def _wanted(self) -> list[Weights]:
        """Return the weights that the vector index is of, and those that it will come to."""
        try:
            with self._readers.graph.view() as links:
                oldest = links.progress().generation
        except StoreError:
            oldest = 0  # nothing is indexed yet
        return [weights for number, weights in self._weights.items() if number >= oldest]

    def on_event(self, event: Event, now: Now) -> Steps:
        self._pace.hint()
        yield from ()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Embed what is new; else bring the next generation on; else tidy up."""
        with self._readers.records.view() as view:
            room_ms = BATCH_MS / self._pace.part(now)
            told = self._embed_new(view, room_ms)
            behind = told is None and self._behind(view)
            if told is None and not behind:
                told = self._next_generation(view, room_ms)
        more = told is not None or (not behind and self._tidy(CLEARED // self._pace.part(now)))
        self._pace.looked(now, more=more)
        if behind:
            self._pace.rest(now, BEHIND_S)
        for event in told or ():
            yield Publish(event, keep=not isinstance(event, VectorsCommitted))

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._readers.close()
        self._store.close()

    # --- what is new --------------------------------------------------------------------------

    def _embed_new(self, view: View, room_ms: float) -> Slice:
        """Embed the foremost records that have no vector yet.

        Where the embedder of the vectors that serve is gone, they have to wait for the next.
        """
        pending = upto(view.watermark().revision).minus(self._progress.applied)
        batch = view.foremost(pending, BATCH)
        if not batch.ranges:
            return None
        if not self._progress.serving:
            return self._begin(view, Census(self._embedder, 0), serve=True)
        serving = self._weights.get(self._progress.serving)
        if serving is None:
            return None
        taken, changed = view.latest(batch, room_ms, serving.cost_ms)
        written = [record for record in changed.values() if record is not None]
        gone = [label for label, record in changed.items() if record is None]
        rows = [(serving, written, _rows(serving, written))]
        building = self._weights.get(self._progress.building)
        if building is not None:  # what it already holds must follow; the rest it will come to
            ahead = [r for r in written if r.label <= self._progress.built_upto]
            rows.append((building, ahead, _rows(building, ahead)))
        progress = structs.replace(
            self._progress,
            applied=self._progress.applied.union(taken),
            recount=self._progress.recount or self._miscounted(view, taken),
        )

        def change(unit: vectors.Change) -> None:
            for weights, records, vectors_ in rows:
                number = weights.generation.number
                unit.put(number, [record.label for record in records], vectors_)
                for label in gone:
                    unit.delete(number, label)
            unit.advance(progress)

        self._commit(change, progress)
        revision = progress.applied.floor
        return [VectorsCommitted(revision=revision, embedded=len(written), reembedded=0)]

    def _miscounted(self, view: View, taken: Revisions) -> bool:
        """Did these changes alter what the latest weights were counted over?

        A count that is under way and has come to any of it starts over.
        """
        altered = [e.label for _, e in view.changes(taken) if e.operation in ("edit", "forget")]
        oldest = min(altered, default=0)
        if not oldest:
            return False
        if self._census is not None and oldest <= self._census.counted:
            self._census = None
        latest = self._weights.get(self._progress.building or self._progress.serving)
        return latest is not None and oldest <= latest.generation.counted_upto

    # --- the next generation ------------------------------------------------------------------

    def _behind(self, view: View) -> bool:
        """Is there anything that cannot be found yet? The graph-cache needs the processor first."""
        try:
            with self._readers.graph.view() as graph:
                found = graph.progress()
        except StoreError:
            return False  # there is none, or it is made again
        words = upto(view.watermark().revision).minus(found.records_applied)
        return bool(words.ranges or self._progress.applied.minus(found.vectors_applied).ranges)

    def _next_generation(self, view: View, room_ms: float) -> Slice:
        """Do one slice of it; None if the one that serves is the right one."""
        if self._progress.building:
            return self._build(view, room_ms)
        newest = view.watermark().max_vec_label
        wanted = counted_upto(newest)
        serving = self._weights.get(self._progress.serving)
        if not newest or (serving is not None and self._right(serving.generation, wanted)):
            return None
        if self._census is None or self._census.upto != wanted:
            self._census = Census(self._embedder, wanted)
        uncounted = takewhile(lambda r: r.label <= wanted, view.after(self._census.counted))
        batch = _few(uncounted, room_ms, lambda text: len(text) / COUNTED_PER_MS)
        last = batch[-1].label if batch else wanted
        self._census.count([record.text for record in batch], last)
        if not self._census.done:
            return []
        census, self._census = self._census, None
        return self._begin(view, census, serve=False)

    def _right(self, generation: Generation, counted: int) -> bool:
        """Are these the weights that a store of this size should have?"""
        return not self._progress.recount and (
            (generation.fingerprint, generation.counted_upto)
            == (self._embedder.fingerprint, counted)
        )

    def _begin(self, view: View, census: Census, *, serve: bool) -> list[Event]:
        """Keep the weights of a new generation, to serve at once or to be built first."""
        with self._store.view() as stored:
            number = max(stored.generations(), default=0) + 1
        generation = census.generation(number)
        progress = structs.replace(self._progress, recount=False)
        if serve:  # there are no vectors yet
            progress = structs.replace(progress, serving=number)
        else:
            progress = structs.replace(progress, building=number, built_upto=0)

        def change(unit: vectors.Change) -> None:
            unit.begin(generation)
            unit.advance(progress)

        self._commit(change, progress)
        self._weights[number] = Weights(self._embedder, generation)
        told = GenerationServing if serve else GenerationBegun
        return [_told(told, generation, view)]

    def _build(self, view: View, room_ms: float) -> list[Event]:
        """Embed the next records under the generation to come; let it serve when it is whole."""
        building = self._weights[self._progress.building]
        batch = _few(view.after(self._progress.built_upto), room_ms, building.cost_ms)
        if not batch:
            return self._switch(view, building.generation)
        labels = [record.label for record in batch]
        rows = building.embed([record.text for record in batch], self._known(labels))
        progress = structs.replace(self._progress, built_upto=labels[-1])

        def change(unit: vectors.Change) -> None:
            unit.put(building.generation.number, labels, rows)
            unit.advance(progress)

        self._commit(change, progress)
        return []

    def _known(self, labels: list[int]) -> Vectors | None:
        """Return the vectors that the same embedder made of these records, which have not changed.

        Whatever has changed was embedded before any of this: see `work`.
        """
        serving = self._weights.get(self._progress.serving)
        if serving is None or serving.generation.fingerprint != self._embedder.fingerprint:
            return None
        with self._store.view() as stored:
            return stored.of(serving.generation.number, labels, serving.generation.dimension)

    def _switch(self, view: View, generation: Generation) -> list[Event]:
        progress = structs.replace(
            self._progress, serving=generation.number, building=0, built_upto=0
        )
        self._commit(lambda unit: unit.advance(progress), progress)
        self._reload()
        count = view.watermark().records_count
        done = VectorsCommitted(revision=progress.applied.floor, embedded=0, reembedded=count)
        return [done, _told(GenerationServing, generation, view)]

    def _tidy(self, most: int) -> bool:
        """Delete some vectors of a generation that serves no more; is there more to do?"""
        if not self._stale:
            return False
        number = self._stale[0]
        if self._store.commit(lambda unit: unit.clear(number, most)):
            self._stale.pop(0)
            # Its weights stay until the next switch: an index may still hold such vectors.
            if number != self._previous():
                self._store.commit(lambda unit: unit.drop(number))
                self._weights.pop(number, None)
        return bool(self._stale)

    def _previous(self) -> int:
        with self._store.view() as view:
            older = [n for n in view.generations() if n < self._progress.serving]
        return max(older, default=0)

    def _commit(self, change: Callable[[vectors.Change], None], progress: Progress) -> None:
        self._store.commit(change)
        self._progress = progress

    def _reload(self) -> None:
        """Read from disk how far the vectors are, and which weights they have."""
        with self._store.view() as view:
            self._progress = view.progress()
            found = [view.generation(number) for number in view.generations()]
        generations = {g.number: g for g in found if g is not None}
        serving = generations.get(self._progress.serving)
        if serving is not None:
            self._embedders.find(serving.embedder, serving.fingerprint)
        self._weights = {
            number: Weights(embedder, generation)
            for number, generation in generations.items()
            if (embedder := self._embedders.loaded(generation.fingerprint))
        }
        current = (self._progress.serving, self._progress.building)
        self._stale = [number for number in generations if number not in current]

    def _choose(self) -> None:
        """Note which embedder was chosen; give up what was begun with another."""
        chosen = self._embedder.fingerprint
        if chosen == self._progress.embedder:
            return
        progress = structs.replace(self._progress, embedder=chosen, building=0, built_upto=0)
        self._commit(lambda unit: unit.advance(progress), progress)
        self._reload()


def make(settings: Settings) -> Embedding:
    """Return the behaviour of the embedding process."""
    layout = Layout(settings.store)
    embedders = Embedders(settings.embedder, lambda name: load(name, layout.models))
    return Embedding(Readers(layout), VectorStore(layout.vectors, writer=True), embedders)


def _few(records: Iterable[Record], room_ms: float, cost: Cost) -> list[Record]:
    """Return the first records, as many as one batch may hold."""
    batch: list[Record] = []
    spent = 0.0
    for record in records:
        if len(batch) == BATCH or spent >= room_ms:
            break
        batch.append(record)
        spent += cost(record.text)
    return batch


def _rows(weights: Weights, records: list[Record]) -> Vectors:
    return weights.embed([record.text for record in records])


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


def _told(
    kind: type[GenerationBegun | GenerationServing], generation: Generation, view: View
) -> Event:
    return kind(
        generation=generation.number,
        embedder=generation.fingerprint,
        records=view.watermark().records_count,
        counted_upto=generation.counted_upto,
    )
