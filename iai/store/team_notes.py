"""What other machines of a team are to be told of a transaction, besides what its log says."""

from collections.abc import Callable
from itertools import chain

from iai.model.action import Action
from iai.model.change import ForgottenTitle, SessionName
from iai.model.clock import Now
from iai.model.member import Member
from iai.model.record import Record, Watermark, digest
from iai.model.session import SessionInfo
from iai.store.actions import ActionChange
from iai.store.amendments import AmendmentChange, Noted
from iai.store.codec import pack
from iai.store.environment import Environment
from iai.store.record_filing import RecordFiling
from iai.store.record_view import TEAM_MARK, THIS_MACHINE
from iai.store.seal import Transaction


class TeamNotes(RecordFiling, ActionChange, AmendmentChange):
    """Notes it for each project, whether or not there is a team: see `iai.store.amendments`."""

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        super().__init__(environment, transaction, now, live=live)
        self._in_team = self._t.has(TEAM_MARK, db=self._db["meta"])
        self._noted: dict[str, Noted] = {}  # project -> what others are to hear of it
        self._homes_of: dict[bytes, tuple[SessionName, str]] = {}  # session -> name, project
        self._titled: dict[bytes, None] = {}  # sessions of which more is known than before

    def finish(self) -> Watermark:
        """See `ChangeLog.finish`."""
        self._note_titled()
        self.keep_noted(self._before, self._mark.revision, self._noted)
        return super().finish()

    def note_this_machine(self, member: Member) -> None:
        """Keep who works on this machine, by which other machines of the same user are known."""
        if self.member("") != member:
            self._t.put(THIS_MACHINE, pack(member), db=self._db["meta"])

    def note_session(self, info: SessionInfo) -> bool:
        """See `ActionChange.note_session`."""
        if not super().note_session(info):
            return False
        self._titled[info.session_key] = None
        return True

    def forget_session(self, session: bytes) -> None:
        """See `ActionChange.forget_session`."""
        super().forget_session(session)
        if session in self._homes_of:
            name, project = self._homes_of[session]
            self._note(project).emptied.append(name)

    def forget_actions(
        self,
        session: bytes,
        since: int,
        until: int | None,
        which: Callable[[Action], bool] = lambda _: True,
    ) -> list[Action]:
        """See `ActionChange.forget_actions`."""
        gone = super().forget_actions(session, since, until, which)
        if gone and session in self._homes_of:
            name, project = self._homes_of[session]
            keys = [digest(action.key) for action in gone]
            self._note(project).work.setdefault(name, []).extend(keys)
        return gone

    def forget_title(self, session: bytes) -> bool:
        """See `ActionChange.forget_title`."""
        known = self.session_info(session)
        if known is None or not super().forget_title(session):
            return False
        if session in self._homes_of:
            name, project = self._homes_of[session]
            self._note(project).titles.append(ForgottenTitle(name, digest(known.title)))
        return True

    def _note(self, project: str) -> Noted:
        if project not in self._noted:
            self._noted[project] = Noted()
        return self._noted[project]

    def _find_home(self, session: bytes) -> None:
        """Note the name of a session, and its project, for what is forgotten of it."""
        turns = chain(self.session(session, newest_first=True), self.narration(session))
        latest = next(chain(turns, self.rewound(session)), None)
        if latest is not None:
            self._note_home(session, latest)

    def _note_home(self, session: bytes, turn: Record) -> None:
        name = SessionName(turn.host, turn.session, turn.machine)
        self._homes_of[session] = name, turn.project

    def _note_titled(self) -> None:
        """Note the sessions of this machine of which more is known, for each of their projects."""
        for session in self._titled:
            self._find_home(session)
            name, project = self._homes_of.get(session, (None, ""))
            if name is not None and not name.machine:
                if session not in self._sessions:  # no other change of it says so
                    latest = next(self.session(session, newest_first=True), None)
                    self._log("act", latest.label if latest else 0, {project}, name.session)
                self._note(project).sessions[session] = None
