"""Share the memory of projects with other machines: your own, and those of a team.

create    start a team; this machine is its founder, which can remove others
invite    print a code that lets one machine join within 7 days; with --mine, for another of
          your own machines: its sessions and yours count as one person's
join      join with such a code, from the command line, from a prompt, or from standard input (-)
leave     leave the team; the founder, or an admin, removes others with --machine
admin     let a machine remove others as well, in case the founder's is lost (founder only)
server    use another address, or another password, of the team's server
status    show the team, its members, and what this machine shares
serve     run a server for a small team: NATS, a single node, in the foreground

Nothing is shared before `iai project share`. What is shared is encrypted before it leaves this
machine. `iai help team` explains it all.

example: iai team serve --host 192.168.1.20
example: iai team create crew --server ~/.local/share/iai/server/address
"""

import importlib
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path

from iai.cli import options
from iai.config.settings import Settings
from iai.errors import TeamUnavailable

_PORT = 4_222
_ADDRESS = (
    "tls://HOST:PORT, or several with commas between them, the path of a file with that, or - to be"
    " asked for it; one with a password is not taken from the command line"
)


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    creating = actions.add_parser("create", help="start a team, with this machine as its founder")
    creating.add_argument("name", help="what the team is called")
    creating.add_argument("--server", required=True, metavar="URL", help=_ADDRESS)
    inviting = actions.add_parser("invite", help="print a code that lets one machine join")
    inviting.add_argument("--mine", action="store_true", help="for another machine of yours")
    joining = actions.add_parser("join", help="join a team")
    joining.add_argument("code", nargs="?", default="-", help="the code; - (default): asks for it")
    for action in (creating, joining):
        action.add_argument("--author", metavar="NAME", help="your name (default: as git has it)")
        action.add_argument(
            "--machine", metavar="NAME", help="the name of this machine (default: its host name)"
        )
    leaving = actions.add_parser("leave", help="leave the team, or remove a machine from it")
    leaving.add_argument("--machine", metavar="ID", help="remove this one: an id or a name")
    leaving.add_argument(
        "--force", action="store_true", help="leave even if the others cannot be notified"
    )
    appointing = actions.add_parser("admin", help="let a machine remove others")
    appointing.add_argument("machine", help="its id or its name")
    moving = actions.add_parser("server", help="use another address of the team's server")
    moving.add_argument("server", metavar="URL", help=_ADDRESS)
    for action in (creating, moving):
        action.add_argument(
            "--ca", type=Path, metavar="FILE", help="the certificate that signs the server's (PEM)"
        )
    status = actions.add_parser("status", help="show the team and its members")
    for action in (creating, inviting, joining, leaving, appointing, moving, status):
        options.add_json(action)
    _configure_serving(actions.add_parser("serve", help="run a server for a small team"))


def _configure_serving(serving: ArgumentParser) -> None:
    serving.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="the name or address by which others reach it (default: this machine's host name)",
    )
    serving.add_argument("--port", type=int, default=_PORT, help=f"default: {_PORT}")
    serving.add_argument(
        "--listen",
        default="0.0.0.0",  # noqa: S104  others are to reach it
        metavar="ADDRESS",
        help="default: all addresses",
    )
    serving.add_argument(
        "--directory", type=Path, metavar="DIR", help="default: ~/.local/share/iai/server"
    )
    serving.add_argument(
        "--unit", action="store_true", help="print a systemd unit for it, and do nothing else"
    )


def run(args: Namespace, settings: Settings) -> int:
    if find_spec("cryptography") is None or find_spec("nats") is None:
        raise TeamUnavailable
    if args.action == "serve":
        serve = importlib.import_module("iai.cli.team_serve")
        return int(serve.run(args))
    if args.action == "status":
        status = importlib.import_module("iai.cli.team_status")
        return int(status.run(args, settings))
    steps = importlib.import_module("iai.cli.team_steps")
    return int(getattr(steps, args.action)(args, settings))
