"""Connect iai to Claude Code and Codex, or disconnect it, or show the state of the hooks.

install adds hooks to ~/.claude/settings.json and ~/.codex/hooks.json (or below $CLAUDE_CONFIG_DIR
and $CODEX_HOME), leaves the rest of each file as it is, and keeps a backup next to it. uninstall
removes them. Without --host, both apply to each host that is set up on this machine.

--statusline adds a line to Claude Code's status line: how current the session-start text is, what
the session was given, what was redacted, and what is wrong. A status line of your own is kept, and
shown next to it. --no-statusline removes it again, and so does uninstall.

example: iai hooks install --host claude
"""

import difflib
import os
import sys
import time
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Iterator
from typing import Any

import msgspec

from iai.cli import import_progress, options
from iai.cli.output import answer, print_json
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.hosts import claude, codex
from iai.install import hook_status, installer, scripts, status_line
from iai.install.hook_entries import FILE_EVENT
from iai.install.hook_status import HookStatus, LastRun
from iai.install.installer import HOSTS, Change, Installer
from iai.install.settings_file import SettingsFault
from iai.model.units import ago
from iai.process import lock

Document = dict[str, Any]

NAMES = {claude.NAME: "Claude Code", codex.NAME: "Codex"}
ALL = "all"
_PURPOSE = {"SessionStart": "start", FILE_EVENT: "file"}  # of a hook; the others capture


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("install", "status", "uninstall"))
    parser.add_argument("--host", choices=(*HOSTS, ALL), default=ALL, help="default: all")
    parser.add_argument(
        "--statusline",
        action=BooleanOptionalAction,
        help="with install: also show the state of the memory in Claude Code's status line, next to"
        " one that is there already; or remove that again",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the change without making it")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    if args.statusline is not None and (args.action != "install" or args.host == codex.NAME):
        raise BadUsage("--statusline works only with `iai hooks install`, for Claude Code")
    hosts = [args.host] if args.host != ALL else _hosts_set_up()
    if args.action != "install":
        hosts = hosts or list(HOSTS)
    if args.action == "status":
        documents = {host: _status(host, settings) for host in hosts}
        answer(args, documents, _lines(documents))
        return 0
    if not hosts:
        raise BadUsage("neither ~/.claude nor ~/.codex exists; choose one with --host")
    failed, documents = 0, {}
    for host in hosts:  # a problem with one must not stop the other
        try:
            one = _installer(host, settings, with_status_line=args.statusline)
            change = _change(one, args.action, dry_run=args.dry_run)
        except SettingsFault as error:
            print(f"iai: {error}", file=sys.stderr)
            failed, documents[host] = 1, {"problem": str(error)}
            continue
        documents[host] = _document(change)
        if not args.json:
            print("\n".join(_outcome(host, change, args.action, dry_run=args.dry_run)))
    if args.json:
        print_json(documents)
    elif args.action == "install" and not args.dry_run:
        print("\n".join(_what_next(hosts, settings)))
        import_progress.offer(Layout(settings.store))
    return failed


def _what_next(hosts: list[str], settings: Settings) -> Iterator[str]:
    """Say what happens from now on, and how to see it."""
    if not lock.held(Layout(settings.store).lease):
        yield "next: `iai up --detach` starts iai; until then, what is said waits in the spool"
    yield "From now on every session is recorded, and starts with what `iai preview` prints."
    yield "To see it: hold a session, then `iai timeline` lists it and `iai hooks status` says when"
    yield f"each hook last ran ({' and '.join(NAMES[host] for host in hosts)})."


def _hosts_set_up() -> list[str]:
    return [host for host in HOSTS if installer.directory(host, os.environ).is_dir()]


def _installer(host: str, settings: Settings, *, with_status_line: bool | None = None) -> Installer:
    return Installer(
        host,
        Layout(settings.store),
        os.environ,
        file_history=bool(settings.file_history),
        with_status_line=with_status_line,
    )


def _change(one: Installer, action: str, *, dry_run: bool) -> Change:
    if dry_run:
        return one.plan_install() if action == "install" else one.plan_uninstall()
    wall = time.time_ns()
    return one.install(wall) if action == "install" else one.uninstall(wall)


def _document(change: Change) -> Document:
    backup = str(change.backup) if change.backup else None
    return {"file": str(change.path), "changed": change.needed, "backup": backup, "problem": ""}


def _outcome(host: str, change: Change, action: str, *, dry_run: bool) -> Iterator[str]:
    name, installing = NAMES[host], action == "install"
    if dry_run:
        yield _diff(change) or f"{name}: no change to {change.path}"
    elif not change.needed:
        state = "already in" if installing else "not in"
        yield f"{name}: hooks are {state} {change.path}; nothing to do"
    else:
        done = "installed in" if installing else "removed from"
        backup = f" (backup: {change.backup})" if change.backup else ""
        yield f"{name}: hooks {done} {change.path}{backup}"
        if installing and host == codex.NAME:
            yield "  next: start codex and trust them once with /hooks; until then they don't run"
        elif installing:
            yield "  open sessions may need a restart to use them"


def _diff(change: Change) -> str:
    before, after = (
        (data or b"").decode(errors="replace").splitlines()
        for data in (change.before, change.after)
    )
    names = str(change.path), f"{change.path} (after)"
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))


def _status(host: str, settings: Settings) -> Document:
    """Return the state of one host."""
    layout, one = Layout(settings.store), _installer(host, settings)
    found: list[HookStatus] = []
    warnings: list[str] = []
    problem, text = "", ""
    try:
        found, warnings, text = hook_status.examine(one)
    except SettingsFault as error:
        problem = str(error)
    return {
        "file": str(one.file.path),
        "problem": problem,
        "hooks": msgspec.to_builtins(found),
        "status_line": host == claude.NAME and status_line.installed(text),
        "scripts": _scripts(layout),
        "start": msgspec.to_builtins(hook_status.last_start(layout)),
        "capture": msgspec.to_builtins(hook_status.last_capture(layout, host)),
        "warnings": warnings,
    }


def _scripts(layout: Layout) -> str:
    if not layout.hooks.is_dir():
        return "absent"
    return "current" if scripts.current(layout) else "differ"


def _lines(documents: dict[str, Document]) -> list[str]:
    lines = []
    for host, document in documents.items():
        lines.append(f"{NAMES[host]}: {document['file']}")
        if document["problem"]:
            lines.append(f"  problem           {document['problem']}")
        for hook in document["hooks"]:
            of = _PURPOSE.get(hook["event"], "capture")
            lines.append(
                f"  {hook['event']:<18}{of:<9}installed: {hook['installed']:<9}"
                f"trusted: {hook['trusted']}"
            )
        start = _last_run(document["start"])
        lines.append(f"  last start        {start}" + (" (any host)" if document["start"] else ""))
        lines.append(f"  last capture      {_last_run(document['capture'])}")
        if document["status_line"]:
            lines.append("  status line       installed")
        lines += [f"  warning           {warning}" for warning in document["warnings"]]
    if any(document["scripts"] == "differ" for document in documents.values()):
        lines.append("the hook scripts are from another version; `iai up` updates them")
    return lines


def _last_run(fields: Document | None) -> str:
    if fields is None:
        return "none yet"
    last = LastRun(**fields)
    return f"{ago(last.at, time.time_ns())}: {last.outcome}" if last.at else last.outcome
