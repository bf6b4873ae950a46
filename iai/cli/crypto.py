"""Encrypt the store, show how it is encrypted, give it a new data key, or decrypt it.

`init` encrypts everything that was said and done with AES-256-GCM. Its key goes into the keyring of
the OS if there is one, or else into a file outside the store; choose with --keyring, --key-file or
--passphrase. Without the key nobody can read the store: keep a copy of the key file, or remember
the passphrase. iai is stopped for this and started again afterwards.

`rotate` makes a new data key, seals everything with it and deletes the old one. `off` decrypts.
If this is interrupted, even by a power cut, the next `iai up` completes it.

example: iai crypto init --passphrase
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from iai.admin import encryption
from iai.cli import passphrase
from iai.cli.output import answer
from iai.cli.stopped import stopped
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption import key_sources, keys
from iai.encryption.key_sources import KeyFile, Keyring, Source
from iai.errors import StoreLocked

STEPS = ("init", "status", "rotate", "off")


class Status(Struct, frozen=True, kw_only=True):
    """What `iai crypto status` prints."""

    encrypted: bool
    cipher: str = ""
    key: str = ""  # where it is
    generation: int = 0  # of the data key
    state: str = ""  # `on`, or what is under way
    unlocked: bool = False
    problem: str = ""  # why it is not
    environments: dict[str, str] = {}
    plain_copies: list[Path] = []


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("step", choices=STEPS)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--key-file", metavar="PATH", help="keep the key in this file, mode 0600")
    where.add_argument("--keyring", action="store_true", help="keep the key in the OS keyring")
    where.add_argument("--passphrase", action="store_true", help="derive the key from a passphrase")
    parser.add_argument("--json", action="store_true", help="with status: print one JSON document")


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    if args.step == "status":
        status = _read(layout)
        answer(args, status, _lines(status))
        return 1 if status.problem else 0
    given = _given_passphrase(args, layout, settings)
    if args.step == "init":
        encryption.check_not_encrypted(layout)
    else:
        encryption.require_keys(layout)
    with stopped(layout, settings):
        if args.step == "init":
            source = _source(args, layout)
            encryption.encrypt(layout, source, _report, given)
            print(f"encrypted {layout.root}; the key is in {source.shown}")
            _name_plain_copies(layout)
        elif args.step == "rotate":
            encryption.rotate(layout, _report)
            print("everything is sealed with a new data key")
        else:
            encryption.decrypt(layout, _report)
            print(f"{layout.root} is not encrypted any more")
    return 0


def _given_passphrase(args: Namespace, layout: Layout, settings: Settings) -> str:
    """Ask for the passphrase while iai still runs; unlock the store if it has one already."""
    if args.step == "init" and args.passphrase and keys.read(layout.root) is None:
        return passphrase.of_store(settings)
    passphrase.unlock(layout, settings)
    return ""


def _source(args: Namespace, layout: Layout) -> Source:
    """Return where the key is to be kept."""
    found = keys.read(layout.root)
    if found is not None:
        return found.source
    if args.passphrase:
        return key_sources.new_passphrase()
    if args.keyring or (not args.key_file and key_sources.has_keyring()):
        return Keyring()
    if args.key_file:
        path = Path(args.key_file).expanduser().absolute()
        inside = path.is_relative_to(layout.root)
        return KeyFile(str(path.relative_to(layout.root) if inside else path))
    return KeyFile(f"~/.config/iai/{layout.digest}.key")


def _name_plain_copies(layout: Layout) -> None:
    """Say what is left that is not encrypted, and that no process of iai replaces."""
    copies = encryption.plain_copies(layout)
    if copies:
        print("not encrypted are copies of the records from before; delete what you don't need:")
        print("\n".join(f"  {path}" for path in copies))


def _report(line: str) -> None:
    print(f"{line} ...", file=sys.stderr)


def _read(layout: Layout) -> Status:
    found = keys.read(layout.root)
    forms = encryption.forms(layout)
    copies = encryption.plain_copies(layout)
    try:
        encryption.check_unlocked(layout)
        problem = ""
    except StoreLocked as error:
        problem = str(error)
    if found is None:
        return Status(encrypted=bool(problem), problem=problem, environments=forms)
    return Status(
        encrypted=True,
        cipher=found.cipher,
        key=found.source.shown,
        generation=found.current,
        state=found.state,
        unlocked=not problem,
        problem=problem,
        environments=forms,
        plain_copies=copies,
    )


def _lines(status: Status) -> Iterator[str]:
    if not status.encrypted:
        yield "the store is not encrypted; `iai crypto init` encrypts it"
        return
    if status.cipher:
        yield f"encrypted with {status.cipher}, data key {status.generation}, in {status.key}"
    if status.state not in ("on", ""):
        yield f"{status.state} was cut short; `iai up` completes it"
    for name, form in status.environments.items():
        yield f"{name}/: {form}"
    if status.plain_copies:
        yield "not encrypted, though the store is:"
        yield from (f"  {path}" for path in status.plain_copies)
    if status.problem:
        yield f"locked: {status.problem}"
