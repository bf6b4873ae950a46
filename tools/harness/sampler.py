"""Somebody who looks at a thing over and over while others work."""

import threading
from abc import ABC, abstractmethod
from typing import Self


class Looking(ABC):
    """Looks from a thread of its own while it is entered."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @abstractmethod
    def look(self) -> None:
        """Look once."""

    def _run(self) -> None:
        while not self._done.wait(self._every_s):
            self.look()
