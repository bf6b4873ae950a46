"""What other machines of the team said, did, wrote and forgot, put into the records.

See `iai.model.change` for who may say what. It can come in any order, and any number of times. None
of it counts as said on this machine, and nothing happens to records outside the named project.
"""

from msgspec import structs

from iai.model.amended import Amended, Value
from iai.model.change import (
    AmendChange,
    Change,
    Flag,
    ForgetChange,
    ForgottenTitle,
    ForgottenWork,
    MemberChange,
    Named,
    SessionChange,
    SessionName,
    TurnChange,
    WorkChange,
)
from iai.model.clock import Now
from iai.model.hybrid_clock import Stamp
from iai.model.member import Member
from iai.model.people import People
from iai.model.record import (
    JUST_NOW,
    Operation,
    Record,
    digest,
    redactions_in,
    session_key,
)
from iai.model.session import SessionInfo
from iai.store import inbox
from iai.store.actions import EVER
from iai.store.amendments import Identity
from iai.store.codec import pack
from iai.store.environment import Environment, Tables
from iai.store.record_change import RecordChange
from iai.store.record_view import TEAM_MARK, THIS_MACHINE
from iai.store.session_clocks import SessionClocks
from iai.store.transaction import Transaction


class ReplicaChange(RecordChange):
    """One transaction of the writer, with changes of other machines."""

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, own: str
    ) -> None:
        """`own` is the id of this machine, which others name it by."""
        super().__init__(environment, transaction, now, live=True)
        self._members = _Members(environment, transaction)
        self._clocks = SessionClocks(environment, transaction, self)
        self._own = own
        self._open: dict[str, str] = {}  # project that a change names -> that it is in; "": ignored

    def take(self, machine: str, change: Change) -> None:
        """Put in what a machine said. Its own changes, which come back, say nothing new.

        But it is told its own name, as the team knows it, in the same way as those of others.
        """
        home = self._home(change.project)
        if machine == self._own and isinstance(change, MemberChange):
            this = Member(machine="", author=change.author, name=change.name, person=change.person)
            self._members.put(this)
        if machine == self._own or not home:
            return
        if change.own and not (isinstance(change, ForgetChange) or self._is_own(machine)):
            return
        self.log.is_live = True
        match change:
            case TurnChange():
                self._take_turn(machine, change, home)
            case WorkChange():
                self._take_work(machine, change, home)
            case SessionChange():
                self._take_session(machine, change, home)
            case MemberChange():
                self._take_member(machine, change)
            case AmendChange():
                self._take_amendment(machine, change, home)
            case ForgetChange():
                self._take_forgetting(machine, change, home)

    def note_mark(self, mark: inbox.Mark) -> None:
        """Note up to where the changes of the team are applied."""
        self._members.put_mark(mark)

    def _is_own(self, machine: str) -> bool:
        """Is it another machine of this one's user?"""
        return People(self.view.member).own(machine)

    def _home(self, project: str) -> str:
        if project not in self._open:
            home = self.view.belongs(project)
            known = self.view.project_named(home)
            ignored = self.view.ignored(project, *([known.root] if known is not None else ()))
            self._open[project] = "" if ignored else home
        return self._open[project]

    # --- what was said ------------------------------------------------------------------------

    def _take_turn(self, machine: str, change: TurnChange, home: str) -> None:
        order = self._order(machine, change)
        found = self.view.look_up(change.record)
        if found.forgotten:
            self.amendments.bury(change.record)
            self.log.demand_scrub()  # of the inbox, which may have been scrubbed before it came
        elif not found.label:
            self._insert(machine, change, order)
        elif (known := self.view.get(found.label)) is not None:
            self._take_again(known, machine, change, order, home)

    def _order(self, machine: str, change: TurnChange) -> int:
        """Return the `order` of a turn here: in a session, as on its machine."""
        if change.tier != "episodic":
            return min(change.placed_at, self.log.now)
        session = session_key(change.host, change.session, machine)
        return self._clocks.here(session, change.placed_at)

    def _insert(self, machine: str, change: TurnChange, order: int) -> None:
        at = min(change.created_at, order)
        self.log.is_live = self.log.now - at < JUST_NOW
        record = Record(
            id=change.record.ids[0],
            label=self.log.mark.max_vec_label + 1,
            tier=change.tier,
            role=change.role,
            text=change.text,
            host=change.host,
            session=change.session,
            project=change.project,
            cwd="",
            created_at=at,
            order=order,
            ingested_at=self.log.now,
            updated_at=self.log.now,
            tags=change.tags,
            pinned=change.pinned,
            kind=change.kind,
            marks=("rewound",) if change.rewound else (),
            redactions=redactions_in(change.text),
            machine=machine,
            mine="note" if change.own else "",
        )
        named = change.record
        identity = Identity(b"".join(named.keys), named.ids[1:], change.revision)
        record, identity = self.edits.with_waiting(self.filing.in_home(record), identity, self._own)
        self.amendments.identify(record.label, identity)
        self.records.put(record)

    def _take_again(
        self, known: Record, machine: str, change: TurnChange, order: int, home: str
    ) -> None:
        """Bring a record up to date, or let it go on as it is with another name.

        A turn that several machines have read belongs to that with the lowest id, but on each of
        them it is its own.
        """
        theirs = known.machine == machine
        if known.project != home and not theirs:
            return
        identity = self.view.identity(known.label)
        alike = identity.also(known.id, change.record)
        record = known
        if change.revision > alike.revision if theirs else machine < known.machine:
            alike = structs.replace(alike, revision=change.revision)
            record = self._as_said_now(known, machine, change, order)
        record, alike = self.edits.with_waiting(record, alike, self._own)
        if alike != identity:
            self.amendments.identify(known.label, alike)
        if record != known:
            self._put_in_place(known, record)

    def _as_said_now(self, known: Record, machine: str, change: TurnChange, order: int) -> Record:
        """Return a record as its author has it now, and with what was written of it by hand."""
        by_hand = self.view.amended(known.id).stamps
        text = known.text if "text" in by_hand else change.text
        if not known.in_session:
            order = min(known.order, order)
        others = tuple(mark for mark in known.marks if mark != "rewound")
        record = structs.replace(
            known,
            tier=change.tier,
            role=change.role,
            host=change.host,
            session=change.session,
            project=change.project,
            origin="",
            created_at=min(change.created_at, order),
            order=order,
            tags=change.tags,
            pinned=known.pinned if "pinned" in by_hand else change.pinned,
            kind=change.kind,
            marks=(*others, "rewound") if change.rewound else others,
            machine=machine,
            **self.filing.texts(known, text),
        )
        return self.filing.in_home(record)

    def _put_in_place(self, known: Record, record: Record) -> None:
        """Put a record in the place of what it was, and log that by what is new in it."""
        self.log.is_live = self.log.now - record.order < JUST_NOW
        record = structs.replace(record, updated_at=self.log.now)
        self.filing.replace(known, record)
        self.work.open_requests.clear()
        for one in (known, record):
            if one.in_session:
                self.filing.activity.set_back(one)
        self.log.append(_operation(known, record), record.label, {known.project, record.project})
        for one in (known, record):
            self.log.touch(session_key(one.host, one.session, one.machine))

    # --- what was done, and what is known of sessions and machines -----------------------------

    def _take_work(self, machine: str, change: WorkChange, home: str) -> None:
        session = session_key(change.host, change.session, machine)
        for action in change.actions:
            at = self._clocks.here(session, action.at)
            self.log.is_live = self.log.now - at < JUST_NOW
            placed = structs.replace(action, at=at, project="")
            if self.actions.take_action(session, placed, machine):
                self.work.count(placed, session, self.work.open_requests.at(session, at), home, "")

    def _take_session(self, machine: str, change: SessionChange, home: str) -> None:
        session = session_key(change.host, change.session, machine)
        known = self.view.session_info(session)
        emptied_at = self.actions.emptied_at(session)
        gone = self.view.is_gone(session) if emptied_at is None else change.revision <= emptied_at
        if gone or (known is not None and known.revision >= change.revision):
            return
        info = SessionInfo(
            host=change.host,
            session=change.session,
            title=change.title,
            title_rank=change.title_rank,
            branch=change.branch,
            unattended=change.unattended,
            forked_from=change.forked_from,
            machine=machine,
            revision=change.revision,
        )
        self.actions.put_session(session, self.view.not_forgotten(info))
        if known is not None and known.branch and not info.branch:  # it was forgotten there
            self.log.demand_scrub()
        latest = next(self.view.session(session, newest_first=True), None)
        if latest is not None:
            self.log.append("act", latest.label, {home})
            self.log.touch(session)

    def _take_member(self, machine: str, change: MemberChange) -> None:
        known = self.view.member(machine)
        if known is None or known.revision <= change.revision:
            member = Member(
                machine=machine, author=change.author, name=change.name,
                person=change.person, revision=change.revision,
            )  # fmt: skip
            self._members.put(member)

    # --- what was written by hand --------------------------------------------------------------

    def _take_amendment(self, machine: str, change: AmendChange, home: str) -> None:
        if (change.dismissed or change.mine) and not self._is_own(machine):
            change = structs.replace(change, dismissed=None, mine=None)  # for its user alone
        written = _written(machine, change)
        if not written.stamps:
            return
        found = self.view.look_up(change.record)
        if not found.label and not found.forgotten:
            for record_id in change.record.ids:
                waiting = self.view.amended(record_id).joined(written, self._own)
                self.amendments.note_amended(record_id, waiting)
            return
        if found.forgotten and change.text is not None:
            self.log.demand_scrub()  # likewise
        known = self.view.get(found.label) if found.label else None
        if known is not None and known.project == home:
            self._write(known, written)

    def _write(self, known: Record, written: Amended) -> None:
        register = self.view.amended(known.id)
        news = register.news(written, self._own)
        if not news:
            return
        self.amendments.note_amended(known.id, register.joined(written, self._own).settled())
        record = self.edits.rewritten(known, news)
        if record != known:
            self._put_in_place(known, record)
        if "text" in news:  # also where the same text came before, as what its author says now
            self.log.demand_scrub()

    # --- what was forgotten ---------------------------------------------------------------------

    def _take_forgetting(self, machine: str, change: ForgetChange, home: str) -> None:
        """Delete what is named, and nothing else, but for what this machine knows better.

        What was said here takes with it what was done for it, even what the others have not heard
        of yet. They are told of that, and of other names of what is gone.
        """
        with self.notes.besides(change):
            for named in change.records:
                self._forget_named(named, home)
            for work in change.work:
                self._forget_listed(machine, work, home)
            for title in change.titles:
                self._forget_title(machine, title, home)
            for name in change.sessions:
                self._forget_session(machine, name, change.revision, home)
        self.log.demand_scrub()  # for what waits, too

    def _forget_named(self, named: Named, home: str) -> None:
        found = self.view.look_up(named)
        record = self.view.get(found.label) if found.label else None
        if record is None:
            self.amendments.bury(named)
        elif record.project == home:
            self.log.is_live = True
            if record.machine:
                self.forget.record_alone(record)
            else:
                self.forget.record(record)
            self.amendments.bury(named)

    def _forget_listed(self, machine: str, work: ForgottenWork, home: str) -> None:
        keys = set(work.actions)
        elsewhere = self.actions.bury_actions(keys)
        for session in {*self._sessions_called(machine, work.session, home), *elsewhere}:
            if self._is_in(session, home):
                self.forget.work(session, EVER, None, lambda a: digest(a.key) in keys)

    def _forget_title(self, machine: str, title: ForgottenTitle, home: str) -> None:
        for session in self._sessions_called(machine, title.session, home):
            self.actions.bury_title(session, title.title)
            known = self.view.session_info(session)
            if known is not None and digest(known.title) == title.title:
                self.forget.title(session)

    def _forget_session(self, machine: str, name: SessionName, revision: int, home: str) -> None:
        """Delete what is known of a session of which somebody has forgotten all.

        Whether it has gone on, only its own machine knows: others wait for what that one says. What
        it says of the session after this revision is of what came later.
        """
        here, theirs = (session_key(name.host, name.session, one) for one in ("", machine))
        if self._is_in(here, home) and not self.view.has_turns(here):
            self.forget.session_info(here)
        if name.machine in ("", machine):
            known = self.view.session_info(theirs)
            if known is not None and known.revision <= revision and self._is_in(theirs, home):
                self.forget.session_info(theirs)
            self.actions.note_emptied(theirs, revision)

    def _sessions_called(self, machine: str, name: SessionName, home: str) -> list[bytes]:
        """Return the sessions that a machine may mean: another's, or this one's own copy of it."""
        holder = name.machine or machine
        holders = dict.fromkeys(("" if holder == self._own else holder, ""))
        keys = [session_key(name.host, name.session, one) for one in holders]
        return [key for key in keys if self._is_in(key, home)]

    def _is_in(self, session: bytes, home: str) -> bool:
        """Was it held in a project, as far as is known?"""
        projects = self.view.projects_of(session)
        return not projects or home in projects


