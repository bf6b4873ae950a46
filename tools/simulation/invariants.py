"""The invariants of a simulated group: some hold at every moment, some once it is quiet.

They compare what was said with what the files on disk claim, and know nothing of how a payload is
composed. Every text in a scenario has one word of its own, such as `w000042`, and so has every
action.

(a) payload and sidecar are each readable or absent
(b) no sidecar claims a revision that its payload, or another project's, does not show
(c) once quiet, every payload shows everything, and a hook would print it
(d) there are never two writes at a time
(e) no write without a change, and none before its interval or back-off ends; a change that adds
    nothing, such as a forget, need not wait for the interval
(f) awake and without faults, no change waits longer than the interval and `SHORT_WHILE_S`
(g) an acknowledged text is stored exactly once, a forgotten one nowhere
(h) what an agent did is stored exactly once, and only a forget removes it
(i) no payload shows narration that nobody pinned
(j) a project's payload shows what its last session did to files, and its last commit
(k) at the end no stored entry is damaged, and no index contradicts what it follows from
"""

import os
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from iai.freshness.decide import backoff_s
from iai.freshness.inputs import LEFT_OUT
from iai.freshness.sidecar import Sidecar, sidecar_path
from iai.freshness.timers import COLD_BOUND_S
from iai.model.clock import NS
from iai.model.exchange import NARRATION, opens
from iai.model.record import Record, session_key
from iai.payload.summary import SMALL_TALK_TEXT
from iai.protocol.behaviour import LinkFile, RemoveFile, ReplaceFile
from iai.protocol.cache_writer import (
    CacheWriteFailed,
    CacheWriteStarted,
    CacheWriteSuccess,
    Reason,
)
from iai.protocol.ingest import RecordsCommitted, SessionEnded
from iai.protocol.message import Actor, Event
from iai.session_start.composer import WITHOUT_GRAPH
from iai.session_start.payload_files import read_sidecar
from iai.store.record_view import RecordView
from simulation.world import World

SHORT_WHILE_S = COLD_BOUND_S + 6.0  # two polls, a few slices, and a late message or two
JITTER_S = 0.1  # between a decision and the check that sees its event
LATEST_HINT_S = 20.0  # the longest delay of a message
WORD = re.compile(r"w\d{6}")
_SHOWN = re.compile(r"<!-- iai revision=(\d+) ")


