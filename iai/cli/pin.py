"""Start every session in a record's project with that record.

example: iai pin '#41'
"""

from argparse import ArgumentParser, Namespace

from iai.cli import marks, refs
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.ingest import Changed, Pin
from iai.protocol.message import Actor


def configure(parser: ArgumentParser) -> None:
    refs.add(parser)
    parser.add_argument("--off", action="store_true", help="unpin it")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    with Client(Layout(settings.store)) as client:
        request = Pin(ref=refs.one(args), pinned=not args.off)
        changed = client.call(Actor.INGEST, request, Changed)
    marks.report(changed, "unpinned" if args.off else "pinned", as_document=args.json)
    return 0
