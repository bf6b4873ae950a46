"""By how much the times of a session of another machine are set back here.

The clock of a machine may be ahead by any time, and nothing that it said is to be the latest for as
long. A session is set back as a whole: so what was said and done in it keeps its order, which is
that on its machine, in whichever order it arrives here.
"""

from msgspec import structs

from iai.model.clock import NS
from iai.store.codec import decode_time, encode_time
from iai.store.environment import Environment, Tables
from iai.store.record_change import RecordChange
from iai.store.transaction import Transaction

MOST_MARGIN = 60 * NS  # by which a session is set back beyond what is needed: so it rarely is again
_AHEAD = b"ahead\0"  # in `meta`: prefix of a session's key


class SessionClocks(Tables):
    """Dates what others said and did, in a transaction of the writer."""

    def __init__(
        self, environment: Environment, transaction: Transaction, change: RecordChange
    ) -> None:
        super().__init__(environment, transaction)
        self._change = change
        self._now = change.log.now
        self._ahead: dict[bytes, int] = {}  # nanoseconds, by session

    def here(self, session: bytes, at: int) -> int:
        """Return a time in a session of another machine by the clock of this one.

        If that were yet to come, the session is set back, with all that is stored of it.
        """
        ahead = self._ahead_by(session)
        late = at - ahead - self._now
        if late > 0:
            by = late + min(ahead + late, MOST_MARGIN)
            self._set_back(session, by)
            ahead += by
        return at - ahead

    def _ahead_by(self, session: bytes) -> int:
        if session not in self._ahead:
            data = self._t.intact(_AHEAD + session, db=self._db["meta"])
            self._ahead[session] = decode_time(data) if data is not None else 0
        return self._ahead[session]

    def _set_back(self, session: bytes, by: int) -> None:
        self._ahead[session] = self._ahead_by(session) + by
        self._t.put(_AHEAD + session, encode_time(self._ahead[session]), db=self._db["meta"])
        change, view = self._change, self._change.view
        turns = [*view.session(session), *view.narration(session), *view.rewound(session)]
        for turn in turns:
            order = turn.order - by
            moved = structs.replace(
                turn, created_at=min(turn.created_at, order), order=order, updated_at=self._now
            )
            change.filing.replace(turn, moved)
            change.log.append("narrate", turn.label, {turn.project})
            change.log.touch(session)
        for turn in {turn.project: turn for turn in turns}.values():
            change.filing.activity.set_back(turn)
        change.actions.set_back(session, by)
        change.work.open_requests.clear()
