"""When a stage looks at the stage before it, and how much it takes on at a time.

At once on a hint, again while there is more, and every so often in any case: that last makes a lost
hint cost time and nothing else. While questions are asked it gives way to them: its slices are
small then, and begin at a distance, so that answers find the process idle and a core free. It
never stops: a backlog is worked off however much is asked.
"""

from iai.model.clock import NS, Now

LOOK_S = 2.0
ASKED_S = 1.0  # so long after a question another one is likely
APART_S = 0.025  # from the start of one slice to that of the next, while questions are asked
PART = 8  # and each is so many times smaller


class Pace:
    """The only state of a level-triggered loop."""

    def __init__(self) -> None:
        self._next = 0  # monotonic, as are the others
        self._free = 0  # questions have the time until then, whatever the hints
        self._asked_until = 0

    def hint(self) -> None:
        """Something may have changed: look at once."""
        self._next = 0

    def asked(self, now: Now) -> None:
        """Note that a question was asked, of this process or another."""
        self._asked_until = now.mono + int(ASKED_S * NS)

    def part(self, now: Now) -> int:
        """Return which part a slice shall be of what it is while nobody asks: 1 for the whole."""
        return PART if self._giving_way(now) else 1

    def looked(self, now: Now, *, more: bool) -> None:
        """Note that it was looked, and whether there is more to do at once."""
        self._next = 0 if more else now.mono + int(LOOK_S * NS)
        self._free = now.mono + int(APART_S * NS) if more and self._giving_way(now) else 0

    def rest(self, now: Now, seconds: float) -> None:
        """There is more to do, but not at once."""
        self._next = now.mono + int(seconds * NS)

    def due_s(self, now: Now) -> float:
        """Seconds until it is time to look."""
        return max(0.0, (max(self._next, self._free) - now.mono) / NS)

    def _giving_way(self, now: Now) -> bool:
        return now.mono < self._asked_until
