"""When each session was last active in each of its projects: the order of its latest turn there."""

from collections.abc import Iterator
from itertools import islice

from iai.model.record import DIGEST, Record
from iai.store.codec import decode_time, encode_time
from iai.store.environment import Environment
from iai.store.session_view import SessionView
from iai.store.transaction import Transaction

_EMPTY = b""


class SessionActivity(SessionView):
    """Keeps it in a transaction of the writer. What new turns change is written by `finish`."""

    def __init__(self, environment: Environment, transaction: Transaction) -> None:
        super().__init__(environment, transaction)
        self._latest_turns: dict[bytes, int] = {}  # project and session -> latest turn put in

    def advance(self, turn: Record) -> None:
        """Note a turn that was put in, narration included, but not what was taken back."""
        if turn.in_session and not turn.rewound:
            session = _place(turn)
            self._latest_turns[session] = max(
                turn.order, self._latest_turns.get(session, turn.order)
            )

    def set_back(self, gone: Record) -> None:
        """Set the last activity of a session back to its latest remaining turn."""
        session = _place(gone)
        self._latest_turns.pop(session, None)
        latest = max(self._latest_orders(session[-DIGEST:], gone.project), default=None)
        old = self._last_activity(session)
        self._replace(session, old, encode_time(latest) if latest is not None else None)

    def _latest_orders(self, session: bytes, project: str) -> Iterator[int]:
        """Yield the order of the latest turn of a session in a project, and of its narration."""
        for database in ("by_session", "narration"):
            turns = self._records(database, session, newest_first=True)
            kept = (turn for turn in turns if turn.project == project and not turn.rewound)
            yield from (turn.order for turn in islice(kept, 1))

    def finish(self) -> None:
        """Write what new turns have changed."""
        for session, latest in self._latest_turns.items():
            old = self._last_activity(session)
            if old is None or decode_time(old) < latest:
                self._replace(session, old, encode_time(latest))

    def _last_activity(self, session: bytes) -> bytes | None:
        """Return the time by which a session is in `by_activity`; None if it is not.

        It is looked for there if the entry that has it is damaged.
        """
        stored = self._t.intact(session, db=self._db["sessions"])
        if stored is not None or not self._t.has(session, db=self._db["sessions"]):
            return stored
        project, key = session[:-DIGEST], session[-DIGEST:]
        places = (place for place, _ in self._t.prefixed(self._db["by_activity"], project))
        return next((p[len(project) : -DIGEST] for p in places if p.endswith(key)), None)

    def _replace(self, session: bytes, old: bytes | None, new: bytes | None) -> None:
        project, key = session[:-DIGEST], session[-DIGEST:]
        if old is not None:
            self._t.delete(project + old + key, db=self._db["by_activity"])
        if new is not None:
            self._t.put(project + new + key, _EMPTY, db=self._db["by_activity"])
            self._t.put(session, new, db=self._db["sessions"])
        else:
            self._t.delete(session, db=self._db["sessions"])


def _place(turn: Record) -> bytes:
    """Return the project and session of a turn, as `sessions` has them."""
    return turn.project.encode() + turn.session_key
