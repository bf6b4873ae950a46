"""Graph-cache: keeps the indexes and the graph in step with the store, and answers recall.

Words and edges follow the records themselves, the vector index follows the vectors. So a dead
embedder costs the vectors' share of an answer and nothing else.
"""

import logging
from collections.abc import Iterator

from iai.behaviour import Answer, Caller, Publish, Steps
from iai.clock import Now
from iai.errors import StoreAbsent
from iai.index import communities, together
from iai.index.lexical import LexicalIndex
from iai.index.links import Links
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
    Tick,
)
from iai.pace import Pace
from iai.recall.scoring import Sources
from iai.recall.search import search
from iai.revisions import Revisions
from iai.settings import Settings
from iai.sleep import Sleep
from iai.store import records
from iai.store.graph import GraphStore, Progress
from iai.store.readers import Readers

log = logging.getLogger(__name__)

MOST_RECALLED = 64  # answers whose first hits wait to be noted; the latest are kept

LINKS_PAUSE_S = 0.2  # between two slices of links while awake: a question comes first
SAVE_AFTER = 5_000  # changes of the vector index after which it is saved, or a quarter of it


class GraphCache:
    """See `Behaviour`."""

    hears = (Actor.INGEST, Actor.EMBEDDING, Actor.LIFECYCLE, Actor.CACHE_WRITER)

    def __init__(self, readers: Readers, store: GraphStore, lexical: LexicalIndex) -> None:
        self._readers = readers
        self._store = store
        with store.view() as view:
            self._progress = noted = view.progress()
            troubles = view.troubles()
        self._space = Space(noted.rebuilt)
        self._words = Words(lexical, store)
        self._saver = Saver(self._space, store)
        self._links = Links(noted.links_applied if self._words.applied.ranges else Revisions())
        self._recalled: list[list[int]] = []  # first hits of answers, not yet noted
        self._pace = Pace()
        self._state = State.WAKE  # of the group, as far as it was heard
        steps = {
            "links": self._link_all,
            "topics": self._find_topics,
            "fade": lambda now: together.fade(store, now.wall),
            "compact": self._compact,
            "snapshot": self._save_all,
        }
        self._sleep = Sleep(steps, troubles)

    def start(self, now: Now) -> Steps:
        with self._store.view() as view:
            self._space.load(view)
        self._note_progress(warm=self._progress.warm and bool(self._words.applied.ranges))
        yield from ()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        match request:
            case Recall():
                reply = self._recall(request, now)
                yield Answer(caller, reply)
                yield Publish(MemoryUsed())
                if isinstance(reply, Recalled) and len(reply.hits) > 1:
                    first = [hit.label for hit in reply.hits[: together.FIRST]]
                    self._recalled = [*self._recalled, first][-MOST_RECALLED:]
            case Neighbours(ref=ref):
                yield Answer(caller, self._neighbours(ref))
            case _:
                pass

    def hear(self, event: Event, now: Now) -> Steps:
        match event:
            case StateChanged(state=state) | Tick(state=state):
                yield from self._enter(state, now)
            case Idle() if self._space.unsaved and not self._saver.busy:
                self._saver.begin()
            case RebuildWanted():
                self._space.rebuild()
            case _:
                pass
        self._pace.hint()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Take in what is new; else save; else link; else do a slice of the work of a SLEEP."""
        moved = self._catch_up()
        self._pace.looked(now, more=moved or self._saver.busy)
        if moved:
            yield Publish(GraphUpdated(revision=self._progress.revision))
        elif self._saver.busy and not self._sleep.busy:
            self._saver.step()
        elif self._worth_saving():
            self._saver.begin()
            self._pace.hint()
        elif self._sleep.busy:
            self._pace.hint()
            yield from self._sleep_on(now)
        elif self._note_use(now) or self._link():
            self._pace.rest(now, LINKS_PAUSE_S)

    def stop(self, now: Now) -> Steps:
        """Save the vector index, so that the next start need not make it again."""
        yield from self._enter(State.WAKE, now)
        if self._space.unsaved and not self._saver.busy:
            self._saver.begin()
        while self._saver.busy:
            self._saver.step()

    def close(self) -> None:
        self._readers.close()
        self._store.close()

    def _worth_saving(self) -> bool:
        """Is there what would take long to take in again?"""
        return self._space.unsaved >= max(SAVE_AFTER, len(self._space.index or ()) // 4)

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
            links_applied=self._links.applied,
        )
        if progress != self._progress:
            self._store.commit(lambda unit: unit.advance(progress))
            self._progress = progress

    # --- the graph, and the work of a SLEEP ---------------------------------------------------

    def _link(self) -> int:
        """Do one slice of the links; return how many changes it took."""
        with self._readers.records.view() as view:
            count = self._links.step(view, self._store, self._words.applied)
        if count:
            self._note_progress(warm=self._progress.warm)
        return count

    def _note_use(self, now: Now) -> bool:
        """Keep what was recalled together, if there is any."""
        if not self._recalled:
            return False
        first, *self._recalled = self._recalled
        with self._readers.records.view() as view:
            there = [label for label in first if view.get(label) is not None]
        self._store.commit(lambda unit: together.strengthen(unit, there, now.wall))
        return True

    def _enter(self, state: State, now: Now) -> Steps:
        """Take note of how awake the group is; a hint that was lost comes again with a tick."""
        previous, self._state = self._state, state
        if state is State.SLEEP and previous is not State.SLEEP:
            self._sleep.begin()
        elif state is not State.SLEEP:
            ended = self._sleep.interrupt(now)
            if ended is not None:
                self._keep_troubles()
                yield Publish(ended, keep=True)

    def _sleep_on(self, now: Now) -> Steps:
        before = dict(self._sleep.troubles)
        ended = self._sleep.slice(now)
        if self._sleep.troubles != before:
            self._keep_troubles()
        if ended is not None:
            yield Publish(ended, keep=True)
        if not self._sleep.busy:
            yield Publish(SleepFinished(revision=self._progress.revision), keep=True)

    def _keep_troubles(self) -> None:
        self._store.commit(lambda unit: unit.keep_troubles(self._sleep.troubles))

    def _link_all(self, now: Now) -> Iterator[int]:
        while self._note_use(now):
            yield 1
        while count := self._link():
            yield count

    def _find_topics(self, now: Now) -> Iterator[int]:
        space = communities.Likeness(self._space.index, self._space.generation)
        return communities.find(self._readers, self._store, space)

    def _compact(self, now: Now) -> Iterator[int]:
        self._words.lexical.collect_garbage()
        yield 1

    def _save_all(self, now: Now) -> Iterator[int]:
        if self._space.unsaved and not self._saver.busy:
            self._saver.begin()
        while self._saver.busy:
            self._saver.step()
            yield 1

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
