"""How records of an earlier schema become those of the next: one step for each, in one transaction.

Only a change that the code after it could not read in the old form needs a step: new databases and
new fields with a default need none. What is derived from the records has none; it is made again.
"""

from collections.abc import Mapping
from typing import Protocol

import lmdb


class Step(Protocol):
    """Makes the next schema of one, of which all databases are open."""

    def __call__(
        self, transaction: "lmdb.Transaction[bytes]", db: "Mapping[str, lmdb._Database]", /
    ) -> None: ...


RECORDS: dict[int, Step] = {}  # schema -> what makes the next one of it

# Databases of `index/` that earlier versions wrote and nothing reads. Their writer drops them.
INDEX_RETIRED = ("central", "recalled")
