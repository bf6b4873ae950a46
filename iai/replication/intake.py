"""What arrives from the stream: verified, opened, and sorted by what is to become of it.

Nothing is written here: `take` returns what is to be done in one transaction of `team/`, together
with how far the stream was taken in. So a crash repeats messages, and never skips one.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct, field

from iai.errors import BadChange, Forged, MessageRefused, NotAMember, UnknownKey
from iai.model import change
from iai.model.change import (
    AmendChange,
    Change,
    Edited,
    ForgetChange,
    MemberChange,
    TurnChange,
)
from iai.model.member import Member
from iai.replication import content
from iai.replication.content import Relayed
from iai.replication.peers import Key, Peers, Wanted, names
from iai.store.copies import text_mark
from iai.store.inbox import Mark
from iai.store.team_store import Control, TeamChange, TeamView, Unopened, Write
from iai.team import control, envelope, subjects
from iai.team.chain import Span
from iai.team.envelope import Header
from iai.team.membership import Membership, Opened
from iai.team.stream import Arrived

MOST_UNKNOWN = 10_000  # messages of machines not known to be in the team that are kept for later
NO_PROJECT = "0" * 16  # of a change that is about none

_RELAYED = Span(0, 0)  # positions that a message covers which another machine has published


class Refused(Struct, frozen=True):
    """A message that was not taken in."""

    sequence: int
    subject: str
    reason: str


class Taken(Struct):
    """What some messages come to."""

    writes: list[Write] = field(default_factory=list)
    rows: list[tuple[str, bytes]] = field(default_factory=list)  # for the inbox
    gaps: list[tuple[str, Span]] = field(default_factory=list)  # our messages that are void
    heard: set[Key] = field(default_factory=set)  # machines that have said something
    control: bool = False  # is anything new known of the team?
    refused: list[Refused] = field(default_factory=list)


class _Sealed(NamedTuple):
    """A message of a machine, as it was sealed, and opened."""

    data: bytes
    header: Header
    plain: bytes  # a filler for what is somebody else's own
    about: tuple[str, ...]  # subjects of what is somebody's own


class Intake:
    """What has arrived of each machine so far."""

    def __init__(self, membership: Membership, view: TeamView) -> None:
        self._membership = membership
        self._mark = view.taken()
        self._hashes: dict[str, str] = {}  # project -> what stands for it
        self._told: dict[str, Member] = {}  # as ingest was told, by machine
        self.peers = Peers(membership, view)

    @property
    def mark(self) -> Mark:
        """Up to where the stream was taken in."""
        return self._mark

    def begin_stream(self, stream: str) -> Write:
        """Start over with another stream; return what is to be written."""
        self._mark = Mark(stream, 0)
        return lambda unit: unit.begin_stream(stream)

    def begin_copies(self, *, whole: bool) -> Write:
        """Have copies kept from now on; if not `whole`, of all that the stream still has, too."""
        self._mark = Mark(self._mark.stream, 0)
        mark = self._mark

        def begin(unit: TeamChange) -> None:
            unit.begin_copies(whole=whole)
            unit.take(mark)

        return begin

    def take(self, reports: Iterable[Arrived], view: TeamView, now: int) -> Taken:
        """Return what becomes of messages. `now` is UTC nanoseconds."""
        taken = Taken()
        room = MOST_UNKNOWN - view.waiting()
        for report in reports:
            try:
                if report.subject == subjects.control(self._membership.team):
                    self._take_control(report, taken)
                elif not self._take_change(report, taken, view, room):
                    kept = Unopened(report.subject, report.data)
                    taken.writes.append(_keeping(report.sequence, kept))
                    room -= 1
            except MessageRefused as error:
                taken.refused.append(Refused(report.sequence, report.subject, str(error)))
            self._mark = Mark(self._mark.stream, max(self._mark.sequence, report.sequence))
        mark = self._mark
        self._finish(taken, now)
        taken.writes.append(lambda unit: unit.take(mark))
        return taken

    def retry(self, waiting: Iterable[tuple[int, Unopened]], view: TeamView, now: int) -> Taken:
        """Return what becomes of messages that waited for a key."""
        taken = Taken()
        for sequence, one in waiting:
            report = Arrived(sequence, one.subject, one.data, 0)
            try:
                opened = self._take_change(report, taken, view, MOST_UNKNOWN)
            except MessageRefused as error:
                opened = True
                taken.refused.append(Refused(sequence, one.subject, str(error)))
            if opened:
                taken.writes.append(_dropping(sequence))
        self._finish(taken, now)
        return taken

    def asked(self, data: bytes) -> Wanted | None:
        """Return what is to be published again; None if nobody may ask for it."""
        try:
            header = envelope.read_header(data)
            opened = self._membership.open(header.project, header.machine, 0, data)
        except MessageRefused:
            return None
        machine = content.asked_for(opened.plain)
        if header.machine not in self._membership.roster.members or machine is None:
            return None
        return Wanted(header.project, machine, Span(header.after, header.revision))

    def _take_control(self, report: Arrived, taken: Taken) -> None:
        if self._membership.apply(report.sequence, report.data):
            key = control.read(self._membership.team, report.data).digest
            kept = Control(report.sequence, report.data)
            taken.writes.append(lambda unit: unit.put_control(key, kept))
            taken.control = True

    def _finish(self, taken: Taken, now: int) -> None:
        # They come first: what a change does can depend on whose machine it is.
        taken.rows[:0] = self._members_learned()
        rows = taken.rows
        if rows:
            taken.writes.append(lambda unit: unit.arrive(rows, now))
        taken.writes.extend(self.peers.put(key) for key in taken.heard)

    def _take_change(self, report: Arrived, taken: Taken, view: TeamView, room: int) -> bool:
        """Sort one change; return False if it has to wait for a key, or for its author.

        `room`: how many more may wait for their author. Raises MessageRefused.
        """
        project, machine = names(report.subject)
        ours = machine == self._membership.machine
        try:
            opened = self._membership.open(project, machine, report.sequence, report.data)
            relayed = content.relayed(opened.plain)
            if relayed is None:
                found = [self._opened(report.data, opened)]
            else:
                found = self._open_relayed(project, relayed)
        except UnknownKey:
            if not ours:
                taken.heard.add(self.peers.hear(envelope.read_header(report.data)))
            return False
        except NotAMember:
            if machine in self._membership.roster.admitted or room <= 0:
                raise
            return False  # a stream that was refilled can have it before its author joins
        span = Span(opened.header.after, opened.header.revision) if ours else None
        for one in found:
            covered = span if relayed is None else _RELAYED
            self._take_content(one, report.sequence, covered, taken, view)
        if relayed is not None and relayed.machine != self._membership.machine:
            taken.heard.add(self.peers.vouch(project, relayed))
        return True

    def _open_relayed(self, project: str, relayed: Relayed) -> list[_Sealed]:
        """Open what another machine has signed, be it in the team or not any more.

        Who relays it had it before that one left. Raises Forged, UnknownKey.
        """
        if relayed.machine not in self._membership.roster.admitted:
            raise UnknownKey(f"machine {relayed.machine} is not known yet")
        found = [
            self._opened(data, self._membership.open(project, relayed.machine, 0, data))
            for data in relayed.messages
        ]
        if any(content.relayed(one.plain) is not None for one in found):
            raise Forged("what is relayed was not said by a machine itself")
        return found

    def _opened(self, data: bytes, opened: Opened) -> _Sealed:
        """Open a message once more if it is one's own. Raises Forged, UnknownKey."""
        owned = content.owned(opened.plain)
        if owned is None:
            return _Sealed(data, opened.header, opened.plain, ())
        plain = self._membership.open_own(opened.header.machine, owned)
        return _Sealed(data, opened.header, plain or content.FILLER, owned.about)

    def _take_content(
        self, one: _Sealed, sequence: int, span: Span | None, taken: Taken, view: TeamView
    ) -> None:
        """Sort the changes in one message. `span`: see `TeamChange.note_about`."""
        header = one.header
        project, machine = header.project, header.machine
        ours = machine == self._membership.machine
        if content.is_signal(one.plain):
            raise Forged("a heartbeat, or a question, is no change")
        changes = [(plain, self._decode(plain, project)) for plain in content.split(one.plain)]
        several = len(changes) > 1
        about = dict.fromkeys(one.about, b"") | _texts(found for _, found in changes)
        marked = about if several else dict.fromkeys(about, b"")
        taken.writes.append(lambda unit: unit.note_about(marked, sequence, span))
        if span is not None:
            taken.gaps.extend(_replaced(about, project, span, view))
        if not ours:
            taken.heard.add(self.peers.hear(header))
        for plain, found in changes:
            if isinstance(found, ForgetChange):
                taken.writes.append(_forgetting(found, ours=ours))
                taken.gaps.extend(_deleted(found, project, view))
            if not ours and not self._is_forgotten(found, view):
                taken.rows.append((machine, plain))
        if not ours and header.revision:
            taken.writes.append(_copying(one, about, several=several))

    def _members_learned(self) -> Iterator[tuple[str, bytes]]:
        """Yield what tells ingest whose machines there are, and their names as soon as known.

        Ingest hears of them in no other way.
        """
        clock = self._membership.roster.clock
        for member in map(self._membership.member, self._membership.roster.admitted):
            if self._told.get(member.machine) != member:
                self._told[member.machine] = member
                said = MemberChange(
                    project=NO_PROJECT, revision=clock,
                    author=member.author, name=member.name, person=member.person,
                )  # fmt: skip
                yield member.machine, change.encode(said)

    def _decode(self, plain: bytes, project: str) -> Change | None:
        """Return a change; None if ingest is to say what is wrong with it.

        Raises Forged if it was sealed for another project than its own, or says who a machine is:
        that is known from the control messages alone.
        """
        try:
            found = change.decode(plain)
        except BadChange:
            return None
        if self._hash_of(found.project) != project:
            raise Forged("it is about another project than the one that it was sealed for")
        if isinstance(found, MemberChange):
            raise Forged("who a machine is does not count if it says so in a change")
        return found

    def _hash_of(self, project: str) -> str:
        if project not in self._hashes:
            self._hashes[project] = self._membership.hash_of(project)
        return self._hashes[project]

    @staticmethod
    def _is_forgotten(found: Change | None, view: TeamView) -> bool:
        """Is all that it is about forgotten? Then it need not even pass through the inbox."""
        if found is None or isinstance(found, ForgetChange):
            return False
        about = list(change.subjects(found))
        return bool(about) and all(view.forgotten(one) is not None for one in about)