class InvariantBroken(AssertionError):
    """An invariant does not hold; `invariant` is its letter."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"({invariant}) {detail}")
        self.invariant = invariant


class InvariantChecker:
    """Checks a world after every effect."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._payload = world.layout.payload
        self.acknowledged: set[str] = set()
        self.performed: set[str] = set()  # words of actions whose result the host has written
        self.last_said: dict[str, str] = {}  # working directory -> word
        self._text: dict[int, str] = {}  # label -> word
        self._sessions: set[bytes] = set()  # in which anything was ever said
        self._gone: dict[str, int] = {}  # word -> revision that removed it
        self._narrated: dict[str, int] = {}  # word -> revision that made it narration
        self._forgotten = False  # has anything been, since `_missing` was last looked up?
        self._missing: set[str] = set()  # words of actions that a forget removed
        self._there: set[str] = set()  # words of actions that were stored before the last forget
        # project -> revisions, and what its payload has to show since each
        self._latest: dict[str, tuple[list[int], list[frozenset[str]]]] = {}
        self._places: dict[str, tuple[str, ...]] = {}  # project -> directories
        self._committed: list[int] = [0]  # monotonic, by revision
        self._tampered: set[Path] = set()
        self._writing = False
        self._starts = 0
        self._attempt_at: int | None = None  # monotonic
        self._failures = 0
        self._at_once_at = 0  # monotonic; the last event that makes the text due at once
        self._reason: Reason | None = None  # of the write under way
        self._success: tuple[int, int, str] | None = None  # revision, graph, program
        self._unhindered_since = 0
        world.after_effect = self.check

    @property
    def changes(self) -> int:
        """Number of changes committed so far."""
        return len(self._committed) - 1

    # --- called by the runner -------------------------------------------------------------------

    def tampered(self, *paths: Path) -> None:
        """Exempt these files until they are written again: the scenario changed them."""
        self._tampered |= set(paths)
        self._success = None
        self.hindered()

    def hindered(self) -> None:
        """Restart the clock of (f): until now, a fault excused any delay."""
        self._unhindered_since = max(self._unhindered_since, self._world.now.mono)

    def forgetting(self, written: set[str]) -> None:
        """Note what is there to be forgotten, calls that wait for their results included.

        `written`: the words in the transcripts of whole sessions. Those not read yet may go, or
        stay: the events that would have them read go.
        """
        with self._world.records.view() as view:
            self.acknowledged -= written - {_word(record.text) for record in _stored(view)}
            waiting = {word for t in view.transcripts() for word in WORD.findall(str(t.calls))}
            self._there = _calls(self._actions(view)) | waiting

    def stopping(self) -> None:
        """Exempt the next write from (e): a stopping group writes without waiting."""
        self.check()
        self._attempt_at = None

    # --- after every effect ---------------------------------------------------------------------

    def check(self) -> None:
        """Check what has happened since the last call."""
        world = self._world
        self._note_changes()
        starts = world.starts[Actor.CACHE_WRITER]
        if starts != self._starts or Actor.CACHE_WRITER not in world.actors:
            self._starts, self._writing, self._attempt_at, self._failures = starts, False, None, 0
            self.hindered()
        if world.disk_full:
            self.hindered()
        for event in world.events:
            self._check_event(event)
        for actor, effect in world.effects:
            if actor is Actor.CACHE_WRITER and isinstance(
                effect, ReplaceFile | RemoveFile | LinkFile
            ):
                self._file_written(effect.path)
        world.events.clear()
        world.effects.clear()

    def _note_changes(self) -> None:
        with self._world.records.view() as view:
            revision = view.watermark().revision
            if not view.watermark().records_count:
                self.hindered()  # an empty store has nothing to show
            for number in range(len(self._committed), revision + 1):
                self._committed.append(self._world.now.mono)
                entry = view.entry(number)
                assert entry is not None  # noqa: S101  every revision has one
                self._note_change(view.get(entry.label), entry.label, number)
                self._forgotten |= entry.operation == "forget"
            if self._forgotten:
                # A call may be forgotten before its result is written, and it counts as performed.
                self._missing |= (self.performed | self._there) - _calls(self._actions(view))
                self._forgotten = False
            if revision > 0 and self._committed[-1] == self._world.now.mono:
                for project in view.projects():
                    self._places[project.id] = project.cwds
                    self._note_latest(view, project.id, revision)

    def _note_change(self, record: Record | None, label: int, revision: int) -> None:
        old, new = self._text.get(label), _word(record.text) if record else None
        if old and old != new:
            self._gone.setdefault(old, revision)
        if new and record:
            self._text[label] = new
            self._sessions.add(session_key(record.host, record.session))
        if new and record and record.kind == NARRATION and not record.pinned:
            self._narrated.setdefault(new, revision)
        elif new:
            self._narrated.pop(new, None)

    def _actions(self, view: RecordView) -> list[str]:
        """Return the keys of all actions."""
        return [action.key for session in self._sessions for action in view.actions(session)]

    def _goes_on(self, word: str) -> bool:
        """Is this of a session that work could go on from, and so is never left out?"""
        with self._world.records.view() as view:
            said = next((record for record in _stored(view) if _word(record.text) == word), None)
            if said is None:
                return False
            turns = view.session(session_key(said.host, said.session))
            return _worth_going_on(turn for turn in turns if turn.project == said.project)

    def _note_latest(self, view: RecordView, project: str, revision: int) -> None:
        """Record what the last session of a project has to show, as of this revision."""
        shown = _shown_of(view, project)
        revisions, latest = self._latest.setdefault(project, ([0], [frozenset()]))
        if revisions[-1] == revision:
            latest[-1] = shown
        elif latest[-1] != shown:
            revisions.append(revision)
            latest.append(shown)

    def _check_event(self, event: Event) -> None:
        match event:
            case RecordsCommitted(ingested=0) | SessionEnded():
                self._at_once_at = self._world.now.mono
            case CacheWriteStarted(reason=reason):
                if self._writing:
                    raise InvariantBroken("d", "a write began while another was under way")
                self._writing, self._reason = True, reason
                self._check_moment(reason)
                self._attempt_at = self._world.now.mono
            case CacheWriteSuccess(revision=revision):
                self._writing, self._failures = False, 0
                self._check_news(revision)
            case CacheWriteFailed():
                self._writing = False
                self._failures += 1
                # A cold graph may have caused two more failed attempts, which publish nothing.
                pause = int(backoff_s(self._failures + 2) * NS)
                self._unhindered_since = self._world.now.mono + pause
            case _:
                pass

    def _check_moment(self, reason: Reason) -> None:
        """Was it time to write? (e)"""
        if reason is Reason.FORCED:
            return
        at_once = self._attempt_at and self._attempt_at - self._at_once_at < LATEST_HINT_S * NS
        if self._attempt_at is None or (at_once and not self._failures):
            return
        pause = backoff_s(self._failures) if self._failures else self._world.settings.refresh_min_s
        waited = (self._world.now.mono - self._attempt_at) / NS
        if waited < pause - JITTER_S and (self._failures or reason is not Reason.CACHE_ABSENT):
            raise InvariantBroken("e", f"a write after {waited:.3f} of {pause:g} s ({reason})")

    def _check_news(self, revision: int) -> None:
        """Was anything that a payload is made from new to the last write? (e)"""
        sidecar = read_sidecar(self._payload)
        graph, program = (sidecar.graph, sidecar.program) if sidecar else (LEFT_OUT, "")
        written = (revision, graph, program)
        if self._reason is Reason.WATERMARK_CHANGED and written == self._success:
            raise InvariantBroken("e", f"a write of revision {revision}, which had been written")
        self._success = written

    def _graph(self) -> int:
        with self._world.graph.view() as view:
            progress, found = view.progress(), view.found()
        return progress.rebuilt + found if progress.warm else LEFT_OUT

    # --- files ------------------------------------------------------------------------------------

    def _file_written(self, path: Path) -> None:
        if path == self._payload and not path.exists():
            self._writing = False  # nothing left to show: the write ends with a removal
            self.hindered()
        self._tampered.discard(path)
        payloads = [self._payload, *self._world.layout.session_start.glob("*.md")]
        for payload in payloads:
            if path in (payload, sidecar_path(payload)):
                self._check_pair(payload)
        if path == sidecar_path(self._payload):
            self._check_commit_mark(payloads)

    def _check_pair(self, payload: Path) -> None:
        shown, sidecar = self._shown(payload), self._claimed(payload)
        if shown is not None and payload != self._payload:
            self._check_text(payload, shown)
        if shown is None or sidecar is None or payload in self._tampered:
            return
        if sidecar.revision > shown:
            raise InvariantBroken("b", f"{payload.name} shows {shown}, claims {sidecar.revision}")

    def _check_commit_mark(self, payloads: list[Path]) -> None:
        """The global sidecar is written last, and vouches for all payloads."""
        mark = self._claimed(self._payload)
        with self._world.records.view() as view:
            active = {project.id for project in view.active()}
        for payload in payloads[1:]:
            shown = self._shown(payload)
            if mark and shown is not None and _project(payload) in active and shown < mark.revision:
                raise InvariantBroken(
                    "b", f"{payload.name} shows {shown}, all claim {mark.revision}"
                )

    def _check_text(self, payload: Path, shown: int) -> None:
        """Does a project's payload show what its revision held, and nothing forgotten?"""
        words = set(WORD.findall(payload.read_text()))
        gone = [word for word in words if self._gone.get(word, shown + 1) <= shown]
        if gone:
            raise InvariantBroken(
                "g", f"{payload.name} at {shown} shows {gone}, which was forgotten"
            )
        narrated = [word for word in words if self._narrated.get(word, shown + 1) <= shown]
        if narrated:
            raise InvariantBroken("i", f"{payload.name} at {shown} shows {narrated}: narration")
        if len(self._places.get(_project(payload), ())) > 1:
            return  # the last session of one checkout need not come first in another's
        revisions, latest = self._latest.get(payload.stem, ([0], [frozenset()]))
        text = payload.read_text()
        for due in latest[bisect_right(revisions, shown) - 1]:
            if due not in text:
                raise InvariantBroken(
                    "b" if WORD.fullmatch(due) else "j",
                    f"{payload.name} at {shown} lacks {due}, of the last session there",
                )

    def _shown(self, payload: Path) -> int | None:
        """Return the revision in the first line of a payload; None if the file is absent."""
        if payload in self._tampered or not payload.exists():
            return None
        found = _SHOWN.match(payload.read_text())
        if found is None:
            raise InvariantBroken("a", f"{payload.name} cannot be read")
        return int(found[1])

    def _claimed(self, payload: Path) -> Sidecar | None:
        path = sidecar_path(payload)
        sidecar = read_sidecar(payload)
        if sidecar is None and path.exists() and path not in self._tampered:
            raise InvariantBroken("a", f"{path.name} cannot be read")
        return sidecar

    # --- from time to time ------------------------------------------------------------------------

    def in_time(self) -> None:
        """Has no change waited too long? (f)"""
        self.check()
        sidecar = read_sidecar(self._payload)
        shown = sidecar.revision if sidecar and self._payload.exists() else 0
        with self._world.records.view() as view:
            if shown >= self.changes or not view.watermark().records_count:
                return
        since = max(self._committed[shown + 1], self._unhindered_since)
        waited = (self._world.now.mono - since) / NS
        if waited > self._world.settings.refresh_min_s + SHORT_WHILE_S:
            raise InvariantBroken("f", f"revision {shown + 1} has waited for {waited:.1f} s")

    def current(self) -> bool:
        """Does the payload claim everything, with no file tampered with and the spool empty?"""
        if any(path.exists() for path in self._tampered):
            return False
        sidecar = read_sidecar(self._payload)
        with self._world.records.view() as view:
            mark = view.watermark()
        claimed = sidecar.revision if sidecar and self._payload.exists() else -1
        spool = self._world.layout.spool_new
        shown = claimed == mark.revision or not (mark.records_count or self._payload.exists())
        if sidecar and sidecar.graph != self._graph() != LEFT_OUT:
            return False
        return shown and not self._world.performing and not any(spool.iterdir())

    def quiet(self) -> None:
        """Check what must hold once nothing has happened for a while, without faults."""
        world = self._world
        if not self.current():
            raise InvariantBroken(
                "c", f"not current: {read_sidecar(self._payload)}, of {self.changes}"
            )
        with world.records.view() as view:
            active = view.active()
            counts = Counter(_word(record.text) for record in _stored(view))
            done = Counter(self._actions(view))
        kept = set(world.layout.session_start.glob("*.md"))
        left = [path.name for path in kept if _project(path) not in {p.id for p in active}]
        if left:
            raise InvariantBroken("c", f"{left} should be gone")
        whole = {world.layout.project_payload(project.id) for project in active}
        for payload in [self._payload, *whole, *kept] if active else []:
            self._check_current(payload)
        for project in active:
            for cwd in project.cwds:
                self._check_directory(cwd, project.id)
        wrong = {w: counts[w] for w in self.acknowledged if w not in self._gone and counts[w] != 1}
        if wrong or any(count > 1 for count in counts.values()):
            raise InvariantBroken(
                "g", f"{wrong or counts.most_common(1)} is the number of copies in the store"
            )

        lost = self.performed - self._missing - _calls(done)
        if lost or any(count > 1 for count in done.values()):
            raise InvariantBroken("h", f"lost: {lost}; most often there: {done.most_common(1)}")

    def intact(self) -> None:
        """Read everything that is stored, and compare the indexes with the records."""
        world = self._world
        for store in (world.records, world.vectors, world.graph):
            for problem in store.problems():
                raise InvariantBroken("k", problem)

    def _check_current(self, payload: Path) -> None:
        if self._shown(payload) != self.changes or self._claimed(payload) is None:
            raise InvariantBroken(
                "c", f"{payload.name} shows {self._shown(payload)} of {self.changes}"
            )
        age_s = (self._world.now.wall - os.stat(payload).st_mtime_ns) / NS  # noqa: PTH116
        if not -1 <= age_s <= self._world.settings.max_age_s:
            raise InvariantBroken("c", f"{payload.name} is {age_s:.0f} s old: no hook prints it")
        if WITHOUT_GRAPH in payload.read_text():
            raise InvariantBroken("c", f"{payload.name} lacks the graph, which is there")

    def _check_directory(self, cwd: str, project: str) -> None:
        link = self._world.layout.payload_link(cwd)
        if link is None or not link.exists() or _project(link.resolve()) != project:
            raise InvariantBroken("c", f"a hook in {cwd} does not find the payload of {project}")
        payload = link.resolve()
        news = self._world.layout.news_link(cwd)
        due = int(news.read_text().split()[0]) if news is not None and news.exists() else 0
        if due > (self._shown(payload) or 0):
            raise InvariantBroken(
                "c", f"a hook in {cwd} waits for {due}, and {payload.name} is all there is"
            )
        word = self.last_said.get(cwd)
        if not word or word in self._gone or not self._goes_on(word):
            return
        if word not in payload.read_text():
            raise InvariantBroken("c", f"{payload.name} lacks {word}, the last thing said in {cwd}")


