"""What was done for each request: stored, undone by a rewind, or redacted.

What is derived from an exchange is derived again when its actions change.
"""

from collections import Counter
from itertools import chain

from msgspec import structs

from iai.model.action import Action
from iai.model.clock import Now
from iai.model.exchange import opens
from iai.model.record import DIGEST, session_key
from iai.model.session import SessionInfo
from iai.store.environment import Environment
from iai.store.open_requests import OpenRequests
from iai.store.seal import Transaction
from iai.store.user_edits import UserEdits


class RequestWork(UserEdits):
    """Stores and changes actions in a transaction of the writer."""

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        super().__init__(environment, transaction, now, live=live)
        self._open_requests = OpenRequests(self)
        self._worked: set[int] = set()  # requests that actions of this change belong to
        self.acted = 0  # actions put in

    def act(self, new: Action, host: str, session: str, project: str) -> bool:
        """Store an action of a session; return whether it is new.

        Its exchange counts as changed: what is derived from that is derived again.
        """
        at = self._order(new.at)
        key = session_key(host, session)
        if self.was_forgotten(key) and not self.has_turns(key):
            return False
        request, done_in = self._open_requests.at(key, at), self._home_of(project)
        elsewhere = done_in if done_in != self._open_requests.project(request) else ""
        place = self.add_action(key, structs.replace(new, at=at, project=elsewhere))
        if not place:
            return False
        self._note(done_in).actions[place] = None
        self._acted(new, key, request, done_in, session)
        return True

    def rewind(
        self, key: str, transcript: str, before: int, restored: frozenset[str] = frozenset()
    ) -> None:
        """Mark a request that was taken back, with all that followed it in its transcript.

        `before` is where in the transcript it was taken back. Other requests are left alone. What
        was done for it counts no longer, unless it outlasts that: see `outlasts_rewind`. The rest
        counts for the request before.
        """
        label = self.known(key)
        request = self.get(label) if label is not None else None
        if request is None or request.source.transcript != transcript:
            return
        session = request.session_key
        following = list(self.turns_from(session, request.order))
        gone = [
            turn
            for turn in [*following, *self.narration(session)]
            if turn.source.transcript == transcript
            and request.source.offset <= turn.source.offset < before
        ]
        for turn in gone:
            self.mark(turn, "rewound")
        end = next((t.order for t in following if opens(t) and t not in gone), None)
        undone = self.undo_actions(session, request.order, end, restored)
        for place in undone:
            action = self.action(place)
            done_in = self._home_of(action.project) if action is not None else ""
            self._note(done_in or request.project).actions[place] = None
        left = next(self.actions_between(session, request.order, end), None)
        self._open_requests.clear()
        if undone or (left and not request.rewound):
            self._work_changed(session, request.order)

    def redact_action(self, key: bytes, old: Action, new: Action) -> None:
        """Put an action in the place of one that had secrets in it; see `actions_from`."""
        self.put_action(key, old, new)
        self.newly_redacted.update(Counter(new.redactions) - Counter(old.redactions))
        session = key[:DIGEST]
        request = self.get(self._open_requests.at(session, old.at))
        if request is not None:
            self._log("act", request.label, {request.project}, request.session)
            if not request.machine:
                self._note(new.project or request.project).actions[key] = None
        self._touch(session)

    def redact_session(self, key: bytes, info: SessionInfo) -> None:
        """Replace what is known of a session, where its title had secrets in it."""
        self.put_session(key, info)
        self._titled[key] = None
        self._note_forgotten(key)

    def _acted(self, new: Action, key: bytes, request: int, project: str, session: str) -> None:
        """Count an action that was put in, and have its exchange be derived again."""
        self.acted += 1
        self.newly_redacted.update(new.redactions)
        if request not in self._inserted and request not in self._worked:
            self._worked.add(request)
            self._log("act", request, {project}, session)
        self._touch(key)

    def _work_changed(self, session: bytes, at: int) -> None:
        """Have what is derived from the exchange that was open at a time derived again."""
        request = self.request_before(session, at)
        if request is not None:
            self._log("act", request.label, {request.project}, request.session)
            self._touch(session)

    def _note_forgotten(self, session: bytes) -> None:
        """Have what is shown of a session, besides its records, be derived again."""
        turns = chain(self.session(session, newest_first=True), self.narration(session))
        latest = next(turns, None)
        self._log("act", latest.label if latest else 0, {latest.project} if latest else ())
        self._touch(session)
        self.demand_scrub()
