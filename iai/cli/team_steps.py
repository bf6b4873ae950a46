"""The steps of `iai team` on a machine of a team: each a function by the name of its action."""

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct, structs

from iai.cli import passphrase
from iai.cli.output import print_json
from iai.cli.progress import bar
from iai.cli.stopped import stopped
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, GroupNotRunning, IaiError, NoAnswer, NoTeam, Refused, StoreError
from iai.model.printable import printable
from iai.process.client import Client
from iai.protocol.message import Actor
from iai.protocol.replicator import (
    AppointAdmin,
    InviteMachine,
    LeaveTeam,
    MachineInvited,
    TeamPeer,
    TeamReport,
    TeamStatus,
)
from iai.store.records import view_of
from iai.team import address, enrolment, invitation, membership, team_file
from iai.team.enrolment import Enrolment
from iai.team.identity import PublicKeys
from iai.team.stream import Server

LONGEST_NAME = 60  # characters, of a team, a user or a machine
PATIENCE_S = 30.0  # for the others to answer
_POLL_S = 0.1
_LONGEST_ADDRESS = 1 << 16


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


def create(args: Namespace, settings: Settings) -> int:
    """Begin a team."""
    layout = Layout(settings.store)
    _require_no_team(layout)
    server = _server(args)
    author, machine = _names(args)
    own = enrolment.create(_name(args.name, "the team"), server, author, machine)
    running = _enrol(layout, settings, own)
    if args.json:
        print_json({"team": own.team, "name": own.name, "machine": own.machine})
        return 0
    print(f"created team {own.name} ({own.team}); {machine} of {author} is its founder")
    _say_start(running)
    print("next: `iai project share .` in a checkout, and `iai team invite` for another machine")
    return _require_connection(layout) if running else 0


def invite(args: Namespace, settings: Settings) -> int:
    """Print an invitation."""
    layout = Layout(settings.store)
    with _client(layout) as client:
        code = client.call(Actor.REPLICATOR, InviteMachine(own=args.mine), MachineInvited).code
    if args.json:
        print_json({"code": code})
        return 0
    print(code)
    whose = "another machine of yours" if args.mine else "one machine of somebody else"
    print(f"let {whose} in with it, within 7 days:", file=sys.stderr)
    print("  `iai team join` there, and paste it", file=sys.stderr)
    print("whoever has it can join, so send it as you would send a password", file=sys.stderr)
    return 0


def join(args: Namespace, settings: Settings) -> int:
    """Ask to be let into a team, and wait for it for a while."""
    layout = Layout(settings.store)
    _require_no_team(layout)
    code = args.code if args.code != "-" else _secret_line("invitation: ")
    invited = invitation.decode(code, time.time_ns())
    own = enrolment.accept(invited, *_names(args))
    running = _enrol(layout, settings, own)
    reason = "iai is not running"
    if running:
        reason = _wait(layout, lambda report: not report.reason, "waiting to be let in")
    if args.json:
        joined = {"team": own.team, "name": own.name, "machine": own.machine}
        print_json({**joined, "waits_for": reason})
        return 0
    if reason:
        print(f"asked to join {own.name}: {reason}")
        _say_start(running)
        print("a machine of the team lets this one in once both run; `iai team status` says if so")
    else:
        yours = ", another machine of the one who invited it" if own.own else ""
        print(f"joined {own.name} ({own.team}) as {own.machine_name} of {own.author}{yours}")
        print("next: `iai project share .` in a checkout; what others share comes by itself")
    return 0


def leave(args: Namespace, settings: Settings) -> int:
    """Leave the team, or remove a machine from it."""
    layout = Layout(settings.store)
    if args.machine:
        return _remove(args, layout)
    if not layout.team_file.exists():
        raise NoTeam
    if not args.force:
        _tell(layout)
    passphrase.unlock(layout, settings)
    with stopped(layout, settings):
        layout.team_file.unlink(missing_ok=True)
        shutil.rmtree(layout.team, ignore_errors=True)
    if args.json:
        print_json({"left": True, "told": not args.force})
    else:
        print(
            "this machine has left the team; what it has of others' work stays until you forget it"
        )
    return 0


def admin(args: Namespace, settings: Settings) -> int:
    """Let another machine remove machines."""
    layout = Layout(settings.store)
    with _client(layout) as client:
        one = _peer(args.machine, client.call(Actor.REPLICATOR, TeamStatus(), TeamReport))
        client.call(Actor.REPLICATOR, AppointAdmin(machine=one.machine), TeamReport)
    reason = _wait(layout, lambda now: one.machine in now.admins, "appointing")
    if args.json:
        print_json({"admin": one.machine, "waits_for": reason})
        return 0
    return _said(
        f"{_called(one.machine, one.author, one.name)} can remove other machines, too", reason
    )


def _tell(layout: Layout) -> None:
    """Tell the team that this machine leaves. Raises NoAnswer if it does not hear of it."""
    with _client(layout) as client:
        try:
            client.call(Actor.REPLICATOR, LeaveTeam(), TeamReport)
        except Refused:  # it was not let in yet, or was removed: nobody has to be told
            return
    reason = _wait(layout, lambda report: report.reason == membership.LEFT, "leaving")
    if reason:
        raise NoAnswer(
            f"the team does not know yet that this machine leaves ({reason}); run this again"
            " once the server is reached, or with --force to leave all the same"
        )


def server(args: Namespace, settings: Settings) -> int:
    """Use another address of the server. Each machine has to be told."""
    layout = Layout(settings.store)
    passphrase.unlock(layout, settings)
    own = structs.replace(team_file.load(layout), server=_server(args))
    with stopped(layout, settings) as running:
        team_file.save(layout, own)
    if args.json:
        print_json({"server": own.server.urls[0]})
        return 0
    print(f"the server of {own.name} is {own.server.urls[0]} for this machine now")
    return _require_connection(layout) if running else 0


