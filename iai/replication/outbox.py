"""What this machine publishes: the records are the outbox, and a cursor says how far it has come.

For each shared project, changes are read after the cursor, sealed and published, and the cursor
moves when the stream has acknowledged them. After a crash, or with a new connection, it goes on
from the cursor: the stream drops what it has seen, and applying a change twice does no harm.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count

from msgspec import Struct, field, structs

from iai.errors import Forged, MessageRefused
from iai.model import change
from iai.model.change import Change, ForgetChange
from iai.protocol.replicator import ChangeWithheld
from iai.replication import content
from iai.replication.positions import position, revision_of
from iai.store import outgoing
from iai.store.record_view import RecordView
from iai.store.team_store import Shared
from iai.team import envelope, subjects
from iai.team.chain import Span
from iai.team.membership import Membership
from iai.team.stream import Stream

BATCH = 256  # changes read at a time
MOST_JOINED, JOINED_BYTES = 32, 64 << 10  # changes in one message of several, and their bytes
MOST_REFILLS = 64  # holes of others that wait to be filled
_MAC = 8  # bytes


class _Ready(Struct, frozen=True):
    """A message that is not published yet."""

    position: int
    plain: bytes
    through: int = 0  # revision up to which all is published with it; 0: more of it follows


class _Run(Struct):
    """What is being published: a project from its cursor on, or what is missing somewhere."""

    read: int  # revision up to which the records were read
    last: int  # position of the last message that was published
    until: int = 0  # position at which it ends; 0: never
    stuck_at: int = -1  # revision of the records at which nothing more was to be had
    tag: str = ""  # makes a key that the stream does not know yet
    ready: deque[_Ready] = field(default_factory=deque)
    sent: deque[tuple[int, _Ready]] = field(default_factory=deque)  # by number, not acknowledged

    @property
    def idle(self) -> bool:
        """Is nothing of it under way?"""
        return not self.ready and not self.sent


class _Project(Struct):
    """A shared project."""

    shared: Shared
    main: _Run
    refills: deque[_Run] = field(default_factory=deque)
    checked: bool = False  # is what the stream has of it known, on this connection?
    expected: int = 0  # position that was acknowledged when that was last asked for
    blocked: str = ""  # why nothing can be published
    late_since: int = 0  # since when anything is not acknowledged, UTC nanoseconds; 0: all is


class Outbox:
    """The shared projects of this machine, and what of them is under way."""

    def __init__(self, stream: Stream, membership: Membership) -> None:
        self._stream = stream
        self._membership = membership
        self._projects: dict[str, _Project] = {}  # by hash
        self._numbers = count(1)
        self._sent: dict[int, tuple[_Project, _Run]] = {}
        self._acknowledged: set[int] = set()
        self._beaten: dict[str, int] = {}  # position in the last heartbeat, by hash
        self._largest = 0  # bytes that a message may have
        self._withheld: list[ChangeWithheld] = []  # and not told yet

    @property
    def projects(self) -> list[Shared]:
        """The projects that are shared, each with how far it is published."""
        return [one.shared for one in self._projects.values()]

    def shares(self, hashed: str) -> bool:
        """Is this project shared?"""
        return hashed in self._projects

    def blocked(self, hashed: str) -> str:
        """Say why nothing of a project can be published; "" if that is not so."""
        return self._projects[hashed].blocked

    def late_since(self, hashed: str) -> int:
        """Return since when anything of a project is not acknowledged, UTC ns; 0: all is."""
        return self._projects[hashed].late_since

    def add(self, shared: Shared) -> None:
        """Share a project."""
        self._projects[shared.hash] = _Project(shared, _Run(shared.through, shared.position))
        if self._stream.room:
            self._check(shared.hash)

    def remove(self, hashed: str) -> None:
        """Stop sharing a project. Acknowledgements of what is under way are ignored."""
        self._projects.pop(hashed, None)

    def connected(self, largest: int) -> None:
        """Go on from the cursors, once it is known what the stream has.

        `largest`: bytes that a message may have.
        """
        self._largest = largest
        self._sent.clear()
        self._acknowledged.clear()
        for one in self._projects.values():
            one.main = _Run(one.shared.through, one.shared.position)
            one.refills.clear()
            one.checked = False
            self._check(one.shared.hash)

    def verify(self) -> None:
        """Look whether the stream still has what it has acknowledged."""
        for one in self._projects.values():
            if one.main.idle:
                self._check(one.shared.hash)

    def last(self, subject: str, data: bytes | None, tag: str) -> bool:
        """Take note of the last message of a subject; return whether the stream has lost some.

        Then those are published again, with keys that it cannot have seen.
        """
        mine = [o for h, o in self._projects.items() if subject == self._subject(h)]
        if not mine or not mine[0].main.idle:
            return False
        project = mine[0]
        project.checked = True
        there, before = _last_position(data)
        if there >= project.expected:
            return False
        resume = before if revision_of(before) < revision_of(there) else there
        project.main = _Run(max(0, revision_of(resume) - 1), resume, tag=tag)
        return True

    def refill(self, hashed: str, span: Span, tag: str) -> None:
        """Publish again what there is between two positions."""
        project = self._projects.get(hashed)
        if project is None or not project.checked or len(project.refills) >= MOST_REFILLS:
            return
        through = min(span.through, project.shared.position)
        overlapping = any(one.last < through and span.after < one.until for one in project.refills)
        if span.after < through and not overlapping:
            start = max(0, revision_of(span.after) - 1)
            project.refills.append(_Run(start, span.after, until=through, tag=tag))

    def acknowledged(self, number: int) -> Shared | None:
        """Take note of an acknowledgement; return the cursor if it has moved."""
        project, run = self._sent.pop(number, (None, None))
        if project is None or run is None:
            return None
        self._acknowledged.add(number)
        before = project.shared
        while run.sent and run.sent[0][0] in self._acknowledged:
            done, ready = run.sent.popleft()
            self._acknowledged.discard(done)
            if run is project.main:
                project.shared = structs.replace(
                    project.shared,
                    position=max(project.shared.position, ready.position),
                    through=max(project.shared.through, ready.through),
                )
        return project.shared if project.shared != before else None

    def publish(self, view: RecordView, now: int) -> bool:
        """Publish what there is room for; return whether more is left. `now` is UTC nanoseconds."""
        head = view.watermark().revision
        for project in self._projects.values():
            done = project.main.idle and project.main.read >= head
            project.late_since = 0 if done else project.late_since or now
            if not project.checked:
                continue
            while project.refills and self._stream.room:
                if not self._advance(view, project, project.refills[0], head):
                    break
                project.refills.popleft()
            if self._stream.room:
                self._advance(view, project, project.main, head)
        return self.behind(head) and self._stream.room > 0

    def behind(self, head: int) -> bool:
        """Is there anything to be published that could be? `head`: revision of the records."""
        return any(
            one.checked
            and not one.blocked
            and (one.main.ready or one.refills or one.main.read < head != one.main.stuck_at)
            for one in self._projects.values()
        )

    def unpublished(self, view: RecordView, most: int) -> dict[str, int]:
        """Return how many changes of each project the stream has not acknowledged, up to `most`."""
        return {
            hashed: len(outgoing.changes(view, s.project, s.through, most).changes)
            for hashed, s in ((h, one.shared) for h, one in self._projects.items())
        }

    def beats(self, now: int, *, every: bool) -> Iterator[tuple[str, bytes]]:
        """Yield what says how far each project is published, and its subject.

        Of `every` project, or of those that were published further since the last time.
        """
        for hashed, one in self._projects.items():
            at = one.shared.position
            if not every and self._beaten.get(hashed) == at:
                continue
            self._beaten[hashed] = at
            try:
                data = self._membership.seal(hashed, at, at, content.alive(now))
            except MessageRefused:
                continue
            team, machine = self._membership.team, self._membership.machine
            yield subjects.alive(team, hashed, machine), data

    def _advance(self, view: RecordView, project: _Project, run: _Run, head: int) -> bool:
        """Publish the next of a run; return whether it has come to its end."""
        if not run.ready:
            self._read(view, project, run, head)
        while run.ready and self._stream.room:
            if not self._send(project, run, run.ready[0]):
                return False
            run.ready.popleft()
        return 0 < run.until <= run.last

    def _read(self, view: RecordView, project: _Project, run: _Run, head: int) -> None:
        """Read the next changes of a run."""
        if run.read >= head and not run.until:
            return
        found = outgoing.changes(view, project.shared.project, run.read, BATCH)
        run.stuck_at = head if found.through <= run.read else -1  # it is ignored
        run.read = max(run.read, found.through)
        every = _placed(found.changes)
        ready = list(_joined((p, o) for p, o in every if p > run.last and not 0 < run.until < p))
        if run.until:
            ends = run.read >= min(head, revision_of(run.until))
            if ends and (not ready or ready[-1].position < run.until):
                ready.append(_Ready(run.until, content.FILLER))
        elif ready:
            ready[-1] = structs.replace(ready[-1], through=run.read)
        elif not run.sent:
            project.shared = structs.replace(project.shared, through=run.read)
        run.ready.extend(ready)

    def _send(self, project: _Project, run: _Run, ready: _Ready) -> bool:
        """Publish one message; return False if it cannot be sealed now."""
        hashed = project.shared.hash
        try:
            data = self._membership.seal(hashed, ready.position, run.last, ready.plain)
            if len(data) > self._largest:
                self._withhold(project, ready, len(data))
                data = self._membership.seal(hashed, ready.position, run.last, content.FILLER)
        except MessageRefused as error:
            project.blocked = str(error)
            return False
        project.blocked = ""
        number = next(self._numbers)
        self._sent[number] = project, run
        run.sent.append((number, ready))
        key = f"{self._membership.machine}:{hashed}:{ready.position}:{self._mac(ready)}{run.tag}"
        self._stream.publish(number, self._subject(hashed), key, data)
        run.last = ready.position
        return True

    def _withhold(self, project: _Project, ready: _Ready, size: int) -> None:
        """Note that a message is too large: another one without it takes its place in the chain."""
        withheld = ChangeWithheld(
            project=project.shared.project,
            revision=revision_of(ready.position),
            size=size,
            largest=self._largest,
        )
        self._withheld.append(withheld)

    def withheld(self) -> list[ChangeWithheld]:
        """Return what was found to be too large since the last call."""
        found, self._withheld = self._withheld, []
        return found

    def _check(self, hashed: str) -> None:
        project = self._projects[hashed]
        project.expected = project.shared.position
        self._stream.last_of(self._subject(hashed))

    def _subject(self, hashed: str) -> str:
        return subjects.changes(self._membership.team, hashed, self._membership.machine)

    def _mac(self, ready: _Ready) -> str:
        """Tell contents apart by a hash that says nothing to who does not know the secret."""
        secret = self._membership.secret
        return hashlib.blake2b(ready.plain, key=secret, digest_size=_MAC).hexdigest()


def _placed(changes: Iterable[tuple[int, Change]]) -> Iterator[tuple[int, Change]]:
    """Yield changes with their positions."""
    part, revision = 0, -1
    for at, one in changes:
        part = part + 1 if at == revision else 0
        revision = at
        yield position(at, part), one


def _joined(placed: Iterable[tuple[int, Change]]) -> Iterator[_Ready]:
    """Yield messages with several changes each: a signature and a write to the disk for all.

    What is to be forgotten has a message of its own, which is never deleted for the sake of others;
    so has what is large, which the server may not take.
    """
    parts, size, last = list[bytes](), 0, 0
    for here, one in placed:
        encoded = change.encode(one)
        alone = isinstance(one, ForgetChange) or len(encoded) > JOINED_BYTES
        if parts and (alone or len(parts) == MOST_JOINED or size + len(encoded) > JOINED_BYTES):
            yield _Ready(last, content.join(parts))
            parts, size = [], 0
        parts.append(encoded)
        size += len(encoded)
        last = here
        if alone:
            yield _Ready(last, content.join(parts))
            parts, size = [], 0
    if parts:
        yield _Ready(last, content.join(parts))


def _last_position(data: bytes | None) -> tuple[int, int]:
    """Return the position of a message of this machine, and of the one before it."""
    if data is None:
        return 0, 0
    try:
        header = envelope.read_header(data)
    except Forged:
        return 0, 0
    return header.revision, header.after
