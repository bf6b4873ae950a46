"""When a stage looks at the stage before it.

At once on a hint, again while there is more, and every so often in any case: that last makes a lost
hint cost time and nothing else.
"""

from iai.clock import NS, Now

LOOK_S = 2.0


class Pace:
    """The only state of a level-triggered loop."""

    def __init__(self) -> None:
        self._next = 0  # monotonic

    def hint(self) -> None:
        """Something may have changed: look at once."""
        self._next = 0

    def looked(self, now: Now, *, more: bool) -> None:
        """Note that it was looked, and whether there is more to do at once."""
        self._next = 0 if more else now.mono + int(LOOK_S * NS)

    def rest(self, now: Now, seconds: float) -> None:
        """There is more to do, but not at once."""
        self._next = now.mono + int(seconds * NS)

    def due_s(self, now: Now) -> float:
        """Seconds until it is time to look."""
        return max(0.0, (self._next - now.mono) / NS)
