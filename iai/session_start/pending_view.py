"""The records as they will be once ingest has read what is pending."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import structs

from iai.model import duplicate_turns
from iai.model.action import Action, outlasts_rewind
from iai.model.exchange import answers_only, opens
from iai.model.member import Member
from iai.model.record import (
    NewRecord,
    Project,
    Record,
    Watermark,
    order_of,
    session_key,
)
from iai.model.session import SessionInfo
from iai.session_start.unread import Pending
from iai.store.record_view import RecordView

if TYPE_CHECKING:
    from iai.ingest.batch import TakenBack

_NO_LABEL = 0  # of a turn that is not in the store
_NEVER = 1 << 63


class PendingView:
    """A view of the records plus the pending turns: a `sessions.PayloadSource`."""

    def __init__(self, view: RecordView | None, pending: Pending, wall: int) -> None:
        """`view` is None if there is no store. Turns that it knows or once knew are left out."""
        self._view = view
        self._nothing_pending = pending == Pending()
        self._turns: dict[bytes, list[Record]] = defaultdict(list)  # by session, in order
        self._orders: dict[bytes, set[int]] = defaultdict(set)  # of these turns, by session
        self._latest: dict[str, dict[bytes, int]] = defaultdict(dict)  # project -> session -> order
        self._projects = {project.id: project for project in pending.projects}
        self._homes: dict[tuple[str, str], str | None] = {}  # project, directory -> project
        ahead = view.ahead(wall) if view else 0
        once: dict[str, NewRecord] = {}
        for new in pending.turns:
            once.setdefault(new.key, new)
        self._void: list[tuple[str, range]] = []  # transcripts, with offsets of turns taken back
        self._rewinds: dict[bytes, list[tuple[int, frozenset[str]]]] = defaultdict(list)
        for back in pending.rewound:
            self._take_back(back, once)
        self._confirmed: set[int] = set()  # labels of stored turns that a transcript has now too
        for new in sorted(once.values(), key=attrgetter("heard")):  # transcripts before events
            left_out = self._is_stored(new) or self._is_copy(new) or self._is_void(new)
            turn = None if left_out else self._resolved(new)
            if turn is not None:
                session = turn.session_key
                order = self._free(session, order_of(turn.created_at, wall, ahead))
                self._turns[session].append(turn.kept(_NO_LABEL, wall, order))
                latest = self._latest[turn.project]
                latest[session] = max(order, latest.get(session, order))
        for turns in self._turns.values():
            turns.sort(key=_position)
        self._actions: dict[bytes, list[Action]] = defaultdict(list)  # by session, in order
        for done in sorted(pending.actions, key=lambda done: done.action.at):
            if view is None or not view.has_action(done.action.key):
                self._actions[session_key(done.host, done.session)].append(done.action)
        self._infos: dict[bytes, SessionInfo] = {}
        for info in pending.sessions:
            session = info.session_key
            info = view.not_forgotten(info) if view else info  # noqa: PLW2901
            stored = self._infos.get(session) or (view.session_info(session) if view else None)
            self._infos[session] = stored.updated(info) if stored else info

    def belongs(self, project: str) -> str:
        """See `RecordView.belongs`."""
        return self._view.belongs(project) if self._view else project

    def project_named(self, project: str) -> Project | None:
        """Return a project by its id."""
        known = self._view.project_named(project) if self._view else None
        return known or self._projects.get(project)

    def ignored(self, project: str, *places: str) -> bool:
        """See `RecordView.ignored`."""
        return self._view is not None and self._view.ignored(project, *places)

    def member(self, machine: str) -> Member | None:
        """See `RecordView.member`."""
        return self._view.member(machine) if self._view else None

    def pinned_on(self, record: Record) -> str:
        """See `RecordView.pinned_on`."""
        return self._view.pinned_on(record) if self._view else record.machine

    def erased_through(self) -> int:
        """See `RecordView.erased_through`."""
        return self._view.erased_through() if self._view else 0

    def watermark(self) -> Watermark:
        """Return that of the records: pending turns have no revision."""
        return self._view.watermark() if self._view else Watermark()

    def active(self) -> list[Project]:
        """Return the projects with any turns, the most recently active first."""
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
        """Yield the sessions of a project, the most recently active in it first."""
        pending = [(when, session) for session, when in self._latest.get(project, {}).items()]
        kept = self._kept_sessions(project)
        seen = set()
        for _, session in merge(kept, sorted(pending, reverse=True), reverse=True):
            if session not in seen:
                seen.add(session)
                yield session

    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        """Yield the turns of a session in the order they were said, without the narration."""
        pending = self._turns.get(session)
        if not pending:
            return self._kept(session, newest_first=newest_first)
        kept = self._kept(session, newest_first=False)
        turns = answers_only([*merge(kept, pending, key=_position)])
        return iter(turns[::-1] if newest_first else turns)

    def actions(self, session: bytes, *, newest_first: bool = False) -> Iterator[Action]:
        """Yield what was done in a session, in order."""
        stored = self._view.actions(session, newest_first=newest_first) if self._view else iter(())
        pending = self._actions.get(session, [])
        ordered = reversed(pending) if newest_first else pending
        every = merge(stored, ordered, key=lambda action: action.at, reverse=newest_first)
        gone = self._periods_taken_back(session)
        return (
            action
            for action in every
            if not any(
                since <= action.at < until and not outlasts_rewind(action, restored)
                for since, until, restored in gone
            )
        )

    def session_info(self, session: bytes) -> SessionInfo | None:
        """Return what is known of a session."""
        stored = self._view.session_info(session) if self._view else None
        return self._infos.get(session, stored)

    def session_changed(self, session: bytes) -> int:
        """Return 0, so that nothing is cached, if anything is pending: that has no revision."""
        return self._view.session_changed(session) if self._view and self._nothing_pending else 0

    def pending(self) -> Iterator[Record]:
        """Yield the turns that are not in the store."""
        return (turn for turns in self._turns.values() for turn in turns)

    def pinned(self, project: str) -> Iterator[Record]:
        """Yield the pinned records of a project; a pending turn cannot be pinned."""
        return self._view.pinned(project) if self._view else iter(())

    def facts(self, project: str) -> Iterator[Record]:
        """Yield the facts noted in a project; they reach ingest at once, so none is pending."""
        return self._view.facts(project) if self._view else iter(())

    def _kept(self, session: bytes, *, newest_first: bool) -> Iterator[Record]:
        """Yield the stored turns of a session, but for what is taken back now."""
        stored = self._view.session(session, newest_first=newest_first) if self._view else ()
        return (turn for turn in stored if not self._is_void(turn))

    def _free(self, session: bytes, order: int) -> int:
        """Return the order that a turn will have once it is stored: see `RecordFiling.place`."""
        taken = self._orders[session]
        while order in taken or (self._view and self._view.is_taken(session, order)):
            order += 1
        taken.add(order)
        return order

    def _take_back(self, back: "TakenBack", once: Mapping[str, NewRecord]) -> None:
        label = self._view.known(back.key) if self._view else None
        stored = self._view.get(label) if self._view and label is not None else None
        request = stored or once.get(back.key)
        if request is not None:
            self._void.append((back.transcript, range(request.source.offset, back.offset)))
            asked_at = stored.order if stored else request.created_at
            rewinds = self._rewinds[request.session_key]
            rewinds.append((asked_at, back.restored))

    def _periods_taken_back(self, session: bytes) -> list[tuple[int, int, frozenset[str]]]:
        """Return from when to when the requests were open that are taken back now."""
        rewinds = self._rewinds.get(session, [])
        asked = [turn.order for turn in self.session(session) if opens(turn)] if rewinds else []
        return [
            (since, next((order for order in asked if order > since), _NEVER), restored)
            for since, restored in rewinds
        ]

    def _is_void(self, turn: NewRecord | Record) -> bool:
        source = turn.source
        return any(source.transcript == path and source.offset in gone for path, gone in self._void)

    def _is_stored(self, new: NewRecord) -> bool:
        """Is a turn in the store, itself or another copy of it?"""
        if self._view is None:
            return False
        if self._view.known(new.key) is not None:
            return True
        label = self._view.copy_of(new)
        if label is None or label in self._confirmed:
            return False
        if not new.heard:
            self._confirmed.add(label)  # the next one with these words was said again
        return True

    def _is_copy(self, new: NewRecord) -> bool:
        """Is an event's turn a copy of another pending one?"""
        said = self._turns.get(new.session_key, ())
        latest = sorted(said, key=attrgetter("created_at"), reverse=True)
        return new.heard and duplicate_turns.repeated(new, latest) is not None

    def _resolved(self, turn: NewRecord) -> NewRecord | None:
        """Return a turn with the project it will be stored in; None if that is ignored."""
        place = turn.project, turn.cwd
        if place not in self._homes:
            own = self._projects[turn.project]
            ignored = self.ignored(own.id, own.root, turn.cwd)
            self._homes[place] = None if ignored else self.belongs(own.id)
        home = self._homes[place]
        return None if home is None else structs.replace(turn, project=home)

    def _newest(self, project: str) -> Iterator[Record]:
        """Yield the latest stored record of a project."""
        return islice(self._view.project(project), 1) if self._view else iter(())

    def _kept_sessions(self, project: str) -> Iterator[tuple[int, bytes]]:
        """Yield the stored sessions, each with the order of its latest turn in this project."""
        for session in self._view.sessions(project) if self._view else ():
            turns = self._kept(session, newest_first=True)
            yield next((r.order for r in turns if r.project == project), 0), session


def _position(record: Record) -> tuple[int, bool]:
    """Sort by when a turn was said; stored turns come before pending ones of the same moment."""
    return record.order, record.label == _NO_LABEL
