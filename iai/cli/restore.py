"""Have the store hold what a backup does. The group must be down.

A store that holds records already is not touched without --replace; with it, what it held is put
aside below backups/ in the store. Vectors, indexes and payloads are made again at the next start.

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
    parser.add_argument("file", type=Path, help="what `iai backup` wrote")
    parser.add_argument(
        "--replace", action="store_true", help="even if the store holds records: put them aside"
    )


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    manifest, kept = backup.restore(layout, args.file, time.time_ns(), replace=args.replace)
    records = count(manifest.watermark.records_count, "record")
    print(f"{records} of {manifest.made_at} in {layout.root}")
    if kept is not None:
        print(f"what was there before lies in {kept}")
    print("start the group: `iai up --detach`")
    return 0
