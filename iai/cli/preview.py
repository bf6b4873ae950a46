"""Print exactly what the next session would start with; where it comes from goes to standard error.

This runs the session-start hook itself, without leaving a trace.

example: iai preview --cwd . --source startup
"""

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace

from iai.cli.output import print_json
from iai.config.settings import Settings
from iai.errors import IaiError
from iai.install import scripts
from iai.install.hook_entries import RECALL

SOURCES = ("startup", "clear", "fork", "resume", "compact")
_OF_HOSTS = ("CLAUDE_PROJECT_DIR", "PLUGIN_ROOT")  # by which the hook tells the host
PATIENCE_S = 10.0  # the hook's own deadline is a second


class NoPreview(IaiError):
    """The hook did not answer."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--cwd", default="", help="the session's directory (default: this one)")
    parser.add_argument("--source", default="startup", choices=SOURCES, help="how it starts")
    parser.add_argument("--session", default="", help="the id of a resumed session")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    event = {
        "hook_event_name": "SessionStart",
        "session_id": args.session,
        "source": args.source,
        "cwd": os.path.abspath(args.cwd or "."),  # noqa: PTH100  as a host names it, symlinks and all
    }
    hook = ["bash", str(scripts.packaged() / RECALL)]
    no_trace = {"IAI_MCP_STORE": str(settings.store), "IAI_MCP_DRY_RUN": "1"}
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
    text, source = (data.decode("utf-8", "replace") for data in (done.stdout, done.stderr))
    if args.json:
        print_json({"text": text, "source": source.strip()})
        return 0
    sys.stdout.write(text)
    sys.stderr.write(source)
    return 0
