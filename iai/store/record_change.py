"""One transaction of the records' only writer, by what it changes."""

from iai.model.clock import Now
from iai.model.record import Watermark
from iai.store.actions import ActionChange
from iai.store.amendments import AmendmentChange
from iai.store.change_log import ChangeLog
from iai.store.environment import Environment
from iai.store.forgetting import Forgetting
from iai.store.insertion import Insertion
from iai.store.project_change import ProjectChange
from iai.store.record_filing import RecordFiling
from iai.store.record_view import RecordView
from iai.store.request_work import RequestWork
from iai.store.team_notes import TeamNotes
from iai.store.transaction import Transaction
from iai.store.transcript_change import TranscriptChange
from iai.store.user_edits import UserEdits


class RecordChange:
    """All that one transaction changes: all of it is kept, or nothing.

    `view` reads the records as they are by now. `log`, `filing`, `actions`, `amendments` and
    `notes` each write one part of them; what users and transcripts ask for is made of these:
    `records.insert(...)`, `edits.pin(...)`, `work.act(...)`, `forget.record(...)`,
    `projects.merge(...)`, `transcripts.follow(...)`.
    """

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        here = environment, transaction
        self.view = view = RecordView(*here)
        self.log = log = ChangeLog(*here, now, live=live)
        self.filing = filing = RecordFiling(*here, view, log)
        self.actions = actions = ActionChange(*here)
        self.amendments = amendments = AmendmentChange(*here)
        self.notes = notes = TeamNotes(view, log, amendments)
        self.transcripts = transcripts = TranscriptChange(*here, view)
        self.projects = ProjectChange(*here, log, filing)
        self.edits = edits = UserEdits(view, log, filing, amendments, notes)
        self.work = work = RequestWork(view, log, filing, actions, notes)
        self.records = Insertion(view, log, filing, amendments, edits, work.open_requests)
        self.forget = Forgetting(view, log, filing, actions, amendments, transcripts, notes, work)

    def finish(self) -> Watermark:
        """Write what depends on all changes; return the new watermark. Nothing may follow."""
        self.log.settle_scrub()
        self.notes.finish()
        self.filing.finish()
        return self.log.finish()
