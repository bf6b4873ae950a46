"""Backups: everything that cannot be rebuilt, in one file that only its user can read.

That is a consistent copy of the records, taken while the group runs, the waiting hook events, the
settings, the lifecycle state and the key of the marks of secrets. Everything else is derived from
them. What is sealed in an encrypted store is sealed in its backup as well: see `backup_keys`.

The machine's place in a team is not in a backup, and ends with a restore: one identity in two
places, or one that goes back in time, would say two things under the same revision.
"""

import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeAlias

import msgspec
from msgspec import Struct

import iai
from iai.admin import age, backup_keys
from iai.config.layout import Layout, private
from iai.encryption.cipher import is_sealed
from iai.encryption.keys import load_cipher
from iai.errors import StoreAbsent, StoreCorrupt, StoreError
from iai.ingest import spool
from iai.model import clock
from iai.model.record import Watermark
from iai.process import files, lock
from iai.store import lmdb_file
from iai.store.records import SCHEMA, Records

FORM, SEALED = 1, 2  # versions of the file format: plain, and of an encrypted store
_MANIFEST, _RECORDS, _SPOOL = "manifest.json", "records/data.mdb", "spool/new"
_SINGLE = ("config.toml", "lifecycle.json", "redaction/key")
_WORKSPACE = ".iai-"  # the beginning of the name of a temporary directory
_MANIFEST_LIMIT = 1 << 16  # bytes
_PIECE = 1 << 20  # bytes that are read at a time


class Manifest(Struct, frozen=True, kw_only=True):
    """The first member of a backup: what it contains."""

    form: int
    version: str
    schema: int  # of the records
    made_at: str
    watermark: Watermark
    damaged: int = 0  # entries of the records that were damaged already


Transform: TypeAlias = Callable[[bytes], bytes]


def make(layout: Layout, path: Path, wall: int, encrypt: Transform | None = None) -> Manifest:
    """Write a backup to `path` atomically, and read its records back.

    `encrypt` turns the file into what is written; then nothing of it is in `path`'s directory
    before. What is damaged in the records is counted in the manifest. Raises StoreError if it
    fails.
    """
    waiting = spool.waiting(layout.spool_new)  # before the records; an event in both is stored once
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _temporary(path.absolute().parent if encrypt is None else layout.root) as workspace:
            opening = backup_keys.members(layout.root, with_key=encrypt is not None)
            if crypto := opening.get(backup_keys.CRYPTO):
                files.replace(workspace / backup_keys.CRYPTO, crypto)
            mark, damaged = _copy_records(layout, workspace / "records")
            if backup_keys.members(layout.root, with_key=encrypt is not None) != opening:
                raise StoreError("the keys of the store were changed meanwhile: try again")
            manifest = Manifest(
                form=SEALED if opening else FORM, version=iai.__version__, schema=SCHEMA,
                made_at=clock.iso(wall), watermark=mark, damaged=damaged,
            )  # fmt: skip
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                data = workspace / _RECORDS
                if encrypt is None:
                    _pack(file, manifest, data, layout, opening, waiting)
                else:
                    packed = BytesIO()
                    _pack(packed, manifest, data, layout, opening, waiting)
                    file.write(encrypt(packed.getvalue()))
                file.flush()
                os.fsync(descriptor)
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write the backup {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return manifest


def _copy_records(layout: Layout, directory: Path) -> tuple[Watermark, int]:
    """Copy the records; return the watermark of the copy, and how many entries are damaged."""
    with closing(Records(layout.records)) as records:
        records.copy(directory)
    with closing(Records(directory)) as copy:
        with copy.view() as view:
            mark = view.watermark()
        lmdb_file.check(directory)
        return mark, sum(1 for _ in copy.problems())


def _pack(
    file: BinaryIO,
    manifest: Manifest,
    data: Path,
    layout: Layout,
    opening: dict[str, bytes],
    waiting: list[Path],
) -> None:
    cipher = load_cipher(layout.root)
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        _add(tar, _MANIFEST, json.dumps(msgspec.to_builtins(manifest)).encode())
        tar.add(data, _RECORDS)
        for name, content in opening.items():
            _add(tar, name, content)
        for name in _SINGLE:
            if (layout.root / name).is_file():
                tar.add(layout.root / name, name)
        for event in waiting:
            with suppress(FileNotFoundError):  # ingest has read it meanwhile
                data_now = event.read_bytes()
                kept = data_now if is_sealed(data_now) else spool.sealed(event, data_now, cipher)
                _add(tar, f"{_SPOOL}/{event.with_suffix(spool.NEW).name}", kept)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, BytesIO(content))


