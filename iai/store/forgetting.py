"""What is deleted for good: a record, what was done, a title, and what is half read of them."""

from collections.abc import Callable

from msgspec import structs

from iai.model.action import Action
from iai.model.exchange import opens
from iai.model.record import Record
from iai.store import half_read
from iai.store.actions import EVER, ActionChange
from iai.store.amendments import AmendmentChange
from iai.store.change_log import ChangeLog
from iai.store.record_filing import RecordFiling
from iai.store.record_view import RecordView
from iai.store.request_work import RequestWork
from iai.store.team_notes import TeamNotes
from iai.store.transcript_change import TranscriptChange


class Forgetting:
    """Deletes for good."""

    def __init__(
        self,
        view: RecordView,
        log: ChangeLog,
        filing: RecordFiling,
        actions: ActionChange,
        amendments: AmendmentChange,
        transcripts: TranscriptChange,
        notes: TeamNotes,
        work: RequestWork,
    ) -> None:
        self._view = view
        self._log = log
        self._filing = filing
        self._actions = actions
        self._amendments = amendments
        self._transcripts = transcripts
        self._notes = notes
        self._work = work

    def record(self, record: Record) -> None:
        """Delete a record and, if it is a request, what was done for it.

        With the last turn of a session, all that is known of the session goes. Only hashes of keys
        stay, so that nothing of it can come back.
        """
        self._delete(record)
        if record.in_session:
            self._forget_work_for(record)
            self._filing.activity.set_back(record)
        self._log.note("forget", record)

    def record_alone(self, record: Record) -> None:
        """Delete a record of another machine, and nothing of its session."""
        self._delete(record)
        if record.in_session:
            self._filing.activity.set_back(record)
        self._log.note("forget", record)

    def work(
        self, session: bytes, since: int, until: int | None, which: Callable[[Action], bool]
    ) -> int:
        """Delete what was done in a session between two times; return how much."""
        self._notes.find_home(session)
        gone = self._forget_actions(session, since, until, which)
        requests = {self._work.open_requests.at(session, action.at) for action in gone}
        for label in sorted(requests - {0}):
            request = self._view.get(label)
            if request is not None:
                self._log.append("act", label, {request.project})
        if gone:
            self._work.partly_forgotten(session)
        return len(gone)

    def title(self, session: bytes) -> bool:
        """Delete the title of a session; return False if it has none."""
        self._notes.find_home(session)
        if not self._forget_title(session):
            return False
        self._transcripts.forget_half_read(half_read.untitled, session)
        self._work.partly_forgotten(session)
        return True

    def branch(self, session: bytes) -> bool:
        """Delete the branch of a session; return False if it has none."""
        info = self._view.session_info(session)
        if info is None or not info.branch:
            return False
        self._actions.bury_branch(session, info.branch)
        self._work.redact_session(session, structs.replace(info, branch=""))
        return True

    def session_info(self, session: bytes) -> None:
        """Delete what is known of a session besides its turns and what was done in it."""
        self._forget_title(session)
        self._actions.forget_info(session)

    def phrase(self, phrase: str) -> None:
        """Delete what says something and is read, but not stored yet."""
        self._transcripts.forget_half_read(half_read.saying(phrase))
        self._transcripts.forget_markup(phrase)
        self._log.demand_scrub()

    def _delete(self, record: Record) -> None:
        """Delete a record itself, and note by what it is known."""
        identity = self._view.identity(record.label)
        named = identity.named(record)
        self._notes.forgotten(record, named)
        self._filing.delete(record, identity.ids)
        self._amendments.forget_identity(record.label)
        self._amendments.bury(named)
        self._work.open_requests.clear()
        self._transcripts.forget_markup(record.text)
        self._log.demand_scrub()

    def _forget_work_for(self, record: Record) -> None:
        """Delete what was done for a request; with the last turn, all else of its session."""
        key = record.session_key
        self._notes.note_home(key, record)
        if opens(record):
            following = (r for label in self._view.sides(record)[1] if (r := self._view.get(label)))
            end = next((r.order for r in following if opens(r)), None)
            if self._forget_actions(key, record.order, end) and record.rewound:
                self._work.exchange_changed(key, record.order)
            if end is None:  # calls without a result are its work, too
                self._transcripts.forget_half_read(half_read.unfinished, key)
        known = self._view.session_info(key)
        if not self._view.has_turns(key):
            self._forget_session(key)
            self._transcripts.forget_half_read(half_read.wholly, key)
        else:
            self._transcripts.forget_half_read(half_read.repeating(record.text), key)
            if known is not None and half_read.repeats(known.title, record.text):
                self._forget_title(key)

    def _forget_session(self, session: bytes) -> None:
        self._forget_actions(session, EVER, None)
        self.session_info(session)
        self._notes.session_forgotten(session)

    def _forget_actions(
        self,
        session: bytes,
        since: int,
        until: int | None,
        which: Callable[[Action], bool] = lambda _: True,
    ) -> list[Action]:
        gone = self._actions.forget_actions(session, since, until, which)
        if gone:
            keys = frozenset(action.key for action in gone)
            self._transcripts.forget_half_read(half_read.without_work(keys), session)
        self._notes.work_forgotten(session, gone)
        return gone

    def _forget_title(self, session: bytes) -> bool:
        title = self._actions.forget_title(session)
        if title:
            self._notes.title_forgotten(session, title)
        return bool(title)
