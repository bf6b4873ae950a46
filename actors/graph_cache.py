"""Graph-cache: keeps the indexes and the graph in step with the store, and answers recall.

In SLEEP it also links records, finds topics, compacts the lexical index, and reads everything once,
so that damage is found before it is needed.
"""

from collections.abc import Iterator
from contextlib import ExitStack

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption.keys import load_cipher
from iai.errors import StoreError
from iai.index import communities
from iai.index.indexes import Indexes
from iai.index.lexical import LexicalIndex
from iai.lifecycle.maintenance import Sleep
from iai.lifecycle.pace import Pace
from iai.model.clock import NS, Now
from iai.model.units import count
from iai.process import heap
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
    Recall,
    Recalled,
    SleepFinished,
)
from iai.protocol.lifecycle import StateChanged, Tick
from iai.protocol.message import Actor, Event, Request, State
from iai.recall.search import search
from iai.recall.sources import Sources
from iai.store.graph import GraphStore
from iai.store.readers import Readers
from iai.store.vectors import VectorView

USED_S = 0.5  # between two `MemoryUsed`: other actors give way to questions for longer than that
MERGE_S = 0.1  # between two looks whether tantivy has ended a merge
LINKS_PAUSE_S = 0.2  # between two slices of links while awake: a question comes first


class GraphCache:
    """See `Behaviour`."""

    subscriptions = (Actor.INGEST, Actor.EMBEDDING, Actor.LIFECYCLE, Actor.CACHE_WRITER)

    def __init__(self, readers: Readers, store: GraphStore, lexical: LexicalIndex) -> None:
        self._readers = readers
        self._store = store
        self._indexes = Indexes(readers, store, lexical)
        with store.view() as view:
            troubles = view.troubles()
        steps = {
            "links": self._link_all,
            "topics": self._find_topics,
            "compact": self._compact,
            "check": self._check,
        }
        self._sleep = Sleep(steps, troubles)
        self._pace = Pace()
        self._state = State.WAKE  # of the group, as last heard
        self._next_used = 0  # monotonic: when to publish `MemoryUsed` again

    def start(self, now: Now) -> Steps:
        self._indexes.load()
        if self._indexes.progress.warm:  # it may have died before it published its last commit
            yield self._updated()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        if isinstance(request, Recall):
            self._pace.asked(now)
            yield Answer(caller, self._recall(request, now))
            if self._state is not State.WAKE or now.mono >= self._next_used:
                self._next_used = now.mono + int(USED_S * NS)
                yield Publish(MemoryUsed())

    def on_event(self, event: Event, now: Now) -> Steps:
        match event:
            case StateChanged(state=state) | Tick(state=state):
                yield from self._enter(state, now)
            case RebuildWanted():
                self._indexes.vector.rebuild()
            case _:
                pass
        self._pace.hint()

    def due_s(self, now: Now) -> float:
        return self._pace.due_s(now)

    def work(self, now: Now) -> Steps:
        """Index what is new; else do a slice of the work of a SLEEP, or of the links.

        A scrub comes first, and has a SLEEP begin again: one of its steps may hold words of what is
        forgotten.
        """
        if self._indexes.scrub(now, self._pace.part(now)):
            yield from self._interrupt(now)
            if self._state is State.SLEEP:
                self._sleep.begin()
            self._pace.looked(now, more=True)
            if self._indexes.lexical.merging:
                self._pace.rest(now, MERGE_S)
            return
        was_warm = self._indexes.progress.warm
        moved = self._indexes.catch_up(self._pace.part(now))
        self._pace.looked(now, more=moved)
        if moved or self._indexes.progress.warm != was_warm:
            yield self._updated()
        elif self._sleep.busy:
            self._pace.hint()
            yield from self._sleep_on(now)
        elif self._indexes.link(self._pace.part(now)):
            self._pace.rest(now, LINKS_PAUSE_S)

    def stop(self, now: Now) -> Steps:
        yield from self._enter(State.WAKE, now)

    def close(self) -> None:
        self._readers.close()
        self._store.close()

    def _updated(self) -> Publish:
        return Publish(GraphUpdated(revision=self._indexes.progress.revision))

    # --- SLEEP --------------------------------------------------------------------------------

    def _enter(self, state: State, now: Now) -> Steps:
        """Note the group's state. A change whose event was lost is seen at the next tick."""
        previous, self._state = self._state, state
        if state is State.SLEEP and previous is not State.SLEEP:
            self._sleep.begin()
        elif state is not State.SLEEP:
            yield from self._interrupt(now)

    def _interrupt(self, now: Now) -> Steps:
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
            heap.give_back()  # to find topics takes megabytes, for seconds
            yield Publish(ended, keep=True)
        if not self._sleep.busy:
            revision = self._indexes.progress.revision
            yield Publish(SleepFinished(revision=revision), keep=True)

    def _keep_troubles(self) -> None:
        self._store.commit(lambda unit: unit.keep_troubles(self._sleep.troubles))

    def _link_all(self, now: Now) -> Iterator[int]:
        while linked := self._indexes.link():
            yield linked

    def _find_topics(self, now: Now) -> Iterator[int]:
        return communities.find(self._readers, self._store, self._indexes.vector.generation)

    def _compact(self, now: Now) -> Iterator[int]:
        self._indexes.lexical.index.collect_garbage()
        yield 1

    def _check(self, now: Now) -> Iterator[int]:
        """Read all of `index/`, which is rebuilt if it is damaged, and of the records."""
        yield from self._store.check_entries()
        yield from self._readers.records.check_entries()

    # --- recall -------------------------------------------------------------------------------

    def _recall(self, request: Recall, now: Now) -> Recalled:
        lexical, vector = self._indexes.lexical, self._indexes.vector
        with ExitStack() as opened:
            view = opened.enter_context(self._readers.records.view())
            links = opened.enter_context(self._store.view())
            sources = Sources(view, links, lexical.index, vector, self._vectors(opened))
            hits, degraded = search(request, sources, now.wall)
            behind = self._indexes.behind(view)
        if behind:
            degraded.append(f"words: {count(behind, 'change')} not indexed yet")
        return Recalled(hits=hits, degraded=tuple(degraded), revision=lexical.applied.floor)

    def _vectors(self, opened: ExitStack) -> VectorView | None:
        """Return the stored vectors; None if they cannot be read: terms alone still answer."""
        try:
            return opened.enter_context(self._readers.vectors.view())
        except StoreError:
            return None


def make(settings: Settings) -> GraphCache:
    """Return the behaviour of the graph-cache process."""
    layout = Layout(settings.store)
    store = GraphStore(layout.index, writer=True)
    return GraphCache(
        Readers(layout), store, LexicalIndex(layout.lexical, load_cipher(layout.root))
    )
