"""Backups that ingest makes by itself: a verified copy of the records, at most one a day.

Each is a directory `auto-TIME` below `backups/` with a manifest and the records. It is made aside,
read back and compared with what was copied, and then renamed; only after that an older one is
deleted. None is made of records with damaged entries. One from before something was forgotten is
replaced at once. In an encrypted store the records are sealed in it as well, and the wrapped keys
are beside them; one from before it was encrypted is replaced, too.
"""

import json
import logging
import shutil
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import lmdb
import msgspec
from msgspec import Struct

import iai
from iai.config.layout import Layout, private
from iai.errors import StoreCorrupt, StoreError, StoreWriteFailed
from iai.model import clock
from iai.model.clock import NS, Now
from iai.model.record import Watermark
from iai.process import disk_space, files
from iai.process.files import sync
from iai.store.records import SCHEMA, Records

log = logging.getLogger(__name__)

PREFIX, _PARTIAL = "auto-", ".auto-"
DATA, MANIFEST, KEYS = "records/data.mdb", "manifest.json", "crypto.json"
DAY_NS = 86_400 * NS
ROOM_FACTOR = 4  # times its size is left before one is made: no backup makes the store full
RETRY_NS = 3_600 * NS  # after one that failed
SLICE_S = 0.02
_MADE = object()


class AutoBackup(Struct, frozen=True, kw_only=True):
    """One of them, as its manifest has it."""

    path: Path
    encrypted: bool
    version: str
    schema: int
    made_at: str
    made_ns: int
    watermark: Watermark
    bytes: int


def found(layout: Layout) -> list[AutoBackup]:
    """Return all of them, the oldest first. One without a valid manifest is left out."""
    valid = (one for one in every(layout).values() if one is not None)
    return sorted(valid, key=lambda b: (b.made_ns, b.path.name))


def every(layout: Layout) -> dict[Path, AutoBackup | None]:
    """Return all of them by path; None for one without a valid manifest."""
    return {path: _read(path) for path in sorted(layout.backups.glob(f"{PREFIX}*"))}


