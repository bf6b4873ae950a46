"""The records as readers see them, at one moment."""

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import chain, islice, takewhile

from iai.model import copies
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.exchange import NARRATION, Exchange, exchanges, opens
from iai.model.member import Member
from iai.model.record import (
    DIGEST,
    JUST_NOW,
    LastChange,
    LogEntry,
    NewRecord,
    Project,
    Record,
    Transcript,
    Watermark,
    digest,
    session_key,
)
from iai.model.revisions import Revisions, of
from iai.store.actions import ActionView
from iai.store.amendments import AmendmentView
from iai.store.codec import decode_time, decode_u64, encode_time, encode_u64, unpack
from iai.store.inbox import Mark
from iai.store.record_keys import AWAY, walk
from iai.store.rereading import RereadingView
from iai.store.seal import BEYOND

MARKUP = b"unknown_markup"  # in `meta`
REDACTED = b"redacted"  # in `meta`
THIS_MACHINE = b"this_machine"  # in `meta`
TEAM_MARK = b"team_mark"  # in `meta`
_NOT_RECORDED = b"not_recorded\0"  # in `meta`: prefix of the hash of a session's id
FOR_GOOD, FOR_NOW = b"", b"\1"  # what is under it
_TURNS = ("by_session", "narration")
_LIVE = 256  # live changes that go before others: the latest
_LOOKED_AT = 16  # latest turns of a session, for a copy of what an event says
_SLEW = NS  # clock steps smaller than this are ignored


