"""Start every session in a record's project with that record.

example: iai pin '#41'
"""

from argparse import ArgumentParser, Namespace

from iai.cli import refs
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.ingest import Changed, Pin
from iai.protocol.message import Actor


def configure(parser: ArgumentParser) -> None:
    refs.add(parser)
    parser.add_argument("--off", action="store_true", help="unpin it")


def run(args: Namespace, settings: Settings) -> int:
    with Client(Layout(settings.store)) as client:
        client.call(Actor.INGEST, Pin(ref=refs.one(args), pinned=not args.off), Changed)
    print("unpinned" if args.off else "pinned")
    return 0