class AutoBackups:
    """Makes them, a slice at a time. Only for the writer of the records."""

    def __init__(self, layout: Layout, records: Records, kept: int, max_gb: float = 0.0) -> None:
        """`kept` is how many stay; 0: none is made. `max_gb` is the limit of the store."""
        self._max_gb = max_gb
        self._layout = layout
        self._records = records
        self._kept = kept
        self._encrypted = layout.crypto.exists()  # only while no group runs does that change
        self._under_way: Generator[None] | None = None
        self._known: list[AutoBackup] = []
        self._not_before = 0  # monotonic

    def start(self) -> None:
        """Remove what is left of one that was cut short, and look which there are."""
        for path in self._layout.backups.glob(f"{_PARTIAL}*"):
            shutil.rmtree(path, ignore_errors=True)
        self._known = found(self._layout)

    def due(self, mark: Watermark, erased_through: int, now: Now, *, idle: bool) -> bool:
        """Is one to be made, or to be replaced? `idle`: is nobody at work?"""
        if self._under_way is not None or any(
            not self._good(b, erased_through) for b in self._known
        ):
            return True
        if not self._kept or not idle or now.mono < self._not_before:
            return False
        if not self._known:
            return mark.revision > 0
        latest = self._known[-1]
        return mark != latest.watermark and not 0 <= now.wall - latest.made_ns < DAY_NS

    def step(self, erased_through: int, now: Now) -> None:
        """Do a slice. If it fails, it is tried again later; an outdated one is deleted anyway."""
        if self._under_way is None and self._kept:
            self._under_way = self._make(now)
        try:
            if self._under_way is not None and next(self._under_way, _MADE) is not _MADE:
                return
        except (OSError, StoreError, lmdb.Error) as error:
            self._not_before = now.mono + RETRY_NS
            log.warning("no backup was made; will try again in an hour: %s", error)
        self._under_way = None
        self._rotate(erased_through)

    def close(self) -> None:
        """Give up the one under way."""
        if self._under_way is not None:
            self._under_way.close()
            self._under_way = None

    def _make(self, now: Now) -> Generator[None]:
        """Copy, compare, and rename. Each iteration is a slice."""
        name = f"{PREFIX}{clock.iso(now.wall)[:19].replace(':', '').replace('-', '')}Z"
        partial = self._layout.backups / f".{name}"
        private(self._layout.backups)
        size = (self._layout.records / "data.mdb").stat().st_size
        left = disk_space.measure(self._layout.root, self._max_gb).left
        if left < ROOM_FACTOR * size:
            raise StoreWriteFailed(f"{left} bytes are left for the store")
        shutil.rmtree(partial, ignore_errors=True)
        private(partial)
        try:
            yield from self._copy_into(partial, now)
            partial.rename(self._layout.backups / name)
        except BaseException:  # nobody would forget in it what is forgotten later
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync(self._layout.backups)

    def _copy_into(self, partial: Path, now: Now) -> Generator[None]:
        """Copy the records, compare and check the copy, and describe it in a manifest."""
        keys = _keys(self._layout)
        if keys:
            files.replace(partial / KEYS, keys)
        copy = self._records.begin_copy(partial / "records")
        try:
            while not copy.step(SLICE_S):
                yield
            while not copy.compare(SLICE_S):
                yield
            copy.finish()
        except BaseException:
            copy.close()
            raise
        _check_keys(self._layout, keys)
        yield from _check_entries(partial / "records")
        mark = _watermark(partial / "records")
        manifest = {
            "form": 2 if keys else 1, "version": iai.__version__, "schema": SCHEMA,
            "made_ns": now.wall, "made_at": clock.iso(now.wall),
            "watermark": msgspec.to_builtins(mark),
        }  # fmt: skip
        files.replace(partial / MANIFEST, json.dumps(manifest).encode())
        if self._layout.config.is_file():
            shutil.copy(self._layout.config, partial / self._layout.config.name)

    def _good(self, one: AutoBackup, erased: int) -> bool:
        """Has it nothing that was forgotten, and nothing in the clear that is encrypted now?"""
        return one.watermark.revision >= erased and (one.encrypted or not self._encrypted)

    def _rotate(self, erased: int) -> None:
        """Delete those that are not good any more, and the oldest ones beyond the limit."""
        every = found(self._layout)
        whole = [one for one in every if self._good(one, erased)]
        kept = whole[-self._kept :] if self._kept else whole
        for one in every:
            if one not in kept:
                shutil.rmtree(one.path)
        self._known = kept


def _check_entries(directory: Path) -> Iterator[None]:
    """Raise StoreCorrupt if an entry is damaged: then the backup before is worth more."""
    with closing(Records(directory)) as records:
        intact = 0
        for number in records.check_entries():
            intact += number
            yield
        if intact < records.count_entries():
            raise StoreCorrupt("entries of the records are damaged; see `iai doctor --deep`")


def _keys(layout: Layout) -> bytes:
    """Return the wrapped keys of the store; b"" if it is not encrypted."""
    return layout.crypto.read_bytes() if layout.crypto.exists() else b""


def _check_keys(layout: Layout, keys: bytes) -> None:
    """Raise StoreError if they are other keys by now: a copy might need both."""
    if _keys(layout) != keys:
        raise StoreError("the keys of the store were changed meanwhile")


def _watermark(directory: Path) -> Watermark:
    records = Records(directory)
    try:
        with records.view() as view:
            return view.watermark()
    finally:
        records.close()
        (directory / "lock.mdb").unlink(missing_ok=True)


def _read(path: Path) -> AutoBackup | None:
    try:
        size = (path / DATA).stat().st_size
        manifest = msgspec.json.decode((path / MANIFEST).read_bytes())
        encrypted = (path / KEYS).exists()
        own = {"path": path, "bytes": size, "encrypted": encrypted}
        return msgspec.convert({**manifest, **own}, AutoBackup)
    except (OSError, ValueError, RecursionError, TypeError):
        return None
