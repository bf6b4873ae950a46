"""What the next session would start with: the session-start hook itself, leaving no trace."""

import json
import os
import subprocess
import time
from pathlib import Path

from msgspec import Struct

from iai.config.settings import Settings
from iai.errors import IaiError
from iai.ingest.spool import HookEvent
from iai.install import scripts
from iai.install.hook_entries import RECALL
from iai.payload.sessions import Memo
from iai.session_start import compose_now
from iai.session_start.compose_now import Start

_OF_HOSTS = ("CLAUDE_PROJECT_DIR", "PLUGIN_ROOT")  # by which the hook tells the host
_COMPOSED = " -> live-cli "  # in the hook's words: no current text was ready
PATIENCE_S = 10.0
HOOK_S = 0.9  # in which the hook has a text composed, or else hands out none


class NoPreview(IaiError):
    """The hook did not answer."""


class Preview(Struct, frozen=True):
    """What the hook printed."""

    text: str
    origin: str  # where the text comes from, in the hook's words
    composed_s: float = 0.0  # that composing it took in this process; 0: the hook printed it

    @property
    def reason(self) -> str:
        """Why no current text was ready, in the hook's words; "" if one was."""
        return self.origin.partition(_COMPOSED)[0] if _COMPOSED in self.origin else ""


def run(store: Path, cwd: str, source: str = "startup", session: str = "") -> Preview:
    """Run the hook for a session in a directory, as a host names it. Raises NoPreview."""
    return _run(store, HookEvent(cwd=cwd, source=source, session_id=session), "1")


def composed_here(settings: Settings, cwd: str, wall: int, memo: Memo | None = None) -> Preview:
    """Return what `run` does for a new session, but compose the text in this process if need be.

    So the hook need not start a Python, which takes longer than all else. A real session gets the
    same text if the hook's own iai takes no longer than `HOOK_S`. `memo` keeps the sessions that
    were read from one time to the next. Raises NoPreview, and StoreError.
    """
    event = HookEvent(cwd=cwd, source="startup")
    found = _run(settings.store, event, "files")
    if not found.reason:
        return found
    began = time.monotonic()
    text = compose_now.compose(Start(event=event), settings, wall, memo)
    origin = f"{found.reason}{_COMPOSED}bytes={len(text.encode())}"
    return Preview(text, origin, time.monotonic() - began)


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
