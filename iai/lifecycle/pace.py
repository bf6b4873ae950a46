"""When a stage polls the stage before it, and how large its slices of work are.

It polls at once on a hint, again while there is more, and at a fixed interval in any case, so that
a lost hint costs time only. While queries arrive, slices are small and spaced out, so that a query
finds the process idle and a core free. It never stops: a backlog shrinks however many queries come.
"""

from iai.model.clock import NS, Now

LOOK_S = 2.0  # between two polls without a hint
ASKED_S = 1.0  # how long after a query another one is expected
APART_S = 0.025  # between the starts of two slices, while queries are expected
PART = 8  # by which slices are divided, while queries are expected


class Pace:
    """The only state of a level-triggered loop."""

    def __init__(self) -> None:
        self._next = 0  # monotonic nanoseconds, as are the others
        self._free = 0  # no slice before, whatever the hints
        self._asked_until = 0

    def hint(self) -> None:
        """Poll at once: something may have changed."""
        self._next = 0

    def asked(self, now: Now) -> None:
        """Note that a query arrived, here or in another process."""
        self._asked_until = now.mono + int(ASKED_S * NS)

    def part(self, now: Now) -> int:
        """Return the number to divide the size of a slice by; 1 while no queries are expected."""
        return PART if self._giving_way(now) else 1

    def looked(self, now: Now, *, more: bool) -> None:
        """Note that a slice was done, and whether there is more to do at once."""
        self._next = 0 if more else now.mono + int(LOOK_S * NS)
        self._free = now.mono + int(APART_S * NS) if more and self._giving_way(now) else 0

    def rest(self, now: Now, seconds: float) -> None:
        """Poll again after some seconds."""
        self._next = now.mono + int(seconds * NS)

    def due_s(self, now: Now) -> float:
        """Return the seconds until the next poll."""
        return max(0.0, (max(self._next, self._free) - now.mono) / NS)

    def _giving_way(self, now: Now) -> bool:
        return now.mono < self._asked_until
