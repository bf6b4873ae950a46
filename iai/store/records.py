"""The records: what was said, verbatim, and the log of every change to it.

Everything else in the store can be rebuilt from here. One process writes (`Records.commit`), all
others read (`Records.view`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from iai.encryption.cipher import Cipher
from iai.model.clock import Now
from iai.model.record import Watermark
from iai.store import migrations
from iai.store.copying import Copy
from iai.store.environment import MAP_SIZE, Environment
from iai.store.record_audit import RecordAudit
from iai.store.record_change import RecordChange
from iai.store.record_keys import DATABASES
from iai.store.record_view import RecordView
from iai.store.replica_change import ReplicaChange
from iai.store.seal import Transaction

T = TypeVar("T")

SCHEMA = 3


class Records:
    """The environment of the records, opened once in each process that needs it."""

    def __init__(self, path: Path, *, writer: bool = False, map_size: int = MAP_SIZE) -> None:
        self._environment = Environment(
            path,
            DATABASES,
            schema=SCHEMA,
            writer=writer,
            name="records",
            map_size=map_size,
            steps=migrations.RECORDS,
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

    def check_entries(self) -> Iterator[int]:
        """See `Environment.check_entries`."""
        return self._environment.check_entries()

    def count_entries(self) -> int:
        """See `Environment.count_entries`."""
        return self._environment.count_entries()

    def problems(self) -> Iterator[str]:
        """Read all of it; yield in words what is damaged, as `Environment.problems` does."""
        yield from self._environment.problems()
        with self._environment.read() as transaction:
            yield from RecordAudit(self._environment, transaction).problems()

    def copy(self, directory: Path) -> None:
        """See `Environment.copy`."""
        self._environment.copy(directory)

    def begin_copy(self, directory: Path) -> Copy:
        """See `Environment.begin_copy`."""
        return self._environment.begin_copy(directory)

    def forget_dead_readers(self) -> int:
        """See `Environment.forget_dead_readers`."""
        return self._environment.forget_dead_readers()

    def convert(self, cipher: Cipher | None) -> None:
        """See `Environment.convert`."""
        self._environment.convert(cipher)

    @property
    def encrypted(self) -> bool:
        """See `Environment.encrypted`."""
        return self._environment.encrypted

    def scrub(self, mark: int, room_s: float) -> bool:
        """See `Environment.scrub`."""
        return self._environment.scrub(mark, room_s)

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()
