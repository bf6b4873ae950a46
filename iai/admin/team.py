"""How current the team is, as its replicator says: of each machine, and of what is shared here."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Literal, TypeAlias

from msgspec import Struct

from iai.config.layout import Layout
from iai.errors import GroupNotRunning, IaiError, StoreError
from iai.model import framing
from iai.model.clock import NS
from iai.model.member import Member
from iai.model.people import People
from iai.model.units import count, span, when
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.replicator import TeamPeer, TeamProject, TeamReport, TeamStatus
from iai.store.records import view_of

ANSWER_S = 2.0
SILENT_S = 60.0  # a machine that runs is heard from more often
MOST = 1_000  # changes not yet published that the replicator counts

_NAME = 60  # characters of a name
_REASON = 200

Level: TypeAlias = Literal["ok", "warn", "fail"]


class Line(Struct, frozen=True):
    """One fact about the team."""

    about: str
    said: str
    level: Level = "ok"
    for_s: float = 0.0  # how long that has been so, where it is not well
    todo: str = ""


class Team(Struct, frozen=True, kw_only=True):
    """The team of this machine."""

    report: TeamReport | None = None  # None: the replicator has not answered
    problem: str = ""  # why it has not
    projects: dict[str, str] = {}  # names, by id

    def lines(self, wall: int) -> list[Line]:
        """Return what there is to say at a time.

        First the server, then this machine's own changes, then each other machine.
        """
        if self.report is None:
            said = f"it is not known how current it is: {self.problem}"
            return [Line("server", said, "fail", todo="`iai status`, and logs/group.log")]
        return [
            _server(self.report, wall),
            _own(self.report.projects, wall),
            *_blocked(self.report.projects, self.projects),
            *_incoming(self.report),
            *(_peer(peer, self.report, wall) for peer in self.report.peers),
        ]


def measure(layout: Layout) -> Team | None:
    """Ask the replicator; None without a team, where nobody is asked."""
    if not layout.team_file.exists():
        return None
    try:
        with Client(layout) as client:
            report = client.call(Actor.REPLICATOR, TeamStatus(), TeamReport, ANSWER_S)
    except GroupNotRunning:
        return Team(problem="iai is not running, so nothing is exchanged")
    except IaiError as error:
        return Team(problem=f"the replicator does not answer ({error})")
    blocked = any(project.blocked for project in report.projects)
    return Team(report=report, projects=_names(layout) if blocked else {})


def _names(layout: Layout) -> dict[str, str]:
    """Return the names of the projects; none if they cannot be read."""
    with suppress(StoreError), view_of(layout.records) as view:
        return {project.id: project.name for project in view.projects()}
    return {}


def _server(report: TeamReport, wall: int) -> Line:
    name = framing.inline(report.name, _NAME) or report.team
    for_s = (wall - report.since) / NS
    reason = f": {framing.inline(report.reason, _REASON)}" if report.reason else ""
    if report.state == "connected":
        level: Level = "warn" if reason else "ok"
        said = f"{name}, connected for {span(for_s)}{reason}"
        return Line("server", said, level, for_s, "`iai team status`")
    said = f"{name}, not connected for {span(for_s)}{reason}"
    return Line("server", said, "warn", for_s, "until it is reached, changes wait on each machine")


def _own(projects: tuple[TeamProject, ...], wall: int) -> Line:
    """Say what this machine has not published."""
    left = [project for project in projects if project.unpublished]
    if not left:
        said = f"all published, of {count(len(projects), 'shared project')}"
        return Line("own changes", said if projects else "no project is shared")
    more = "at least " if any(project.unpublished >= MOST for project in left) else ""
    changes = count(sum(project.unpublished for project in left), "change")
    for_s = (wall - min(project.unpublished_since for project in left)) / NS
    said = f"{more}{changes} not yet published, for {span(for_s)}"
    return Line("own changes", said, "warn", for_s, "they are published when the server is reached")


def _blocked(projects: tuple[TeamProject, ...], names: Mapping[str, str]) -> Iterator[Line]:
    for project in projects:
        if project.blocked:
            name = framing.inline(names.get(project.project, project.project), _NAME)
            said = framing.inline(project.blocked, _REASON)
            yield Line(f"project {name}", said, "fail", todo="nothing of it is shared until then")


def _incoming(report: TeamReport) -> Iterator[Line]:
    if report.pending:
        said = f"{count(report.pending, 'message')} still to be taken in"
        yield Line("incoming", said, "warn")
    if report.refused:
        said = f"{count(report.refused, 'message')} refused since the start"
        yield Line("refused", said, todo="`iai events --kind team-message-refused`")


def _peer(peer: TeamPeer, report: TeamReport, wall: int) -> Line:
    """Say how far the records here are behind a machine, and when it was last heard from."""
    person = report.machine if peer.own else peer.machine
    member = Member(machine=peer.machine, author=peer.author, name=peer.name, person=person)
    this = Member(machine="", person=report.machine)
    name = str(People({"": this, peer.machine: member}.get).whose(peer.machine))
    for_s = (wall - peer.behind_since) / NS if peer.behind_since else 0.0
    silent_s = (wall - peer.heard_at) / NS
    parts = []
    if peer.waiting:
        parts.append(f"behind by {count(peer.waiting, 'change')} for {span(for_s)}")
    if peer.missing:
        for_how_long = "" if peer.waiting else f"behind for {span(for_s)}: "
        parts.append(f"{for_how_long}something that it published has not arrived")
    if not peer.heard_at:
        parts.append("nothing heard from it yet; it may share no project")
    elif silent_s > SILENT_S:
        parts.append(f"not heard from since {when(peer.heard_at)} ({span(silent_s)})")
    elif not parts and report.state == "connected":
        parts.append(f"current, heard from {span(silent_s)} ago")
    elif not parts:
        parts.append(f"current when it was last heard from, {span(silent_s)} ago")
    level: Level = "warn" if peer.waiting or peer.missing else "ok"
    todo = "that machine publishes again what is missing once both are connected"
    return Line(name, "; ".join(parts), level, for_s, todo)