def status(args: Namespace, settings: Settings) -> int:
    """Show the team."""
    layout = Layout(settings.store)
    own = team_file.load(layout)
    try:
        with Client(layout) as client:
            report = client.call(Actor.REPLICATOR, TeamStatus(), TeamReport)
        shown = _shown(own, report, _project_names(layout, report))
    except IaiError as error:
        shown = _shown(own, None, [], str(error))
    if args.json:
        print_json(shown)
    else:
        print("\n".join(_lines(shown)))
    return 0 if shown.state == "connected" and not shown.reason else 1


def _remove(args: Namespace, layout: Layout) -> int:
    with _client(layout) as client:
        before = client.call(Actor.REPLICATOR, TeamStatus(), TeamReport)
        one = _peer(args.machine, before)
        client.call(Actor.REPLICATOR, LeaveTeam(machine=one.machine), TeamReport)
    reason = _wait(
        layout, lambda now: all(peer.machine != one.machine for peer in now.peers), "removing"
    )
    if args.json:
        print_json({"removed": one.machine, "waits_for": reason})
        return 0
    return _said(
        f"removed {_called(one.machine, one.author, one.name)}; it gets no key any more", reason
    )


def _said(done: str, reason: str) -> int:
    """Say what was done, and why the others do not know yet."""
    print(done)
    if reason:
        print(f"the others are told once the server is reached ({reason})")
    return 0


def _peer(named: str, report: TeamReport) -> TeamPeer:
    """Return the other machine of this id or name. Raises BadUsage."""
    found = [peer for peer in report.peers if named in (peer.machine, peer.name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(peer.machine for peer in found)
        raise BadUsage(f"several machines are named {named}: give an id of {ids}")
    raise BadUsage(f"no other machine of the team is {named}; `iai team status` lists them")


def _client(layout: Layout) -> Client:
    """Return a client of a group that has a team. Raises NoTeam, GroupNotRunning."""
    if not layout.team_file.exists():
        raise NoTeam
    client = Client(layout)
    if not client.running():
        with client:
            client.require()
    return client


def _require_no_team(layout: Layout) -> None:
    if layout.team_file.exists():
        raise BadUsage("this machine is in a team already: `iai team status`, `iai team leave`")


def _enrol(layout: Layout, settings: Settings, own: Enrolment) -> bool:
    """Write the file of the team while iai is down; return whether it runs."""
    passphrase.unlock(layout, settings)
    with stopped(layout, settings) as running:
        shutil.rmtree(layout.team, ignore_errors=True)  # of a team before
        team_file.save(layout, own)
    return running


def _wait(layout: Layout, done: Callable[[TeamReport], bool], what: str) -> str:
    """Wait until the replicator reports something; return "", or what holds it up."""
    deadline = time.monotonic() + PATIENCE_S
    reason = ""
    with Client(layout) as client, bar(what):
        while time.monotonic() < deadline:
            try:
                report = client.call(Actor.REPLICATOR, TeamStatus(), TeamReport)
            except GroupNotRunning:
                raise
            except IaiError as error:
                reason = str(error)
            else:
                if done(report):
                    return ""
                reason = report.reason or report.state
            time.sleep(_POLL_S)
    return reason


def _require_connection(layout: Layout) -> int:
    """Return the exit code; say so if the server is not reached."""
    reason = _wait(layout, lambda report: report.state == "connected", "connecting")
    if reason:
        print(f"iai: the server is not reached yet: {reason}", file=sys.stderr)
    return 1 if reason else 0


def _server(args: Namespace) -> Server:
    """Return how to reach the server that the user named. Raises BadUsage."""
    named = args.server
    if named == "-":
        named = _secret_line("address of the server: ")
    elif (path := Path(named).expanduser()).is_file():
        named = path.read_text()[:_LONGEST_ADDRESS]
    elif address.has_password(named):
        raise BadUsage(
            "others can read the password on a command line: put the address into a file and give"
            " its path, or give - and paste it"
        )
    return address.parse(named, args.ca.expanduser().read_text() if args.ca else "")


def _secret_line(prompt: str) -> str:
    """Ask for a secret on a terminal, or read it from standard input. Raises BadUsage."""
    line = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read()
    if not line.strip():
        raise BadUsage(f"nothing was given as {prompt.rstrip(': ')}")
    return line


def _names(args: Namespace) -> tuple[str, str]:
    """Return the names of the user and the machine."""
    author = args.author or _name_in_git() or _name_in_system()
    machine = args.machine or socket.gethostname().partition(".")[0]
    return _name(author, "the author"), _name(machine, "the machine")


def _name(given: str, whose: str) -> str:
    """Return a name that can be shown anywhere. Raises BadUsage."""
    name = " ".join(printable(given).split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise BadUsage(f"the name of {whose} must have 1 to {LONGEST_NAME} characters")
    return name


def _name_in_git() -> str:
    try:
        asked = subprocess.run(
            ["git", "config", "--global", "--includes", "user.name"],  # noqa: S607  on the PATH
            capture_output=True, text=True, check=False, timeout=5, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip()


def _name_in_system() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _say_start(running: bool) -> None:  # noqa: FBT001
    print("iai was restarted with it" if running else "start iai: `iai up --detach`")


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
        lines.append(f"  {one.machine}  {_called('', one.author, one.name)}{noted}")
    if shown.projects:
        lines.append(f"shared from here: {', '.join(shown.projects)}")
    else:
        lines.append("nothing is shared from here; `iai project share .` shares a checkout")
    return lines


def _called(machine: str, author: str, name: str) -> str:
    return f"{name} of {author}" if author else machine or "(its name is not known yet)"
