"""Graph-cache: keeps the indexes and the graph in step with the store, and answers recall.

Words and edges follow the records themselves, the vector index follows the vectors. So a dead
embedder costs the vectors' share of an answer and nothing else.
"""

import logging
from contextlib import ExitStack

from iai.behaviour import Answer, Caller, Publish, Steps
from iai.clock import Now
from iai.errors import StoreAbsent, StoreError
from iai.index.lexical import LexicalIndex
from iai.index.space import Space
from iai.index.words import Words
from iai.layout import Layout
from iai.messages import (
    Actor,
    Error,
    ErrorCode,
    Event,
    GraphUpdated,
    MemoryUsed,
    Neighbour,
    NeighbourList,
    Neighbours,
    RebuildWanted,
    Recall,
    Recalled,
    Request,
    SleepFinished,
    State,
    StateChanged,
)
from iai.pace import Pace
from iai.recall.scoring import Sources
from iai.recall.search import search
from iai.settings import Settings
from iai.store import graph, records, vectors
from iai.store.graph import GraphStore, Progress
from iai.store.readers import Readers

log = logging.getLogger(__name__)


class GraphCache:
    """See `Behaviour`."""

    hears = (Actor.INGEST, Actor.EMBEDDING, Actor.LIFECYCLE, Actor.CACHE_WRITER)

    def __init__(self, readers: Readers, store: GraphStore, lexical: LexicalIndex) -> None:
        self._readers = readers
        self._store = store
        with store.view() as view:
            self._progress = noted = view.progress()
            tallied = view.tallied() if len(view.facets()) else 0  # an older index lacks some
        self._space = Space(noted.rebuilt)
        self._words = Words(lexical, noted.records_applied, noted.documents, tallied)
        self._pace = Pace()
        self._asleep = False  # the work of this SLEEP is still to be done

    def start(self, now: Now) -> Steps:
        with self._store.view() as view:
            self._space.load(view, self._progress)
        self._note_progress(warm=self._progress.warm and bool(self._words.applied.ranges))
        if self._progress.warm:  # what it last committed it may not have told before it died
            yield Publish(GraphUpdated(revision=self._progress.revision))

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        match request:
            case Recall():
                yield Answer(caller, self._recall(request, now))
                yield Publish(MemoryUsed())
            case Neighbours(ref=ref):
                yield Answer(caller, self._neighbours(ref))
            case _:
                pass

    def hear(self, event: Event, now: Now) -> Steps:
        match event:
            case StateChanged(state=State.SLEEP):
                self._asleep = True
            case StateChanged():
                self._asleep = False
            case RebuildWanted():
                self._space.rebuild()
            case _:
                pass
        self._pace.hint()
        yield from ()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Take in what is new; else finish the work of a SLEEP."""
        moved = self._catch_up()
        self._pace.looked(now, more=moved)
        if moved:
            yield Publish(GraphUpdated(revision=self._progress.revision))
        elif self._asleep:
            self._asleep = False
            yield Publish(SleepFinished(revision=self._progress.revision), keep=True)

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._readers.close()
        self._store.close()

    # --- staying in step ----------------------------------------------------------------------

    def _catch_up(self) -> bool:
        """Do one slice of each index; was there anything to do?"""
        with self._readers.records.view() as view:
            words_moved = self._words.step(view, self._store)
            moved = self._space_step(view) or words_moved
            behind = self._words.pending(view).count()
        if moved or self._space.unsaved or (not self._progress.warm and not behind):
            self._note_progress(warm=self._progress.warm or (not moved and not behind))
        return moved

    def _space_step(self, view: records.View) -> bool:
        """One slice of the vector index; there may be no vectors yet, and that is no fault."""
        try:
            with self._readers.vectors.view() as stored:
                return self._space.step(view, stored)
        except StoreAbsent:
            return False

    def _note_progress(self, *, warm: bool) -> None:
        index = self._space.index
        progress = Progress(
            records_applied=self._words.applied,
            vectors_applied=self._space.applied,
            generation=self._space.generation,
            documents=len(self._words.lexical),
            warm=warm,
            rebuilt=self._space.rebuilt,
            table=self._space.table,
            dimension=index.dimension if index else 0,
            chunks=index.chunks if index else 0,
        )
        if progress == self._progress and not self._space.unsaved:
            return

        def note(unit: graph.Change) -> None:
            self._space.save(unit)
            unit.advance(progress)

        self._store.commit(note)
        self._space.saved()
        self._progress = progress

    # --- answers ------------------------------------------------------------------------------

    def _recall(self, request: Recall, now: Now) -> Recalled | Error:
        with ExitStack() as opened:
            view = opened.enter_context(self._readers.records.view())
            links = opened.enter_context(self._store.view())
            stored = self._stored(opened)
            space = self._space
            index = space.index if stored else None
            sources = Sources(view, links, self._words.lexical, index, space.generation, stored)
            hits, degraded = search(request, sources, now.wall)
            behind = self._words.pending(view).count()
        if behind:
            degraded.append(f"words: {behind} changes are not indexed yet")
        return Recalled(hits=hits, degraded=tuple(degraded), revision=self._words.applied.floor)

    def _stored(self, opened: ExitStack) -> vectors.View | None:
        """Return the vectors, if they can be read: words alone answer, too."""
        try:
            return opened.enter_context(self._readers.vectors.view())
        except StoreError:
            return None

    def _neighbours(self, ref: str) -> NeighbourList | Error:
        with self._readers.records.view() as view, self._store.view() as links:
            record = view.find(ref)
            if record is None:
                return Error(code=ErrorCode.NOT_FOUND, detail=f"there is no record {ref}")
            found = [(edge, view.get(edge.to)) for edge in links.edges(record.label)]
        return NeighbourList(
            neighbours=tuple(
                Neighbour(id=r.id, label=r.label, relation=edge.relation, weight=edge.weight)
                for edge, r in found
                if r is not None
            )
        )


def make(settings: Settings) -> GraphCache:
    """Return the behaviour of the graph-cache process."""
    layout = Layout(settings.store)
    store = GraphStore(layout.index, writer=True)
    return GraphCache(Readers(layout), store, LexicalIndex(layout.lexical))
