"""Store a note. With --pin, every session in this project starts with it.

If the project is shared with a team, the note is, too. With --mine it is yours alone, even if the
project is shared later: only other machines of yours get it, and nobody else can read it.

example: iai remember "Deployments go through make release, never by hand" --pin
"""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from iai.cli import options
from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, StoreLocked
from iai.process.client import Client
from iai.projects.lookup import is_path, project
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor
from iai.store.records import view_of


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("text", help="the note")
    parser.add_argument("--pin", action="store_true", help="start every session here with it")
    parser.add_argument("--mine", action="store_true", help="only for you, on all your machines")
    parser.add_argument(
        "--project",
        default="",
        help="the project it is about: a path, a name or an id (default: that of this directory)",
    )
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    if not args.text.strip():
        raise BadUsage("the text is empty")
    layout = Layout(settings.store)
    turn = CapturedTurn(
        text=args.text,
        tier="semantic",
        host="cli",
        cwd=_directory(args.project, layout),
        pinned=args.pin,
        mine=args.mine,
    )
    with Client(layout) as client:
        captured = client.call(Actor.INGEST, Capture(turns=(turn,)), Captured)
    answer(args, captured, _lines(captured, layout, pinned=args.pin))
    return 0


def _lines(captured: Captured, layout: Layout, *, pinned: bool) -> Iterator[str]:
    if captured.added:
        yield f"remembered as {_number(layout, captured.ids[0])}"
    elif captured.ids[0]:
        now = ", now pinned" if pinned else ""
        yield f"already known as {_number(layout, captured.ids[0])}{now}"
    else:
        yield "not stored: you have forgotten this text before"


def _directory(named: str, layout: Layout) -> str:
    """Return a directory of the named project. Raises BadUsage if there is no such project."""
    if not named or is_path(named):
        return os.path.abspath(named or ".")  # noqa: PTH100  keeps symlinks, as the shell does
    with view_of(layout.records) as view:
        return project(named, view).root


def _number(layout: Layout, record_id: str) -> str:
    """Return a record's number, by which all commands name it.

    Its id if it is gone already, or the store is locked for this process.
    """
    try:
        with view_of(layout.records) as view:
            record = view.find(record_id)
    except StoreLocked:
        return record_id
    return f"#{record.label}" if record else record_id
