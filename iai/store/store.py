"""One environment, as its owner, the doctor and backups handle it, whatever is in it."""

from collections.abc import Iterator
from pathlib import Path

from iai.encryption.cipher import Cipher
from iai.store.copying import Copy
from iai.store.environment import Environment


class Store:
    """An environment, opened once in each process that needs it. Subclasses say what it holds."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def check_entries(self) -> Iterator[int]:
        """See `Environment.check_entries`."""
        return self._environment.check_entries()

    def count_entries(self) -> int:
        """See `Environment.count_entries`."""
        return self._environment.count_entries()

    def problems(self) -> Iterator[str]:
        """See `Environment.problems`."""
        yield from self._environment.problems()

    def copy(self, directory: Path) -> None:
        """See `Environment.copy`."""
        self._environment.copy(directory)

    def begin_copy(self, directory: Path) -> Copy:
        """See `Environment.begin_copy`."""
        return self._environment.begin_copy(directory)

    def convert(self, cipher: Cipher | None) -> None:
        """See `Environment.convert`."""
        self._environment.convert(cipher)

    def scrub(self, mark: int, room_s: float) -> bool:
        """See `Environment.scrub`."""
        return self._environment.scrub(mark, room_s)

    def forget_dead_readers(self) -> int:
        """See `Environment.forget_dead_readers`."""
        return self._environment.forget_dead_readers()

    def close(self) -> None:
        """See `Environment.close`."""
        self._environment.close()
