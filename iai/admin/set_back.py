"""What was derived from changes that the records no longer have.

They were set back: by an older copy of their file, or by damage, after which LMDB takes the state
before. New changes get the numbers of those that are gone, so what was derived from these would be
taken for current. It is deleted before the group starts, and then made again.
"""

import shutil
from contextlib import closing
from pathlib import Path

from iai.config.layout import Layout
from iai.errors import StoreError
from iai.process import lock
from iai.store.readers import Readers


def found(layout: Layout) -> list[Path]:
    """Return the environments that are ahead of the records; none if these cannot be read."""
    with closing(Readers(layout)) as readers:
        try:
            applied = {layout.vectors: _vectors(readers), layout.index: _index(readers)}
            with readers.records.view() as view:  # the last: they are as late as the rest, or later
                revision = view.watermark().revision
        except StoreError:
            return []
    return [path for path, head in applied.items() if head > revision]


def discard(layout: Layout) -> list[Path]:
    """Delete them, unless a group runs; return which were deleted."""
    lease = lock.take(layout.lease, lock.GLANCE_S)
    if lease is None:
        return []
    try:
        ahead = found(layout)
        for path in ahead:
            shutil.rmtree(path)
    finally:
        lease.release()
    return ahead


def _vectors(readers: Readers) -> int:
    try:
        with readers.vectors.view() as view:
            return view.progress().applied.head
    except StoreError:  # its owner rebuilds it
        return 0


def _index(readers: Readers) -> int:
    try:
        with readers.graph.view() as view:
            progress = view.progress()
    except StoreError:
        return 0
    return max(progress.records_applied.head, progress.vectors_applied.head)
