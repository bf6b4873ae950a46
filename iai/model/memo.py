"""Two kinds of bounded memory: what a function returned, and what was set last."""

from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """Maps an argument to a result, for up to `most` arguments. None is not remembered.

    It is `lru_cache` at half the cost of a hit: it forgets everything once it is full, so it needs
    no order of use.
    """

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


class Latest(dict[K, V]):
    """A dictionary of the `most` entries that were set last."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        self.pop(key, None)
        super().__setitem__(key, value)
        if len(self) > self._most:
            del self[next(iter(self))]
