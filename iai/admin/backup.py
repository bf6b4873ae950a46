"""Backups: everything that cannot be rebuilt, in one file that only its user can read.

That is a consistent copy of the records, taken while the group runs, the waiting hook events, the
settings, the lifecycle state and the key of the marks of secrets. Everything else is derived from
them.
"""

import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct

import iai
from iai.config.layout import Layout, private
from iai.errors import StoreAbsent, StoreCorrupt, StoreError
from iai.ingest import spool
from iai.model import clock
from iai.model.record import Watermark
from iai.process import lock
from iai.store import environment
from iai.store.records import SCHEMA, Records

FORM = 1  # version of the file format
_MANIFEST, _RECORDS, _SPOOL = "manifest.json", "records/data.mdb", "spool/new"
_SINGLE = ("config.toml", "lifecycle.json", "redaction/key")
_MANIFEST_LIMIT = 1 << 16  # bytes


class Manifest(Struct, frozen=True, kw_only=True):
    """The first member of a backup: what it contains."""

    form: int
    version: str
    schema: int  # of the records
    made_at: str
    watermark: Watermark
    damaged: int = 0  # entries of the records that were damaged already


def make(layout: Layout, path: Path, wall: int) -> Manifest:
    """Write a backup to `path` atomically, and read its records back.

    What is damaged in the records is counted in the manifest. Raises StoreError if it fails.
    """
    waiting = spool.waiting(layout.spool_new)  # before the records; an event in both is stored once
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _temporary(path.absolute().parent) as workspace:
            records = Records(layout.records)
            try:
                records.copy(workspace)
            finally:
                records.close()
            copy = Records(workspace)
            with copy.view() as view:
                mark = view.watermark()
            environment.check(workspace)
            damaged = sum(1 for _ in copy.problems())
            copy.close()
            manifest = Manifest(
                form=FORM, version=iai.__version__, schema=SCHEMA, made_at=clock.iso(wall),
                watermark=mark, damaged=damaged,
            )  # fmt: skip
            _pack(partial, manifest, workspace / "data.mdb", layout, waiting)
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write the backup {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return manifest


def _pack(
    partial: Path, manifest: Manifest, data: Path, layout: Layout, waiting: list[Path]
) -> None:
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
        encoded = json.dumps(msgspec.to_builtins(manifest)).encode()
        head = tarfile.TarInfo(_MANIFEST)
        head.size, head.mode = len(encoded), 0o600
        tar.addfile(head, BytesIO(encoded))
        tar.add(data, _RECORDS)
        for name in _SINGLE:
            if (layout.root / name).is_file():
                tar.add(layout.root / name, name)
        for event in waiting:
            with suppress(FileNotFoundError):  # ingest has read it meanwhile
                tar.add(event, f"{_SPOOL}/{event.with_suffix(spool.NEW).name}")
        tar.close()
        file.flush()
        os.fsync(file.fileno())


def restore(
    layout: Layout, path: Path, wall: int, *, replace: bool
) -> tuple[Manifest, Path | None]:
    """Restore a backup; return its manifest, and where the previous records are now, if any.

    Raises StoreError, and changes nothing, if the group runs, the file is not an intact backup, or
    the store has records and `replace` is False.
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
            manifest = _unpack(path, workspace)
            kept = _put_aside(layout, wall) if occupied else None
            _move_in(workspace, layout)
        return manifest, kept
    finally:
        lease.release()


def _unpack(path: Path, workspace: Path) -> Manifest:
    """Extract the known members of a backup. Its paths are never used as targets."""
    try:
        take = _copy_directory if path.is_dir() else _extract
        manifest = take(path, workspace)
        environment.check(workspace / "records")
        mark, damaged = _read_back(workspace / "records", manifest)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    except (StoreAbsent, StoreCorrupt) as error:
        raise StoreError(f"{path} is not an intact backup: {error}") from error
    if mark != manifest.watermark:
        raise StoreError(f"{path} is not an intact backup: its records don't match its manifest")
    if len(damaged) > manifest.damaged:
        raise StoreError(f"{path} is not an intact backup: {damaged[0]}")
    return manifest


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
    for name in (_RECORDS, *_SINGLE):
        if (path / name).is_file():
            shutil.copyfile(path / name, workspace / name)
            (workspace / name).chmod(0o600)
    return manifest


def _extract(path: Path, workspace: Path) -> Manifest:
    with tarfile.open(path, "r:gz") as tar:
        manifest = _manifest(tar, path)
        for member in tar:
            name = PurePosixPath(member.name)
            event = str(name.parent) == _SPOOL and name.suffix == ".json"
            if not member.isfile() or not (event or member.name in (_RECORDS, *_SINGLE)):
                continue
            target = workspace / name
            private(target.parent)
            with target.open("wb") as file:
                shutil.copyfileobj(tar.extractfile(member) or BytesIO(), file)
            target.chmod(0o600)
    return manifest


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
    if manifest.form > FORM or manifest.schema > SCHEMA:
        raise StoreError(f"{path} was made by iai {manifest.version}, which is newer: upgrade iai")
    return manifest


def _put_aside(layout: Layout, wall: int) -> Path:
    kept = layout.backups / f"before-restore-{clock.iso(wall).replace(':', '')}"
    private(layout.backups)
    private(kept)
    for path in (layout.config, layout.lifecycle, layout.records):  # the records last
        if path.exists():
            path.rename(kept / path.name)
    return kept


def _move_in(workspace: Path, layout: Layout) -> None:
    """Move the parts into place, the records last, and delete everything derived from old ones."""
    for derived in (layout.vectors, layout.index, layout.session_start):
        shutil.rmtree(derived, ignore_errors=True)
    layout.payload.unlink(missing_ok=True)
    for event in (workspace / _SPOOL).glob("*.json"):
        event.rename(layout.spool_new / event.name)
    for name in _SINGLE:
        if (workspace / name).exists():
            private((layout.root / name).parent)
            (workspace / name).rename(layout.root / name)
    (workspace / "records" / "lock.mdb").unlink(missing_ok=True)
    shutil.rmtree(layout.records, ignore_errors=True)  # an empty directory
    (workspace / "records").rename(layout.records)


@contextmanager
def _temporary(directory: Path) -> Iterator[Path]:
    """Make a temporary directory inside `directory`, and so on the same disk."""
    with tempfile.TemporaryDirectory(prefix=".iai-", dir=directory) as workspace:
        yield Path(workspace)
