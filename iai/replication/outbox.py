"""What this machine publishes: the records are the outbox, and a cursor says how far it has come.

For each shared project, changes are read after the cursor, sealed and published, and the cursor
moves when the stream has acknowledged them. After a crash, or with a new connection, it goes on
from the cursor: the stream drops what it has seen, and applying a change twice does no harm.

A backlog does not hold up what is said now. What comes after it is published first, by a sender of
its own, and the backlog at a rate that other machines can keep up with. The cursor follows the
backlog, and then goes on with the other sender.
"""

from collections.abc import Iterator
from itertools import count

from msgspec import structs

from iai.errors import MessageRefused, UnknownKey
from iai.model.clock import NS, Now
from iai.protocol.replicator import ChangeWithheld
from iai.replication import content
from iai.replication.log_sender import LogSender
from iai.replication.messages import Message, last_position
from iai.replication.positions import revision_of
from iai.replication.project import Project, from_cursor
from iai.store import outgoing
from iai.store.record_view import RecordView
from iai.store.team_store import Shared
from iai.team import subjects
from iai.team.chain import Span
from iai.team.membership import Membership
from iai.team.stream import Last, Stream

PER_S = 2_000  # changes of a backlog published in a second; other machines take in more
NEVER = 1 << 63  # monotonic
MOST_REFILLS = 64  # gaps of others that wait to be filled


