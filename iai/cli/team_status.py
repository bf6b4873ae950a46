"""`iai team status`: the team, its members, and what this machine shares."""

from argparse import Namespace

from msgspec import Struct

from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import IaiError, StoreError
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.replicator import TeamReport, TeamStatus
from iai.store.records import view_of
from iai.team import membership, team_file
from iai.team.enrolment import Enrolment
from iai.team.identity import PublicKeys


class MemberShown(Struct, frozen=True, kw_only=True):
    """A machine of the team, as `iai team status` shows it."""

    machine: str
    author: str
    name: str
    own: bool
    founder: bool
    admin: bool
    yours: bool


class StatusShown(Struct, frozen=True, kw_only=True):
    """What `iai team status` shows."""

    team: str
    name: str
    server: str
    state: str
    reason: str
    members: list[MemberShown]
    projects: list[str]


def run(args: Namespace, settings: Settings) -> int:
    """Show the team."""
    layout = Layout(settings.store)
    own = team_file.load(layout)
    try:
        with Client(layout) as client:
            report = client.call(Actor.REPLICATOR, TeamStatus(), TeamReport)
        shown = _shown(own, report, _project_names(layout, report))
    except IaiError as error:
        shown = _shown(own, None, [], str(error))
    answer(args, shown, _lines(shown))
    return 0 if shown.state == "connected" and not shown.reason else 1


def _project_names(layout: Layout, report: TeamReport) -> list[str]:
    """Return the names of the projects that are shared from here; ids where they are unknown."""
    ids = [project.project for project in report.projects]
    try:
        with view_of(layout.records) as view:
            known = {project.id: project.name for project in view.projects()}
    except StoreError:
        known = {}
    return [known.get(id_, id_) for id_ in ids]


def _shown(
    own: Enrolment, report: TeamReport | None, projects: list[str], problem: str = ""
) -> StatusShown:
    founder = PublicKeys(own.founder, b"").machine
    admins = report.admins if report else ()
    itself = MemberShown(
        machine=own.machine, author=own.author, name=own.machine_name, own=True,
        founder=own.machine == founder, admin=own.machine in admins,
        yours=True,
    )  # fmt: skip
    others = [
        MemberShown(
            machine=peer.machine, author=peer.author, name=peer.name, own=False,
            founder=peer.machine == founder, admin=peer.machine in admins,
            yours=peer.own,
        )
        for peer in (report.peers if report else ())
    ]  # fmt: skip
    return StatusShown(
        team=own.team,
        name=own.name,
        server=", ".join(own.server.urls),
        state=report.state if report else "not known",
        reason=report.reason if report else problem,
        members=[itself, *others],
        projects=projects,
    )


def _lines(shown: StatusShown) -> list[str]:
    reason = f": {shown.reason}" if shown.reason else ""
    lines = [f"{shown.name} ({shown.team}) on {shown.server}, {shown.state}{reason}"]
    for one in shown.members:
        facts = {
            "this machine": one.own,
            "yours": one.yours and not one.own,
            "founder": one.founder,
            "admin": one.admin,
        }
        notes = [what for what, so in facts.items() if so]
        noted = f"  {', '.join(notes)}" if notes else ""
        lines.append(f"  {one.machine}  {called('', one.author, one.name)}{noted}")
    if shown.reason == membership.LEFT or shown.reason.startswith(membership.REFUSED):
        lines.append("to join again: `iai team leave`, and `iai team join` with another invitation")
    elif shown.projects:
        lines.append(f"shared from here: {', '.join(shown.projects)}")
    else:
        lines.append("nothing is shared from here; `iai project share .` shares a checkout")
    return lines


def called(machine: str, author: str, name: str) -> str:
    """Return what a machine is called: by its name and its user's, else by its id."""
    return f"{name} of {author}" if author else machine or "(its name is not known yet)"
