"""Show what is running and how current each stage is.

Stages are read from disk, so a stuck stage shows as a lag even if its process claims to be well.
The payload is the session-start text: its line says how far that is behind.

example: iai status --watch
"""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from iai.admin import status
from iai.cli import watch
from iai.cli.output import print_json, show
from iai.config.settings import Settings

SHORTEST_S, LONGEST_S = 0.1, 3_600.0  # with --watch
LOOKS = (
    re.compile(r"^(?P<label>group|store|lifecycle|stages|payload|redacted|rereading|team)\b"),
    re.compile(r"^(?P<warn>problem|version|space|capture)\b"),
    re.compile(r"^group +(?:(?P<ok>running)|(?P<fail>stopped|not answering))"),
    re.compile(r"^  [a-z-]+ +(?:(?P<ok>ready)|(?P<warn>late|starting)|(?P<fail>failed)) +pid"),
    re.compile(r"^  [a-z]+ +\d+    (?:(?P<ok>0)$|(?P<warn>.+))"),
    re.compile(r"^(?:team|  \S).*?(?P<warn>(?:behind (?:by|for)|not connected|not yet|cannot) .*)"),
    re.compile(r"^payload +(?:(?P<ok>current)|(?P<warn>behind by [^,]*|unknown [^,]*))"),
)
_EXIT = {"running": 0, "not answering": 1, "stopped": 3}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        type=_seconds,
        nargs="?",
        const=1.0,
        metavar="SECONDS",
        help="refresh every second, or this often, until Ctrl-C",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document; with --watch, one per line"
    )


def run(args: Namespace, settings: Settings) -> int:
    if args.watch is None:
        document, text = status.collect(settings)
        print_json(document) if args.json else show(text.split("\n"), LOOKS)
        return _EXIT[document["group"]["state"]]

    def draw() -> None:
        document, text = status.collect(settings)
        print_json(document, line=True) if args.json else watch.redraw(text, LOOKS)

    return watch.repeat(draw, args.watch)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ArgumentTypeError(f"{text}: must be {SHORTEST_S} to {LONGEST_S:.0f} seconds")
    return seconds