class Outbox:
    """The shared projects of this machine, and what of them is under way."""

    def __init__(self, stream: Stream, membership: Membership) -> None:
        self._stream = stream
        self._membership = membership
        self._projects: dict[str, Project] = {}  # by hash
        self._numbers = count(1)
        self._sent: dict[int, tuple[Project, LogSender]] = {}
        self._beaten: dict[str, int] = {}  # position in the last heartbeat, by hash
        self._largest = 0  # bytes that a message may have
        self.limited = False  # does the stream drop old messages?
        self._backlog_at = 0  # monotonic; nothing of a backlog is published before
        self._withheld: list[ChangeWithheld] = []  # and not told yet
        self._moved: list[Shared] = []  # cursors that were moved by no acknowledgement

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
        self._projects[shared.hash] = Project(shared, from_cursor(shared))
        if self._stream.room:
            self._check(shared.hash)

    def remove(self, hashed: str) -> None:
        """Stop sharing a project. Acknowledgements of what is under way are ignored."""
        self._projects.pop(hashed, None)

    def pause(self, largest: int) -> None:
        """Publish nothing until `go_on`. `largest`: bytes that a message may have."""
        self._largest = largest
        self._sent.clear()
        for one in self._projects.values():
            one.main = from_cursor(one.shared)
            one.live = one.own = None
            one.refills.clear()
            one.checked = False

    def go_on(self) -> None:
        """Go on from the cursors, once it is known what the stream has."""
        for one in self._projects.values():
            self._check(one.shared.hash)

    def begin_stream(self) -> list[Shared]:
        """Take note that the stream is another one; return the cursors, in which that shows."""
        for one in self._projects.values():
            one.shared = structs.replace(one.shared, sequence=0)
        return self.projects

    def verify(self) -> None:
        """Look whether the stream still has what it has acknowledged."""
        for one in self._projects.values():
            if one.main.idle and one.live is None:
                self._check(one.shared.hash)

    def last(self, found: Last, tag: str) -> Shared | None:
        """Take note of the last message of a subject; return the cursor if the stream has lost any.

        Then those are published again, with keys that it cannot have seen.
        """
        every = self._projects.items()
        project = next((one for h, one in every if found.subject == self._subject(h)), None)
        if project is None or not project.main.idle or project.live is not None:
            return None
        project.checked = True
        expected = project.expected or project.shared
        there, before = last_position(found.data)
        # The last one need not be the last of the log: it may have been published again.
        by_sequence = found.sequence >= expected.sequence
        if by_sequence if expected.sequence else there >= expected.position:
            return None
        if self.limited and found.data is None:  # dropped for its age: who lacks it asks for it
            return None
        resume = before if revision_of(before) < revision_of(there) else there
        resume = min(resume, project.shared.position)
        project.shared = structs.replace(project.shared, sequence=0)
        project.main = LogSender(max(0, revision_of(resume) - 1), resume, tag=tag)
        return project.shared

    def refill(self, hashed: str, span: Span, tag: str) -> bool:
        """Publish again what there is between two positions; return False if it has to wait."""
        project = self._projects.get(hashed)
        if project is None:
            return True
        if not project.checked or len(project.refills) >= MOST_REFILLS:
            return False
        through = min(span.through, project.shared.position)
        overlapping = any(one.last < through and span.after < one.until for one in project.refills)
        if span.after < through and not overlapping:
            start = max(0, revision_of(span.after) - 1)
            project.refills.append(LogSender(start, span.after, until=through, tag=tag))
        return True

    def acknowledged(self, number: int, sequence: int) -> Shared | None:
        """Take note of an acknowledgement; return the cursor if it has moved."""
        project, sender = self._sent.pop(number, (None, None))
        if project is None or sender is None:
            return None
        sender.acknowledged(number, sequence)
        before = project.shared
        if sender is project.main:
            project.advance()
        return project.shared if project.shared != before else None

    def publish(self, view: RecordView, now: Now) -> int:
        """Publish what there is room for; return when to go on (monotonic), or `NEVER`.

        When there is room again is not known: acknowledgements say so.
        """
        head = view.watermark().revision
        for one in self._projects.values():
            one.late_since = 0 if one.done(head) else one.late_since or now.wall
        ready = [one for one in self._projects.values() if one.checked]
        for one in ready:
            if one.share_own(head, now.wall, on=self._membership.shares_own):
                self._moved.append(one.shared)
            one.split(head)
            self._advance(view, one, one.first, head)
        if now.mono >= self._backlog_at:
            published = sum(self._publish_backlog(view, one, head) for one in ready)
            self._backlog_at = now.mono + published * NS // PER_S
        left = [one for one in ready if not one.blocked] if self._stream.room else []
        if any(one.first.has_more(head) for one in left):
            return 0
        more = any(sender.has_more(head) for one in left for sender in one.backlog)
        return self._backlog_at if more else NEVER

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

    def _publish_backlog(self, view: RecordView, project: Project, head: int) -> int:
        """Publish the next of a backlog; return how many changes."""
        if not project.backlog:
            return 0
        sender = project.backlog[0]
        count = self._advance(view, project, sender, head)
        if project.refills and sender is project.refills[0] and sender.ended:
            project.refills.popleft()
        return count

    def _advance(self, view: RecordView, project: Project, sender: LogSender, head: int) -> int:
        """Publish what a sender has next; return how many changes were read for that."""
        count = 0
        if not sender.ready and self._stream.room:
            own = self._membership.shares_own
            count = sender.read_on(view, project.shared.project, head, own=own)
            if not sender.ready:
                project.close(sender, head)
            if sender is project.main:
                project.advance()
        while sender.ready and self._stream.room and self._send(project, sender, sender.ready[0]):
            sender.ready.popleft()
        return count

    def _send(self, project: Project, sender: LogSender, ready: Message) -> bool:
        """Publish one message; return False if it cannot be sealed now."""
        hashed = project.shared.hash
        at, after = _place(project, sender, ready)
        try:
            data = self._membership.seal(hashed, at, after, self._sealed(ready))
            if len(data) > self._largest:
                self._withhold(project, ready, len(data))
                data = self._membership.seal(hashed, at, after, content.FILLER)
        except MessageRefused as error:
            project.blocked = str(error)
            return False
        project.blocked = ""
        number = next(self._numbers)
        self._sent[number] = project, sender
        sender.sent.append((number, ready))
        mac = self._membership.mac(ready.plain)
        key = f"{self._membership.machine}:{hashed}:{ready.position}:{mac}{sender.tag}"
        self._stream.publish(number, self._subject(hashed), key, data)
        sender.last = ready.position
        return True

    def _sealed(self, ready: Message) -> bytes:
        """Return the content of a message, sealed once more if it is one's own."""
        if ready.about is None:
            return ready.plain
        try:
            return content.own(self._membership.seal_own(ready.plain, ready.about))
        except UnknownKey:  # of just now; it is published once there is a key again
            return content.FILLER

    def moved(self) -> list[Shared]:
        """Return the cursors that were moved by no acknowledgement since the last call."""
        found, self._moved = self._moved, []
        return found

    def _withhold(self, project: Project, ready: Message, size: int) -> None:
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
        project.expected = project.shared
        self._stream.last_of(self._subject(hashed))

    def _subject(self, hashed: str) -> str:
        return subjects.changes(self._membership.team, hashed, self._membership.machine)


def _place(project: Project, sender: LogSender, ready: Message) -> tuple[int, int]:
    """Return the position that a message has for others, and that of the one before it.

    What is one's own and is published later says nothing of what is between; nor, beyond what is
    published of all else, of its own position.
    """
    if not sender.own:
        return ready.position, sender.last
    known = ready.position <= project.shared.position
    return (ready.position, ready.position - 1) if known else (0, 0)
