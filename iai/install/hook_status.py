"""What can be known from disk of the hooks of a host: no more is claimed.

Whether Codex trusts a hook stands in its `config.toml`, as a digest of the definition (`codex-rs`,
hooks/src/engine/discovery.rs): under [hooks.state."<file>:<event>:<group>:<handler>"].
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
from iai.install.hook_entries import (
    CAPTURE,
    RECALL,
    Hook,
    Place,
)
from iai.model import clock
from iai.process import logs
from iai.store.readers import Readers
from iai.store.record_view import RecordView

_LATEST = 2_000  # records among which a host's latest is looked for
_WAITING = 64  # files of the spool that are looked at
_LOG_TAIL = 4_096  # bytes
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class HookSeen(Struct, frozen=True, kw_only=True):
    """One hook that there is to be. `installed` is "no", "yes" or "differs" from this version's."""

    event: str
    script: str
    installed: str
    trusted: str  # "yes", "no", "not asked for" or "unknown"


class Fired(Struct, frozen=True, kw_only=True):
    """The last time that a hook is known to have fired. `at` is a wall time; 0: it is not known."""

    at: int
    outcome: str


def hooks_seen(
    host: str, text: str, wanted: tuple[Hook, ...], file: Path, config: dict[str, Any] | None
) -> list[HookSeen]:
    """Return each hook that a host is to have, and how it stands in its settings."""
    there: dict[str, list[tuple[Place, dict[str, Any]]]] = {}
    for event, place, handler in hook_entries.found(text):
        there.setdefault(event, []).append((place, handler))
    seen = []
    for hook in wanted:
        ours = there.get(hook.event, [])
        same = [place for place, handler in ours if handler == hook.handler]
        trusted = "not asked for" if host == claude.NAME else "unknown"
        if host == codex.NAME and same:
            trusted = _trusted(hook, file, same[0], config)
        seen.append(
            HookSeen(
                event=hook.event,
                script=RECALL if hook.event == "SessionStart" else CAPTURE,
                installed="yes" if same and len(ours) == 1 else "differs" if ours else "no",
                trusted=trusted if same else "unknown",
            )
        )
    return seen


def codex_config(directory: Path) -> dict[str, Any] | None:
    """Return Codex's settings; empty where there are none, None where they cannot be read."""
    try:
        return tomllib.loads((directory / "config.toml").read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None


def digest(hook: Hook) -> str:
    """Return the digest by which Codex knows a hook without a matcher."""
    identity = {"event_name": _label(hook.event), "hooks": [{"async": False, **hook.handler}]}
    data = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(data.encode()).hexdigest()}"


def warnings(
    host: str, text: str, found: list[HookSeen], config: dict[str, Any] | None
) -> list[str]:
    """Return what keeps hooks that are installed from doing what they should."""
    settings = json_edit.parse(text) if text.strip() else {}
    installed = any(hook.installed != "no" for hook in found)
    said = []
    if host == claude.NAME:
        plugins = _table(settings, "enabledPlugins")
        if settings.get("disableAllHooks") is True:
            said.append('"disableAllHooks" is set: no hook is called')
    else:
        plugins = {
            name: isinstance(plugin, dict) and plugin.get("enabled", True)
            for name, plugin in _table(config or {}, "plugins").items()
        }
        if _table(config or {}, "features").get("hooks") is False:
            said.append("config.toml switches hooks off: [features] hooks = false")
        if installed and any(hook.trusted == "no" for hook in found):
            said.append("Codex does not call a hook before you trust it: start codex, then /hooks")
    if installed and any(on and name.startswith("iai@") for name, on in plugins.items()):
        said.append("the plugin is enabled, too: one of the two is enough; its start hook is quiet")
    return said


def last_start(layout: Layout) -> Fired | None:
    """Return what the session-start hook did last, for whichever host; None if it never ran."""
    lines = _tail(layout.recall_log) or _tail(logs.rotated(layout.recall_log, 1))
    moment, _, outcome = (lines or [""])[-1].partition(" ")
    try:
        return Fired(at=clock.parse_iso(moment), outcome=outcome)
    except ValueError:
        return None


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _LOG_TAIL))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def last_capture(layout: Layout, host: str) -> Fired | None:
    """Return the last event of a host that is known to have come through a hook; None if none is.

    The capture hook keeps no log: it is known by what it left. An event lies in the spool until it
    is read; after that there are the records of the transcript that it named.
    """
    for path in reversed(spool.waiting(layout.spool_new)[-_WAITING:]):
        spooled = spool.read(path)
        if spooled is not None and spooled.event is not None and _host(spooled.event) == host:
            name = spooled.event.hook_event_name or "an event"
            return Fired(at=spooled.arrived, outcome=f"{name} waits in the spool")
    readers = Readers(layout)
    try:
        with readers.records.view() as view:
            return _kept(view, host)
    except StoreError:
        return None
    finally:
        readers.close()


def _kept(view: RecordView, host: str) -> Fired | None:
    """What an import brought does not count, unless a hook named the same file."""
    named = {t.path for t in view.transcripts() if t.host == host and t.followed_until}
    newest = view.watermark().max_vec_label
    for label in range(newest, max(0, newest - _LATEST), -1):
        record = view.get(label)
        if record is None or record.host != host:
            continue
        if not record.source.transcript or record.source.transcript in named:
            return Fired(at=record.ingested_at, outcome=f"a turn of the {record.role} was kept")
    return Fired(at=0, outcome="a transcript was named") if named else None


def _host(event: HookEvent) -> str:
    if event.turn_id:
        return codex.NAME
    known = registry.detect(event.transcript_path or "", None)
    return known.NAME if known else claude.NAME


def _trusted(hook: Hook, file: Path, place: Place, config: dict[str, Any] | None) -> str:
    """Codex is asked with the very digest: another one may be that of a version we do not know."""
    if config is None:
        return "unknown"
    states = _table(_table(config, "hooks"), "state")
    at = f"{_label(hook.event)}:{place.group}:{place.handler}"
    resolved = file.parent.resolve() / file.name  # what Codex makes of $CODEX_HOME
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
