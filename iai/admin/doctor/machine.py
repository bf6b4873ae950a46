"""Checks of the machine: packages, permissions, disk, settings, spool, hooks, service."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from iai.admin.doctor.finding import (
    Finding,
    fail,
    ok,
    warn,
)
from iai.admin.version import ENGINES
from iai.config import config_file
from iai.config.layout import Layout
from iai.config.permissions import closed, exposed, unsafe
from iai.config.settings import Settings
from iai.ingest import spool
from iai.install import hook_status, installer, scripts, service
from iai.install.installer import HOSTS, Installer
from iai.install.settings_file import SettingsFault
from iai.model.units import count
from iai.process import disk_space

MANY_WAIT = 1_000  # files waiting in the spool


def checks(layout: Layout, environment: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Check everything that needs no running group."""
    yield _packages()
    yield _permissions(layout)
    yield _disk(layout, settings)
    yield _settings(environment)
    yield _spool(layout)
    yield _bad_files(layout)
    yield from (_hooks(host, layout, environment) for host in _hosts(environment))
    yield _scripts(layout)
    yield _service(layout, environment)


def _packages() -> Finding:
    versions, missing = [], []
    for name in ENGINES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        todo = "reinstall iai with its dependencies"
        return fail("packages", f"not installed: {', '.join(missing)}", todo)
    return ok("packages", f"Python {sys.version.split()[0]}, {', '.join(versions)}")


def _permissions(layout: Layout) -> Finding:
    return _root(layout) or _below(layout) or ok("store", f"{layout.root}, private to you")


def _root(layout: Layout) -> Finding | None:
    if layout.root.is_symlink() and not layout.root.exists():
        return fail("store", f"{layout.root} leads nowhere", "put back what it leads to")
    if not layout.root.exists():
        return fail("store", f"{layout.root} does not exist", "`iai up --detach` creates it")
    if not layout.root.is_dir():
        return fail(
            "store", f"{layout.root} is not a directory", "move it away, or set IAI_MCP_STORE"
        )
    if layout.root.stat().st_uid != os.getuid():
        todo = f"`sudo chown -R $(id -u) {layout.root}`"
        return fail("store", f"{layout.root} belongs to another user", todo)
    return None


def _below(layout: Layout) -> Finding | None:
    if shut := list(closed(layout.root)):
        said = f"{count(len(shut), 'path')} closed to yourself, for example {shut[0]}"
        return fail(
            "store", said, "`iai doctor --fix` opens them; nothing is damaged by that", fixable=True
        )
    if not os.access(layout.root, os.W_OK | os.X_OK):
        return fail("store", f"{layout.root} is not writable", f"chmod u+rwx {layout.root}")
    if strange := list(unsafe(layout.root)):
        path, why = strange[0]
        more = f"; and {len(strange) - 1} more like it" if len(strange) > 1 else ""
        return fail("store", f"{path} {why}{more}", "until then iai does not start")
    if misplaced := _misplaced(layout):
        return misplaced
    if others := exposed(layout.root):
        said = f"others can read {count(len(others), 'file')}, for example {others[0]}"
        return warn("store", said, "`iai doctor --fix` removes their permissions", fixable=True)
    return None


def _misplaced(layout: Layout) -> Finding | None:
    for path in layout.directories:
        if os.path.lexists(path) and not path.is_dir():
            todo = "move it away; iai makes the directory again, and what was derived"
            return fail("store", f"{path} is not a directory", todo)
    for path in layout.files:
        if path.is_dir():
            todo = "move it away; iai writes the file again if it is derived"
            return fail("store", f"{path} is a directory, and not a file", todo)
    return None


def _disk(layout: Layout, settings: Settings) -> Finding:
    space = disk_space.measure(layout.root, settings.store_max_gb)
    if space.full:
        return fail("disk", space.summary, space.todo)
    return warn("disk", space.summary, space.todo) if space.low else ok("disk", space.summary)


def _settings(environment: Mapping[str, str]) -> Finding:
    _, warnings = config_file.load(environment)
    if warnings:
        return warn("settings", "; ".join(warnings), "fix them; `iai config` lists them all")
    return ok("settings", "all valid")


