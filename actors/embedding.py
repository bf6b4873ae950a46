"""Embedding: gives every record its vector, newest first, and embeds queries between two batches.

When the store has doubled since the weights were counted, a new generation of vectors is made
beside the one that serves, whenever there is nothing new to embed, and takes its place when whole.
"""

import logging
from collections.abc import Callable, Iterable

from msgspec import structs

from iai.behaviour import Answer, Caller, Publish, Steps
from iai.clock import Now
from iai.embedders.embedder import Embedder
from iai.embedders.generations import Census, Weights, counted_upto
from iai.embedders.static import StaticEmbedder
from iai.layout import Layout
from iai.messages import (
    Actor,
    EmbedQuery,
    Event,
    GenerationChanged,
    QueryVector,
    QueryVectors,
    Request,
    VectorsCommitted,
)
from iai.pace import Pace
from iai.revisions import Revisions, of, upto
from iai.settings import Settings
from iai.store import vectors
from iai.store.readers import Readers
from iai.store.records import Record, View
from iai.store.vectors import Progress, VectorStore

log = logging.getLogger(__name__)

BATCH = 256  # changes taken at a time
BATCH_CHARACTERS = 150_000  # and no more text than this: some 30 ms
CLEARED = 2_000  # vectors of an old generation deleted at a time


