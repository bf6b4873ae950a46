"""What the next session would start with: the session-start hook itself, leaving no trace."""

import json
import os
import subprocess
from pathlib import Path

from msgspec import Struct

from iai.config.settings import Settings
from iai.errors import IaiError
from iai.ingest.spool import HookEvent
from iai.install import scripts
from iai.install.hook_entries import RECALL
from iai.session_start import compose_now
from iai.session_start.compose_now import Start

_OF_HOSTS = ("CLAUDE_PROJECT_DIR", "PLUGIN_ROOT")  # by which the hook tells the host
_COMPOSED = " -> live-cli "  # in the hook's words: no current text was ready
PATIENCE_S = 10.0  # the hook's own deadline is a second


class NoPreview(IaiError):
    """The hook did not answer."""


class Preview(Struct, frozen=True):
    """What the hook printed."""

    text: str
    origin: str  # where the text comes from, in the hook's words


def run(store: Path, cwd: str, source: str = "startup", session: str = "") -> Preview:
    """Run the hook for a session in a directory, as a host names it. Raises NoPreview."""
    return _run(store, HookEvent(cwd=cwd, source=source, session_id=session), "1")


def composed_here(settings: Settings, cwd: str, wall: int) -> Preview:
    """Return what `run` does for a new session, but compose the text in this process if need be.

    So the hook need not start a Python, which takes longer than all else. Raises NoPreview, and
    StoreError.
    """
    event = HookEvent(cwd=cwd, source="startup")
    found = _run(settings.store, event, "files")
    if _COMPOSED not in found.origin:
        return found
    text = compose_now.compose(Start(event=event), settings, wall)
    reason = found.origin.partition(_COMPOSED)[0]
    return Preview(text, f"{reason}{_COMPOSED}bytes={len(text.encode())}")


def _run(store: Path, event: HookEvent, trace: str) -> Preview:
    hook = ["bash", str(scripts.packaged() / RECALL)]
    fields = {
        "hook_event_name": "SessionStart",
        "session_id": event.session_id,
        "source": event.source,
        "cwd": event.cwd,
    }
    no_trace = {"IAI_MCP_STORE": str(store), "IAI_MCP_DRY_RUN": trace}
    try:
        done = subprocess.run(  # noqa: S603
            hook,
            input=json.dumps(fields, ensure_ascii=False).encode(errors="surrogateescape"),
            env={k: v for k, v in os.environ.items() if k not in _OF_HOSTS} | no_trace,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPreview(f"the session-start hook {hook[1]} did not run: {error}") from error
    return Preview(done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
