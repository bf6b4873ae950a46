"""A filter as a mask over labels, for the vector index.

Texts are compared by their CRC-32. So a record may match here that does not, but never the other
way round; the hits themselves are checked as well.
"""

from struct import Struct
from zlib import crc32

import numpy as np

from iai.index.filters import TEXT_FIELDS, Filter, stored_time
from iai.index.vector import Mask
from iai.model.record import Record
from iai.store.graph import Facets

_row = Struct("<q4I").pack  # the same as `FACETS`


def facets(record: Record) -> bytes:
    """Return the fields of a record that filters ask for: a row of `FACETS`."""
    texts = (_hash(getattr(record, name)) for name in TEXT_FIELDS)
    return _row(stored_time(record.created_at), *texts)


def filter_mask(rows: Facets, only: Filter) -> Mask:
    """Return for each row whether it may match. Rows of no record may be set, too."""
    mask: Mask = np.ones(len(rows), np.bool_)
    for name, value in only.texts.items():
        mask &= rows[name] == _hash(value)
    if only.since:
        mask &= rows["said"] >= stored_time(only.since)
    if only.until:
        mask &= rows["said"] < stored_time(only.until)
    return mask


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogateescape"))
