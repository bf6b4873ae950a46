"""Encrypting a store, giving it a new data key, decrypting it; and going on after a crash.

Only while the group is down: the caller holds its lease. What is under way is noted in
`crypto.json` before anything is changed, and each environment and file changes as a whole. So after
a crash at any point each of them can be read, and `complete` goes on: `iai up` calls it before the
group starts. An environment that was converted already is converted once more, which does no harm.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from iai.admin import scrub_check
from iai.config.layout import Layout
from iai.encryption import keys
from iai.encryption.cipher import MAGIC, Cipher, is_sealed, sealed_name
from iai.encryption.key_sources import Source
from iai.encryption.keys import Keys
from iai.errors import KeyWrong, StoreCorrupt, StoreError, StoreWriteFailed, Tampered
from iai.model.units import size
from iai.process import files
from iai.store import auto_backups
from iai.store.graph import GraphStore
from iai.store.records import Records
from iai.store.schema import is_encrypted, opens
from iai.store.sealing import keys_gone
from iai.store.team_store import TeamStore
from iai.store.vectors import VectorStore

Report = Callable[[str], None]  # takes a line on what is done next

ENCRYPTED, PLAIN = "encrypted", "not encrypted"
_ROOM = 3  # times the size of the records: the copy is larger, and so may the others be
_LARGEST = 64 << 20  # bytes of a sealed file


def encrypt(layout: Layout, source: Source, report: Report, passphrase: str = "") -> None:
    """Encrypt a store that is not, or complete that. `source` is where its key is to be.

    Raises StoreError, and has changed nothing, if that is done or the records are damaged.
    """
    found = keys.read(layout.root)
    if found is None:
        _check_records(layout)
        keys.create(layout.root, source, passphrase)
    elif found.state == "on":
        check_not_encrypted(layout)
        keys.set_state(layout.root, found, "encrypting")  # somebody put a plain file there
    complete(layout, report)


def rotate(layout: Layout, report: Report) -> None:
    """Seal everything with a new data key, and delete the old one.

    Raises StoreError, and has changed nothing, if the store is not encrypted, or the records are
    damaged.
    """
    found = require_keys(layout)
    if found.state == "on":
        keys.unlock(layout.root, found)
        _check_records(layout)
        keys.add_generation(layout.root, found)
    complete(layout, report)


def decrypt(layout: Layout, report: Report) -> None:
    """Store everything as it was before it was encrypted. Raises StoreError as `rotate` does."""
    found = require_keys(layout)
    if found.state != "decrypting":
        keys.unlock(layout.root, found)
        _check_records(layout)
        keys.set_state(layout.root, found, "decrypting")
    complete(layout, report)


def complete(layout: Layout, report: Report) -> None:
    """Do what is under way, from wherever it was cut short; nothing if there is nothing.

    Raises StoreError if that fails: everything can still be read then.
    """
    try:
        _complete(layout, report)
    except StoreWriteFailed as error:
        raise StoreWriteFailed(f"{error}; nothing is lost, and `iai up` completes it") from error
    except OSError as error:
        raise StoreWriteFailed(
            f"{error.filename or layout.root}: {error.strerror}; nothing is lost, and `iai up`"
            " completes it"
        ) from error


def _complete(layout: Layout, report: Report) -> None:
    found = keys.read(layout.root)
    if found is None or found.state == "on":
        return
    cipher = keys.unlock(layout.root, found)
    decrypting = found.state == "decrypting"
    _convert_environments(layout, None if decrypting else cipher, report)
    _convert_files(layout, cipher, report, decrypting=decrypting)
    if decrypting:
        keys.remove(layout.root)
    else:
        keys.settle(layout.root, found)


def check_not_encrypted(layout: Layout) -> None:
    """Raise StoreError if the store is encrypted, and nothing of that is left to do."""
    found = keys.read(layout.root)
    if found is None or found.state != "on":
        return
    keys.unlock(layout.root, found)
    if PLAIN not in forms(layout).values():
        raise StoreError(f"{layout.root} is encrypted already; see `iai crypto status`")


def require_keys(layout: Layout) -> Keys:
    """Return the keys of the store. Raises StoreError if it is not encrypted."""
    found = keys.read(layout.root)
    if found is None:
        raise StoreError(f"{layout.root} is not encrypted; `iai crypto init` encrypts it")
    return found


def check_unlocked(layout: Layout) -> None:
    """Raise StoreLocked if the store is encrypted and its own key or `crypto.json` is not there."""
    cipher = keys.load_cipher(layout.root)
    if cipher is not None:
        _check_opens(layout, cipher)
        return
    try:
        lost = is_encrypted(layout.records)
    except StoreError:  # there are none, or it cannot be told
        return
    if lost:
        raise keys_gone(layout.records)


def _check_opens(layout: Layout, cipher: Cipher) -> None:
    """Raise KeyWrong if these keys open nothing of what is encrypted: they are another store's."""
    opened = []
    for path in (layout.records, layout.vectors, layout.index):
        with suppress(StoreError):  # it is not there, or too damaged to tell
            if is_encrypted(path):
                opened.append(opens(path, cipher))
    if opened and not any(opened):
        raise KeyWrong(
            f"{layout.crypto} is that of another store: nothing here is opened by its keys; put"
            " back its own, from a backup if need be"
        )


