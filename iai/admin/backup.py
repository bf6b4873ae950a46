"""Backups: what cannot be made again, in one file that its user alone can read.

It holds a consistent copy of the records, taken while the group goes on, and what waits in the
spool, the settings and the state of the lifecycle. All else is derived and made again.
"""

import json
import os
import shutil
import tarfile
import tempfile
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

FORM = 1  # of the file
_MANIFEST, _RECORDS, _SPOOL = "manifest.json", "records/data.mdb", "spool/new"
_SINGLE = ("config.toml", "lifecycle.json")
_MANIFEST_LIMIT = 1 << 16  # bytes


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    form: int
    version: str
    schema: int  # of the records
    made_at: str
    watermark: Watermark


def make(layout: Layout, path: Path, wall: int) -> Manifest:
    """Write a backup to `path`, in one step. Raises StoreError if it cannot be made."""
    waiting = spool.waiting(layout.spool_new)  # before the records: what is in both is kept once
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _beside(path.absolute().parent) as place:
            records = Records(layout.records)
            try:
                records.copy(place)
            finally:
                records.close()
            copy = Records(place)
            with copy.view() as view:
                mark = view.watermark()
            copy.close()
            environment.check(place)
            manifest = Manifest(
                form=FORM, version=iai.__version__, schema=SCHEMA, made_at=clock.iso(wall),
                watermark=mark,
            )  # fmt: skip
            _pack(aside, manifest, place / "data.mdb", layout, waiting)
        aside.replace(path)
    except OSError as error:
        raise StoreError(f"the backup {path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            aside.unlink()
    return manifest


def _pack(aside: Path, manifest: Manifest, data: Path, layout: Layout, waiting: list[Path]) -> None:
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
        said = json.dumps(msgspec.to_builtins(manifest)).encode()
        head = tarfile.TarInfo(_MANIFEST)
        head.size, head.mode = len(said), 0o600
        tar.addfile(head, BytesIO(said))
        tar.add(data, _RECORDS)
        for name in _SINGLE:
            if (layout.root / name).is_file():
                tar.add(layout.root / name, name)
        for event in waiting:
            with suppress(FileNotFoundError):  # it has been read meanwhile
                tar.add(event, f"{_SPOOL}/{event.with_suffix(spool.NEW).name}")
        tar.close()
        file.flush()
        os.fsync(file.fileno())


def restore(
    layout: Layout, path: Path, wall: int, *, replace: bool
) -> tuple[Manifest, Path | None]:
    """Have the store hold what a backup does; return where what it held before lies now.

    Raises StoreError if the group runs, the file is no whole backup, or the store holds records
    and `replace` is False. Nothing is changed then.
    """
    layout.create()
    lease = lock.take(layout.lease, lock.GLANCE_S)
    if lease is None:
        raise StoreError(f"a group runs on {layout.root}: `iai down` first")
    try:
        occupied = (layout.records / "data.mdb").exists()
        if occupied and not replace:
            raise StoreError(
                f"{layout.root} holds records already; with --replace they are put aside"
            )
        with _beside(layout.root) as place:
            manifest = _unpack(path, place)
            kept = _put_aside(layout, wall) if occupied else None
            _move_in(place, layout)
        return manifest, kept
    finally:
        lease.release()


def _unpack(path: Path, place: Path) -> Manifest:
    """Take what is known by name out of a backup; nothing in it says where it goes."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            manifest = _manifest(tar, path)
            for member in tar:
                name = PurePosixPath(member.name)
                event = str(name.parent) == _SPOOL and name.suffix == ".json"
                if not member.isfile() or not (event or member.name in (_RECORDS, *_SINGLE)):
                    continue
                target = place / name
                private(target.parent)
                with target.open("wb") as file:
                    shutil.copyfileobj(tar.extractfile(member) or BytesIO(), file)
                target.chmod(0o600)
        environment.check(place / "records")
        records = Records(place / "records")
        with records.view() as view:
            mark = view.watermark()
        records.close()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    except (StoreAbsent, StoreCorrupt) as error:
        raise StoreError(f"{path} is no whole backup: {error}") from error
    if mark != manifest.watermark:
        raise StoreError(f"{path} is no whole backup: it holds other records than it says")
    return manifest


def _manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    first = tar.next()
    file = tar.extractfile(first) if first is not None and first.name == _MANIFEST else None
    if file is None:
        raise StoreError(f"{path} is no backup of iai")
    try:
        manifest = msgspec.json.decode(file.read(_MANIFEST_LIMIT), type=Manifest)
    except msgspec.DecodeError as error:
        raise StoreError(f"{path} is no backup of iai: {error}") from error
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


def _move_in(place: Path, layout: Layout) -> None:
    """Put the parts in their places, the records last; and delete what was derived from others."""
    for derived in (layout.vectors, layout.index, layout.session_start):
        shutil.rmtree(derived, ignore_errors=True)
    layout.payload.unlink(missing_ok=True)
    for event in (place / _SPOOL).glob("*.json"):
        event.rename(layout.spool_new / event.name)
    for name in _SINGLE:
        if (place / name).exists():
            (place / name).rename(layout.root / name)
    (place / "records" / "lock.mdb").unlink(missing_ok=True)
    shutil.rmtree(layout.records, ignore_errors=True)  # a directory without records
    (place / "records").rename(layout.records)


@contextmanager
def _beside(directory: Path) -> Iterator[Path]:
    """Make a directory on the same disk as what it is for."""
    with tempfile.TemporaryDirectory(prefix=".iai-", dir=directory) as place:
        yield Path(place)
