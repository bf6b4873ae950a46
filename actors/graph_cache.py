"""Graph-cache: keeps the indexes and the graph in step with the store, and answers recall.

Words and edges follow the records themselves, the vector index follows the vectors. So a dead
embedder costs the vectors' share of an answer and nothing else.
"""

import logging

from iai.behaviour import Answer, Caller, Publish, Steps
from iai.clock import Now
from iai.errors import StoreAbsent
from iai.index.lexical import LexicalIndex
from iai.index.space import Saver, Space
from iai.index.tally import FORM
from iai.index.words import Words
from iai.layout import Layout
from iai.messages import (
    Actor,
    Error,
    ErrorCode,
    Event,
    GraphUpdated,
    Idle,
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
from iai.store import records
from iai.store.graph import GraphStore, Progress
from iai.store.readers import Readers

log = logging.getLogger(__name__)

SAVE_AFTER = 5_000  # changes of the vector index after which it is saved, or a quarter of it


class GraphCache:
    """See `Behaviour`."""

    hears = (Actor.INGEST, Actor.EMBEDDING, Actor.LIFECYCLE, Actor.CACHE_WRITER)

    def __init__(self, readers: Readers, store: GraphStore, lexical: LexicalIndex) -> None:
        self._readers = readers
        self._store = store
        with store.view() as view:
            self._progress = view.progress()
        self._space = Space(self._progress.rebuilt)
        self._words = Words(lexical, store)
        self._saver = Saver(self._space, store)
        self._pace = Pace()
        self._asleep = False  # the work of this SLEEP is still to be done

    def start(self, now: Now) -> Steps:
        with self._store.view() as view:
            self._space.load(view)
        self._note_progress(warm=self._progress.warm and bool(self._words.applied.ranges))
        yield from ()

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
            case Idle() if self._space.unsaved and not self._saver.busy:
                self._saver.begin()
            case RebuildWanted():
                self._space.rebuild()
            case _:
                pass
        self._pace.hint()
        yield from ()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Take in what is new; else save; else finish the work of a SLEEP."""
        moved = self._catch_up()
        self._pace.looked(now, more=moved or self._saver.busy)
        if moved:
            yield Publish(GraphUpdated(revision=self._progress.revision))
        elif self._saver.busy:
            self._saver.step()
        elif self._worth_saving():
            self._saver.begin()
            self._pace.hint()
        elif self._asleep:
            self._asleep = False
            yield Publish(SleepFinished(revision=self._progress.revision), keep=True)

    def stop(self, now: Now) -> Steps:
        """Save the vector index, so that the next start need not make it again."""
        if self._space.unsaved and not self._saver.busy:
            self._saver.begin()
        while self._saver.busy:
            self._saver.step()
        yield from ()

    def close(self) -> None:
        self._readers.close()
        self._store.close()

    def _worth_saving(self) -> bool:
        """Before a long sleep anything is; else what would take long to take in again."""
        enough = 1 if self._asleep else max(SAVE_AFTER, len(self._space.index or ()) // 4)
        return self._space.unsaved >= enough

    # --- staying in step ----------------------------------------------------------------------

    def _catch_up(self) -> bool:
        """Do one slice of each index; was there anything to do?"""
        with self._readers.records.view() as view:
            words_moved = self._words.step(view)
            moved = self._space_step(view) or words_moved
            behind = self._words.pending(view).count()
        if moved or (not self._progress.warm and not behind):
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
        progress = Progress(
            records_applied=self._words.applied,
            vectors_applied=self._space.applied,
            generation=self._space.generation,
            documents=len(self._words.lexical),
            warm=warm,
            rebuilt=self._space.rebuilt,
            form=FORM,
        )
        if progress != self._progress:
            self._store.commit(lambda unit: unit.advance(progress))
            self._progress = progress

    # --- answers ------------------------------------------------------------------------------

    def _recall(self, request: Recall, now: Now) -> Recalled | Error:
        with self._readers.records.view() as view, self._store.view() as links:
            sources = Sources(
                view, links, self._words.lexical, self._space.index, self._space.generation
            )
            hits, degraded = search(request, sources, now.wall)
            behind = self._words.pending(view).count()
        if behind:
            degraded.append(f"words: {behind} changes are not indexed yet")
        return Recalled(hits=hits, degraded=tuple(degraded), revision=self._words.applied.floor)

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
