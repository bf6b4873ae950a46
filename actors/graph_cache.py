"""Graph-cache: keeps the indexes and the graph in step with the store, and answers recall.

Words and edges follow the records themselves, the vector index follows the vectors. So a dead
embedder costs the vectors' share of an answer and nothing else.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreAbsent, StoreError
from iai.index import communities, together
from iai.index.lexical import LexicalIndex
from iai.index.lexical_indexer import Words
from iai.index.link_indexer import Links
from iai.index.term_vectors import FORM
from iai.index.vector_indexer import Space
from iai.lifecycle.maintenance import Sleep
from iai.lifecycle.pace import Pace
from iai.model.clock import NS, Now
from iai.model.revisions import Revisions
from iai.protocol.behaviour import (
    Answer,
    Caller,
    Publish,
    Steps,
)
from iai.protocol.cache_writer import RebuildWanted
from iai.protocol.graph_cache import (
    GraphUpdated,
    MemoryUsed,
    Neighbour,
    NeighbourList,
    Neighbours,
    Recall,
    Recalled,
    SleepFinished,
)
from iai.protocol.lifecycle import StateChanged, Tick
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Event,
    Request,
    State,
)
from iai.recall.search import search
from iai.recall.sources import Sources
from iai.store import graph, records, vectors
from iai.store.graph import GraphStore, Progress
from iai.store.readers import Readers

log = logging.getLogger(__name__)

MOST_RECALLED = 64  # answers whose first hits wait to be noted; the latest are kept

TOLD_S = 0.5  # between two events that say there are questions: who hears them gives way for longer
LINKS_PAUSE_S = 0.2  # between two slices of links while awake: a question comes first


class GraphCache:
    """See `Behaviour`."""

    subscriptions = (Actor.INGEST, Actor.EMBEDDING, Actor.LIFECYCLE, Actor.CACHE_WRITER)

    def __init__(self, readers: Readers, store: GraphStore, lexical: LexicalIndex) -> None:
        self._readers = readers
        self._store = store
        with store.view() as view:
            self._progress = noted = view.progress()
            troubles = view.troubles()
        self._space = Space(noted.rebuilt)
        self._words = Words(lexical, store)
        self._links = Links(noted.links_applied if self._words.applied.ranges else Revisions())
        self._tell_from = 0  # monotonic; until then that there was a question is known
        self._recalled: list[list[int]] = []  # first hits of answers, not yet noted
        self._pace = Pace()
        self._state = State.WAKE  # of the group, as far as it was heard
        steps = {
            "links": self._link_all,
            "topics": self._find_topics,
            "fade": lambda now: together.fade(store, now.wall),
            "compact": self._compact,
        }
        self._sleep = Sleep(steps, troubles)

    def start(self, now: Now) -> Steps:
        with self._store.view() as view:
            self._space.load(view, self._progress)
        self._note_progress(warm=self._progress.warm and bool(self._words.applied.ranges))
        if self._progress.warm:  # what it last committed it may not have told before it died
            yield Publish(GraphUpdated(revision=self._progress.revision))

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        match request:
            case Recall():
                self._pace.asked(now)
                reply = self._recall(request, now)
                yield Answer(caller, reply)
                yield from self._tell_of_use(now)
                if isinstance(reply, Recalled) and len(reply.hits) > 1:
                    first = [hit.label for hit in reply.hits[: together.FIRST]]
                    self._recalled = [*self._recalled, first][-MOST_RECALLED:]
            case Neighbours(ref=ref):
                yield Answer(caller, self._neighbours(ref))
            case _:
                pass

    def _tell_of_use(self, now: Now) -> Steps:
        """Keep the group awake; who has heard of one question learns nothing from the next."""
        if self._state is not State.WAKE or now.mono >= self._tell_from:
            self._tell_from = now.mono + int(TOLD_S * NS)
            yield Publish(MemoryUsed())

    def on_event(self, event: Event, now: Now) -> Steps:
        match event:
            case StateChanged(state=state) | Tick(state=state):
                yield from self._enter(state, now)
            case RebuildWanted():
                self._space.rebuild()
            case _:
                pass
        self._pace.hint()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Take in what is new; else do a slice of the work of a SLEEP, or of the links."""
        was_warm = self._progress.warm
        moved = self._catch_up(now)
        self._pace.looked(now, more=moved)
        if moved or self._progress.warm != was_warm:
            yield Publish(GraphUpdated(revision=self._progress.revision))
        elif self._sleep.busy:
            self._pace.hint()
            yield from self._sleep_on(now)
        elif self._note_use(now) or self._link(self._pace.part(now)):
            self._pace.rest(now, LINKS_PAUSE_S)

    def stop(self, now: Now) -> Steps:
        yield from self._enter(State.WAKE, now)

    def close(self) -> None:
        self._readers.close()
        self._store.close()

    # --- staying in step ----------------------------------------------------------------------

    def _catch_up(self, now: Now) -> bool:
        """Do one slice of each index; was there anything to do?"""
        with self._readers.records.view() as view:
            part = self._pace.part(now)
            words_moved = self._words.step(view, part)
            moved = self._space_step(view, part) or words_moved
            behind = self._words.pending(view).count()
        if moved or self._space.unsaved or (not self._progress.warm and not behind):
            self._note_progress(warm=self._progress.warm or (not moved and not behind))
        return moved

    def _space_step(self, view: records.View, part: int) -> bool:
        """One slice of the vector index; there may be no vectors yet, and that is no fault."""
        try:
            with self._readers.vectors.view() as stored:
                return self._space.step(view, stored, part)
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
            form=FORM,
            links_applied=self._links.applied,
            table=self._space.table,
            dimension=index.dimension if index is not None else 0,
            parts=self._space.parts,
            chunks=index.chunks if index is not None else 0,
        )
        if progress == self._progress and not self._space.unsaved:
            return

        def note(unit: graph.Change) -> None:
            self._space.save(unit)
            unit.advance(progress)

        self._store.commit(note)
        self._space.saved()
        self._progress = progress

    # --- the graph, and the work of a SLEEP ---------------------------------------------------

    def _link(self, part: int = 1) -> int:
        """Do one slice of the links; return how many changes it took."""
        with self._readers.records.view() as view:
            count = self._links.step(view, self._store, self._words.applied, part)
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
        return communities.find(self._readers, self._store, self._space.generation)

    def _compact(self, now: Now) -> Iterator[int]:
        self._words.lexical.collect_garbage()
        yield 1

    # --- answers ------------------------------------------------------------------------------

    def _recall(self, request: Recall, now: Now) -> Recalled | Error:
        with ExitStack() as opened:
            view = opened.enter_context(self._readers.records.view())
            links = opened.enter_context(self._store.view())
            stored = self._stored(opened)
            sources = Sources(view, links, self._words.lexical, self._space, stored)
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
