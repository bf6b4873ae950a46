"""Back up the store to one file, whether or not iai is running.

The backup holds the records, waiting hook events, the settings and the sleep state; everything else
is rebuilt from them. It is verified before it replaces an older file, and only you can read it.

With --age or --passphrase it is an age file (https://age-encryption.org), which `age --decrypt`
opens too. For an encrypted store, it also holds the key of the store, unless that is a passphrase.
Without them it is as the store is: encrypted with the same key, or not at all.

example: iai backup ~/iai.tar.gz
example: iai backup ~/iai.age --age age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path

import msgspec

from iai.admin import age, backup
from iai.admin.backup import Transform
from iai.cli import options, passphrase
from iai.cli.output import answer
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption import keys
from iai.errors import BadUsage
from iai.model.units import count, size


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the .tar.gz or .age file to write")
    options.add_json(parser)
    parser.add_argument(
        "--age",
        action="append",
        default=[],
        metavar="RECIPIENT",
        help="encrypt it for this public key, of age or SSH; can be given several times",
    )
    parser.add_argument("--passphrase", action="store_true", help="encrypt it with a passphrase")
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="the file with that passphrase"
    )


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    encrypt = _encrypt(args)
    with bar("copying, and reading it back"):
        manifest = backup.make(layout, args.file, time.time_ns(), encrypt)
    written = args.file.stat().st_size
    document = {"file": str(args.file), "bytes": written, **msgspec.to_builtins(manifest)}
    records = count(manifest.watermark.records_count, "record")
    answer(args, document, [f"{args.file}: {records}, {size(written)}, {_how(layout, encrypt)}"])
    if manifest.damaged:
        warning = "warning: some of it was damaged before; `iai doctor --deep` says what"
        print(warning, file=sys.stderr)
    return 0


def _encrypt(args: Namespace) -> Transform | None:
    """Return what encrypts the file; None if nothing is to. Raises BadUsage, StoreError."""
    by_passphrase = args.passphrase or args.passphrase_file
    if args.age and by_passphrase:
        raise BadUsage("age encrypts for recipients or with a passphrase, not both")
    if args.age:
        return partial(age.encrypt, recipients=[age.recipient(name) for name in args.age])
    if by_passphrase:
        chosen = passphrase.of_backup(args.passphrase_file, new=True)
        return partial(age.encrypt_with_passphrase, passphrase=chosen)
    return None


def _how(layout: Layout, encrypt: Transform | None) -> str:
    """Say what opens the file."""
    found = keys.read(layout.root)
    if encrypt is not None:
        return "encrypted with age"
    if found is not None:
        return f"encrypted as the store is: it is opened with {found.source.shown}"
    return "not encrypted"
