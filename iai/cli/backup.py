"""Back up the store to one file, whether or not iai is running.

The backup holds the records, waiting hook events, the settings and the sleep state; everything else
is rebuilt from them. It is verified before it replaces an older file, and only you can read it.

example: iai backup ~/iai.tar.gz
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec

from iai.admin import backup
from iai.cli.output import print_json
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model.units import count, size


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the .tar.gz file to write")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    with bar("copying, and reading it back"):
        manifest = backup.make(Layout(settings.store), args.file, time.time_ns())
    written = args.file.stat().st_size
    if args.json:
        print_json({"file": str(args.file), "bytes": written, **msgspec.to_builtins(manifest)})
    else:
        records = count(manifest.watermark.records_count, "record")
        print(f"{args.file}: {records}, {size(written)}")
    if manifest.damaged:
        warning = "warning: some of it was damaged before; `iai doctor --deep` says what"
        print(warning, file=sys.stderr)
    return 0
