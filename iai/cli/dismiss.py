"""Leave the line with this number out of every session start, for good.

The first or the last request of a session takes the whole session out; an answer goes with its
request. Nothing is deleted: recall still finds it. --undo brings the line back.

example: iai dismiss '#41'
"""

from argparse import ArgumentParser, Namespace

from iai.cli import refs
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.ingest import Changed, Mark
from iai.protocol.message import Actor


def configure(parser: ArgumentParser) -> None:
    refs.add(parser)
    parser.add_argument("--undo", action="store_true", help="bring it back")


def run(args: Namespace, settings: Settings) -> int:
    request = Mark(ref=refs.one(args), mark="dismissed", on=not args.undo)
    with Client(Layout(settings.store)) as client:
        client.call(Actor.INGEST, request, Changed)
    print("no longer dismissed" if args.undo else "dismissed")
    return 0
