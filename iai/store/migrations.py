"""How records of an earlier schema become those of the next: one step for each, in one transaction.

A step is needed only for a change after which the code cannot read the old form: new databases and
new fields with a default need none. Derived data has no steps; it is rebuilt.
"""

from collections.abc import Mapping
from typing import Protocol

import lmdb


class Step(Protocol):
    """Turns one schema into the next. All databases are open."""

    def __call__(
        self, transaction: "lmdb.Transaction[bytes]", db: "Mapping[str, lmdb._Database]", /
    ) -> None: ...


RECORDS: dict[int, Step] = {}  # schema -> the step to the next

# Databases of `index/` that earlier versions wrote and nothing reads. Their writer drops them.
INDEX_RETIRED = ("central", "recalled")
