"""What this machine has to tell the others of a team about one project, read from its log.

Nothing is prepared while records are written: a change is made of what the records say now. So each
is in its newest state whenever it is made, and what was forgotten is in none.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct, structs

from iai.model.action import Action
from iai.model.amended import Amended
from iai.model.change import (
    LARGEST,
    MOST_AT_ONCE,
    AmendChange,
    Change,
    Edited,
    Flag,
    ForgetChange,
    SessionChange,
    TurnChange,
    WorkChange,
)
from iai.model.exchange import opens
from iai.model.record import DIGEST, LogEntry, Record, session_key
from iai.model.revisions import Revisions
from iai.store.amendments import PLACE, Amendments
from iai.store.record_view import RecordView

SCANNED = 2_000  # entries of the log that are read at a time: those of other projects are many
_ROOM = LARGEST - (4 << 10)  # bytes for the actions of a message, which says little else
_TURNS = ("insert", "edit", "mark", "move", "narrate")  # operations that a turn is said again for

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()


class Outgoing(Struct, frozen=True):
    """Some changes, each with the revision that it belongs to.

    Revisions do not fall, and one may come several times. Publish all, then go on after `through`.
    """

    through: int  # everything up to this revision is in them
    changes: tuple[tuple[int, Change], ...] = ()


def changes(view: RecordView, project: str, after: int, limit: int) -> Outgoing:
    """Return what to publish of a project's changes after a revision: some `limit` of them.

    That is what was said and done on this machine, and what was written by hand on it, whoever said
    it. Of a project that is ignored there is nothing, and `through` stays where it was.
    """
    known = view.project_named(project)
    if view.ignored(project, known.root if known is not None else ""):
        return Outgoing(after)
    made = _Made(view, project, after)
    last = after
    for last, entry in view.changes(Revisions(((after + 1, after + SCANNED),))):
        made.take(last, entry)
        if made.count >= limit:
            break
    else:
        last = max(last, min(after + SCANNED, view.watermark().revision))
    return Outgoing(last, tuple(made.all()))


class _Beside(Generic[T]):
    """What is stored beside some entries of the log, in the order of their revisions."""

    def __init__(self, entries: Iterator[tuple[int, T]]) -> None:
        self._entries = entries
        self._next = next(entries, None)

    def at(self, revision: int) -> Iterator[T]:
        """Yield that of a revision. These must not fall from call to call."""
        while self._next is not None and self._next[0] <= revision:
            here, one = self._next
            self._next = next(self._entries, None)
            if here == revision:
                yield one


class _Made:
    """The changes of some revisions of one project."""

    def __init__(self, view: RecordView, project: str, after: int) -> None:
        self._view = view
        self._own_work = _Beside(view.own_work(after))
        self._own_amendments = _Beside(view.own_amendments(after))
        self._project = project
        self._homes: dict[str, bool] = {}  # project -> is it in ours?
        self._turns: dict[int, int] = {}  # label -> latest revision
        self._others: list[tuple[int, Change]] = []
        self._sessions: dict[bytes, int] = {}  # session of which more is known -> latest revision
        self._sent: set[bytes] = set()  # actions
        self._named: dict[bytes, Record | None] = {}  # session -> any turn of it
        self._work_since = view.work_since()

    @property
    def count(self) -> int:
        return len(self._turns) + len(self._sessions) + len(self._others)

    def take(self, revision: int, entry: LogEntry) -> None:
        """Gather what a change of the log entails, and the end of the commit that it is in."""
        if entry.label and entry.operation in _TURNS:
            record = self._view.get(entry.label)
            if record is not None and self._is_ours(record):
                self._turns.pop(entry.label, None)
                self._turns[entry.label] = revision
                if revision <= self._work_since and opens(record):
                    self._add_all_work(revision, record)
        for work in self._own_work.at(revision):
            if self._holds(work.project):
                self._add_work(revision, _parts(work.actions, PLACE))
                self._sessions |= dict.fromkeys(_parts(work.sessions, DIGEST), revision)
        for amendments in self._own_amendments.at(revision):
            if self._holds(amendments.project):
                self._others += [(revision, one) for one in self._amended(revision, amendments)]

    def all(self) -> Iterator[tuple[int, Change]]:
        """Yield all changes in order: a turn before what was done after it."""
        turns = ((r, self._turn(label, r)) for label, r in self._turns.items())
        sessions = ((r, self._session(session, r)) for session, r in self._sessions.items())
        made = [(r, one) for r, one in (*turns, *sessions) if one is not None]
        yield from sorted([*made, *self._others], key=lambda pair: pair[0])

    def _holds(self, project: str) -> bool:
        if project not in self._homes:
            self._homes[project] = self._view.belongs(project) == self._project
        return self._homes[project]

    def _is_ours(self, record: Record) -> bool:
        """Was it said on this machine, in this project, and may it leave it?"""
        ours = not record.machine and record.project == self._project
        return ours and not (record.in_session and self._view.not_recorded(record.session))

    def _turn(self, label: int, revision: int) -> TurnChange | None:
        record = self._view.get(label)
        if record is None:
            return None
        nth = _nth(record)
        return TurnChange(
            project=self._project,
            revision=revision,
            record=self._view.identity(label).named(record),
            tier=record.tier,
            role=record.role,
            text=record.text,
            host=record.host,
            session=record.session,
            created_at=record.created_at,
            nth=nth,
            order=record.order if record.order != record.created_at + nth else 0,
            kind=record.kind,
            tags=record.tags,
            pinned=record.pinned,
            rewound=record.rewound,
            own=record.mine == "note",
        )

    def _add_all_work(self, revision: int, request: Record) -> None:
        """Gather what was done for a request, as an older version stored it.

        That did not note in which project it was done, so a session of several is left out.
        """
        session = session_key(request.host, request.session)
        if self._in_one_project(session):
            keys = self._view.keys_between(session, *self._view.time_of(request))
            self._add_work(revision, keys)
            self._sessions[session] = revision

    def _add_work(self, revision: int, keys: list[bytes]) -> None:
        found: dict[bytes, list[Action]] = {}
        for key in keys:
            action = self._view.action(key) if key not in self._sent else None
            if action is not None and self._holds(action.project or self._project):
                self._sent.add(key)
                found.setdefault(key[:DIGEST], []).append(action)
        for session, actions in found.items():
            turn = self._turn_of(session)
            if turn is not None and not self._view.not_recorded(turn.session):
                bases = self._bases(session)
                for some in _that_fit(_as_seen(action, bases) for action in actions):
                    work = WorkChange(
                        project=self._project, revision=revision,
                        host=turn.host, session=turn.session, actions=some,
                    )  # fmt: skip
                    self._others.append((revision, work))

    def _session(self, session: bytes, revision: int) -> SessionChange | None:
        info = self._view.session_info(session)
        if info is None or info.machine or not self._in_one_project(session):
            return None
        if self._view.not_recorded(info.session):
            return None
        return SessionChange(
            project=self._project,
            revision=revision,
            host=info.host,
            session=info.session,
            title=info.title,
            title_rank=info.title_rank,
            branch=info.branch,
            unattended=info.unattended,
            forked_from=info.forked_from,
        )

    def _in_one_project(self, session: bytes) -> bool:
        """Is all of a session in this project? Its title and branch may be of another one."""
        found = self._view.projects_of(session)  # those of what was taken back are not in it
        return (found or _projects(self._view.rewound(session))) == [self._project]

    def _turn_of(self, session: bytes) -> Record | None:
        """Return any turn of a session: by it, the session has a name."""
        if session not in self._named:
            view = self._view
            turns = view.session(session), view.narration(session), view.rewound(session)
            self._named[session] = next((turn for some in turns for turn in some), None)
        return self._named[session]

    def _bases(self, session: bytes) -> list[str]:
        """Return the directories that the paths of a session are below, the shortest first."""
        known, info = self._view.project_named(self._project), self._view.session_info(session)
        places = {known.root, *known.cwds} if known is not None else set()
        if info is not None and info.cwd:
            places.add(info.cwd)
        return sorted((f"{place.rstrip('/')}/" for place in places if place), key=len)

    def _amended(self, revision: int, part: Amendments) -> Iterator[Change]:
        for label in part.labels:
            record = self._view.get(label)
            if record is not None and record.project == self._project:
                yield from self._written(revision, record)
        if part.forgotten or part.work or part.titles or part.sessions:
            yield ForgetChange(
                project=self._project, revision=revision, records=part.forgotten,
                work=part.work, titles=part.titles, sessions=part.sessions, own=part.own,
            )  # fmt: skip

    def _written(self, revision: int, record: Record) -> Iterator[AmendChange]:
        if record.in_session and self._view.not_recorded(record.session) and not record.machine:
            return
        amended = self._view.amended(record.id)
        text = _own(amended, "text")
        named = self._view.identity(record.label).named(record)
        change = AmendChange(
            project=self._project,
            revision=revision,
            record=named,
            pinned=_flag(amended, "pinned", on=record.pinned),
            text=Edited(*text, text=record.text) if text else None,
            done=_flag(amended, "done", on="done" in record.marks),
            own=record.mine == "note",
        )
        if change.pinned or change.text or change.done:
            yield change
        own = AmendChange(
            project=self._project,
            revision=revision,
            record=named,
            dismissed=_flag(amended, "dismissed", on=record.dismissed),
            mine=_flag(amended, "mine", on=record.mine == "pin"),
            own=True,
        )
        if own.dismissed or own.mine:
            yield own


def _projects(turns: Iterable[Record]) -> list[str]:
    return sorted({turn.project for turn in turns})


def _nth(record: Record) -> int:
    """Return how many nanoseconds after its time a turn comes: see `RecordFiling.place`."""
    nth = record.order - record.created_at  # any other is of a clock that was wrong
    return nth if 0 < nth <= MOST_AT_ONCE else 0


def _own(amended: Amended, field: str) -> tuple[int, int] | None:
    """Return when this machine wrote a field; None if another one did since, or nobody."""
    stamp = amended.stamp(field)
    return (stamp.wall, stamp.counter) if field in amended.stamps and not stamp.machine else None


def _flag(amended: Amended, field: str, *, on: bool) -> Flag | None:
    stamp = _own(amended, field)
    return Flag(*stamp, on=on) if stamp is not None else None


def _as_seen(action: Action, bases: list[str]) -> Action:
    """Return an action with its paths as they are seen from the project's root."""
    path, to = _below(action.path, bases), _below(action.to, bases)
    return structs.replace(action, path=path, to=to, project="")


def _below(path: str, bases: list[str]) -> str:
    return next((path.removeprefix(base) for base in bases if path.startswith(base)), path)


def _parts(joined: bytes, size: int) -> list[bytes]:
    return [joined[at : at + size] for at in range(0, len(joined), size)]


def _that_fit(actions: Iterator[Action]) -> Iterator[tuple[Action, ...]]:
    """Yield actions in groups that fit into a message."""
    group: list[Action] = []
    room = _ROOM
    for action in actions:
        size = len(_encoder.encode(action))
        if size > room:
            yield tuple(group)
            group, room = [], _ROOM
        group.append(action)
        room -= size
    if group:
        yield tuple(group)
