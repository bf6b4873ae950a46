"""What `iai done` and `iai dismiss` share: they set a mark of a record, or take it off."""

from argparse import ArgumentParser, Namespace
from typing import Literal

from iai.cli import options
from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.ingest import Changed, Mark
from iai.protocol.message import Actor


def configure(parser: ArgumentParser, undo: str) -> None:
    """Declare the record and --undo; `undo` says what that does."""
    options.add_ref(parser)
    parser.add_argument("--undo", action="store_true", help=undo)
    options.add_json(parser)


def apply(
    args: Namespace, settings: Settings, mark: Literal["done", "dismissed"], undone: str
) -> None:
    """Have ingest set the mark, or with --undo take it off, and say so.

    `undone` is what is said if it was taken off. Raises what `Client.call` does.
    """
    request = Mark(ref=options.ref_of(args), mark=mark, on=not args.undo)
    with Client(Layout(settings.store)) as client:
        changed = client.call(Actor.INGEST, request, Changed)
    answer(args, changed, [undone if args.undo else mark])