class _Members(Tables):
    """Who works on which machine, and up to where the changes of the team are applied."""

    def put(self, member: Member) -> None:
        """Keep who works on a machine; "" is this one, by which others of its user know it."""
        if member.machine:
            self._t.put(member.machine.encode(), pack(member), db=self._db["members"])
        else:
            self._t.put(THIS_MACHINE, pack(member), db=self._db["meta"])

    def put_mark(self, mark: inbox.Mark) -> None:
        """Keep a mark of the team's stream."""
        self._t.put(TEAM_MARK, pack(mark), db=self._db["meta"])


def _written(machine: str, change: AmendChange) -> Amended:
    """Return what a machine wrote of a record."""
    flags: dict[str, Flag | None] = {
        "pinned": change.pinned,
        "done": change.done,
        "dismissed": change.dismissed,
        "mine": change.mine,
    }
    stamps: dict[str, Stamp] = {f: flag.by(machine) for f, flag in flags.items() if flag}
    values: dict[str, Value] = {field: flag.on for field, flag in flags.items() if flag}
    if change.text is not None:
        stamps["text"], values["text"] = change.text.by(machine), change.text.text
    return Amended(stamps=stamps, values=values, named=change.record, project=change.project)


def _operation(known: Record, record: Record) -> Operation:
    """Return what the log calls a change."""
    if record.text != known.text:
        return "edit"
    if record.project != known.project:
        return "move"
    if record.marks != known.marks:
        return "mark"
    if (record.pinned, record.mine) != (known.pinned, known.mine):
        return "pin" if record.is_pinned else "unpin"
    return "narrate"
