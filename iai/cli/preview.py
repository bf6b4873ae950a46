"""Print exactly what the next session would start with; where it comes from goes to standard error.

This runs the session-start hook itself, without leaving a trace.

example: iai preview --cwd . --source startup
"""

import os
import sys
from argparse import ArgumentParser, Namespace

from iai.admin import preview
from iai.cli import options
from iai.cli.output import print_json
from iai.config.settings import Settings

SOURCES = ("startup", "clear", "fork", "resume", "compact")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--cwd", default="", help="the session's directory (default: this one)")
    parser.add_argument(
        "--source",
        default="startup",
        choices=SOURCES,
        help="how the session starts (default: startup)",
    )
    parser.add_argument("--session", default="", help="the id of a resumed session")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    cwd = os.path.abspath(args.cwd or ".")  # noqa: PTH100  as a host names it, symlinks and all
    found = preview.run(settings.store, cwd, args.source, args.session)
    if args.json:
        print_json({"text": found.text, "source": found.origin.strip()})
        return 0
    sys.stdout.write(found.text)
    sys.stderr.write(found.origin)
    return 0
