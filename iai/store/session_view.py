"""Sessions: their turns in order, and the exchanges that these make with what was done."""

from collections.abc import Iterable, Iterator
from itertools import islice

from iai.model.action import Action
from iai.model.exchange import Exchange, exchanges, opens
from iai.model.record import DIGEST, Record
from iai.store.actions import EVER, ActionView
from iai.store.codec import decode_time, decode_u64, encode_time, encode_u64
from iai.store.project_view import ProjectView
from iai.store.record_keys import walk
from iai.store.transaction import BEYOND

_TURNS = ("by_session", "narration")


class SessionView(ActionView, ProjectView):
    """Reads sessions, as of one moment."""

    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        """Yield the turns of a session (see `session_key`) in order.

        The narration is left out, and what was taken back.
        """
        return self._records("by_session", session, newest_first=newest_first)

    def narration(self, session: bytes) -> Iterator[Record]:
        """Yield the narration of a session in order: see `iai.model.exchange`."""
        aside = self._records("narration", session, newest_first=False)
        return (record for record in aside if not record.rewound)

    def rewound(self, session: bytes) -> Iterator[Record]:
        """Yield the turns of a session that were taken back, in order."""
        aside = self._records("narration", session, newest_first=False)
        return (record for record in aside if record.rewound)

    def has_turns(self, session: bytes) -> bool:
        """Is any turn of a session stored, narration and what was taken back included?"""
        return any(True for _ in self.labels(session))

    def labels(self, session: bytes) -> Iterator[int]:
        """Yield the label of every turn of a session, also of those that `has_turns` includes."""
        for name in _TURNS:
            yield from walk(self._t, self._db[name], session, session)

    def has_work(self, session: bytes) -> bool:
        """Was anything done in a session, or is there narration?"""
        narrated = walk(self._t, self._db["narration"], session, session)
        return any(True for _ in self.all_actions(session)) or any(True for _ in narrated)

    def latest_order(self, session: bytes) -> int:
        """Return an order that no turn of a session comes after; narration counts, too."""
        found = (self._t.prefixed(self._db[name], session, back=True) for name in _TURNS)
        last = [next(entries, None) for entries in found]
        return max([decode_time(one[0][-16:-8]) for one in last if one], default=EVER)

    def is_taken(self, session: bytes, order: int, *, besides: int = 0) -> bool:
        """Does a turn of a session have this order, other than the one with a label?"""
        key = session + encode_time(order)
        there = (k for name in _TURNS for k, _ in self._t.prefixed(self._db[name], key))
        return any(decode_u64(one[len(key) :]) != besides for one in there)

    def is_gone(self, session: bytes) -> bool:
        """Was all of a session forgotten, and has it not gone on since?"""
        return self.was_forgotten(session) and not self.has_turns(session)

    def turns_from(self, session: bytes, order: int) -> Iterator[Record]:
        key = session + encode_time(order)
        for label in walk(self._t, self._db["by_session"], session, key):
            record = self.get(label)
            if record is not None:
                yield record

    def around(self, record: Record, distance: int) -> tuple[list[int], list[int]]:
        """Return the labels of the turns just before and just after, the nearest first."""
        before, after = self.sides(record)
        return list(islice(before, distance)), list(islice(after, distance))

    def sides(self, record: Record) -> tuple[Iterator[int], Iterator[int]]:
        """Return iterators of the turns before and after a record in its session, nearest first."""
        if not record.in_session:
            return iter(()), iter(())
        prefix = record.session_key
        key = prefix + encode_time(record.order) + encode_u64(record.label)
        before = walk(self._t, self._db["by_session"], prefix, key, backwards=True)
        after = walk(self._t, self._db["by_session"], prefix, key + b"\0")  # the first beyond it
        return before, after

    def turns_before(self, session: bytes, at: int) -> Iterator[int]:
        """Yield the labels of the turns of a session up to a time, the latest first."""
        key = session + encode_time(at) + BEYOND[:8]
        return walk(self._t, self._db["by_session"], session, key, backwards=True)

    def request_before(self, session: bytes, at: int) -> Record | None:
        """Return the request that was open in a session at a time."""
        turns = (self.get(label) for label in self.turns_before(session, at))
        return next((turn for turn in turns if turn is not None and opens(turn)), None)

    def request_before_this(self, turn: Record) -> Record | None:
        """Return the request before a turn in its session."""
        before = (self.get(label) for label in self.sides(turn)[0])
        return next((other for other in before if other is not None and opens(other)), None)

    def request_of(self, turn: Record) -> Record | None:
        """Return the request of the exchange that a turn belongs to."""
        if opens(turn) or not turn.in_session:
            return turn if turn.in_session else None
        return self.request_before(turn.session_key, turn.order)

    def done(self, request: Record) -> list[Action]:
        """Return what was done for a request, in order."""
        session = request.session_key
        if next(self.actions_between(session, request.order, None), None) is None:
            return []
        return list(self.actions_between(session, request.order, self._end(request)))

    def all_done(self, request: Record) -> list[Action]:
        """Return what was done for a request like `done`, with what was undone."""
        session, end = request.session_key, self._end(request)
        return [action for _, action in self._between(session, request.order, end)]

    def followed_by(self, request: Record) -> tuple[list[Action], Iterable[Record]]:
        """Return what was done for a request, and the narration until the next one, in order."""
        session, end = request.session_key, self._end(request)
        start = session + encode_time(request.order)
        until = session + encode_time(end) if end is not None else None
        labels = [*walk(self._t, self._db["narration"], session, start, until=until)]
        narration = filter(None, self.get_each(labels).values())
        return list(self.actions_between(session, request.order, end)), narration

    def time_of(self, request: Record) -> tuple[int, int | None]:
        """Return from when on, and until when, what is done is done for a request."""
        return request.order, self._end(request)

    def _end(self, request: Record) -> int | None:
        """Return when the next request of the session was made."""
        after = (self.get(label) for label in self.sides(request)[1])
        return next((turn.order for turn in after if turn is not None and opens(turn)), None)

    def exchange(self, record: Record) -> Exchange:
        """Return the exchange that a turn belongs to, the narration included."""
        session = record.session_key
        gone = list(self.rewound(session))
        if record.rewound:
            asked = (r for r in gone if opens(r) and r.order <= record.order)
            request = max(asked, key=lambda r: r.order, default=None)
        else:
            request = self.request_before(session, record.order)
        first = request.order if request else 0
        others = (r for r in self.turns_from(session, first) if r != request and opens(r))
        ends = [r.order for r in (*gone, *islice(others, 1)) if opens(r) and r.order > first]
        end = min(ends, default=None)
        kept = (*self.turns_from(session, first), *self.narration(session))
        turns = gone if record.rewound else kept
        inside = [r for r in turns if first <= r.order and (end is None or r.order < end)]
        inside.sort(key=lambda r: (r.order, r.label))
        actions = self.all_actions(session) if record.rewound else self.actions(session)
        done = [a for a in actions if first <= a.at and (end is None or a.at < end)]
        return next(exchanges(inside, done), Exchange())

    def sessions(self, project: str) -> Iterator[bytes]:
        """Yield the sessions of a project, the last active first."""
        return (session for session, _ in self.activity(project))

    def activity(self, project: str) -> Iterator[tuple[bytes, int]]:
        """Yield the sessions of a project, the last active first, with the order of that turn."""
        prefix = project.encode()
        for key, _ in self._t.prefixed(self._db["by_activity"], prefix, back=True):
            yield key[-DIGEST:], decode_time(key[len(prefix) : -DIGEST])

    def turns(self, session: bytes, project: str) -> int:
        """Return how many turns of a session were said in a project.

        Reads keys only, unless the session has turns in several projects.
        """
        others = (p.id for p in self.projects() if p.id != project)
        if any(self._t.has(other.encode() + session, db=self._db["sessions"]) for other in others):
            return sum(record.project == project for record in self.session(session))
        return sum(1 for _ in walk(self._t, self._db["by_session"], session, session))

    def projects_of(self, session: bytes) -> list[str]:
        """Return the projects that turns of a session were said in."""
        every = (project.id for project in self.projects())
        return [p for p in every if self._t.has(p.encode() + session, db=self._db["sessions"])]
