"""What the next session would start with: the session-start hook itself, leaving no trace."""

import json
import os
import subprocess
from pathlib import Path

from msgspec import Struct

from iai.errors import IaiError
from iai.install import scripts
from iai.install.hook_entries import RECALL

_OF_HOSTS = ("CLAUDE_PROJECT_DIR", "PLUGIN_ROOT")  # by which the hook tells the host
PATIENCE_S = 10.0  # the hook's own deadline is a second


class NoPreview(IaiError):
    """The hook did not answer."""


class Preview(Struct, frozen=True):
    """What the hook printed."""

    text: str
    origin: str  # where the text comes from, in the hook's words


def run(store: Path, cwd: str, source: str = "startup", session: str = "") -> Preview:
    """Run the hook for a session in a directory, as a host names it. Raises NoPreview."""
    event = {
        "hook_event_name": "SessionStart",
        "session_id": session,
        "source": source,
        "cwd": cwd,
    }
    hook = ["bash", str(scripts.packaged() / RECALL)]
    no_trace = {"IAI_MCP_STORE": str(store), "IAI_MCP_DRY_RUN": "1"}
    try:
        done = subprocess.run(  # noqa: S603
            hook,
            input=json.dumps(event, ensure_ascii=False).encode(errors="surrogateescape"),
            env={k: v for k, v in os.environ.items() if k not in _OF_HOSTS} | no_trace,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoPreview(f"the session-start hook {hook[1]} did not run: {error}") from error
    return Preview(done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
