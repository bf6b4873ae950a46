"""Copy what cannot be made again into one file, whether or not the group runs.

That is the records, the hook events that wait, the settings and the lifecycle. The file is checked
before it takes the place of an older one, and only you can read it.

example: iai backup ~/iai.tar.gz
"""

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from iai.admin import backup
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model.units import count, size


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="where to write it: a .tar.gz")


def run(args: Namespace, settings: Settings) -> int:
    manifest = backup.make(Layout(settings.store), args.file, time.time_ns())
    records = count(manifest.watermark.records_count, "record")
    print(f"{args.file}: {records}, {size(args.file.stat().st_size)}")
    return 0