def forms(layout: Layout) -> dict[str, str]:
    """Return for each environment that is there whether it is `ENCRYPTED` or `PLAIN`."""
    paths = (layout.records, layout.vectors, layout.index, layout.team)
    found = {path.name: is_encrypted(path) for path in paths if (path / "data.mdb").exists()}
    return {name: ENCRYPTED if sealed else PLAIN for name, sealed in found.items()}


def plain_copies(layout: Layout) -> list[Path]:
    """Return the copies of the records below `backups/` that are not encrypted."""
    every = [*scrub_check.copies(layout), *(backup.path for backup in auto_backups.found(layout))]
    return sorted(path for path in every if not Layout(path).crypto.exists())


def _check_records(layout: Layout) -> None:
    """Raise StoreError unless the records are intact, and there is room for a copy of them.

    Migrates them if need be.
    """
    data = layout.records / "data.mdb"
    if not data.exists():
        return
    needed, free = _ROOM * data.stat().st_size, shutil.disk_usage(layout.root).free
    if free < needed:
        raise StoreError(f"{layout.root} has {size(free)} free, and {size(needed)} are needed")
    with closing(Records(layout.records, writer=True)) as records:
        if sum(records.check_entries()) != records.count_entries():
            raise StoreCorrupt(
                "some entries are damaged, so nothing was changed; `iai doctor --deep` lists them",
                layout.records,
            )


def _convert_environments(layout: Layout, cipher: Cipher | None, report: Report) -> None:
    if (layout.records / "data.mdb").exists():
        report("records")
        with closing(Records(layout.records, writer=True)) as records:
            records.convert(cipher)
    _convert_derived(layout.vectors, partial(VectorStore, writer=True), cipher, report)
    _convert_derived(layout.index, partial(GraphStore, writer=True), cipher, report)
    _convert_derived(layout.team, TeamStore, cipher, report)
    shutil.rmtree(layout.lexical, ignore_errors=True)  # the graph-cache rebuilds it


def _convert_derived(
    path: Path,
    opened: Callable[[Path], VectorStore | GraphStore | TeamStore],
    cipher: Cipher | None,
    report: Report,
) -> None:
    """Convert an environment, or delete it if it is damaged.

    It is rebuilt from the records; that of a team, from its stream.
    """
    if not (path / "data.mdb").exists():
        return
    report(path.name)
    try:
        with closing(opened(path)) as store:
            store.convert(cipher)
    except StoreCorrupt as error:
        report(f"{path.name}: will be rebuilt ({error})")
        shutil.rmtree(path)


def _convert_files(layout: Layout, cipher: Cipher, report: Report, *, decrypting: bool) -> None:
    """Give all sealed files the current key, or their plain content; seal `team.json`.

    Other files are sealed by the actor that writes them.
    """
    report("files")
    if not decrypting and layout.team_file.exists():
        plain = files.read_regular(layout.team_file, _LARGEST)
        if not is_sealed(plain):
            files.replace(layout.team_file, cipher.seal_file(layout.team_file.name, plain))
    for path in _sealed_files(layout):
        data = files.read_regular(path, _LARGEST)
        try:
            if decrypting:
                converted = cipher.open_file(sealed_name(data), data)
            else:
                converted = cipher.reseal_file(data)
        except Tampered as error:  # it could not be read before either
            report(f"{path}: left as it is ({error})")
        else:
            files.replace(path, converted)


def _sealed_files(layout: Layout) -> Iterator[Path]:
    """Yield the files of the store that actors seal: all but environments, backups and sockets."""
    environments = {layout.records, layout.vectors, layout.index, layout.team}
    others = {*environments, layout.backups, layout.run}
    for top, directories, names in os.walk(layout.root):
        directories[:] = [name for name in directories if Path(top, name) not in others]
        for path in (Path(top, name) for name in names):
            regular = path.is_file() and not path.is_symlink()
            if regular and is_sealed(files.read_regular(path, len(MAGIC))):
                yield path
