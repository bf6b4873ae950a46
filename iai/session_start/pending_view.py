"""The records as they will be once ingest has read what is waiting: a view with more in it."""

from collections import defaultdict
from collections.abc import Iterator
from heapq import merge
from itertools import islice

from msgspec import structs

from iai.model.record import (
    NewRecord,
    Project,
    Record,
    Watermark,
    order_of,
    session_key,
)
from iai.session_start.pending import Unread
from iai.store.record_view import RecordView

_NOT_KEPT = 0  # label of a turn that is not in the store


class Overlaid:
    """A view (None: there is no store) and the turns that it lacks. See `material.Seen`."""

    def __init__(self, view: RecordView | None, unread: Unread, wall: int) -> None:
        """What the view knows already, if only as forgotten, is left out of the turns."""
        self._view = view
        self._turns: dict[bytes, list[Record]] = defaultdict(list)  # of each session, in order
        self._latest: dict[str, dict[bytes, int]] = defaultdict(dict)  # project -> session -> when
        self._projects = {project.id: project for project in unread.projects}
        self._homes: dict[tuple[str, str], str | None] = {}  # project, directory -> where it goes
        ahead = view.ahead(wall) if view else 0
        once: dict[str, NewRecord] = {}
        for new in unread.turns:
            once.setdefault(new.key, new)
        unknown = (t for t in once.values() if view is None or view.known(t.key) is None)
        for turn in map(self._at_home, unknown):
            if turn is not None:
                session = session_key(turn.host, turn.session)
                order = order_of(turn.created_at, wall, ahead)
                self._turns[session].append(turn.kept(_NOT_KEPT, wall, order))
                latest = self._latest[turn.project]
                latest[session] = max(order, latest.get(session, order))
        for turns in self._turns.values():
            turns.sort(key=_said)

    def belongs(self, project: str) -> str:
        """See `View.belongs`."""
        return self._view.belongs(project) if self._view else project

    def project_named(self, project: str) -> Project | None:
        """Return a project by its id."""
        known = self._view.project_named(project) if self._view else None
        return known or self._projects.get(project)

    def ignored(self, project: str, *places: str) -> bool:
        """See `View.ignored`."""
        return self._view is not None and self._view.ignored(project, *places)

    def watermark(self) -> Watermark:
        """Return that of the records: what is not kept has no revision."""
        return self._view.watermark() if self._view else Watermark()

    def active(self) -> list[Project]:
        """Return the projects that have any turns, the one with the latest first."""
        found = [
            (max(sessions.values()), known)
            for project, sessions in self._latest.items()
            if (known := self.project_named(project)) is not None
        ]
        for project in self._view.active() if self._view else ():
            found += [(r.order, project) for r in self._newest(project.id)]
        found.sort(key=lambda f: f[1].id)
        found.sort(key=lambda f: f[0], reverse=True)
        return list({project.id: project for _, project in found}.values())

    def sessions(self, project: str) -> Iterator[bytes]:
        """Yield the sessions of a project, the one that was last active there first."""
        unread = [(when, session) for session, when in self._latest.get(project, {}).items()]
        kept = self._kept_sessions(project)
        seen = set()
        for _, session in merge(kept, sorted(unread, reverse=True), reverse=True):
            if session not in seen:
                seen.add(session)
                yield session

    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        """Yield the turns of a session in the order they were said in."""
        kept = self._view.session(session, newest_first=newest_first) if self._view else iter(())
        unread = self._turns.get(session, [])
        ordered = reversed(unread) if newest_first else unread
        return merge(kept, ordered, key=_said, reverse=newest_first)

    def unread(self) -> Iterator[Record]:
        """Yield the turns that are not in the store."""
        return (turn for turns in self._turns.values() for turn in turns)

    def pinned(self, project: str) -> Iterator[Record]:
        """Yield the pinned records of a project; only what is kept can be pinned."""
        return self._view.pinned(project) if self._view else iter(())

    def changed(self, project: str) -> int:
        """Return that of the records: what is not kept has no revision."""
        return self._view.changed(project) if self._view else 0

    def facts(self, project: str) -> Iterator[Record]:
        """Yield what was noted in a project; what is noted by itself goes to ingest at once."""
        return self._view.facts(project) if self._view else iter(())

    def _at_home(self, turn: NewRecord) -> NewRecord | None:
        """Return a turn in the project that it will go to; None if that is ignored."""
        place = turn.project, turn.cwd
        if place not in self._homes:
            own = self._projects[turn.project]
            ignored = self.ignored(own.id, own.root, turn.cwd)
            self._homes[place] = None if ignored else self.belongs(own.id)
        home = self._homes[place]
        return None if home is None else structs.replace(turn, project=home)

    def _newest(self, project: str) -> Iterator[Record]:
        """Yield the latest record of a project, of those that are kept."""
        return islice(self._view.project(project), 1) if self._view else iter(())

    def _kept_sessions(self, project: str) -> Iterator[tuple[int, bytes]]:
        """Yield the sessions in the store with the time of their latest turn in this project."""
        for session in self._view.sessions(project) if self._view else ():
            turns = self._view.session(session, newest_first=True) if self._view else ()
            yield next((r.order for r in turns if r.project == project), 0), session


def _said(record: Record) -> tuple[int, bool]:
    """By when a turn was said; of one moment's turns those that are kept come first."""
    return record.order, record.label == _NOT_KEPT
