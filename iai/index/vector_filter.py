"""Which records fit a filter, as one bit for each label: what tells the vector index where to look.

The same question as `facets` puts to the lexical index. What fits here may be one too many, where
two texts share their CRC-32, and never one too few: hits are looked at themselves, too.
"""

from struct import Struct
from zlib import crc32

import numpy as np

from iai.index.filters import Filter
from iai.index.vector import Mask
from iai.model.record import Record
from iai.store.graph import Facets

_TEXTS = ("project", "session", "role", "tier")
_LAST = (1 << 63) - 1
_row = Struct("<q4I").pack  # the same as `FACETS`


def facets(record: Record) -> bytes:
    """Return what filters ask of a record: a row of `FACETS`."""
    texts = (record.project, record.session, record.role, record.tier)
    return _row(_within(record.created_at), *map(_number, texts))


def fitting(rows: Facets, only: Filter) -> Mask:
    """Say of each row whether it may fit; those of no record may."""
    fits: Mask = np.ones(len(rows), np.bool_)
    for name in _TEXTS:
        if value := getattr(only, name):
            fits &= rows[name] == _number(value)
    if only.since:
        fits &= rows["said"] >= _within(only.since)
    if only.until:
        fits &= rows["said"] < _within(only.until)
    return fits


def _number(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogateescape"))


def _within(ns: int) -> int:
    return max(-_LAST, min(ns, _LAST))
