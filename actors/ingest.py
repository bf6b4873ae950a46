"""Ingest: the only process that writes records. It reads the spool and the hosts' transcripts.

A hook event only says which transcript to look at; what was said is read from the transcript, from
the byte up to which it was read before. Where there is no transcript, the event's own text is kept.
"""

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Literal, TypeVar

from msgspec import structs

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.freshness.required_revision import News
from iai.ingest import parse, spool, transcripts
from iai.ingest.import_job import ImportJob
from iai.ingest.parse import Batch, Kept
from iai.ingest.spool import HookEvent, Spooled
from iai.lifecycle.pace import Pace
from iai.model.clock import NS, Now
from iai.model.record import (
    SEEDED,
    Project,
    Record,
    Transcript,
    Watermark,
    session_key,
)
from iai.projects import relocation
from iai.projects.identity import identify
from iai.protocol.behaviour import (
    Answer,
    Caller,
    MoveFile,
    Publish,
    RemoveFile,
    ReplaceFile,
    Steps,
    StepsTo,
)
from iai.protocol.graph_cache import MemoryUsed
from iai.protocol.ingest import (
    Capture,
    Captured,
    CapturedTurn,
    Changed,
    Edit,
    Flush,
    Flushed,
    Forget,
    IgnoreProject,
    Import,
    ImportStatus,
    LineSkipped,
    MergeProjects,
    Pin,
    Place,
    ProjectMoved,
    RecordsCommitted,
    SessionEnded,
    SpoolRejected,
)
from iai.protocol.lifecycle import Tick
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Event,
    Request,
)
from iai.store.record_change import RecordChange
from iai.store.records import Records

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_S = 0.2  # between two looks at the spool and the followed transcripts, while they move
LOOK_SOON_S = 0.02  # the same right after something was found: hosts write a little after they call
LOOK_QUIET_S = 1.0  # waking up costs more than looking: five times a second would be half a percent
QUIET_AFTER_S = 60.0
FOLLOW_S = 3_600.0  # how long a transcript is watched after its last event
FOLLOW_ENDED_S = 60.0  # the same after its session has ended: hosts write their files late
FOLLOW_SLACK_S = 60.0  # how much sooner it may be over: not every event is worth a commit
AWAIT_FILE_S = 60.0  # how long an event waits for its transcript to appear
EVENTS_A_SLICE = 64
MOVES_A_SLICE = 100  # records whose project was merged: some 20 ms
JOBS_KEPT = 16  # finished imports whose outcome can still be asked for