def _word(text: str) -> str:
    found = WORD.search(text)
    return found[0] if found else text


def _stored(view: RecordView) -> Iterator[Record]:
    """Yield all records, the narration included."""
    labels = range(1, view.watermark().max_vec_label + 1)
    return (record for label in labels if (record := view.get(label)) is not None)


def _calls(actions: Iterable[str]) -> set[str]:
    """Return the words of the calls that these actions came from."""
    return {WORD.findall(key)[-1] for key in actions}


def _worth_going_on(turns: Iterable[Record]) -> bool:
    return any(opens(turn) and len(turn.text) > SMALL_TALK_TEXT for turn in turns)


def _shown_of(view: RecordView, project: str) -> frozenset[str]:
    """Return what the payload of a project has to show of its last session.

    That is nothing if the session holds no request that work could go on from.
    """
    session = next(iter(view.sessions(project)), b"")
    turns = [turn for turn in view.session(session) if turn.project == project]
    if not _worth_going_on(turns):
        return frozenset()
    due = {_word(turns[-1].text)}
    lines: dict[str, list[int]] = {}
    for action in view.actions(session):
        if action.kind == "edit" and action.status == "ok":
            name = action.path.rsplit("/", 1)[-1]
            added, removed = lines.get(name, (0, 0))
            lines[name] = [added + action.added, removed + action.removed]
    commits = [action.commit for action in view.actions(session) if action.kind == "commit"]
    due |= {f"{name} +{n[0]}" + (f" -{n[1]}" if n[1] else "") for name, n in lines.items()}
    return frozenset(due | set(commits[-1:]))


def _project(payload: Path) -> str:
    """Return the id of the project that a payload is of: a checkout's has more in its name."""
    return payload.stem.partition("-")[0]
