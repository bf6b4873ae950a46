"""What `iai done` and `iai dismiss` share: one mark of a record, set or taken off."""

from argparse import ArgumentParser, Namespace
from typing import Literal

from iai.cli import refs
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.process.client import Client
from iai.protocol.ingest import Changed, Mark
from iai.protocol.message import Actor


def configure(parser: ArgumentParser, undo: str) -> None:
    """Declare the record and --undo; `undo` says what that does."""
    refs.add(parser)
    parser.add_argument("--undo", action="store_true", help=undo)


def apply(args: Namespace, settings: Settings, mark: Literal["done", "dismissed"]) -> None:
    """Have ingest set the mark, or with --undo take it off. Raises what `Client.call` does."""
    request = Mark(ref=refs.one(args), mark=mark, on=not args.undo)
    with Client(Layout(settings.store)) as client:
        client.call(Actor.INGEST, request, Changed)
