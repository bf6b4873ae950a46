"""The records: what was said, verbatim, and the log of every change to it.

Everything else in the store can be rebuilt from here. One process writes (`Records.commit`), all
others look (`Records.view`).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice, takewhile
from pathlib import Path
from typing import Literal, TypeVar

import lmdb
import msgspec
from msgspec import structs

from iai.model.clock import NS, Now
from iai.model.record import (
    DIGEST,
    JUST_NOW,
    LastChange,
    LogEntry,
    NewRecord,
    Operation,
    Project,
    Record,
    Transcript,
    Watermark,
    digest,
    order_of,
    session_key,
)
from iai.model.revisions import Revisions, of
from iai.store import migrations
from iai.store.codec import moment, number, pack, to_moment, to_number, unpack
from iai.store.environment import MAP_SIZE, Environment, Transaction

T = TypeVar("T")

SCHEMA = 1
_DATABASES = (
    "log",  # revision -> LogEntry
    "live",  # revisions that somebody made just now, as against those of an import
    "records",  # label -> Record
    "by_id",  # ULID -> label
    "by_key",  # hash of the idempotency key -> label; stays when the record is forgotten
    "by_session",  # session, order, label
    "by_project",  # project, order, label; and `_AWAY`, project, the one it is in instead, label
    "by_created",  # created_at, label
    "by_updated",  # updated_at, label
    "pinned",  # project, label
    "facts",  # project, order, label of what was noted outside a conversation
    "sessions",  # project, session -> order of its latest turn there
    "by_activity",  # project, that order, session
    "projects",  # project -> Project
    "changed",  # project -> revision of the last change of any of its records
    "voices",  # project -> LastChange
    "transcripts",  # hash of the path -> Transcript
)
_EMPTY = b""
_LONGEST_TAIL = 8 + DIGEST  # bytes that follow a project or session in any key
_BEYOND = b"\xff" * (_LONGEST_TAIL + 1)
_AWAY = b"~"  # no project starts with it: before the keys of records that a merge took elsewhere
_PROJECTS_CWDS = 32  # working directories remembered for each project, the latest ones
_LIVE = 256  # changes that somebody made just now: of more, only the latest go before others
_SLEW = NS  # by which a clock may be set back and nobody need care


class View:
    """The records as of one moment."""

    def __init__(self, environment: Environment, transaction: Transaction) -> None:
        self._db = environment.db
        self._t = transaction

    def watermark(self) -> Watermark:
        """Read in constant time: it is kept up to date by every change."""
        data = self._t.get(b"watermark", db=self._db["meta"])
        return unpack(data, Watermark) if data is not None else Watermark()

    def get(self, label: int) -> Record | None:
        """Return a record by its label; None if it was forgotten or never was."""
        data = self._t.get(number(label), db=self._db["records"])
        return unpack(data, Record) if data is not None else None

    def find(self, ref: str) -> Record | None:
        """Return a record by its id, or by `#` and its label, or by that number alone."""
        digits = ref.removeprefix("#")
        if digits.isascii() and digits.isdigit() and len(digits) < len(str(1 << 63)):
            return self.get(int(digits))
        if not ref or not ref.isascii() or len(ref) > 64:  # noqa: PLR2004  a ULID has 26
            return None
        label = self._t.get(ref.upper().encode(), db=self._db["by_id"])
        return self.get(to_number(label)) if label is not None else None

    def known(self, key: str) -> int | None:
        """Label that was once given to this idempotency key, forgotten or not."""
        label = self._t.get(digest(key), db=self._db["by_key"])
        return to_number(label) if label is not None else None

    def entry(self, revision: int) -> LogEntry | None:
        """Return the change that made this revision."""
        data = self._t.get(number(revision), db=self._db["log"])
        return unpack(data, LogEntry) if data is not None else None

    def changes(self, revisions: Revisions) -> Iterator[tuple[int, LogEntry]]:
        """Yield these changes with their revisions, in order."""
        with self._t.cursor(self._db["log"]) as cursor:
            for first, last in revisions.ranges:
                found = cursor.set_range(number(first))
                while found and to_number(cursor.key()) <= last:
                    yield to_number(cursor.key()), unpack(cursor.value(), LogEntry)
                    found = cursor.next()

    def touched(self, revisions: Revisions) -> list[int]:
        """Return the labels of the records that these changes were made to, ascending."""
        return sorted({entry.label for _, entry in self.changes(revisions)} - {0})

    def latest(
        self, batch: Revisions, room: float, cost: Callable[[str], float] = len
    ) -> tuple[Revisions, dict[int, Record | None]]:
        """Return the records that these revisions changed, the newest as far as there is `room`.

        `cost` says how much of it a text takes; by default, its characters. Also returns the
        revisions that they cover. None stands for a record that was forgotten.
        """
        changed: dict[int, Record | None] = {}
        taken: list[int] = []
        for revision, entry in reversed(list(self.changes(batch))):
            if room <= 0:
                break
            taken.append(revision)
            if entry.label and entry.label not in changed:  # without one, it is of a project
                record = changed[entry.label] = self.get(entry.label)
                room -= cost(record.text) if record else 0
        return of(taken), changed

    def foremost(self, pending: Revisions, limit: int) -> Revisions:
        """Return up to `limit` of the pending changes: those that a stage should apply next.

        What was said just now goes before what an import brings by the thousand; then the newest
        first. So the last turn is found at once, however long the backlog.
        """
        live = self.live(pending, limit)
        return live if live.ranges else pending.newest(limit)

    def live(self, pending: Revisions, limit: int) -> Revisions:
        """Return up to `limit` of the pending changes that somebody made just now."""
        if not pending.ranges:
            return pending
        first = number(pending.ranges[0][0])
        with self._t.cursor(self._db["live"]) as cursor:
            latest = islice(cursor.iterprev(values=False), _LIVE) if cursor.last() else iter(())
            ours = map(to_number, takewhile(lambda key: key >= first, latest))
            return of(islice((revision for revision in ours if revision in pending), limit))

    def session(self, session: bytes, *, newest_first: bool = False) -> Iterator[Record]:
        """Yield the records of a session (see `session_key`) in the order they were said in."""
        return self._records("by_session", session, newest_first=newest_first)

    def sessions(self, project: str) -> Iterator[bytes]:
        """Yield the sessions of a project, the one that was last active there first."""
        return (session for session, _ in self.activity(project))

    def activity(self, project: str) -> Iterator[tuple[bytes, int]]:
        """Yield the sessions of a project with the order of their latest turn there, that first."""
        prefix = project.encode()
        with self._t.cursor(self._db["by_activity"]) as cursor:
            found = _last(cursor, prefix)
            while found and cursor.key().startswith(prefix):
                key = cursor.key()
                yield key[-DIGEST:], to_moment(key[len(prefix) : -DIGEST])
                found = cursor.prev()

    def turns(self, session: bytes, project: str) -> int:
        """How many turns of a session were said in a project.

        Keys alone tell, unless the session went on in several projects.
        """
        others = (p.id for p in self.projects() if p.id != project)
        if any(self._t.get(other.encode() + session, db=self._db["sessions"]) for other in others):
            return sum(record.project == project for record in self.session(session))
        return sum(1 for _ in _walk(self._t, self._db["by_session"], session, session))

    def around(self, record: Record, distance: int) -> tuple[list[int], list[int]]:
        """Labels of the turns said just before and just after, the nearest first."""
        before, after = self.sides(record)
        return list(islice(before, distance)), list(islice(after, distance))

    def sides(self, record: Record) -> tuple[Iterator[int], Iterator[int]]:
        """Yield labels of the turns of its session before a record, and after; nearest first."""
        if not record.in_session:
            return iter(()), iter(())
        prefix = session_key(record.host, record.session)
        key = prefix + moment(record.order) + number(record.label)
        before = _walk(self._t, self._db["by_session"], prefix, key, backwards=True)
        after = _walk(self._t, self._db["by_session"], prefix, key)
        return before, after

    def project(self, project: str) -> Iterator[Record]:
        """Yield the records of a project, the latest first."""
        return self._records("by_project", project.encode(), newest_first=True)

    def places(
        self, project: str, after: tuple[int, int] | None, limit: int
    ) -> list[tuple[int, int]]:
        """Return order and label of the next records of a project, the earliest first.

        `after` is the last of those returned before.
        """
        prefix = project.encode()
        start = prefix + (moment(after[0]) + number(after[1] + 1) if after else b"")
        with self._t.cursor(self._db["by_project"]) as cursor:
            keys = cursor.iternext(values=False) if cursor.set_range(start) else iter(())
            ours = takewhile(lambda key: key.startswith(prefix), islice(keys, limit))
            return [(to_moment(key[-16:-8]), to_number(key[-8:])) for key in ours]

    def active(self) -> list[Project]:
        """Return the projects that have any records, the one with the latest first.

        Ignored ones are not among them.
        """
        every = self.projects()
        below = [p for p in every if p.ignored == "below"]
        shown = (p for p in every if not p.ignored and not any(b.holds(p.root) for b in below))
        latest = ((self._latest_in(project.id), project) for project in shown)
        found = [(when, project) for when, project in latest if when is not None]
        return [project for _, project in sorted(found, key=lambda f: f[0], reverse=True)]

    def pinned(self, project: str) -> Iterator[Record]:
        """Yield the pinned records of a project, the latest pinned label first."""
        return self._records("pinned", project.encode(), newest_first=True)

    def facts(self, project: str) -> Iterator[Record]:
        """Yield what was noted in a project outside its conversations, the latest first."""
        return self._records("facts", project.encode(), newest_first=True)

    def projects(self) -> list[Project]:
        """All projects, in no particular order. There are as many as the user has worked on."""
        with self._t.cursor(self._db["projects"]) as cursor:
            return [unpack(data, Project) for _, data in cursor]

    def count(self, project: str) -> int:
        """How many records are in a project. Keys alone tell."""
        prefix = project.encode()
        return sum(1 for _ in _walk(self._t, self._db["by_project"], prefix, prefix))

    def belongs(self, project: str) -> str:
        """Return the project that a directory's own one is merged into, else that one itself."""
        for home, _ in self._merged(project):
            project = home
        return project

    def ignored(self, project: str, *places: str) -> bool:
        """Is nothing to be kept of a project, or of what is said in one of these directories?"""
        if any(one is not None and one.ignored for _, one in self._merged(project)):
            return True
        below = [p for p in self.projects() if p.ignored == "below"] if places else []
        return any(one.holds(place) for one in below for place in places)

    def misfiled(self) -> Iterator[int]:
        """Yield the labels of records that `reassign` has yet to move after a merge or unmerge."""
        database = self._db["by_project"]
        for project in self.projects():
            if project.into:
                prefix = project.id.encode()
                yield from _walk(self._t, database, prefix, prefix)
            at_home = _AWAY + project.id.encode() + self.belongs(project.id).encode()
            prefix = _AWAY + project.id.encode()
            yield from _walk(self._t, database, prefix, prefix, until=at_home)
            yield from _walk(self._t, database, prefix, at_home + _BEYOND)

    def changed(self, project: str) -> int:
        """Revision of the last change of any record of a project; 0 if there never was one."""
        data = self._t.get(project.encode(), db=self._db["changed"])
        return to_number(data) if data is not None else 0

    def last_change(self, project: str) -> LastChange:
        """Return who changed a project last; a change of unknown origin counts as foreign."""
        data = self._t.get(project.encode(), db=self._db["voices"])
        changed = self.changed(project)
        known = unpack(data, LastChange) if data is not None else LastChange()
        if known.revision == changed:
            return known
        return LastChange(last_foreign_revision=changed, revision=changed)

    def project_named(self, project: str) -> Project | None:
        """Return a project by its id."""
        data = self._t.get(project.encode(), db=self._db["projects"])
        return unpack(data, Project) if data is not None else None

    def after(self, label: int) -> Iterator[Record]:
        """Yield all records with a higher label, ascending."""
        with self._t.cursor(self._db["records"]) as cursor:
            found = cursor.set_range(number(label + 1))
            for _, data in cursor if found else ():
                yield unpack(data, Record)

    def transcript(self, path: str) -> Transcript | None:
        """How far this file has been read."""
        data = self._t.get(digest(path), db=self._db["transcripts"])
        return unpack(data, Transcript) if data is not None else None

    def transcripts(self) -> Iterator[Transcript]:
        """Yield every file that was ever read."""
        with self._t.cursor(self._db["transcripts"]) as cursor:
            for _, data in cursor:
                yield unpack(data, Transcript)

    def ahead(self, now: int) -> int:
        """Return by how much the clock has been set back, if it has: see `order_of`."""
        latest = self._moment(b"latest_live")  # order of what was said last
        ahead = self._moment(b"ahead") if latest > now else 0
        return latest - now + JUST_NOW if latest > now + ahead + _SLEW else ahead

    def _merged(self, project: str) -> Iterator[tuple[str, Project | None]]:
        """Yield a project, the one that it is merged into, and so on."""
        while project:
            known = self.project_named(project)
            yield project, known
            project = known.into if known else ""

    def _latest_in(self, project: str) -> int | None:
        with self._t.cursor(self._db["by_project"]) as cursor:
            found = _last(cursor, project.encode())
            return to_moment(cursor.key()[-16:-8]) if found else None

    def _moment(self, key: bytes) -> int:
        data = self._t.get(key, db=self._db["meta"])
        return to_moment(data) if data is not None else 0

    def _records(self, database: str, prefix: bytes, *, newest_first: bool) -> Iterator[Record]:
        with self._t.cursor(self._db[database]) as cursor:
            if newest_first:
                found = _last(cursor, prefix)
                keys = cursor.iterprev(keys=True, values=False)
            else:
                found = cursor.set_range(prefix)
                keys = cursor.iternext(keys=True, values=False)
            for key in keys if found else ():
                if not key.startswith(prefix):
                    return
                record = self.get(to_number(key[-8:]))
                if record is not None:
                    yield record