def _forgetting(found: ForgetChange, *, ours: bool) -> Write:
    about = tuple(change.subjects(found))
    return lambda unit: unit.forget(about, ours=ours)


def _deleted(found: ForgetChange, project: str, view: TeamView) -> Iterator[tuple[str, Span]]:
    """Yield the positions of our messages that are deleted for this, with all that is in them."""
    for subject in change.subjects(found):
        for one in view.about(subject):
            if one.ours is not None:
                yield project, one.ours


def _replaced(
    about: Mapping[str, bytes], project: str, span: Span, view: TeamView
) -> Iterator[tuple[str, Span]]:
    """Yield the positions of our earlier messages with an old text of anything, among others.

    Others keep their copies of these, with that text, until the rest is published again.
    """
    for subject, mark in about.items():
        for one in view.about(subject) if mark else ():
            if one.ours and one.ours.through < span.through and one.mark not in (mark, b""):
                yield project, one.ours


def _texts(changes: Iterable[Change | None]) -> dict[str, bytes]:
    """Return what changes are about, each with the mark of the text that they give that."""
    about: dict[str, bytes] = {}
    for one in changes:
        if one is not None and not isinstance(one, ForgetChange):
            text = one.text if isinstance(one, TurnChange | AmendChange) else None
            if isinstance(text, Edited):
                text = text.text
            mark = text_mark(text) if text is not None else b""
            about |= {subject: mark or about.get(subject, b"") for subject in change.subjects(one)}
    return about


def _copying(one: _Sealed, about: Mapping[str, bytes], *, several: bool) -> Write:
    project, machine, position = one.header.project, one.header.machine, one.header.revision
    return lambda unit: unit.copy(project, machine, position, one.data, about, several=several)


def _keeping(sequence: int, message: Unopened) -> Write:
    return lambda unit: unit.put_unopened(sequence, message)


def _dropping(sequence: int) -> Write:
    return lambda unit: unit.drop_unopened(sequence)
