"""What users give for a team: the address of its server, secrets, and names."""

import getpass
import os
import pwd
import socket
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from iai.errors import BadUsage
from iai.model.printable import printable
from iai.team import address
from iai.team.stream import Server

LONGEST_NAME = 60  # characters, of a team, a user or a machine
_LONGEST_ADDRESS = 1 << 16


def server(args: Namespace) -> Server:
    """Return how to reach the server that the user named. Raises BadUsage."""
    named = args.server
    if named == "-":
        named = secret_line("address of the server: ")
    elif (path := Path(named).expanduser()).is_file():
        named = path.read_text()[:_LONGEST_ADDRESS]
    elif "://" not in named:
        raise BadUsage(f"there is no file {path}: --server takes an address, a file with one, or -")
    elif address.has_password(named):
        raise BadUsage(
            "others can read the password on a command line: put the address into a file and give"
            " its path, or give - and paste it"
        )
    return address.parse(named, args.ca.expanduser().read_text() if args.ca else "")


def secret_line(prompt: str) -> str:
    """Ask for a secret on a terminal, or read it from standard input. Raises BadUsage."""
    line = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read()
    if not line.strip():
        raise BadUsage(f"nothing was given as {prompt.rstrip(': ')}")
    return line


def names(args: Namespace) -> tuple[str, str]:
    """Return the names of the user and the machine."""
    author = args.author or _name_in_git() or _name_in_system()
    machine = args.machine or socket.gethostname().partition(".")[0]
    return name(author, "the author"), name(machine, "the machine")


def name(given: str, whose: str) -> str:
    """Return a name that can be shown anywhere. Raises BadUsage."""
    printed = " ".join(printable(given).split())
    if not 0 < len(printed) <= LONGEST_NAME:
        raise BadUsage(f"the name of {whose} must have 1 to {LONGEST_NAME} characters")
    return printed


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
