"""Show how far each stage has come, and the processes.

The stages are read from the store itself: one that has stopped shows as a lag, whatever its process
says. A payload is behind by the changes that it does not hold.

example: iai status --watch
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from iai.admin import status
from iai.cli import watch
from iai.cli.output import as_json
from iai.config.settings import Settings

SHORTEST_S, LONGEST_S = 0.1, 3_600.0  # between two looks with --watch
_EXIT = {"running": 0, "not answering": 1, "stopped": 3}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        type=_seconds,
        nargs="?",
        const=1.0,
        metavar="SECONDS",
        help="show it again and again, every second or so many, until Ctrl-C",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON document; with --watch, one a line"
    )


def run(args: Namespace, settings: Settings) -> int:
    if args.watch is None:
        document, text = status.look(settings)
        as_json(document) if args.json else print(text)
        return _EXIT[document["group"]["state"]]

    def show() -> None:
        document, text = status.look(settings)
        as_json(document, line=True) if args.json else watch.redraw(text)

    return watch.repeat(show, args.watch)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ArgumentTypeError(f"{text}: give {SHORTEST_S} to {LONGEST_S:.0f} seconds")
    return seconds
