"""Compose the session-start text for a directory from the store, and print it.

Works whether or not iai is running, and changes nothing: turns that are not in the store yet are
read from the spool and the transcripts. The session-start hook runs this when no current text is
ready.

example: iai session-start --cwd .
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace

from iai.config.settings import Settings
from iai.ingest.spool import HookEvent, NotAnEvent, OtherProgram, event_in
from iai.session_start import compose_now
from iai.session_start.compose_now import Start

# The hook sets it where its host shows the user a line: see `iai.freshness.claude_file`. An iai of
# another version than the hook's would refuse an option.
WITH_MESSAGE = "IAI_MCP_START_MESSAGE_AS_JSON"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--cwd", default="", help="the session's directory (default: this one)")
    parser.add_argument(
        "--since",
        type=int,
        default=0,
        metavar="REVISION",
        help="only what is new since this revision",
    )
    parser.add_argument(
        "--new-to",
        default="",
        metavar="SESSION",
        help="only what is new since this session was last given some of it",
    )
    parser.add_argument(
        "--hook", action="store_true", help="read the host's JSON from standard input"
    )


def run(args: Namespace, settings: Settings) -> int:
    try:
        event = event_of(sys.stdin.buffer.read()) if args.hook else HookEvent(cwd=args.cwd)
    except OtherProgram:
        return 0
    start = Start(
        event=event,
        since=args.since,
        new_to=args.new_to,
        with_message=bool(os.environ.get(WITH_MESSAGE)),
    )
    print(compose_now.compose(start, settings, time.time_ns()), end="")
    return 0


def event_of(data: bytes) -> HookEvent:
    """Return the host's description of a session; an empty one if it cannot be read.

    Raises OtherProgram.
    """
    try:
        return event_in(data)
    except OtherProgram:
        raise
    except NotAnEvent:
        return HookEvent()