class Restored(Struct, frozen=True):
    """What was restored."""

    manifest: Manifest
    kept: Path | None  # where the previous records are now, if there were any
    key: str = ""  # the file in the store that has the key now, if that came with the backup
    left_team: bool = False  # was the machine in a team?


def restore(
    layout: Layout,
    path: Path,
    wall: int,
    *,
    replace: bool,
    decrypt: Transform | None = None,
) -> Restored:
    """Restore a backup.

    `decrypt` turns an age file back into a backup. Raises StoreError, and changes nothing, if the
    group runs, the file is not an intact backup or cannot be opened, or the store has records and
    `replace` is False.
    """
    if not path.exists():
        raise StoreError(f"cannot read {path}: no such file")
    layout.create()
    lease = lock.take(layout.lease, lock.GLANCE_S)
    if lease is None:
        raise StoreError(f"iai is running on {layout.root}; run `iai down` first")
    try:
        occupied = (layout.records / "data.mdb").exists()
        if occupied and not replace:
            raise StoreError(f"{layout.root} already has records; --replace moves them aside")
        with _temporary(layout.root) as workspace:
            manifest, key = _unpack(path, workspace, layout.root, decrypt)
            in_team = occupied and layout.team_file.exists()
            _delete_derived(layout)  # first: that may take long, and nothing is lost by it
            kept = _put_aside(layout, wall) if occupied else None
            _move_in(workspace, layout, key)
        return Restored(manifest, kept, key, in_team)
    finally:
        lease.release()


def _unpack(
    path: Path, workspace: Path, root: Path, decrypt: Transform | None
) -> tuple[Manifest, str]:
    """Extract the known members of a backup. Its paths are never used as targets.

    Returns also the name of the file with its key, if that came with it.
    """
    try:
        if path.is_dir():
            manifest = _copy_directory(path, workspace)
        else:
            manifest = _extract(path, workspace, decrypt)
        key = backup_keys.unlock(workspace, root)
        lmdb_file.check(workspace / "records")
        mark, damaged = _read_back(workspace / "records", manifest)
    except OSError as error:  # of reading it, or of writing what is in it
        raise StoreError(f"cannot unpack {path}: {error.strerror or error}") from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    except (StoreAbsent, StoreCorrupt) as error:
        raise StoreError(f"{path} is not an intact backup: {error}") from error
    if mark != manifest.watermark:
        raise StoreError(f"{path} is not an intact backup: its records don't match its manifest")
    if len(damaged) > manifest.damaged:
        raise StoreError(f"{path} is not an intact backup: {damaged[0]}")
    return manifest, key


def _read_back(path: Path, manifest: Manifest) -> tuple[Watermark, list[str]]:
    """Return the watermark of records just unpacked, and what is damaged in them.

    Those of an earlier schema are migrated: until then they have no checksums.
    """
    earlier = manifest.schema < SCHEMA
    records = Records(path, writer=earlier)
    try:
        with records.view() as view:
            mark = view.watermark()
        return mark, [] if earlier else list(records.problems())
    finally:
        records.close()


def _copy_directory(path: Path, workspace: Path) -> Manifest:
    """Copy an automatic backup: see `iai.store.auto_backups`."""
    manifest = _decoded((path / _MANIFEST).read_bytes(), path)
    private(workspace / "records")
    for name in (_RECORDS, backup_keys.CRYPTO, *_SINGLE):
        if (path / name).is_file():
            shutil.copyfile(path / name, workspace / name)
            (workspace / name).chmod(0o600)
    return manifest