def _spool(layout: Layout) -> Finding:
    listing = spool.listing(layout.spool_new)
    waiting = listing.events
    if listing.strays:
        path = layout.spool_new / listing.strays[0]
        said = f"{path} is a {spool.kind_of(path) or 'stray'} and no hook event"
        return warn(
            "spool", f"{said}; until it is gone, each session start composes anew", "delete it"
        )
    if len(waiting) > MANY_WAIT:
        todo = "check that iai is running; it reads them when it is"
        return fail("spool", f"{count(len(waiting), 'hook event')} waiting", todo)
    if not os.access(layout.spool_new, os.W_OK) and layout.spool_new.exists():
        return fail(
            "spool", f"{layout.spool_new} is not writable", f"chmod u+rwx {layout.spool_new}"
        )
    return ok("spool", f"{count(len(waiting), 'hook event')} waiting")


def _bad_files(layout: Layout) -> Finding:
    bad = list(layout.spool_bad.glob("*")) if layout.spool_bad.is_dir() else []
    aside = [path for path in bad if path.suffix == spool.UNSEARCHABLE]
    if aside:
        said = f"{count(len(aside), 'event')} cannot be searched for secrets, so it is not stored"
        todo = (
            f"report the error in logs/group.log, then delete {layout.spool_bad}/*{aside[0].suffix}"
        )
        return fail("bad events", said, todo)
    if bad:
        todo = f"inspect {layout.spool_bad}, then delete them"
        return warn("bad events", f"{count(len(bad), 'file')} in the spool, not hook events", todo)
    return ok("bad events", "none")


def _hosts(environment: Mapping[str, str]) -> list[str]:
    return [host for host in HOSTS if installer.directory(host, environment).is_dir()]


def _hooks(host: str, layout: Layout, environment: Mapping[str, str]) -> Finding:
    check = f"hooks of {host}"
    chosen, _ = config_file.load(environment)
    one = Installer(host, layout, environment, file_history=bool(chosen.file_history))
    again = f"`iai hooks install --host {host}`"
    try:
        found, warnings, _ = hook_status.examine(one)
    except SettingsFault as error:
        return fail(check, str(error), f"fix it, then {again}")
    missing = [hook.event for hook in found if hook.installed == "no"]
    if missing:
        return warn(check, f"not installed: {', '.join(missing)}", again)
    if any(hook.installed == "differs" for hook in found):
        return warn(check, "they belong to another version or store", again)
    if warnings:
        return warn(check, "; ".join(warnings), f"see `iai hooks status --host {host}`")
    fired = hook_status.last_capture(layout, host)
    return ok(check, "installed" + (f"; last: {fired.outcome}" if fired else "; none has run yet"))


def _scripts(layout: Layout) -> Finding:
    if not layout.hooks.is_dir():
        todo = "`iai hooks install` connects Claude Code and Codex"
        return warn("hook scripts", "no host is connected", todo)
    if not scripts.current(layout):
        return warn("hook scripts", "they are from another version", "`iai up --detach`")
    try:
        command = Path(layout.command.read_text().strip())
    except OSError:
        command = Path(shutil.which("iai") or "/nowhere")
    if not os.access(command, os.X_OK) and shutil.which("iai") is None:
        todo = "`iai up --detach` records its path; or put iai on PATH"
        return fail("hook scripts", f"the hooks cannot find iai at {command}", todo)
    return ok("hook scripts", f"current; they find iai at {command}")


def _service(layout: Layout, environment: Mapping[str, str]) -> Finding:
    kinds = {k: service.describe(k, layout, environment, service.command()) for k in service.KINDS}
    installed = {kind: one.installed() for kind, one in kinds.items()}
    for kind, state in installed.items():
        if state == "yes":
            return ok("service", f"{kind}: {kinds[kind].path}")
        if state == "differs":
            todo = f"`iai service install --kind {kind}`"
            return warn("service", f"{kinds[kind].path} is from another version", todo)
    todo = "`iai service install` starts iai at login"
    return warn("service", "iai does not start at login", todo)
