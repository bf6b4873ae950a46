"""The status of a host's hooks, read from files on disk.

Codex stores its trust in a hook in `config.toml`, as a digest of the definition (`codex-rs`,
hooks/src/engine/discovery.rs), under [hooks.state."<file>:<event>:<group>:<handler>"].
"""

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from iai.config.layout import Layout
from iai.errors import StoreError
from iai.hosts import claude, codex, registry
from iai.ingest import spool
from iai.ingest.spool import HookEvent
from iai.install import hook_entries, json_edit
from iai.install.hook_entries import CAPTURE, EVENTS, RECALL, Hook, Position
from iai.install.installer import Installer
from iai.install.json_edit import NotJson
from iai.install.settings_file import SettingsFault
from iai.model import clock
from iai.model.clock import NS
from iai.process import logs
from iai.process.files import open_regular
from iai.store.record_view import RecordView
from iai.store.records import view_of

_LATEST = 2_000  # newest records to search for one of a host
_WAITING = 64  # newest spool files to read
_LOG_TAIL = 4_096  # bytes
_HEARD_WITHIN_S = 60.0  # how exactly `Transcript.heard_at` is known
CAPTURED = frozenset(event for event, script, _ in EVENTS if script == CAPTURE)
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class HookStatus(Struct, frozen=True, kw_only=True):
    """One of the hooks that a host should have."""

    event: str
    script: str
    installed: str  # "yes", "no", or "differs" from what this version installs
    trusted: str  # "yes", "no", "not asked for" or "unknown"


class LastRun(Struct, frozen=True, kw_only=True):
    """The last time that a hook is known to have run. `at` is a wall time; 0 if unknown."""

    at: int
    outcome: str


def examine(one: Installer) -> tuple[list[HookStatus], list[str], str]:
    """Return the hooks of a host, what keeps them from working, and the text of its settings.

    Raises SettingsFault.
    """
    config = codex_config(one.file.path.parent) if one.host == codex.NAME else {}
    text = (one.file.read() or b"").decode("utf-8", "replace")
    try:
        found = inspect(one.host, text, one.hooks, one.file.path, config)
        return found, warnings(one.host, text, found, config), text
    except NotJson as error:
        raise SettingsFault(f"{one.file.path} {error}") from error


def inspect(
    host: str, text: str, wanted: tuple[Hook, ...], file: Path, config: dict[str, Any] | None
) -> list[HookStatus]:
    """Return the status of each of the `wanted` hooks, given the text of the settings `file`."""
    by_event: dict[str, list[tuple[Position, dict[str, Any]]]] = {}
    for event, position, handler in hook_entries.installed(text):
        by_event.setdefault(event, []).append((position, handler))
    statuses = []
    for hook in wanted:
        ours = by_event.get(hook.event, [])
        same = [position for position, handler in ours if handler == hook.handler]
        trusted = "not asked for" if host == claude.NAME else "unknown"
        if host == codex.NAME and same:
            trusted = _trusted(hook, file, same[0], config)
        statuses.append(
            HookStatus(
                event=hook.event,
                script=CAPTURE if hook.event in CAPTURED else RECALL,
                installed="yes" if same and len(ours) == 1 else "differs" if ours else "no",
                trusted=trusted if same else "unknown",
            )
        )
    return statuses


def codex_config(directory: Path) -> dict[str, Any] | None:
    """Return Codex's settings: empty if there are none, None if they can't be read."""
    try:
        with open_regular(directory / "config.toml") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        return None


def digest(hook: Hook) -> str:
    """Return Codex's digest of a hook."""
    identity = {
        **hook.group,
        "event_name": _label(hook.event),
        "hooks": [{"async": False, **hook.handler}],
    }
    data = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(data.encode()).hexdigest()}"


