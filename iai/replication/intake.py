"""What arrives from the stream: verified, opened, and sorted by what is to become of it.

Nothing is written here: `take` returns what is to be done in one transaction of `team/`, together
with how far the stream was taken in. So a crash repeats messages, and never skips one.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct, field, structs

from iai.errors import BadChange, Forged, MessageRefused, NotAMember, UnknownKey
from iai.model import change
from iai.model.change import Change, ForgetChange, MemberChange
from iai.model.member import Member
from iai.replication import content
from iai.store.inbox import Mark
from iai.store.team_store import Control, Peer, TeamChange, TeamView, Unopened
from iai.team import control, envelope, subjects
from iai.team.chain import Span
from iai.team.envelope import Header
from iai.team.membership import Membership
from iai.team.stream import Arrived, Beat

Write: TypeAlias = Callable[[TeamChange], object]
MOST_UNKNOWN = 10_000  # messages of machines not known to be in the team that are kept for later
NO_PROJECT = "0" * 16  # of a change that is about none
Key: TypeAlias = tuple[str, str]  # hash of a project, and a machine

_SUBJECT = re.compile(r"iai\.[^.]+\.(?:change|alive)\.([0-9a-f]{16})\.([0-9a-f]{16})")


class Refused(Struct, frozen=True):
    """A message that was not taken in."""

    sequence: int
    subject: str
    reason: str


class Taken(Struct):
    """What some messages come to."""

    writes: list[Write] = field(default_factory=list)
    rows: list[tuple[str, bytes]] = field(default_factory=list)  # for the inbox
    holes: list[tuple[str, Span]] = field(default_factory=list)  # our messages that are deleted
    heard: set[Key] = field(default_factory=set)  # machines that have said something
    control: bool = False  # is anything new known of the team?
    refused: list[Refused] = field(default_factory=list)


class Intake:
    """What has arrived of each machine so far."""

    def __init__(self, membership: Membership, view: TeamView) -> None:
        self._membership = membership
        self._mark = view.taken()
        self._hashes: dict[str, str] = {}  # project -> what stands for it
        self._told: dict[str, Member] = {}  # as ingest was told, by machine
        self._peers: dict[Key, Peer] = {(one.project, one.machine): one for one in view.peers()}

    @property
    def mark(self) -> Mark:
        """Up to where the stream was taken in."""
        return self._mark

    @property
    def peers(self) -> list[Peer]:
        """The other machines, once for each project."""
        return list(self._peers.values())

    def begin_stream(self, stream: str) -> Write:
        """Start over with another stream; return what is to be written."""
        self._mark = Mark(stream, 0)
        return lambda unit: unit.begin_stream(stream)

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

    def beat(self, report: Beat, now: int) -> Write | None:
        """Return what becomes of a heartbeat; None if it is not to be believed, or is our own."""
        try:
            project, machine = _names(report.subject)
            opened = self._membership.open(project, machine, 0, report.data)
        except MessageRefused:
            return None
        if machine == self._membership.machine or machine in self._membership.roster.departed:
            return None
        at = content.alive_at(opened.plain)
        if at is None:
            return None
        self._hear(opened.header, min(at, now), arrived=False)
        return self._put_peer((project, machine))

    def hole(self, peer: Peer) -> Span | None:
        """Return what is missing of a machine that is still in the team."""
        return peer.chain.hole if peer.machine in self._membership.roster.members else None

    def asked(self, data: bytes) -> tuple[str, Span] | None:
        """Return which project is to be published again, and what of it; None if nobody may ask."""
        try:
            header = envelope.read_header(data)
            opened = self._membership.open(header.project, header.machine, 0, data)
        except MessageRefused:
            return None
        members = self._membership.roster.members
        if header.machine not in members or not content.is_ask(
            opened.plain, self._membership.machine
        ):
            return None
        return header.project, Span(header.after, header.revision)

    def question(self, peer: Peer, hole: Span) -> bytes:
        """Return what asks a machine to fill a hole. Raises MessageRefused without a key."""
        return self._membership.seal(
            peer.project, hole.through, hole.after, content.ask(peer.machine)
        )

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
        taken.writes.extend(self._put_peer(key) for key in taken.heard)

    def _take_change(self, report: Arrived, taken: Taken, view: TeamView, room: int) -> bool:
        """Sort one change; return False if it has to wait for a key, or for its author.

        `room`: how many more may wait for their author. Raises MessageRefused.
        """
        project, machine = _names(report.subject)
        ours = machine == self._membership.machine
        try:
            opened = self._membership.open(project, machine, report.sequence, report.data)
        except UnknownKey:
            if not ours:
                self._hear(envelope.read_header(report.data), 0, arrived=True)
                taken.heard.add((project, machine))
            return False
        except NotAMember:
            if machine in self._membership.roster.admitted or room <= 0:
                raise
            return False  # a stream that was refilled can have it before its author joins
        if not ours:
            self._hear(opened.header, 0, arrived=True)
            taken.heard.add((project, machine))
        span = Span(opened.header.after, opened.header.revision) if ours else None
        for plain in content.split(opened.plain):
            found = self._decode(plain, project)
            if found is not None:
                taken.writes.append(_noting(found, report.sequence, span))
            if isinstance(found, ForgetChange):
                taken.holes.extend(_deleted(found, project, view))
            if not ours and not self._is_forgotten(found, view):
                taken.rows.append((machine, plain))
        return True

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

    def _hear(self, header: Header, at: int, *, arrived: bool) -> None:
        """Note what a machine has said of itself, at a time or (0) at an unknown one."""
        key = header.project, header.machine
        peer = self._peers.get(key, Peer(project=header.project, machine=header.machine))
        chain = peer.chain
        if arrived:
            chain = chain.add(header.after, header.revision)
        else:
            chain = chain.announce(header.revision)
        self._peers[key] = structs.replace(
            peer,
            tip=chain.tip,
            islands=chain.islands,
            announced=chain.announced,
            heard_at=max(peer.heard_at, at),
        )

    def _put_peer(self, key: Key) -> Write:
        peer = self._peers[key]
        return lambda unit: unit.put_peer(peer)


def _names(subject: str) -> Key:
    """Return the project and the machine of a subject. Raises Forged if it names none."""
    named = _SUBJECT.fullmatch(subject)
    if named is None:
        raise Forged(f"nothing of a team is published under {subject[:100]}")
    return named[1], named[2]


def _noting(found: Change, sequence: int, span: Span | None) -> Write:
    about = tuple(change.subjects(found))
    if isinstance(found, ForgetChange):
        return lambda unit: unit.forget(about, ours=span is not None)
    return lambda unit: unit.note_about(about, sequence, span)


def _deleted(found: ForgetChange, project: str, view: TeamView) -> Iterator[tuple[str, Span]]:
    """Yield the positions of our messages that are deleted for this, with all that is in them."""
    for subject in change.subjects(found):
        for one in view.about(subject):
            if one.ours is not None:
                yield project, one.ours


def _keeping(sequence: int, message: Unopened) -> Write:
    return lambda unit: unit.put_unopened(sequence, message)


def _dropping(sequence: int) -> Write:
    return lambda unit: unit.drop_unopened(sequence)
