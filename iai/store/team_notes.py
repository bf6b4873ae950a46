"""What other machines of a team are to be told of a transaction, besides what its log says."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

from iai.model.action import Action
from iai.model.change import ForgetChange, ForgottenTitle, Named, SessionName
from iai.model.record import Record, digest
from iai.store.amendments import AmendmentChange, ProjectNotes
from iai.store.change_log import ChangeLog
from iai.store.record_view import RecordView


class TeamNotes:
    """Notes it for each project, whether or not there is a team: see `iai.store.amendments`.

    Where something of a session is to be forgotten, `find_home` or `note_home` comes first: when it
    is gone, nothing tells which project it was in.
    """

    def __init__(self, view: RecordView, log: ChangeLog, amendments: AmendmentChange) -> None:
        self._view = view
        self._log = log
        self._amendments = amendments
        self._noted: dict[str, ProjectNotes] = {}  # project -> what others are to hear of it
        self._homes_of: dict[bytes, tuple[SessionName, str]] = {}  # session -> name, project
        self._new_infos: dict[bytes, None] = {}  # sessions of which more is known than before

    def finish(self) -> None:
        """Keep what was noted, under the revision of the last change."""
        self._note_infos()
        if self._noted and self._log.mark.revision == self._log.before:
            self._log.append("act", 0, self._noted)  # others hear of nothing without a revision
        self._amendments.keep_noted(self._log.before, self._log.mark.revision, self._noted)

    def written(self, record: Record) -> None:
        """Note that something was written on a record by hand."""
        self._of(record.project).labels[record.label] = None

    def forgotten(self, record: Record, named: Named) -> None:
        """Note that a record is deleted for good."""
        noted = self._of(record.project)
        (noted.own_forgotten if record.mine == "note" else noted.forgotten).append(named)

    def acted(self, place: bytes, project: str) -> None:
        """Note that an action is new, or another one now; `place` is its key in `actions`."""
        self._of(project).actions[place] = None

    def info_changed(self, session: bytes) -> None:
        """Note that what is known of a session is new."""
        self._new_infos[session] = None

    def find_home(self, session: bytes) -> None:
        """Remember the name of a session, and its project, for what is forgotten of it."""
        turns = chain(self._view.session(session, newest_first=True), self._view.narration(session))
        latest = next(chain(turns, self._view.rewound(session)), None)
        if latest is not None:
            self.note_home(session, latest)

    def note_home(self, session: bytes, turn: Record) -> None:
        """Remember that by one of its turns."""
        name = SessionName(turn.host, turn.session, turn.machine)
        self._homes_of[session] = name, turn.project

    def work_forgotten(self, session: bytes, gone: Iterable[Action]) -> None:
        """Note which actions of a session are deleted for good."""
        keys = [digest(action.key) for action in gone]
        if keys and session in self._homes_of:
            name, project = self._homes_of[session]
            self._of(project).work.setdefault(name, []).extend(keys)

    def title_forgotten(self, session: bytes, title: str) -> None:
        """Note that a title of a session is deleted for good."""
        if session in self._homes_of:
            name, project = self._homes_of[session]
            self._of(project).titles.append(ForgottenTitle(name, digest(title)))

    def session_forgotten(self, session: bytes) -> None:
        """Note that nothing is left of a session."""
        if session in self._homes_of:
            name, project = self._homes_of[session]
            self._of(project).emptied.append(name)

    @contextmanager
    def besides(self, told: ForgetChange) -> Iterator[None]:
        """Leave out of what is noted meanwhile what others know of already."""
        before, self._noted = self._noted, {}
        yield
        more, self._noted = self._noted, before
        for project, noted in more.items():
            noted.leave_out(told)
            self._of(project).add(noted)

    def _of(self, project: str) -> ProjectNotes:
        if project not in self._noted:
            self._noted[project] = ProjectNotes()
        return self._noted[project]

    def _note_infos(self) -> None:
        """Note the sessions of this machine of which more is known, for each of their projects."""
        for session in self._new_infos:
            self.find_home(session)
            name, project = self._homes_of.get(session, (None, ""))
            if name is not None and not name.machine:
                if session not in self._log.sessions:  # no other change of it says so
                    latest = next(self._view.session(session, newest_first=True), None)
                    label = latest.label if latest else 0
                    self._log.append("act", label, {project}, name.session)
                self._of(project).sessions[session] = None
