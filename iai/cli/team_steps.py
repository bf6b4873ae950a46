"""The steps of `iai team` on a machine of a team: each a function by the name of its action."""

import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator

from msgspec import structs

from iai.cli import passphrase, team_input
from iai.cli.output import answer, print_json
from iai.cli.progress import bar
from iai.cli.stopped import stopped
from iai.cli.team_status import called
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, GroupNotRunning, IaiError, NoAnswer, NoTeam, Refused, TeamError
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
from iai.team import enrolment, invitation, membership, team_file
from iai.team.enrolment import Enrolment

PATIENCE_S = 30.0  # for the others to answer
_POLL_S = 0.1


def create(args: Namespace, settings: Settings) -> int:
    """Begin a team."""
    layout = Layout(settings.store)
    _require_no_team(layout)
    server = team_input.server(args)
    author, machine = team_input.names(args)
    own = enrolment.create(team_input.name(args.name, "the team"), server, author, machine)
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
    print("anyone who has it can join, so send it as you would send a password", file=sys.stderr)
    return 0


def join(args: Namespace, settings: Settings) -> int:
    """Ask to be let into a team, and wait for it for a while."""
    layout = Layout(settings.store)
    _require_no_team(layout)
    code = args.code if args.code != "-" else team_input.secret_line("invitation: ")
    invited = invitation.decode(code, time.time_ns())
    own = enrolment.accept(invited, *team_input.names(args))
    running = _enrol(layout, settings, own)
    reason = "iai is not running"
    if running:
        reason = _wait(layout, lambda report: not report.reason, "waiting to be let in")
    if reason.startswith(membership.REFUSED):
        _part(layout, settings)
        raise TeamError(f"{reason}; ask for another (`iai team invite`)")
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
    _part(layout, settings)
    said = "this machine has left the team; what it has of others' work stays until you forget it"
    answer(args, {"left": True, "told": not args.force}, [said])
    return 0


def admin(args: Namespace, settings: Settings) -> int:
    """Let another machine remove machines."""
    layout = Layout(settings.store)
    with _client(layout) as client:
        one = _peer(args.machine, client.call(Actor.REPLICATOR, TeamStatus(), TeamReport))
        client.call(Actor.REPLICATOR, AppointAdmin(machine=one.machine), TeamReport)
    reason = _wait(layout, lambda now: one.machine in now.admins, "appointing")
    done = f"{called(one.machine, one.author, one.name)} can remove other machines, too"
    answer(args, {"admin": one.machine, "waits_for": reason}, _said(done, reason))
    return 0


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
    own = structs.replace(team_file.load(layout), server=team_input.server(args))
    with stopped(layout, settings) as running:
        team_file.save(layout, own)
    if args.json:
        print_json({"server": ", ".join(own.server.urls)})
        return 0
    print(f"the server of {own.name} is {', '.join(own.server.urls)} for this machine now")
    return _require_connection(layout) if running else 0


def _remove(args: Namespace, layout: Layout) -> int:
    with _client(layout) as client:
        before = client.call(Actor.REPLICATOR, TeamStatus(), TeamReport)
        one = _peer(args.machine, before)
        client.call(Actor.REPLICATOR, LeaveTeam(machine=one.machine), TeamReport)
    reason = _wait(
        layout, lambda now: all(peer.machine != one.machine for peer in now.peers), "removing"
    )
    done = f"removed {called(one.machine, one.author, one.name)}; it gets no key any more"
    answer(args, {"removed": one.machine, "waits_for": reason}, _said(done, reason))
    return 0


def _said(done: str, reason: str) -> Iterator[str]:
    """Yield what was done, and why the others do not know yet."""
    yield done
    if reason:
        yield f"the others are told once the server is reached ({reason})"


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


def _part(layout: Layout, settings: Settings) -> None:
    """Delete all that this machine has of the team."""
    with stopped(layout, settings):
        layout.team_file.unlink(missing_ok=True)
        shutil.rmtree(layout.team, ignore_errors=True)


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
                if reason.startswith(membership.REFUSED):  # for good
                    return reason
            time.sleep(_POLL_S)
    return reason


def _require_connection(layout: Layout) -> int:
    """Return the exit code; say so if the server is not reached."""
    reason = _wait(layout, lambda report: report.state == "connected", "connecting")
    if reason:
        print(f"iai: the server is not reached yet: {reason}", file=sys.stderr)
    return 1 if reason else 0


def _say_start(running: bool) -> None:  # noqa: FBT001
    print("iai was restarted with it" if running else "start iai: `iai up --detach`")