class RecordView(ActionView, AmendmentView, RereadingView):
    """The records as of one moment."""

    def watermark(self) -> Watermark:
        """Return the watermark, in constant time: every change keeps it up to date.

        If it is damaged or gone, it is counted again, until the next change writes it.
        """
        data = self._t.intact(b"watermark", db=self._db["meta"])
        if data is not None:
            return unpack(data, Watermark)
        return self._recounted()

    def _recounted(self) -> Watermark:
        log = (unpack(e, LogEntry) for _, e in self._t.entries_back(self._db["log"], BEYOND))
        inserted = (change.label for change in log if change.operation == "insert")
        last = next(self._t.entries_back(self._db["records"], BEYOND), None)
        return Watermark(
            revision=self._t.count(self._db["log"]),
            records_count=self._t.count(self._db["records"]),
            max_vec_label=max(next(inserted, 0), decode_u64(last[0]) if last else 0),
            max_created_at=self._latest("by_created"),
            max_updated_at=self._latest("by_updated"),
        )

    def _latest(self, database: str) -> int:
        last = next(self._t.entries_back(self._db[database], BEYOND), None)
        return decode_time(last[0][:8]) if last else 0

    def get(self, label: int) -> Record | None:
        """Return a record by its label; None if it was forgotten, never was, or is damaged."""
        data = self._t.intact(encode_u64(label), db=self._db["records"])
        return unpack(data, Record) if data is not None else None

    def find(self, ref: str) -> Record | None:
        """Return a record by its id, or by `#` and its label, or by that number alone.

        Raises EntryCorrupt if it is damaged.
        """
        digits = ref.removeprefix("#")
        if digits.isascii() and digits.isdigit() and len(digits) < len(str(1 << 63)):
            return self._named(encode_u64(int(digits)))
        if not ref or not ref.isascii() or len(ref) > 64:  # noqa: PLR2004  a ULID has 26
            return None
        label = self._t.get(ref.upper().encode(), db=self._db["by_id"])
        return self._named(label) if label is not None else None

    def _named(self, key: bytes) -> Record | None:
        data = self._t.get(key, db=self._db["records"])
        return unpack(data, Record) if data is not None else None

    def known(self, key: str) -> int | None:
        """Return the label that this idempotency key was given, even if it was forgotten since.

        0, which no record has, if that is damaged: the text was stored, so it is not stored again.
        """
        label = self._t.intact(digest(key), db=self._db["by_key"])
        if label is None:
            return 0 if self._t.has(digest(key), db=self._db["by_key"]) else None
        return decode_u64(label)

    def copy_of(self, new: NewRecord) -> int | None:
        """Return the label of the stored turn that this one is a copy of; None if it is none.

        Every copy has an idempotency key of its own: see `iai.model.copies`.
        """
        if new.heard:
            session = session_key(new.host, new.session, new.machine)
            latest = islice(self.session(session, newest_first=True), _LOOKED_AT)
            told = islice(self._records("narration", session, newest_first=True), _LOOKED_AT)
            record = copies.repeated(new, chain(latest, told))
            return record.label if record else None
        if new.source.transcript:
            return next(iter(self._heard(new)), None)
        return None

    def _heard(self, turn: NewRecord) -> list[int]:
        """Return the labels of events' turns with these words that no transcript had yet."""
        data = self._t.intact(digest(copies.key(turn)), db=self._db["by_key"]) or b""
        return [decode_u64(data[at : at + 8]) for at in range(0, len(data), 8)]

    def entry(self, revision: int) -> LogEntry | None:
        """Return the change that made this revision; None if it is damaged."""
        data = self._t.intact(encode_u64(revision), db=self._db["log"])
        return unpack(data, LogEntry) if data is not None else None

    def changes(self, revisions: Revisions) -> Iterator[tuple[int, LogEntry]]:
        """Yield these changes with their revisions, in order."""
        for first, last in revisions.ranges:
            for key, data in self._t.entries(self._db["log"], encode_u64(first)):
                if (revision := decode_u64(key)) > last:
                    break
                yield revision, unpack(data, LogEntry)

    def erased(self, after: int = 0) -> Revisions:
        """Return the changes that deleted what must be left in no file, but those already scrubbed.

        `after` is the mark of the last scrub (see `Environment.scrub`): a stage that has applied
        all of these changes has to scrub its files, and note the head of them.
        """
        pairs = self._t.entries(self._db["erased"], encode_u64(after + 1))
        found = [Revisions(((decode_u64(first), decode_u64(last)),)) for last, first in pairs]
        return reduce(Revisions.union, found, Revisions())

    def erased_through(self) -> int:
        """Return the revision of the last of these changes; 0 if there was none."""
        last = next(self._t.entries_back(self._db["erased"], BEYOND), None)
        return decode_u64(last[0]) if last else 0

    def has_turns(self, session: bytes) -> bool:
        """Is any turn of a session stored, narration and what was taken back included?"""
        places = (walk(self._t, self._db[name], session, session) for name in _TURNS)
        return any(True for labels in places for _ in labels)

    def touched(self, revisions: Revisions) -> list[int]:
        """Return the labels of the records that these changes were made to, ascending."""
        return sorted({entry.label for _, entry in self.changes(revisions)} - {0})

    def latest(
        self, batch: Revisions, room: float, cost: Callable[[str], float] = len
    ) -> tuple[Revisions, dict[int, Record | None]]:
        """Return the newest of these revisions that fit into `room`, and the records they changed.

        `cost` is how much room a text takes; by default, its characters. A record that is not
        indexed is None: one that was forgotten or taken back, or is narration.
        """
        changed: dict[int, Record | None] = {}
        taken: list[int] = []
        for revision, entry in reversed(list(self.changes(batch))):
            if room <= 0:
                break
            taken.append(revision)
            if entry.label and entry.label not in changed:  # without one, it is of a project
                record = self.get(entry.label)
                if record is not None and (record.kind == NARRATION or record.rewound):
                    record = None
                changed[entry.label] = record
                room -= cost(record.text) if record else 0
        return of(taken), changed

    def next_batch(self, pending: Revisions, limit: int) -> Revisions:
        """Return up to `limit` of the pending changes: those that a stage should apply next.

        Live changes go before imports, then the newest first. So the last turn is found at once,
        however long the backlog.
        """
        live = self.live(pending, limit)
        return live if live.ranges else pending.newest(limit)

    def live(self, pending: Revisions, limit: int) -> Revisions:
        """Return up to `limit` of the pending live changes: what was said just now."""
        if not pending.ranges:
            return pending
        first = pending.ranges[0][0]
        latest = islice(self._t.entries_back(self._db["live"], BEYOND), _LIVE)
        ours = takewhile(lambda revision: revision >= first, (decode_u64(key) for key, _ in latest))
        return of(islice((revision for revision in ours if revision in pending), limit))

    def unknown_markup(self) -> dict[str, int]:
        """Return how many turns of users begin with each tag that no rule of their host knows."""
        data = self._t.intact(MARKUP, db=self._db["meta"])
        return unpack(data, dict[str, int]) if data is not None else {}

    def redacted(self) -> dict[str, int]:
        """Return how many secrets were ever redacted in what was stored, by kind."""
        data = self._t.intact(REDACTED, db=self._db["meta"])
        return unpack(data, dict[str, int]) if data is not None else {}

    def not_recorded(self, *sessions: str) -> bool:
        """Is one of these sessions, by the host's id, not to be recorded, for good?"""
        return any(
            self._t.has(not_recorded_key(session), db=self._db["meta"])
            and not self.switched_off(session)
            for session in sessions
            if session
        )

    def switched_off(self, session: str) -> bool:
        """Is the recording of a session off for now, by what its user said last of that?"""
        return self._t.intact(not_recorded_key(session), db=self._db["meta"]) == FOR_NOW

    def member(self, machine: str) -> Member | None:
        """Return who works on a machine of the team, "" being this one; None if it is not known."""
        key, database = (machine.encode(), "members") if machine else (THIS_MACHINE, "meta")
        data = self._t.intact(key, db=self._db[database])
        return unpack(data, Member) if data is not None else None

    def pinned_on(self, record: Record) -> str:
        """Return the machine that a pinned record was pinned on; "" is this one."""
        if record.mine:
            return ""
        stamp = self.amended(record.id).stamps.get("pinned")
        return stamp.machine if stamp is not None else record.machine

    def team_mark(self) -> Mark:
        """Return up to where the changes of the team were applied."""
        data = self._t.intact(TEAM_MARK, db=self._db["meta"])
        return unpack(data, Mark) if data is not None else Mark()

    def members(self) -> Iterator[Member]:
        """Yield the other machines of the team that are known."""
        for _, data in self._t.entries(self._db["members"]):
            yield unpack(data, Member)

    def records_from(self, label: int) -> Iterator[Record]:
        """Yield all records from a label on, whatever they are, by label."""
        for _, data in self._t.entries(self._db["records"], encode_u64(label)):
            yield unpack(data, Record)

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

    def request_before(self, session: bytes, at: int) -> Record | None:
        """Return the request that was open in a session at a time."""
        turns = (self.get(label) for label in self.turns_before(session, at))
        return next((turn for turn in turns if turn is not None and opens(turn)), None)

    def turns_before(self, session: bytes, at: int) -> Iterator[int]:
        """Yield the labels of the turns of a session up to a time, the latest first."""
        key = session + encode_time(at) + BEYOND[:8]
        return walk(self._t, self._db["by_session"], session, key, backwards=True)

    def request_of(self, turn: Record) -> Record | None:
        """Return the request of the exchange that a turn belongs to."""
        if opens(turn) or not turn.in_session:
            return turn if turn.in_session else None
        return self.request_before(session_key(turn.host, turn.session, turn.machine), turn.order)

    def done(self, request: Record) -> list[Action]:
        """Return what was done for a request, in order."""
        session = session_key(request.host, request.session, request.machine)
        if next(self.actions_between(session, request.order, None), None) is None:
            return []
        return list(self.actions_between(session, request.order, self._end(request)))

    def narrated(self, request: Record) -> list[Record]:
        """Return the narration between a request and its answer, in order."""
        session = session_key(request.host, request.session, request.machine)
        start = session + encode_time(request.order)
        labels = list(walk(self._t, self._db["narration"], session, start))
        end = self._end(request) if labels else None
        turns = (turn for label in labels if (turn := self.get(label)) is not None)
        return list(takewhile(lambda turn: end is None or turn.order < end, turns))

    def time_of(self, request: Record) -> tuple[int, int | None]:
        """Return from when on, and until when, what is done is done for a request."""
        return request.order, self._end(request)

    def _end(self, request: Record) -> int | None:
        """Return when the next request of the session was made."""
        after = (self.get(label) for label in self.sides(request)[1])
        return next((turn.order for turn in after if turn is not None and opens(turn)), None)

    def exchange(self, record: Record) -> Exchange:
        """Return the exchange that a turn belongs to, the narration included."""
        session = session_key(record.host, record.session, record.machine)
        gone = list(self.rewound(session))
        if record.rewound:
            asked = (r for r in gone if opens(r) and r.order <= record.order)
            request = max(asked, key=lambda r: r.order, default=None)
        else:
            request = self.request_before(session, record.order)
        first = request.order if request else 0
        others = (r for r in self._turns_from(session, first) if r != request and opens(r))
        ends = [r.order for r in (*gone, *islice(others, 1)) if opens(r) and r.order > first]
        end = min(ends, default=None)
        kept = (*self._turns_from(session, first), *self.narration(session))
        turns = gone if record.rewound else kept
        inside = [r for r in turns if first <= r.order and (end is None or r.order < end)]
        inside.sort(key=lambda r: (r.order, r.label))
        actions = self.all_actions(session) if record.rewound else self.actions(session)
        done = [a for a in actions if first <= a.at and (end is None or a.at < end)]
        return next(exchanges(inside, done), Exchange())

    def _turns_from(self, session: bytes, order: int) -> Iterator[Record]:
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
        prefix = session_key(record.host, record.session, record.machine)
        key = prefix + encode_time(record.order) + encode_u64(record.label)
        before = walk(self._t, self._db["by_session"], prefix, key, backwards=True)
        after = walk(self._t, self._db["by_session"], prefix, key)
        return before, after

    def project(self, project: str) -> Iterator[Record]:
        """Yield the records of a project, the latest first."""
        return self._records("by_project", project.encode(), newest_first=True)

    def places(
        self, project: str, after: tuple[int, int] | None, limit: int
    ) -> list[tuple[int, int]]:
        """Return order and label of the next records of a project, the earliest first.

        `after` is the last of those that were returned before.
        """
        prefix = project.encode()
        start = prefix + (encode_time(after[0]) + encode_u64(after[1] + 1) if after else b"")
        every = (key for key, _ in self._t.entries(self._db["by_project"], start))
        ours = takewhile(lambda key: key.startswith(prefix), islice(every, limit))
        return [(decode_time(key[-16:-8]), decode_u64(key[-8:])) for key in ours]

    def active(self) -> list[Project]:
        """Return the projects with records, but ignored ones; that of the latest record first."""
        every = self.projects()
        below = [p for p in every if p.ignored == "below"]
        shown = (p for p in every if not p.ignored and not any(b.holds(p.root) for b in below))
        latest = ((self._latest_in(project.id), project) for project in shown)
        dated = [(when, project) for when, project in latest if when is not None]
        return [project for _, project in sorted(dated, key=lambda pair: pair[0], reverse=True)]

    def pinned(self, project: str) -> Iterator[Record]:
        """Yield the pinned records of a project, the latest pinned label first."""
        return self._records("pinned", project.encode(), newest_first=True)

    def facts(self, project: str) -> Iterator[Record]:
        """Yield what was noted in a project outside its sessions, the latest first."""
        return self._records("facts", project.encode(), newest_first=True)

    def projects(self) -> list[Project]:
        """Return all projects, in no particular order."""
        return [unpack(data, Project) for _, data in self._t.entries(self._db["projects"])]

    def count(self, project: str) -> int:
        """Return how many records are in a project. Reads keys only."""
        prefix = project.encode()
        return sum(1 for _ in walk(self._t, self._db["by_project"], prefix, prefix))

    def belongs(self, project: str) -> str:
        """Return the project that a project is merged into, or itself if it is not merged."""
        for home, _ in self._merged(project):
            project = home
        return project

    def ignored(self, project: str, *places: str) -> bool:
        """Is this project, or one of these directories, ignored?"""
        if any(one is not None and one.ignored for _, one in self._merged(project)):
            return True
        below = [p for p in self.projects() if p.ignored == "below"] if places else []
        return any(one.holds(place) for one in below for place in places)

    def misfiled(self) -> Iterator[Record]:
        """Yield the records that `reassign` has yet to move after a merge or unmerge.

        Damaged ones, which cannot be moved, are left out.
        """
        return (one for label in self._misfiled() if (one := self.get(label)) is not None)

    def _misfiled(self) -> Iterator[int]:
        database = self._db["by_project"]
        for project in self.projects():
            if project.into:
                prefix = project.id.encode()
                yield from walk(self._t, database, prefix, prefix)
            at_home = AWAY + project.id.encode() + self.belongs(project.id).encode()
            prefix = AWAY + project.id.encode()
            yield from walk(self._t, database, prefix, prefix, until=at_home)
            yield from walk(self._t, database, prefix, at_home + BEYOND)

    def changed(self, project: str) -> int:
        """Return the revision of the last change of any record of a project; 0 if there is none.

        If that is damaged, it is the latest revision of all.
        """
        data = self._t.intact(project.encode(), db=self._db["changed"])
        if data is not None:
            return decode_u64(data)
        damaged = self._t.has(project.encode(), db=self._db["changed"])
        return self.watermark().revision if damaged else 0

    def session_changed(self, session: bytes) -> int:
        """Return the revision of the last change in a session; 0 if that is not known."""
        data = self._t.intact(session, db=self._db["session_changed"])
        return decode_u64(data) if data is not None else 0

    def last_change(self, project: str) -> LastChange:
        """Return who changed a project last; a change of unknown origin counts as foreign."""
        data = self._t.intact(project.encode(), db=self._db["voices"])
        changed = self.changed(project)
        stored = unpack(data, LastChange) if data is not None else LastChange()
        if stored.revision == changed:
            return stored
        return LastChange(last_foreign_revision=changed, revision=changed)

    def project_named(self, project: str) -> Project | None:
        """Return a project by its id."""
        data = self._t.intact(project.encode(), db=self._db["projects"])
        return unpack(data, Project) if data is not None else None

    def after(self, label: int) -> Iterator[Record]:
        """Yield all records with a higher label that are indexed, ascending."""
        for _, data in self._t.entries(self._db["records"], encode_u64(label + 1)):
            record = unpack(data, Record)
            if record.kind != NARRATION and not record.rewound:
                yield record

    def every(self) -> Iterator[Record]:
        """Yield all records, narration and what was taken back included, by label."""
        for _, data in self._t.entries(self._db["records"]):
            yield unpack(data, Record)

    def transcript(self, path: str) -> Transcript | None:
        """Return how far this file has been read; None if it never was."""
        data = self._t.intact(digest(path), db=self._db["transcripts"])
        return unpack(data, Transcript) if data is not None else None

    def transcripts(self) -> Iterator[Transcript]:
        """Yield all files that were ever read."""
        for _, data in self._t.entries(self._db["transcripts"]):
            yield unpack(data, Transcript)

    def ahead(self, now: int) -> int:
        """Return by how much the clock was set back; 0 if it was not. See `order_of`."""
        latest = self._moment(b"latest_live")  # order of what was said last
        ahead = self._moment(b"ahead") if latest > now else 0
        return latest - now + JUST_NOW if latest > now + ahead + _SLEW else ahead

    def _merged(self, project: str) -> Iterator[tuple[str, Project | None]]:
        """Yield a project, the one it is merged into, and so on."""
        while project:
            stored = self.project_named(project)
            yield project, stored
            project = stored.into if stored else ""

    def _latest_in(self, project: str) -> int | None:
        latest = self._t.prefixed(self._db["by_project"], project.encode(), back=True)
        return next((decode_time(key[-16:-8]) for key, _ in latest), None)

    def _moment(self, key: bytes) -> int:
        data = self._t.intact(key, db=self._db["meta"])
        return decode_time(data) if data is not None else 0

    def _records(self, database: str, prefix: bytes, *, newest_first: bool) -> Iterator[Record]:
        for key, _ in self._t.prefixed(self._db[database], prefix, back=newest_first):
            record = self.get(decode_u64(key[-8:]))
            if record is not None:
                yield record


def not_recorded_key(session: str) -> bytes:
    """Return the key in `meta` that a session has which is not to be recorded."""
    return _NOT_RECORDED + digest(session)
