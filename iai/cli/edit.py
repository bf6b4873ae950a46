"""Change the text of a record, in $EDITOR or with --text.

The record keeps its id, time and project. Sessions and recall use the new text.

example: iai edit '#41' --text "Deployments go through make deploy"
"""

import os
import shlex
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from iai.cli import options
from iai.cli.output import answer
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, IaiError, NoRecord
from iai.process.client import Client
from iai.protocol.ingest import Changed, Edit
from iai.protocol.message import Actor
from iai.store.records import view_of


class EditorFailed(IaiError):
    """The editor failed; the record is unchanged."""


def configure(parser: ArgumentParser) -> None:
    options.add_ref(parser)
    parser.add_argument("--text", help="the new text (default: edit it in $EDITOR)")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    layout, ref = Layout(settings.store), options.ref_of(args)
    if args.text is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadUsage("there is no terminal for an editor: give the new text with --text")
    with Client(layout) as client:
        client.require()
        before, revision = _now(layout, ref)
        text = args.text if args.text is not None else _edited(before)
        if not text.strip():
            raise BadUsage("the text is empty; to delete the record, use `iai forget`")
        if text == before:
            unchanged = Changed(count=0, revision=revision)
            answer(args, unchanged, ["not changed"])
            return 0
        changed = client.call(Actor.INGEST, Edit(ref=ref, text=text), Changed)
    answer(args, changed, ["changed"])
    return 0


def _now(layout: Layout, ref: str) -> tuple[str, int]:
    """Return the text of a record, and the revision of the records."""
    with view_of(layout.records) as view:
        record, revision = view.find(ref), view.watermark().revision
    if record is None:
        raise NoRecord(ref)
    return record.text, revision


def _edited(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="iai-") as directory:  # private to the user
        path = Path(directory) / "record.md"
        path.write_text(text)
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)  # noqa: S603  the user's own
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise EditorFailed(f"nothing changed: {editor}: {error}") from error
        written = path.read_text()
    # Editors add a final line feed, even if the text had none.
    return written if text.endswith("\n") else written.removesuffix("\n")
