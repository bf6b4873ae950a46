"""What a function returned, remembered by its argument: `lru_cache` at half the cost of a hit.

It forgets everything once it is full, so it needs no order of use.
"""

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """Maps an argument to a result, for up to `most` arguments. None is not remembered."""

    def __init__(self, function: Callable[[K], V], most: int) -> None:
        super().__init__()
        self._function = function
        self._most = most

    def __missing__(self, argument: K) -> V:
        result = self._function(argument)
        if result is not None:
            if len(self) >= self._most:
                self.clear()
            self[argument] = result
        return result
