"""A filter as a mask over labels, for the vector index.

Texts are compared by their CRC-32. So a record may match here that does not, but never the other
way round; the hits themselves are checked as well.
"""

from struct import Struct

import numpy as np

from iai.index.filters import Filter, stored_time, texts_of
from iai.index.terms import term_id
from iai.index.vector import Mask
from iai.model.record import Record
from iai.store.graph import Facets, Machines

_row = Struct("<q4I").pack  # the same as `FACETS`


def facets(record: Record) -> bytes:
    """Return the fields of a record that filters ask for: a row of `FACETS`."""
    return _row(stored_time(record.created_at), *map(term_id, texts_of(record)))


def machine_id(record: Record) -> int:
    """Return the machine of a record as filters ask for it; 0 for this one."""
    return term_id(record.machine) if record.machine else 0


def filter_mask(rows: Facets, machines: Machines, only: Filter) -> Mask:
    """Return for each row whether it may match. Rows of no record may be set, too."""
    mask: Mask = np.ones(len(rows), np.bool_)
    for name, value in only.texts.items():
        mask &= rows[name] == term_id(value)
    if only.since:
        mask &= rows["said"] >= stored_time(only.since)
    if only.until:
        mask &= rows["said"] < stored_time(only.until)
    if only.machines:
        wanted = [term_id(machine) if machine else 0 for machine in only.machines]
        mask &= np.isin(machines, wanted)
    return mask
