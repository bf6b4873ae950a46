"""A store that real sessions come into as they were written, and what iai makes of it then.

All that the measurement needs of iai is here: it takes transcripts in, composes the payload, and
answers questions. The actors are the real ones, in one process and without waiting (`World`). The
indexes follow only once they are needed: the payload is made of the records alone.
"""

import os
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Self, TypeVar

from simulation.world import World

from harness.real_sessions import Session
from iai.embedders.static import bundled
from iai.model.clock import Now
from iai.model.record import Record
from iai.payload.checkouts import Checkout
from iai.payload.compose import render
from iai.payload.material import gather
from iai.projects.identity import identify
from iai.protocol.embedding import EmbedQuery, QueryVectors
from iai.protocol.graph_cache import Hit, Recall, Recalled, SleepFinished
from iai.protocol.ingest import Import, ImportProgress, ImportStatus
from iai.protocol.lifecycle import RequestState
from iai.protocol.message import Actor, Reply, Request, State

R = TypeVar("R", bound=Reply)

_LATER = (Actor.CACHE_WRITER, Actor.EMBEDDING, Actor.GRAPH_CACHE, Actor.LIFECYCLE)
_HITS = 50  # of a question: enough for ten different sessions
_WITHIN_S = 3_600.0  # of simulated time, in which the group is done with anything


class Replay:
    """A store of its own in a temporary directory. Use it as a context manager."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._work = Path(tempfile.mkdtemp(prefix="iai-"))
        self._histories = self._work / ".claude" / "projects" / "replayed"
        self._histories.mkdir(parents=True)
        self._sessions = sessions
        self._taken = dict.fromkeys((session.name for session in sessions), 0)  # lines
        self._world = World(self._work / "store", embedder=bundled())
        for actor in _LATER:
            self._world.stop(actor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._world.close()
        shutil.rmtree(self._work)

    def take_in(self, until: int) -> None:
        """Have every session's file grow by what was written before `until`, and read it."""
        now = self._world.now
        passed = max(0, until - now.wall)
        self._world.now = Now(now.wall + passed, now.mono + passed)
        grown = [str(path) for session in self._sessions if (path := self._grow(session, until))]
        if not grown:
            return
        read = self._ask(Actor.INGEST, Import(paths=tuple(grown)), ImportProgress)
        while not read.done:
            self._world.run(_WITHIN_S, until=self._world.settled)
            read = self._ask(Actor.INGEST, ImportStatus(job=read.job), ImportProgress)
        if read.unreadable:
            raise OSError("; ".join(read.unreadable))

    def payload(self, session: Session) -> str:
        """Return what a session would be given at its start, in its directory and on its branch.

        Without topics: a SLEEP before each session took ten minutes and changed no share.
        """
        project = identify(session.cwd)
        checkout = Checkout((session.cwd,), branch=session.branch)
        with self._world.records.view() as view:
            material = gather(view, project.id, project.name, checkout=checkout)
        return render(material, session.began)

    def records(self) -> list[Record]:
        """Return all records, in the order in which they were taken in."""
        with self._world.records.view() as view:
            return list(view.after(0))

    def index(self) -> None:
        """Have all that is in the store embedded, indexed and linked, as after a night."""
        for actor in _LATER[1:]:
            self._world.start(actor)
        self._world.run(_WITHIN_S, until=self._world.settled)
        self._world.events.clear()
        self._world.answer(Actor.LIFECYCLE, RequestState(state=State.SLEEP))
        self._world.run(_WITHIN_S, until=self._slept)
        self._world.run(_WITHIN_S, until=self._world.settled)

    def recall(self, query: str) -> tuple[Hit, ...]:
        """Ask as `iai recall` does, for many hits."""
        embedded = self._ask(Actor.EMBEDDING, EmbedQuery(text=query), QueryVectors)
        question = Recall(query=query, k=_HITS, vectors=embedded.vectors)
        return self._ask(Actor.GRAPH_CACHE, question, Recalled).hits

    def _grow(self, session: Session, until: int) -> Path | None:
        """Append what was written meanwhile to a session's file; return None if nothing was."""
        taken = self._taken[session.name]
        count = bisect_left(session.lines, until, key=lambda line: line.at)
        if count == taken:
            return None
        self._taken[session.name] = count
        start = session.lines[taken - 1].end if taken else 0
        path = self._histories / session.path.name
        with session.path.open("rb") as source, path.open("ab") as file:
            source.seek(start)
            file.write(source.read(session.lines[count - 1].end - start))
        written = session.lines[count - 1].at
        os.utime(path, ns=(written, written))  # files are imported in this order
        return path

    def _slept(self) -> bool:
        return any(isinstance(event, SleepFinished) for event in self._world.events)

    def _ask(self, actor: Actor, request: Request, expected: type[R]) -> R:
        reply = self._world.answer(actor, request)
        if not isinstance(reply, expected):
            raise TypeError(f"{actor} answered with {reply}")
        return reply