class Embedding:
    """See `Behaviour`."""

    hears = (Actor.INGEST, Actor.LIFECYCLE)

    def __init__(self, readers: Readers, store: VectorStore, embedder: Embedder) -> None:
        self._readers = readers
        self._store = store
        self._embedder = embedder
        self._pace = Pace()
        self._progress = Progress()
        self._weights: dict[int, Weights] = {}  # by generation, where they are this embedder's
        self._census: Census | None = None  # of the generation to come
        self._stale: list[int] = []  # generations whose vectors nobody needs any more

    def start(self, now: Now) -> Steps:
        self._reload()
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        if isinstance(request, EmbedQuery):
            queries = tuple(_query(weights, request.text) for weights in self._weights.values())
            yield Answer(caller, QueryVectors(vectors=queries))

    def hear(self, event: Event, now: Now) -> Steps:
        self._pace.hint()
        yield from ()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Embed what is new; else bring the next generation on; else tidy up."""
        before = self._progress
        with self._readers.records.view() as view:
            done = self._embed_new(view) or self._next_generation(view)
            count = view.watermark().records_count
        self._pace.looked(now, more=done is not None or self._tidy())
        if isinstance(done, VectorsCommitted):
            yield Publish(done)
        after = self._progress
        if after.building not in (0, before.building):
            begun = GenerationChanged(generation=after.building, phase="begun", records=count)
            yield Publish(begun, keep=True)
        if after.serving != before.serving:
            serves = GenerationChanged(generation=after.serving, phase="serving", records=count)
            yield Publish(serves, keep=True)

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._readers.close()
        self._store.close()

    # --- what is new --------------------------------------------------------------------------

    def _embed_new(self, view: View) -> VectorsCommitted | None:
        """Embed the foremost records that have no vector yet; None if there are none."""
        pending = upto(view.watermark().revision).minus(self._progress.applied)
        batch = view.foremost(pending, BATCH)
        if not batch.ranges:
            return None
        serving = self._serving()
        taken, changed = _changed(view, batch)
        written = [record for record in changed.values() if record is not None]
        rows = serving.embed([record.text for record in written])
        labels = [record.label for record in written]
        gone = [label for label, record in changed.items() if record is None]
        # What the next generation already holds must follow, too; the rest it will come to.
        ahead = [r for r in written if r.label <= self._progress.built_upto]
        building = self._weights.get(self._progress.building)
        rows_ahead = building.embed([r.text for r in ahead]) if building and ahead else None
        progress = structs.replace(self._progress, applied=self._progress.applied.union(taken))

        def change(unit: vectors.Change) -> None:
            unit.put(serving.generation.number, labels, rows)
            if building is not None and rows_ahead is not None:
                unit.put(building.generation.number, [r.label for r in ahead], rows_ahead)
            for label in gone:
                unit.delete(serving.generation.number, label)
                if building is not None:
                    unit.delete(building.generation.number, label)
            unit.advance(progress)

        self._commit(change, progress)
        return VectorsCommitted(
            revision=progress.applied.floor, embedded=len(written), reembedded=0
        )

    def _serving(self) -> Weights:
        """The weights for new vectors: those that serve, else plain ones for an empty store."""
        if self._progress.serving not in self._weights:
            self._begin(Census(self._embedder, 0), serve=True)
        return self._weights[self._progress.serving]

    # --- the next generation ------------------------------------------------------------------

    def _next_generation(self, view: View) -> VectorsCommitted | bool | None:
        """Do one slice of it; None if the one that serves is the right one."""
        if self._progress.building:
            return self._build(view)
        serving = self._weights.get(self._progress.serving)
        newest = view.watermark().max_vec_label
        wanted = counted_upto(newest)
        if not newest or (serving is not None and serving.generation.counted_upto == wanted):
            return None
        if self._census is None or self._census.upto != wanted:
            self._census = Census(self._embedder, wanted)
        batch = _texts(r for r in view.after(self._census.counted) if r.label <= wanted)
        last = batch[-1].label if batch else wanted
        self._census.count([record.text for record in batch], last)
        if self._census.done:
            self._begin(self._census, serve=False)
            self._census = None
        return True

    def _begin(self, census: Census, *, serve: bool) -> None:
        """Keep the weights of a new generation, to serve at once or to be built first."""
        with self._store.view() as view:
            number = max(view.generations(), default=0) + 1
        generation = census.generation(number)
        if serve:  # there are no vectors under these weights yet
            progress = Progress(serving=number)
        else:
            progress = structs.replace(self._progress, building=number, built_upto=0)

        def change(unit: vectors.Change) -> None:
            unit.begin(generation)
            unit.advance(progress)

        self._commit(change, progress)
        self._weights[number] = Weights(self._embedder, generation)

    def _build(self, view: View) -> VectorsCommitted | bool:
        """Embed the next records under the generation to come; let it serve when it is whole."""
        number = self._progress.building
        batch = _texts(view.after(self._progress.built_upto))
        if not batch:
            return self._switch(view)
        rows = self._weights[number].embed([record.text for record in batch])
        progress = structs.replace(self._progress, built_upto=batch[-1].label)

        def change(unit: vectors.Change) -> None:
            unit.put(number, [record.label for record in batch], rows)
            unit.advance(progress)

        self._commit(change, progress)
        return True

    def _switch(self, view: View) -> VectorsCommitted:
        progress = Progress(applied=self._progress.applied, serving=self._progress.building)
        self._commit(lambda unit: unit.advance(progress), progress)
        self._reload()
        count = view.watermark().records_count
        log.info("generation %d of the weights serves; %d records", progress.serving, count)
        return VectorsCommitted(revision=progress.applied.floor, embedded=0, reembedded=count)

    def _tidy(self) -> bool:
        """Delete some vectors of a generation that serves no more; is there more to do?"""
        if not self._stale:
            return False
        number = self._stale[0]
        if self._store.commit(lambda unit: unit.clear(number, CLEARED)):
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
            generations = [view.generation(number) for number in view.generations()]
        mine = [g for g in generations if g and g.fingerprint == self._embedder.fingerprint]
        self._weights = {g.number: Weights(self._embedder, g) for g in mine}
        current = (self._progress.serving, self._progress.building)
        self._stale = [g.number for g in generations if g and g.number not in current]


def make(settings: Settings) -> Embedding:
    """Return the behaviour of the embedding process."""
    layout = Layout(settings.store)
    store = VectorStore(layout.vectors, writer=True)
    return Embedding(Readers(layout), store, StaticEmbedder())


def _changed(view: View, batch: Revisions) -> tuple[Revisions, dict[int, Record | None]]:
    """Return the records that these revisions changed, the newest as far as one batch may hold.

    Also returns the revisions that they cover. None stands for a record that was forgotten.
    """
    changed: dict[int, Record | None] = {}
    characters = 0
    taken: list[int] = []
    for revision, entry in reversed(list(view.changes(batch))):
        if characters >= BATCH_CHARACTERS:
            break
        taken.append(revision)
        if entry.label not in changed:
            record = changed[entry.label] = view.get(entry.label)
            characters += len(record.text) if record else 0
    return of(taken), changed


def _texts(records: Iterable[Record]) -> list[Record]:
    """Return the first records, as many as one batch may hold."""
    batch: list[Record] = []
    characters = 0
    for record in records:
        if len(batch) == BATCH or characters >= BATCH_CHARACTERS:
            break
        batch.append(record)
        characters += len(record.text)
    return batch


def _query(weights: Weights, text: str) -> QueryVector:
    vector = weights.embed([text])[0]
    return QueryVector(
        generation=weights.generation.number,
        dtype="f4",
        dimension=len(vector),
        data=vector.astype("<f4").tobytes(),
    )