class Change(View):
    """One transaction of the writer. What it does is kept all together or not at all."""

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        super().__init__(environment, transaction)
        self._now = now.wall
        self._live = live
        self._mark = self.watermark()
        self._homes: dict[str, str] = {}  # project -> what it belongs to
        self._spoken: dict[bytes, int] = {}  # project and session -> latest turn put in
        self.touched_projects: dict[str, LastChange] = {}  # what this transaction changed, by id
        self._latest_live = self._moment(b"latest_live")
        self._ahead = self.ahead(self._now)

    def insert(self, new: NewRecord) -> tuple[int, bool]:
        """Keep a text; return its label, and whether it is new.

        A text whose key was seen before is not stored again, not even after it was forgotten. It
        goes into the project that its directory's own one is merged into.
        """
        known = self.known(new.key)
        if known is not None:
            return known, False
        label = self._mark.max_vec_label + 1
        record = self._resolve_project(new.kept(label, self._now, self._order(new.created_at)))
        self._put_keys(record)
        self._put(digest(new.key), number(label), "by_key")
        self._put(number(label), pack(record), "records")
        self._speak(record)
        self._advance("insert", record, count=1, label=label)
        return label, True

    def pin(self, record: Record, *, pinned: bool) -> None:
        """Mark a record as one that every session of its project should start with, or no more."""
        if record.pinned != pinned:
            self._replace(record, structs.replace(record, pinned=pinned, updated_at=self._now))
            self._advance("pin" if pinned else "unpin", record)

    def edit(self, record: Record, text: str) -> None:
        """Put another text in the place of a record's."""
        if record.text != text:
            self._replace(record, structs.replace(record, text=text, updated_at=self._now))
            self._advance("edit", record)

    def forget(self, record: Record) -> None:
        """Take a record out for good. Only its key's hash stays, so that it cannot come back."""
        self._delete_keys(record)
        self._t.delete(number(record.label), db=self._db["records"])
        if record.in_session:
            self._quieten(record)
        self._advance("forget", record, count=-1)

    def merge(self, project: Project, into: Project | None) -> bool:
        """Make another project the owner of a project's records; None undoes that.

        New records go there from now on; `reassign` moves the existing ones. Returns False if the
        other project is the same one, or belongs to it already.
        """
        if into is not None:
            if any(one == project.id for one, _ in self._merged(into.id)):
                return False
            self.place(into, into.root)
        self._change_project(project, into=into.id if into else "")
        return True

    def ignore(self, project: Project, ignored: Literal["", "project", "below"]) -> None:
        """Keep nothing more of a project, or of what lies below its root; "": keep it again."""
        self._change_project(project, ignored=ignored)

    def reassign(self, limit: int) -> int:
        """Move up to `limit` misfiled records to the project they belong to; return how many."""
        labels = list(islice(self.misfiled(), limit))
        for label in labels:
            record = self.get(label)
            if record is not None:
                self._move(record)
        return len(labels)

    def place(self, project: Project, cwd: str) -> None:
        """Remember that a project was worked on in this directory."""
        known = self.project_named(project.id) or project
        if cwd in known.cwds:
            return
        cwds = (*known.cwds, cwd)[-_PROJECTS_CWDS:]
        self._put(project.id.encode(), pack(structs.replace(known, cwds=cwds)), "projects")

    def note_birth(self, project: Project) -> None:
        """Remember by what a project is known wherever it is moved to."""
        known = self.project_named(project.id) or project
        noted = structs.replace(known, git=project.git, born=project.born)
        self._put(project.id.encode(), pack(noted), "projects")

    def follow(self, transcript: Transcript) -> None:
        """Note how far a file has been read."""
        self._put(digest(transcript.path), pack(transcript), "transcripts")

    def finish(self) -> Watermark:
        """Write what belongs to the whole of what was done. The writer calls it last."""
        for session, latest in self._spoken.items():
            old = self._t.get(session, db=self._db["sessions"])
            if old is None or to_moment(old) < latest:
                self._activity(session, old, moment(latest))
        for project, last_change in self.touched_projects.items():
            self._put(project.encode(), pack(last_change), "voices")
        self._put(b"latest_live", moment(self._latest_live), "meta")
        self._put(b"ahead", moment(self._ahead), "meta")
        mark = structs.replace(
            self._mark,
            max_created_at=self._latest("by_created"),
            max_updated_at=self._latest("by_updated"),
        )
        self._put(b"watermark", pack(mark), "meta")
        return mark

    def _order(self, created_at: int) -> int:
        order = order_of(created_at, self._now, self._ahead if self._live else 0)
        if self._live and self._now - created_at < JUST_NOW:
            self._latest_live = max(self._latest_live, order)
        return order

    def _advance(
        self, operation: Operation, record: Record, *, count: int = 0, label: int = 0
    ) -> None:
        mark = self._mark
        self._mark = structs.replace(
            mark,
            records_count=mark.records_count + count,
            max_vec_label=max(mark.max_vec_label, label),
        )
        session = record.session if operation == "insert" and record.in_session else ""
        self._log(operation, record.label, {record.project}, session)

    def _log(
        self, operation: Operation, label: int, projects: Iterable[str], session: str = ""
    ) -> None:
        self._mark = structs.replace(self._mark, revision=self._mark.revision + 1)
        revision = number(self._mark.revision)
        self._put(revision, pack(LogEntry(operation, label, self._now)), "log")
        for project in projects:
            known = self.touched_projects.get(project) or self.last_change(project)
            self.touched_projects[project] = known.then(self._mark.revision, session)
            self._put(project.encode(), revision, "changed")
        if self._live:
            self._put(revision, _EMPTY, "live")

    def _change_project(self, project: Project, **fields: str) -> None:
        known = self.project_named(project.id) or project
        changed = msgspec.convert({**structs.asdict(known), **fields}, Project)
        if changed != known or known is project:
            self._put(project.id.encode(), pack(changed), "projects")
            self._log("project", 0, {project.id, known.into, changed.into} - {""})
            self._homes.clear()

    def _resolve_project(self, record: Record) -> Record:
        """Return a record filed under the project that its own project is merged into."""
        own = record.origin or record.project
        if own not in self._homes:
            self._homes[own] = self.belongs(own)
        home = self._homes[own]
        if home == record.project:
            return record
        return structs.replace(record, project=home, origin="" if home == own else own)

    def _move(self, record: Record) -> None:
        moved = structs.replace(self._resolve_project(record), updated_at=self._now)
        self._replace(record, moved)
        if record.in_session:
            self._quieten(record)
            self._speak(moved)
        self._log("move", record.label, {record.project, moved.project})

    def _speak(self, record: Record) -> None:
        if record.in_session:
            session = record.project.encode() + session_key(record.host, record.session)
            self._spoken[session] = max(record.order, self._spoken.get(session, record.order))

    def _quieten(self, forgotten: Record) -> None:
        """Set when a session was last active back to its latest turn that is still there."""
        key = session_key(forgotten.host, forgotten.session)
        session = forgotten.project.encode() + key
        self._spoken.pop(session, None)
        left = (r for r in self.session(key, newest_first=True) if r.project == forgotten.project)
        latest = next(left, None)
        old = self._t.get(session, db=self._db["sessions"])
        self._activity(session, old, moment(latest.order) if latest else None)

    def _activity(self, session: bytes, old: bytes | None, new: bytes | None) -> None:
        project, key = session[:-DIGEST], session[-DIGEST:]
        if old is not None:
            self._t.delete(project + old + key, db=self._db["by_activity"])
        if new is not None:
            self._put(project + new + key, _EMPTY, "by_activity")
            self._put(session, new, "sessions")
        else:
            self._t.delete(session, db=self._db["sessions"])

    def _replace(self, old: Record, new: Record) -> None:
        self._delete_keys(old)
        self._put_keys(new)
        self._put(number(new.label), pack(new), "records")

    def _put_keys(self, record: Record) -> None:
        for database, key in _keys(record):
            self._put(key, _EMPTY, database)
        self._put(record.id.encode(), number(record.label), "by_id")

    def _delete_keys(self, record: Record) -> None:
        for database, key in _keys(record):
            self._t.delete(key, db=self._db[database])
        self._t.delete(record.id.encode(), db=self._db["by_id"])

    def _latest(self, database: str) -> int:
        with self._t.cursor(self._db[database]) as cursor:
            return to_moment(cursor.key()[:8]) if cursor.last() else 0

    def _put(self, key: bytes, value: bytes, database: str) -> None:
        self._t.put(key, value, db=self._db[database])