def _extract(path: Path, workspace: Path, decrypt: Transform | None) -> Manifest:
    with _opened(path, decrypt) as file, tarfile.open(fileobj=file, mode="r:gz") as tar:
        manifest = _manifest(tar, path)
        for member in tar:
            name = PurePosixPath(member.name)
            event = str(name.parent) == _SPOOL and name.suffix == ".json"
            known = member.name in (_RECORDS, *_SINGLE) or backup_keys.may_be_member(member.name)
            if not member.isfile() or not (event or known):
                continue
            target = workspace / name
            private(target.parent)
            with target.open("wb") as extracted:
                shutil.copyfileobj(tar.extractfile(member) or BytesIO(), extracted)
            target.chmod(0o600)
        while tar.fileobj.read(_PIECE):
            pass  # to the checksum at its end: settings and events have no other
    return manifest


def _opened(path: Path, decrypt: Transform | None) -> BinaryIO:
    """Open a backup; of an age file, what is in it."""
    file = path.open("rb")
    if not age.is_age(file.read(age.HEAD)):
        file.seek(0)
        return file
    with file:
        file.seek(0)
        if decrypt is None:
            raise StoreError(f"{path} is encrypted with age")
        try:
            return BytesIO(decrypt(file.read()))
        except StoreError as error:
            raise StoreError(f"cannot open {path}: {error}") from error


def _manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    first = tar.next()
    file = tar.extractfile(first) if first is not None and first.name == _MANIFEST else None
    if file is None:
        raise StoreError(f"{path} is not an iai backup")
    return _decoded(file.read(_MANIFEST_LIMIT), path)


def _decoded(data: bytes, path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is not an iai backup: {error}") from error
    if manifest.form > SEALED or manifest.schema > SCHEMA:
        raise StoreError(f"{path} was made by iai {manifest.version}, which is newer: upgrade iai")
    return manifest


def cut_short(layout: Layout) -> bool:
    """Was a restore cut short when the records before it were put aside, and its own not there?"""
    unpacked = layout.root.glob(f"{_WORKSPACE}*/{_RECORDS}")
    return not (layout.records / "data.mdb").exists() and any(unpacked)


def _delete_derived(layout: Layout) -> None:
    for derived in (layout.vectors, layout.index, layout.session_start):
        shutil.rmtree(derived, ignore_errors=True)
    layout.payload.unlink(missing_ok=True)


def _put_aside(layout: Layout, wall: int) -> Path:
    kept = layout.backups / f"before-restore-{clock.iso(wall).replace(':', '')}"
    private(layout.backups)
    private(kept)
    backup_keys.put_aside(layout, kept)
    own = (layout.config, layout.lifecycle, layout.team_file, layout.team)
    for path in (*own, layout.records):  # the records last
        if path.exists():
            path.rename(kept / path.name)
    return kept


def _move_in(workspace: Path, layout: Layout, key: str) -> None:
    """Move the parts into place, the records last.

    `key`: the name of the file with the key, if that came with it.
    """
    for event in (workspace / _SPOOL).glob("*.json"):
        event.rename(layout.spool_new / event.name)
    if not (workspace / backup_keys.CRYPTO).exists():
        layout.crypto.unlink(missing_ok=True)  # of the records before
    for name in (*_SINGLE, key, backup_keys.CRYPTO):  # a key before what is wrapped with it
        if name and (workspace / name).exists():
            private((layout.root / name).parent)
            (workspace / name).rename(layout.root / name)
    (workspace / "records" / "lock.mdb").unlink(missing_ok=True)
    shutil.rmtree(layout.records, ignore_errors=True)  # an empty directory
    (workspace / "records").rename(layout.records)


@contextmanager
def _temporary(directory: Path) -> Iterator[Path]:
    """Make a temporary directory inside `directory`, and so on the same disk."""
    with tempfile.TemporaryDirectory(prefix=_WORKSPACE, dir=directory) as workspace:
        yield Path(workspace)
