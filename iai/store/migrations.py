"""How records of an earlier schema become those of the next: one step for each, in one transaction.

A step is needed for a change after which the code cannot read the old form (new databases and new
fields with a default need none), and where transcripts are to be read again for what they give by
now. Derived data has no steps; it is rebuilt.
"""

from collections.abc import Mapping
from typing import Protocol

from iai.model.record import Transcript
from iai.model.rereading import Rereading
from iai.store.codec import encode_u64, pack, unpack
from iai.store.database import Database
from iai.store.transaction import Transaction

TO_REREAD = b"to_reread"  # in `meta`: how many transcripts a migration had read again


class Step(Protocol):
    """Turns one schema into the next. All databases are open, and their entries sealed."""

    def __call__(self, transaction: Transaction, db: Mapping[str, Database], /) -> None: ...


def read_again(transaction: Transaction, db: Mapping[str, Database], /) -> None:
    """Have ingest read all known transcripts again.

    Schema 2 has actions, sessions and narration. With schema 4 come the messages that Codex wrote
    as events only, and slash commands without arguments; with schema 5 what Codex's scripts did,
    with schema 6 what people ran with `!` in Claude Code, and tests beside patches of Codex's.
    """
    for key, data in transaction.entries(db["transcripts"]):
        known = unpack(data, Transcript)
        again = Rereading(transcript=Transcript(path=known.path, host=""))
        transaction.put(key, pack(again), db=db["rereading"])
    total = transaction.count(db["rereading"])
    transaction.put(TO_REREAD, encode_u64(total), db=db["meta"])


def seal(transaction: Transaction, db: Mapping[str, Database], /) -> None:
    """Nothing is left to do: schema 3 has checksums, which `Schema` adds before all steps."""


RECORDS: dict[int, Step] = {  # schema -> the step to the next
    1: read_again, 2: seal, 3: read_again, 4: read_again, 5: read_again,
}  # fmt: skip

# Databases of `index/` that earlier versions wrote and nothing reads. Their writer drops them.
INDEX_RETIRED = ("central", "recalled", "beside", "terms")
