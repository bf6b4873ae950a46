"""What was done for each request: stored, undone by a rewind, or redacted.

What is derived from an exchange is derived again when its actions change.
"""

from collections import Counter
from itertools import chain

from msgspec import structs

from iai.model.action import Action
from iai.model.exchange import opens
from iai.model.record import DIGEST, Record, session_key
from iai.model.session import SessionInfo
from iai.store.actions import ActionChange
from iai.store.change_log import ChangeLog
from iai.store.open_requests import OpenRequests
from iai.store.record_filing import RecordFiling
from iai.store.record_view import RecordView
from iai.store.team_notes import TeamNotes


class RequestWork:
    """Stores and changes actions, and what is known of sessions."""

    def __init__(
        self,
        view: RecordView,
        log: ChangeLog,
        filing: RecordFiling,
        actions: ActionChange,
        notes: TeamNotes,
    ) -> None:
        self._view = view
        self._log = log
        self._filing = filing
        self._actions = actions
        self._notes = notes
        self.open_requests = OpenRequests(view)
        self._worked: set[int] = set()  # requests that actions of this change belong to
        self.acted = 0  # actions put in

    def act(self, new: Action, host: str, session: str, project: str) -> bool:
        """Store an action of a session; return whether it is new.

        Its exchange counts as changed: what is derived from that is derived again.
        """
        at = self._filing.order(new.at)
        key = session_key(host, session)
        if self._view.is_gone(key):
            return False
        if new.undone and self._view.has_action(new.key):
            self._undo(new, key, at)
            return False
        request, done_in = self.open_requests.at(key, at), self._filing.home_of(project)
        elsewhere = done_in if done_in != self.open_requests.project(request) else ""
        place = self._actions.add_action(key, structs.replace(new, at=at, project=elsewhere))
        if not place:
            return False
        self._notes.acted(place, done_in)
        self.count(new, key, request, done_in, session)
        return True

    def _undo(self, gone: Action, session: bytes, at: int) -> None:
        """Mark an action as undone by a later one."""
        place = self._actions.undo_action(session, gone.key, at)
        action = self._view.action(place) if place else None
        if action is not None:
            project = self.open_requests.project(self.open_requests.at(session, at))
            self._notes.acted(place, self._filing.home_of(action.project) or project)
            self.exchange_changed(session, at)

    def count(self, new: Action, key: bytes, request: int, project: str, session: str) -> None:
        """Count an action that was put in, and have its exchange be derived again."""
        self.acted += 1
        self._filing.newly_redacted.update(new.redactions)
        if request not in self._log.inserted and request not in self._worked:
            self._worked.add(request)
            self._log.append("act", request, {project}, session)
        self._log.touch(key)

    def rewind(
        self, key: str, transcript: str, before: int, restored: frozenset[str] = frozenset()
    ) -> None:
        """Mark a request that was taken back, with all that followed it in its transcript.

        `before` is where in the transcript it was taken back. Other requests are left alone. What
        was done for it counts no longer, unless it outlasts that: see `outlasts_rewind`. The rest
        counts for the request before.
        """
        label = self._view.known(key)
        request = self._view.get(label) if label is not None else None
        if request is None or request.source.transcript != transcript:
            return
        session = request.session_key
        following = list(self._view.turns_from(session, request.order))
        gone = [
            turn
            for turn in [*following, *self._view.narration(session)]
            if turn.source.transcript == transcript
            and request.source.offset <= turn.source.offset < before
        ]
        for turn in gone:
            self._take_back(turn)
        end = next((t.order for t in following if opens(t) and t not in gone), None)
        undone = self._actions.undo_actions(session, request.order, end, restored)
        for place in undone:
            action = self._view.action(place)
            done_in = self._filing.home_of(action.project) if action is not None else ""
            self._notes.acted(place, done_in or request.project)
        left = next(self._view.actions_between(session, request.order, end), None)
        self.open_requests.clear()
        if undone or (left and not request.rewound):
            self.exchange_changed(session, request.order)

    def note_session(self, info: SessionInfo) -> None:
        """Note what is known of a session by now."""
        if self._actions.note_session(info):
            self._notes.info_changed(info.session_key)

    def redact_action(self, key: bytes, old: Action, new: Action) -> None:
        """Put an action in the place of one that had secrets in it; see `actions_from`."""
        self._actions.put_action(key, old, new)
        self._filing.newly_redacted.update(Counter(new.redactions) - Counter(old.redactions))
        session = key[:DIGEST]
        request = self._view.get(self.open_requests.at(session, old.at))
        if request is not None:
            self._log.append("act", request.label, {request.project}, request.session)
            if not request.machine:
                self._notes.acted(key, new.project or request.project)
        self._log.touch(session)

    def redact_session(self, key: bytes, info: SessionInfo) -> None:
        """Replace what is known of a session, where secrets or forgotten words go from it."""
        self._actions.put_session(key, info)
        self._notes.info_changed(key)
        self.partly_forgotten(key)

    def exchange_changed(self, session: bytes, at: int) -> None:
        """Have what is derived from the exchange that was open at a time derived again."""
        request = self._view.request_before(session, at)
        if request is not None:
            self._log.append("act", request.label, {request.project}, request.session)
            self._log.touch(session)

    def partly_forgotten(self, session: bytes) -> None:
        """Have what is shown of a session, besides its records, be derived again."""
        turns = chain(self._view.session(session, newest_first=True), self._view.narration(session))
        latest = next(turns, None)
        label, projects = (latest.label, {latest.project}) if latest else (0, set())
        self._log.append("act", label, projects)
        self._log.touch(session)
        self._log.demand_scrub()

    def _take_back(self, turn: Record) -> None:
        if not turn.rewound:
            marks = (*turn.marks, "rewound")
            marked = structs.replace(turn, marks=marks, updated_at=self._log.now)
            self._filing.replace(turn, marked)
            self._filing.activity.set_back(turn)
            self._log.note("mark", turn)