class Ingest:
    """See `Behaviour`."""

    hears = (Actor.LIFECYCLE, Actor.GRAPH_CACHE)

    def __init__(self, layout: Layout, records: Records) -> None:
        self._layout = layout
        self._records = records
        self._identify = lru_cache(maxsize=1_024)(identify)
        self._followed: dict[str, Transcript] = {}
        self._unfinished: set[str] = set()  # followed files of which a slice is not all
        self._ended: dict[str, str] = {}  # those whose session has ended, and in which project
        self._news = News({}, {})
        self._jobs: dict[str, ImportJob] = {}
        self._importing = Pace()
        self._flushes: list[Caller] = []
        self._settling = False  # are there records that a merge is still to move?
        self._next_look = 0
        self._moved = 0  # monotonic; when anything was last found

    def start(self, now: Now) -> Steps:
        with self._records.view() as view:
            self._followed = {t.path: t for t in view.transcripts() if t.followed_until > now.wall}
            self._settling = any(True for _ in view.astray())
            known = {project.id: view.voices(project.id) for project in view.projects()}
        written = {path.name: path.read_bytes() for path in self._layout.news.glob("[!.]*")}
        self._news = News(known, written)
        yield from self._tell_news()

    def receive(self, request: Request, caller: Caller, now: Now) -> Steps:
        match request:
            case Capture(turns=turns):
                yield from self._capture(turns, caller, now)
            case Pin(ref=ref, pinned=pinned):
                yield from self._change(ref, lambda u, r: u.pin(r, pinned=pinned), caller, now)
            case Edit():
                yield from self._edit(request, caller, now)
            case Forget():
                yield from self._forget(request, caller, now)
            case Flush():
                self._flushes.append(caller)
                self._next_look = now.mono
            case MergeProjects(project=project, into=into):
                yield from self._merge(project, into, caller, now)
            case IgnoreProject():
                yield from self._ignore(request, caller, now)
            case Import(paths=paths):
                job = self._begin_import(paths, now)
                yield Answer(caller, job.progress(self._mark().revision))
            case ImportStatus(job=name) if name in self._jobs:
                yield Answer(caller, self._jobs[name].progress(self._mark().revision))
            case _:
                yield _not_found(caller, "no such import; ingest was restarted: ask for it again")

    def hear(self, event: Event, now: Now) -> Steps:
        if isinstance(event, Tick):
            self._records.forget_dead_readers()
            self._identify.cache_clear()  # a remote may have been set, or a checkout moved
        elif isinstance(event, MemoryUsed):
            self._importing.asked(now)
        yield from ()

    def due_s(self, now: Now) -> float:
        if self._unfinished or self._settling:
            return 0.0
        look_s = max(0.0, (self._next_look - now.mono) / NS)
        importing = any(job.current for job in self._jobs.values())
        return min(look_s, self._importing.due_s(now)) if importing else look_s

    def work(self, now: Now) -> Steps:
        if now.mono >= self._next_look:
            yield from self._look(now)
        for path in list(self._unfinished)[:1]:
            yield from self._read_followed(path, now)
        yield from self._tell_ended()
        if not self._unfinished and self._next_look > now.mono:  # nothing is left in the spool
            for caller in self._flushes:
                yield Answer(caller, Flushed(revision=self._mark().revision))
            self._flushes.clear()
        if self._settling:
            moved, _ = yield from self._commit(lambda u: u.settle(MOVES_A_SLICE), now, live=False)
            self._settling = moved > 0
        reading = next((job for job in self._jobs.values() if job.current), None)
        if reading is not None and not self._importing.due_s(now):
            yield from self._import(reading, now)
            self._importing.looked(now, more=True)

    def stop(self, now: Now) -> Steps:
        yield from ()

    def close(self) -> None:
        self._records.close()

    # --- the spool, and the transcripts that it names -----------------------------------------

    def _look(self, now: Now) -> Steps:
        """Take what is in the spool, then whatever the followed transcripts have grown by."""
        waiting = spool.waiting(self._layout.spool_new)
        new = [file for file in waiting if file.suffix == spool.NEW]
        awaited = [file for file in waiting if file.suffix == spool.AWAITS]
        for file in (*awaited[:EVENTS_A_SLICE], *new[:EVENTS_A_SLICE]):  # as they came
            spooled = spool.read(file)
            if spooled is not None and (yield from self._take_event(spooled, now)):
                self._moved = now.mono
        for path, transcript in list(self._followed.items()):
            if transcript.followed_until <= now.wall:
                yield from self._follow_no_more(path, now)
            elif transcripts.grown(path, parse.mark(transcript)):
                self._unfinished.add(path)
        if self._unfinished:
            self._moved = now.mono
        wait_s = 0.0 if len(new) > EVENTS_A_SLICE else self._patience_s(now)
        self._next_look = now.mono + int(wait_s * NS)

    def _patience_s(self, now: Now) -> float:
        """Return how long to wait for the next look: the longer nothing was found, the longer."""
        since_s = (now.mono - self._moved) / NS
        if since_s > QUIET_AFTER_S:
            return LOOK_QUIET_S
        return min(LOOK_S, max(LOOK_SOON_S, since_s / 4))

    def _take_event(self, spooled: Spooled, now: Now) -> StepsTo[bool]:
        """Deal with an event; return False if it has to wait for its transcript."""
        event = spooled.event
        if event is None:
            log.warning("%s %s", spooled.path, spooled.why)
            yield MoveFile(spooled.path, self._layout.spool_bad / spooled.path.name)
            yield Publish(SpoolRejected(file=spooled.path.name, reason=spooled.why), keep=True)
        elif event.transcript_path and transcripts.there(event.transcript_path):
            yield from self._follow(event.transcript_path, event, now)
            self._news.goes_on(str(spooled.path))  # not with this: with the transcript
            yield from self._tell_news()
            yield RemoveFile(spooled.path)
        elif not event.transcript_path or not 0 <= now.wall - spooled.arrived < AWAIT_FILE_S * NS:
            yield from self._insert(parse.spoken(event, spooled.arrived), now)
            if event.ends_session:
                self._news.ends(str(spooled.path), self._home(event.cwd))
                yield from self._tell_end(str(spooled.path))
            yield RemoveFile(spooled.path)
        else:
            awaits = spooled.path.with_suffix(spool.AWAITS)
            if event.ends_session:
                self._news.ends(str(awaits), self._home(event.cwd))
                yield from self._tell_news()
            if spooled.path != awaits:
                yield MoveFile(spooled.path, awaits)
            return False
        return True

    def _follow(self, path: str, event: HookEvent, now: Now) -> Steps:
        until = now.later(FOLLOW_ENDED_S if event.ends_session else FOLLOW_S).wall

        def change(unit: RecordChange) -> Transcript:
            known = unit.transcript(path) or Transcript(path=path, host="", cwd=event.cwd)
            followed = structs.replace(known, followed_until=until)
            unit.follow(followed)
            return followed

        known = self._followed.get(path)
        if known is None or until - known.followed_until > FOLLOW_SLACK_S * NS:
            self._followed[path], _ = yield from self._commit(change, now)
        elif event.ends_session:  # committed when it is over: the next session may be waiting
            self._followed[path] = structs.replace(known, followed_until=until)
        self._ended.pop(path, None)
        self._news.goes_on(path)
        if event.ends_session:
            self._ended[path] = self._home(event.cwd)
            self._news.ends(path, self._ended[path])

    def _follow_no_more(self, path: str, now: Now) -> Steps:
        transcript = self._followed.pop(path)
        if self._ended.pop(path, ""):
            yield from self._commit(lambda unit: unit.follow(transcript), now)
        self._news.goes_on(path)

    def _read_followed(self, path: str, now: Now) -> Steps:
        """Read one slice. A file that is gone has been read as far as it could be."""
        self._unfinished.discard(path)
        transcript = self._followed[path]
        try:
            batch = parse.read(transcript, self._identify, now.wall)
        except OSError as error:
            log.warning("cannot read %s: %s", path, error.strerror)
            return
        if path in self._ended:  # hosts write down the last of it late
            self._news.ends(path, self._ended[path])
        yield from self._keep(batch, now, live=True)
        if batch.more:
            self._unfinished.add(path)

    def _tell_ended(self) -> Steps:
        """Tell that sessions have ended once all of them is read: the next may start any moment."""
        for path in self._news.ending:
            if path in self._ended and path not in self._unfinished:
                yield from self._tell_end(path)

    def _tell_end(self, source: str) -> Steps:
        project = self._news.read(source)
        yield from self._tell_news()
        yield Publish(SessionEnded(revision=self._mark().revision, project=project))

    # --- imports ------------------------------------------------------------------------------

    def _begin_import(self, paths: tuple[str, ...], now: Now) -> ImportJob:
        """Begin an import, or join the same one if it is under way."""
        for under_way in self._jobs.values():
            if under_way.current and under_way.paths == paths:
                return under_way
        finished = [name for name, job in self._jobs.items() if job.current is None]
        for name in finished[:-JOBS_KEPT]:
            del self._jobs[name]
        job = ImportJob(f"import-{now.wall}-{len(self._jobs)}", paths)
        self._jobs[job.name] = job
        return job

    def _import(self, job: ImportJob, now: Now) -> Steps:
        path = str(job.current)
        with self._records.view() as view:
            transcript = view.transcript(path) or Transcript(path=path, host="")
        most = transcripts.SLICE // self._importing.part(now)
        try:
            batch = parse.read(transcript, self._identify, now.wall, most)
        except OSError as error:
            job.next_file(f"cannot be read: {error.strerror}")
            return
        job.took(batch, (yield from self._keep(batch, now, live=False)))
        if not batch.more:
            job.next_file("" if batch.transcript.host else "is no transcript of a known host")

    # --- requests -----------------------------------------------------------------------------

    def _capture(self, turns: tuple[CapturedTurn, ...], caller: Caller, now: Now) -> Steps:
        if not all(turn.text.strip() for turn in turns):
            detail = "a turn without text cannot be kept"
            yield Answer(caller, Error(code=ErrorCode.BAD_REQUEST, detail=detail))
            return
        with self._records.view() as view:
            places = {turn.cwd: self._identify(turn.cwd, "") for turn in turns}
            for cwd, place in places.items():
                if view.ignored(place.id, place.root, cwd):
                    detail = f"nothing was kept: {cwd} is ignored; see `iai project list`"
                    yield Answer(caller, Error(code=ErrorCode.BAD_REQUEST, detail=detail))
                    return
        live = any(turn.host != SEEDED for turn in turns)
        kept, mark = yield from self._insert(turns, now, live=live)
        added = sum(new for _, new in kept)
        yield Answer(
            caller,
            Captured(
                ids=tuple(record_id for record_id, _ in kept),
                added=added,
                duplicates=len(kept) - added,
                revision=mark.revision,
            ),
        )

    def _edit(self, request: Edit, caller: Caller, now: Now) -> Steps:
        if request.text.strip():
            yield from self._change(
                request.ref, lambda unit, record: unit.edit(record, request.text), caller, now
            )
        else:
            detail = "a record without text is none; to remove it, forget it"
            yield Answer(caller, Error(code=ErrorCode.BAD_REQUEST, detail=detail))

    def _change(
        self, ref: str, what: Callable[[RecordChange, Record], None], caller: Caller, now: Now
    ) -> Steps:
        """Do something to one record."""

        def change(unit: RecordChange) -> bool:
            record = unit.find(ref)
            if record is not None:
                what(unit, record)
            return record is not None

        found, mark = yield from self._commit(change, now)
        if found:
            yield Answer(caller, Changed(count=1, revision=mark.revision))
        else:
            yield _not_found(caller, f"there is no record {ref}")

    def _forget(self, request: Forget, caller: Caller, now: Now) -> Steps:
        def change(unit: RecordChange) -> tuple[list[str], int]:
            found = {ref: unit.find(ref) for ref in request.refs}
            missing = [ref for ref, record in found.items() if record is None]
            records = {r.label: r for r in found.values() if r is not None}
            if request.whole_sessions:
                for key in {session_key(r.host, r.session) for r in records.values()}:
                    records.update({r.label: r for r in unit.session(key)})
            for record in () if missing else records.values():
                unit.forget(record)
            return missing, len(records)

        (missing, count), mark = yield from self._commit(change, now)
        if missing:
            yield _not_found(caller, f"nothing was forgotten: no record {', '.join(missing)}")
        else:
            yield Answer(caller, Changed(count=count, revision=mark.revision))

    def _merge(self, project: Place, into: Place | None, caller: Caller, now: Now) -> Steps:
        def change(unit: RecordChange) -> tuple[bool, int]:
            other = _project(into) if into else None
            return unit.merge(_project(project), other), len(list(unit.astray()))

        (merged, count), mark = yield from self._commit(change, now)
        if merged:
            self._settling = True
            yield Answer(caller, Changed(count=count, revision=mark.revision))
        elif into is not None:
            detail = f"{into.name} ({into.id}) belongs to {project.name} already: unmerge it first"
            yield Answer(caller, Error(code=ErrorCode.BAD_REQUEST, detail=detail))

    def _ignore(self, request: IgnoreProject, caller: Caller, now: Now) -> Steps:
        how: Literal["", "below", "project"] = "below" if request.below else "project"

        def change(unit: RecordChange) -> int:
            unit.ignore(_project(request.project), how if request.ignored else "")
            return unit.count(request.project.id)

        count, mark = yield from self._commit(change, now)
        yield Answer(caller, Changed(count=count, revision=mark.revision))

    # --- the store ----------------------------------------------------------------------------

    def _insert(
        self, turns: tuple[CapturedTurn, ...], now: Now, *, live: bool = True
    ) -> StepsTo[tuple[list[tuple[str, bool]], Watermark]]:
        """Keep turns that came with their text; return the id of each and whether it is new."""
        yield from self._recognise((parse.place(self._identify(t.cwd, "")) for t in turns), now)
        return (
            yield from self._commit(
                lambda unit: [parse.capture(unit, t, self._identify, now.wall) for t in turns],
                now,
                live=live,
            )
        )

    def _keep(self, batch: Batch, now: Now, *, live: bool) -> StepsTo[Kept]:
        """Keep what a slice of a transcript held."""
        yield from self._recognise((project for project, _ in batch.projects), now)
        kept, _ = yield from self._commit(lambda u: parse.keep(u, batch), now, live=live)
        path = batch.transcript.path
        if path in self._followed:
            self._followed[path] = batch.transcript
        for fault in batch.faults:
            skipped = LineSkipped(transcript=path, offset=fault.offset, reason=fault.reason)
            yield Publish(skipped, keep=True)
        return kept

    def _recognise(self, projects: Iterable[Project], now: Now) -> Steps:
        """Have a checkout that was moved keep its memory."""
        with self._records.view() as view:
            new = {p.id: p for p in projects if relocation.unknown(p, view)}
        for project in new.values():
            old, _ = yield from self._commit(partial(relocation.follow, project), now)
            if old is not None:
                self._settling = True
                log.info("%s was moved to %s: its memory goes with it", old.root, project.root)
                moved = ProjectMoved(
                    project=old.id, into=project.id, was=old.root, now=project.root
                )
                yield Publish(moved, keep=True)

    def _commit(
        self, change: Callable[[RecordChange], T], now: Now, *, live: bool = True
    ) -> StepsTo[tuple[T, Watermark]]:
        """Make a change durable, then tell of it if it moved the store."""
        before = self._mark()
        (result, heard), mark = self._records.commit(lambda u: (change(u), u.heard), now, live=live)
        if mark.revision > before.revision:
            ingested = mark.max_vec_label - before.max_vec_label
            yield Publish(RecordsCommitted(revision=mark.revision, ingested=ingested))
            # Nobody is to see what was pinned, edited or forgotten as it was.
            self._news.changed(heard, waits=ingested > 0)
            yield from self._tell_news()
        return result, mark

    def _tell_news(self) -> Steps:
        """Write down for the hooks what has become news."""
        for project, line in self._news.lines():
            path = self._layout.project_news(project)
            try:
                yield ReplaceFile(path, line, lasting=False)
            except OSError as error:
                log.warning("%s is not written: %s", path, error)
                self._news.lost(project)
                yield RemoveFile(path)  # better none than one that is not true any more

    def _mark(self) -> Watermark:
        with self._records.view() as view:
            return view.watermark()

    def _home(self, cwd: str) -> str:
        """Return the project in which a session in this directory is."""
        with self._records.view() as view:
            return view.belongs(self._identify(cwd, "").id)


def make(settings: Settings) -> Ingest:
    """Return the behaviour of the ingest process."""
    layout = Layout(settings.store)
    return Ingest(layout, Records(layout.records, writer=True))


def _project(place: Place) -> Project:
    return Project(id=place.id, name=place.name, root=place.root)


def _not_found(caller: Caller, detail: str) -> Answer:
    return Answer(caller, Error(code=ErrorCode.NOT_FOUND, detail=detail))
