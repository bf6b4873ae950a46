"""Close what is open in the session of a record: to-do items, tests that failed, a plan.

The next sessions no longer start with it. --undo opens it again.

example: iai done '#41'
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
    parser.add_argument("--undo", action="store_true", help="open it again")


def run(args: Namespace, settings: Settings) -> int:
    request = Mark(ref=refs.one(args), mark="done", on=not args.undo)
    with Client(Layout(settings.store)) as client:
        client.call(Actor.INGEST, request, Changed)
    print("open again" if args.undo else "done")
    return 0
