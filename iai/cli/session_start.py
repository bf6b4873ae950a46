"""Print what the next session in a directory starts with, composed now from the store.

It needs no running group. The session-start hook calls it where no payload file is young enough.

example: iai session-start --cwd .
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace

import msgspec

from iai.errors import StoreAbsent
from iai.freshness.compose import gather, render
from iai.layout import Layout
from iai.projects import identify
from iai.settings import Settings
from iai.spool import HookEvent
from iai.store.records import Records


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--cwd", default="", help="the session's directory (default: this one)")
    parser.add_argument(
        "--hook", action="store_true", help="read the host's JSON from standard input for it"
    )


def run(args: Namespace, settings: Settings) -> int:
    cwd = _told(sys.stdin.buffer.read()) if args.hook else args.cwd
    project = identify(os.path.abspath(cwd or "."))  # noqa: PTH100  symlinks are for identify
    try:
        records = Records(Layout(settings.store).records)
    except StoreAbsent:
        return 0  # nothing has been remembered yet, so there is nothing to start with
    with records.view() as view:
        material = gather(view, project.id, project.name)
    records.close()
    print(render(material, time.time_ns()), end="")
    return 0


def _told(data: bytes) -> str:
    """Return the directory that a host names; "" if it names none."""
    try:
        return msgspec.json.decode(data, type=HookEvent).cwd
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
