"""Whether what was forgotten is gone from every file of the store, read from disk.

So it is correct whether or not the group runs, and whatever its processes claim.
"""

import mmap
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from iai.config.layout import Layout
from iai.errors import StoreAbsent, StoreError
from iai.ingest.traces import needles_of
from iai.session_start.payload_files import claim
from iai.store import auto_backups
from iai.store.readers import Readers

LEAST = 6  # bytes of a text that is looked for in files: a shorter one is there by chance


def left(layout: Layout) -> list[str]:
    """Name the parts of the store that may still have what was forgotten, the first stage first.

    Raises StoreError if the records cannot be read.
    """
    readers = Readers(layout)
    with closing(readers):
        with readers.records.view() as view:
            through = view.erased_through()
            before = [b for b in auto_backups.found(layout) if b.watermark.revision < through]
            found = ["records"] if view.scrubbed() < through else []
        if not through:
            return []
        found += [name for name in ("vectors", "index") if _mark(readers, name) < through]
    payloads = [layout.payload, *layout.session_start.glob("*.md")]
    if any(_shows_less(path, through) for path in payloads if path.exists()):
        found.append("session-start")
    return [*found, "backups"] if before else found


def copies(layout: Layout) -> list[Path]:
    """Return copies that iai put aside, which keep what is forgotten: see `discard`.

    So does an automatic backup whose manifest cannot be read: nothing replaces it.
    """
    own = {one.path for one in auto_backups.found(layout)}
    aside = [p for p in _entries(layout.backups) if p not in own and p.name[:6] != ".auto-"]
    return sorted(aside) + sorted(p for p in _entries(layout.root) if p.name.startswith(".iai-"))


def discard(layout: Layout) -> int:
    """Delete these copies; return how many there were. Raises OSError."""
    found = copies(layout)
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return len(found)


def holding(layout: Layout, text: str) -> list[Path]:
    """Return the files below the store in which a text can be found, as it is or in JSON."""
    needles = {needle for needle in needles_of(text) if len(needle) >= LEAST}
    files = (Path(top, name) for top, _, names in os.walk(layout.root) for name in names)
    return sorted(path for path in files if _holds(path, needles))


def _mark(readers: Readers, name: str) -> int:
    """Return what a stage has scrubbed; without files there is nothing to scrub."""
    try:
        if name == "vectors":
            with readers.vectors.view() as vectors:
                return vectors.scrubbed()
        with readers.graph.view() as graph:
            return graph.scrubbed()
    except StoreAbsent:
        return 1 << 63
    except StoreError:  # its owner rebuilds it
        return 0


def _shows_less(payload: Path, revision: int) -> bool:
    claimed = claim(payload)
    return claimed is None or claimed.revision < revision


def _entries(directory: Path) -> Iterator[Path]:
    return iter(directory.iterdir() if directory.is_dir() else ())


def _holds(path: Path, needles: set[bytes]) -> bool:
    if not needles or path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return any(data.find(needle) >= 0 for needle in needles)
    except OSError:  # it is gone
        return False
