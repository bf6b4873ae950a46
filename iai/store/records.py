"""The records: what was said, verbatim, and the log of every change to it.

Everything else in the store can be rebuilt from here. One process writes (`Records.commit`), all
others read (`Records.view`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from iai.model.clock import Now
from iai.model.record import Watermark
from iai.store import migrations
from iai.store.environment import MAP_SIZE, Environment
from iai.store.record_audit import RecordAudit
from iai.store.record_change import RecordChange
from iai.store.record_keys import DATABASES
from iai.store.record_view import RecordView
from iai.store.replica_change import ReplicaChange
from iai.store.store import Store
from iai.store.transaction import Transaction

T = TypeVar("T")

SCHEMA = 6


class Records(Store):
    """The environment of the records, opened once in each process that needs it."""

    def __init__(self, path: Path, *, writer: bool = False, map_size: int = MAP_SIZE) -> None:
        super().__init__(
            Environment(
                path,
                DATABASES,
                schema=SCHEMA,
                writer=writer,
                name="records",
                map_size=map_size,
                steps=migrations.RECORDS,
            )
        )

    @contextmanager
    def view(self) -> Iterator[RecordView]:
        """Open a view of the records as of now."""
        with self._environment.read() as transaction:
            yield RecordView(self._environment, transaction)

    def commit(
        self, change: Callable[[RecordChange], T], now: Now, *, live: bool = True
    ) -> tuple[T, Watermark]:
        """Run one change, make it durable, and return what it returned and the new watermark.

        `change` may run more than once (see `Environment.write`). `live` is False for an import of
        what was said earlier.
        """

        def run(transaction: Transaction) -> tuple[T, Watermark]:
            unit = RecordChange(self._environment, transaction, now, live=live)
            result = change(unit)
            return result, unit.finish()

        return self._environment.write(run)

    def apply(
        self, change: Callable[[ReplicaChange], T], now: Now, own: str
    ) -> tuple[T, Watermark]:
        """Run one change with what other machines said, as `commit` does.

        `own` is the id of this machine.
        """

        def run(transaction: Transaction) -> tuple[T, Watermark]:
            unit = ReplicaChange(self._environment, transaction, now, own)
            result = change(unit)
            return result, unit.finish()

        return self._environment.write(run)

    def problems(self) -> Iterator[str]:
        """See `Environment.problems`. Each index is compared with the records, too."""
        yield from super().problems()
        with self._environment.read() as transaction:
            yield from RecordAudit(self._environment, transaction).problems()


@contextmanager
def view_of(path: Path) -> Iterator[RecordView]:
    """Open the records at a path for one view of them.

    Raises StoreAbsent before anything was stored, StoreLocked, StoreError.
    """
    records = Records(path)
    try:
        with records.view() as view:
            yield view
    finally:
        records.close()
