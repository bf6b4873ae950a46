"""Start every session in a record's project with that record.

If the project is shared with a team, everyone's sessions in it start with the record. With --mine,
only your own sessions do, on all your machines, and nobody else sees the pin. --off removes both
pins; `--mine --off` only your own.

example: iai pin '#41'
example: iai pin --mine '#41'
"""

from argparse import ArgumentParser, Namespace

from iai.cli import options
from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.ingest import Changed, Pin
from iai.protocol.message import Actor


def configure(parser: ArgumentParser) -> None:
    options.add_ref(parser)
    parser.add_argument("--mine", action="store_true", help="only for your own sessions")
    parser.add_argument("--off", action="store_true", help="unpin it")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    with Client(Layout(settings.store)) as client:
        request = Pin(ref=options.ref_of(args), pinned=not args.off, mine=args.mine)
        changed = client.call(Actor.INGEST, request, Changed)
    said = ("unpinned" if args.off else "pinned") + (" for you alone" if args.mine else "")
    answer(args, changed, [said])
    return 0