def warnings(
    host: str, text: str, statuses: list[HookStatus], config: dict[str, Any] | None
) -> list[str]:
    """Return what keeps installed hooks from working."""
    settings = json_edit.parse(text) if text.strip() else {}
    installed = any(hook.installed != "no" for hook in statuses)
    problems = []
    if host == claude.NAME:
        plugins = _table(settings, "enabledPlugins")
        if settings.get("disableAllHooks") is True:
            problems.append('"disableAllHooks" is set, so no hook is called')
    else:
        plugins = {
            name: isinstance(plugin, dict) and plugin.get("enabled", True)
            for name, plugin in _table(config or {}, "plugins").items()
        }
        if _table(config or {}, "features").get("hooks") is False:
            problems.append("config.toml turns hooks off: [features] hooks = false")
        if installed and any(hook.trusted == "no" for hook in statuses):
            problems.append(
                "Codex does not call a hook before you trust it: start codex and type /hooks"
            )
    if installed and any(on and name.startswith("iai@") for name, on in plugins.items()):
        problems.append(
            "the plugin is enabled, too; its start hook stays silent, and one of the two is enough"
        )
    return problems


def last_start(layout: Layout) -> LastRun | None:
    """Return the last run of the session-start hook for any host; None if it never ran."""
    lines = _tail(layout.recall_log) or _tail(logs.rotated(layout.recall_log, 1))
    at, _, outcome = (lines or [""])[-1].partition(" ")
    try:
        return LastRun(at=clock.parse_iso(at), outcome=outcome)
    except ValueError:
        return None


def _tail(path: Path) -> list[str]:
    try:
        with open_regular(path, follow=False) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _LOG_TAIL))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def last_capture(layout: Layout, host: str) -> LastRun | None:
    """Return the last event that a host is known to have sent through a hook; None if unknown.

    The capture hook keeps no log, but its events leave traces: first the file in the spool, then
    the records of the transcript that the event named.
    """
    for path in reversed(spool.waiting(layout.spool_new)[-_WAITING:]):
        spooled = spool.read(path)
        if spooled is not None and spooled.event is not None and _host(spooled.event) == host:
            name = spooled.event.hook_event_name or "an event"
            return LastRun(at=spooled.arrived, outcome=f"{name} waits in the spool")
    try:
        with view_of(layout.records) as view:
            return _kept(view, host)
    except StoreError:
        return None


def _kept(view: RecordView, host: str) -> LastRun | None:
    """Return the last run that left a record; what was read without a hook doesn't count.

    That is a file that was only imported, and what was said in a session after its hooks ceased.
    """
    named = {t.path: t.heard_at for t in view.transcripts() if t.host == host and t.followed_until}
    heard = max(named.values(), default=0)
    newest = view.watermark().max_vec_label
    for label in range(newest, max(0, newest - _LATEST), -1):
        record = view.get(label)
        if record is None or record.host != host:
            continue
        path, at = record.source.transcript, record.ingested_at
        if not path or (path in named and at - heard <= _HEARD_WITHIN_S * NS):
            return LastRun(at=at, outcome=f"a turn of the {record.role} was kept")
    return LastRun(at=heard, outcome="a transcript was named") if named else None


def _host(event: HookEvent) -> str:
    if event.turn_id:
        return codex.NAME
    known = registry.detect(event.transcript_path, None)
    return known.NAME if known else claude.NAME


def _trusted(hook: Hook, file: Path, position: Position, config: dict[str, Any] | None) -> str:
    """Return whether Codex trusts a hook. Another digest may be that of an unknown version."""
    if config is None:
        return "unknown"
    states = _table(_table(config, "hooks"), "state")
    at = f"{_label(hook.event)}:{position.group}:{position.handler}"
    resolved = file.parent.resolve() / file.name  # as Codex resolves $CODEX_HOME
    state = states.get(f"{file}:{at}", states.get(f"{resolved}:{at}"))
    if not isinstance(state, dict) or "trusted_hash" not in state:
        return "no"
    if state["trusted_hash"] != digest(hook):
        return "unknown"
    return "no" if state.get("enabled") is False else "yes"


def _table(config: dict[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _label(event: str) -> str:
    return _WORD_START.sub("_", event).lower()
