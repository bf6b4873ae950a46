"""Restore the store from a backup. iai must be stopped.

If the store already has records, restore refuses, unless you pass --replace; then they are moved to
backups/ in the store. Vectors, indexes and session-start texts are rebuilt at the next start.

example: iai restore ~/iai.tar.gz
"""

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from iai.admin import backup
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model.units import count


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a file written by `iai backup`")
    parser.add_argument("--replace", action="store_true", help="move existing records aside")


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    manifest, kept = backup.restore(layout, args.file, time.time_ns(), replace=args.replace)
    records = count(manifest.watermark.records_count, "record")
    print(f"restored {records} from {manifest.made_at} to {layout.root}")
    if kept is not None:
        print(f"the previous records are in {kept}")
    print("start iai: `iai up --detach`")
    return 0
