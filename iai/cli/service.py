"""Start iai at login and restart it after a crash or a hang.

install writes one file for this machine's service manager (a systemd user unit, a launchd agent or
a supervisord program) and loads it. uninstall stops the service and deletes the file.

example: iai service install
"""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace

from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.install import service
from iai.install.service import KINDS, Service
from iai.process.client import Client

_PATIENCE_S = 120.0


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("install", "uninstall", "status"))
    parser.add_argument(
        "--kind", choices=KINDS, help="the service manager (default: this machine's)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be done, without doing it"
    )
    parser.add_argument("--json", action="store_true", help="with status: print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    if args.json and args.action != "status":
        raise BadUsage("--json works only with `iai service status`")
    layout = Layout(settings.store)
    kind = args.kind or service.default_kind()
    one = service.describe(kind, layout, os.environ, service.command())
    if args.action == "status":
        return _status(one, args)
    if args.action == "uninstall":
        return _uninstall(one, dry_run=args.dry_run)
    return _install(one, layout, dry_run=args.dry_run)


def _install(one: Service, layout: Layout, *, dry_run: bool) -> int:
    with Client(layout) as client:
        running = client.running() and not _succeeds(one.active)
    commands = one.enable if running else (*one.enable, *one.start)
    if dry_run:
        print(f"# {one.path}\n{one.text.decode()}\n" + _command_lines(commands))
        return 0
    layout.create()
    known = one.installed()
    one.write()
    print(f"{one.path}: {'unchanged' if known == 'yes' else 'written'}")
    if running:
        print("iai is already running, but not as a service; to switch, run\niai down")
        print(_command_lines(one.start))
    return _execute(one, commands, "the file is written, but you still have to run")


def _uninstall(one: Service, *, dry_run: bool) -> int:
    if one.installed() == "no":
        print(f"{one.path}: not installed; nothing to do")
        return 0
    if dry_run:
        print(_command_lines((*one.remove, ("rm", str(one.path)), *one.forget)))
        return 0
    still = "the file is deleted; to stop what may still be running, run"
    code = _execute(one, one.remove, still)
    one.delete()
    print(f"{one.path}: deleted")
    return code or _execute(one, one.forget, still)


def _status(one: Service, args: Namespace) -> int:
    document = {
        "kind": one.kind,
        "name": one.name,
        "file": str(one.path),
        "installed": one.installed(),
        "active": _succeeds(one.active),
    }
    active = "yes" if document["active"] else "no or unknown"
    lines = (f"  installed  {document['installed']}", f"  active     {active}")
    answer(args, document, [f"{one.kind}: {one.path}", *lines])
    return 0


def _execute(one: Service, commands: tuple[tuple[str, ...], ...], otherwise: str) -> int:
    """Run the manager's commands. If one fails, print those that are left."""
    for number, words in enumerate(commands):
        problem = _problem(words)
        if problem:
            print(f"iai: {one.kind}: {problem}", file=sys.stderr)
            print(f"iai: {otherwise}\n{_command_lines(commands[number:])}", file=sys.stderr)
            return 1
    return 0


def _problem(words: tuple[str, ...]) -> str:
    """Run a command; return its error, or ""."""
    try:
        done = subprocess.run(  # noqa: S603  the words are ours
            words, check=False, capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{words[0]}: {error}"
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip() or words[0]


def _succeeds(words: tuple[str, ...]) -> bool:
    return not _problem(words)


def _command_lines(commands: tuple[tuple[str, ...], ...]) -> str:
    return "\n".join(" ".join(words) for words in commands)
