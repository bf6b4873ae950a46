"""Put another text in the place of a record's, in $EDITOR or with --text.

Its place, its time and its id stay; what is shown and found is the new text.

example: iai edit '#41' --text "Deployments go through make deploy"
"""

import os
import shlex
import subprocess
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage, IaiError, NotFound
from iai.process.client import Client
from iai.protocol.ingest import Changed, Edit
from iai.protocol.message import Actor
from iai.store.records import Records


class EditorFailed(IaiError):
    """The editor did not come to a good end: nothing is changed."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("ref", help="its id, or # and its number")
    parser.add_argument("--text", help="the new text (default: what you write in $EDITOR)")


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    with Client(layout) as client:
        client.require()
        before = _text(layout, args.ref)
        text = args.text if args.text is not None else _edited(before)
        if not text.strip():
            raise BadUsage("a record without text is none; to remove it: `iai forget`")
        if text == before:
            print("not changed")
            return 0
        client.call(Actor.INGEST, Edit(ref=args.ref, text=text), Changed)
    print("changed")
    return 0


def _text(layout: Layout, ref: str) -> str:
    records = Records(layout.records)
    with records.view() as view:
        record = view.find(ref)
    records.close()
    if record is None:
        raise NotFound(f"there is no record {ref}")
    return record.text


def _edited(text: str) -> str:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="iai-") as directory:  # for its user alone
        path = Path(directory) / "record.md"
        path.write_text(text)
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=True)  # noqa: S603  the user's
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise EditorFailed(f"nothing is changed: {editor}: {error}") from error
        written = path.read_text()
    # Editors end a file with a line feed, whether or not the text had one.
    return written if text.endswith("\n") else written.removesuffix("\n")
