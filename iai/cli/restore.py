"""Restore the store from a backup. iai must be stopped. Without a file, list the automatic backups.

If the store already has records, restore refuses, unless you pass --replace; then they are moved to
backups/ in the store. Vectors, indexes and session-start texts are rebuilt at the next start.

A machine that was in a team has to join it again afterwards, with a new invitation.

An age file needs --identity, or asks for its passphrase. The backup of an encrypted store is opened
with the key of that store.

example: iai restore
example: iai restore ~/iai.tar.gz
example: iai restore auto-20261128T040000Z --replace
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from iai.admin import age, backup
from iai.cli import options, passphrase
from iai.cli.output import answer, print_json
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.model import clock
from iai.model.units import ago, count, size
from iai.store import auto_backups
from iai.store.auto_backups import AutoBackup


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, nargs="?", help="a file written by `iai backup`, or an automatic backup"
    )
    parser.add_argument("--replace", action="store_true", help="move existing records aside")
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="your key, of age or SSH, for an age file"
    )
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="the passphrase of an age file"
    )
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    if args.file is None:
        found = auto_backups.found(layout)[::-1]
        document = {"backups": [_document(one) for one in found]}
        answer(args, document, _listed(found, settings.backups))
        return 0
    named = layout.backups / args.file  # the path itself, if that is absolute
    path = named if not args.file.exists() and named.exists() else args.file
    decrypt = partial(
        age.decrypt,
        identity=args.identity,
        ask=partial(passphrase.of_backup, args.passphrase_file),
    )
    was_encrypted = layout.crypto.exists()
    with bar("unpacking, and reading it back"):
        done = backup.restore(layout, path, time.time_ns(), replace=args.replace, decrypt=decrypt)
    if was_encrypted and not layout.crypto.exists():
        print("warning: it is not encrypted any more: `iai crypto init`", file=sys.stderr)
    if args.json:
        previous = str(done.kept) if done.kept else None
        print_json({"restored": msgspec.to_builtins(done.manifest), "previous": previous})
        return 0
    records = count(done.manifest.watermark.records_count, "record")
    print(f"restored {records} from {done.manifest.made_at} to {layout.root}")
    if done.kept is not None:
        print(f"the previous records are in {done.kept}")
    if done.key:
        print(f"its key came with the backup, and is in {layout.root / done.key} now")
    if done.left_team:
        print("this machine is not in its team any more: join again with a new invitation")
    print("start iai: `iai up --detach`")
    return 0


def _document(one: AutoBackup) -> dict[str, Any]:
    return {
        "name": one.path.name,
        "made_at": clock.iso(one.made_ns),
        "records": one.watermark.records_count,
        "bytes": one.bytes,
    }


def _listed(found: list[AutoBackup], kept: int) -> Iterator[str]:
    for one in found:
        records = count(one.watermark.records_count, "record")
        age = ago(one.made_ns, time.time_ns())
        yield f"{one.path.name}  {age}, {records}, {size(one.bytes)}, verified then"
    if not found:
        off = "they are off (IAI_MCP_BACKUPS=0)"
        yield f"no automatic backups: {'the first is made when iai is idle' if kept else off}"