class Records:
    """The environment of the records: opened once in each process that needs it."""

    def __init__(self, path: Path, *, writer: bool = False, map_size: int = MAP_SIZE) -> None:
        self._environment = Environment(
            path,
            _DATABASES,
            schema=SCHEMA,
            writer=writer,
            map_size=map_size,
            steps=migrations.RECORDS,
        )

    @contextmanager
    def view(self) -> Iterator[View]:
        """Look at the records as of now."""
        with self._environment.read() as transaction:
            yield View(self._environment, transaction)

    def commit(
        self, change: Callable[[Change], T], now: Now, *, live: bool = True
    ) -> tuple[T, Watermark]:
        """Run one change, make it durable, and return what it returned and the new watermark.

        `change` may run more than once (see `Environment.write`). `live` is False for what nobody
        has said just now.
        """

        def run(transaction: Transaction) -> tuple[T, Watermark]:
            unit = Change(self._environment, transaction, now, live=live)
            result = change(unit)
            return result, unit.finish()

        return self._environment.write(run)

    def copy(self, directory: Path) -> None:
        """See `Environment.copy`."""
        self._environment.copy(directory)

    def forget_dead_readers(self) -> int:
        """See `Environment.forget_dead_readers`."""
        return self._environment.forget_dead_readers()

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()


def _keys(record: Record) -> list[tuple[str, bytes]]:
    label = number(record.label)
    said = moment(record.order) + label
    keys = [
        ("by_project", record.project.encode() + said),
        ("by_created", moment(record.created_at) + label),
        ("by_updated", moment(record.updated_at) + label),
    ]
    if record.in_session:
        keys.append(("by_session", session_key(record.host, record.session) + said))
    if record.is_fact:
        keys.append(("facts", record.project.encode() + said))
    if record.origin:
        away = _AWAY + record.origin.encode() + record.project.encode() + label
        keys.append(("by_project", away))
    if record.pinned:
        keys.append(("pinned", record.project.encode() + label))
    return keys


def _last(cursor: "lmdb.Cursor[bytes]", prefix: bytes) -> bool:
    """Put the cursor on the last key that starts with `prefix`; is there one?"""
    found = cursor.prev() if cursor.set_range(prefix + _BEYOND) else cursor.last()
    return found and cursor.key().startswith(prefix)


def _walk(
    transaction: Transaction,
    database: "lmdb._Database",
    prefix: bytes,
    key: bytes,
    *,
    backwards: bool = False,
    until: bytes | None = None,
) -> Iterator[int]:
    """Yield the labels of the keys with this prefix, from behind `key` on, as far as `until`."""
    with transaction.cursor(database) as cursor:
        if not cursor.set_range(key):
            found = cursor.last() if backwards else False
        elif backwards:
            found = cursor.prev()
        else:
            found = cursor.next() if cursor.key() == key else True
        while found and cursor.key().startswith(prefix):
            if until is not None and cursor.key() >= until:
                return
            yield to_number(cursor.key()[-8:])
            found = cursor.prev() if backwards else cursor.next()
