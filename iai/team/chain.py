"""Whether all that a machine has published has arrived. Pure.

Each message names its own position and that of the message before it, under the signature. So what
a machine publishes is a chain, and a link that is missing shows.
"""

from typing import NamedTuple, Self

MOST_ISLANDS = 64  # what is known beyond that is forgotten, and asked for again


class Span(NamedTuple):
    """The positions after the first and up to the second."""

    after: int
    through: int


class Chain(NamedTuple):
    """What has arrived of one machine in one project."""

    tip: int = 0  # all up to this position has arrived
    islands: tuple[Span, ...] = ()  # what has arrived beyond a gap, ascending, none touching
    announced: int = 0  # the last position that the machine says it has published

    def add(self, after: int, position: int) -> Self:
        """Return the chain with one more message."""
        every = sorted([*self.islands, Span(after, max(after, position))])
        tip, islands = self.tip, list[Span]()
        for one in every:
            if one.after <= tip:
                tip = max(tip, one.through)
            elif islands and one.after <= islands[-1].through:
                islands[-1] = Span(islands[-1].after, max(islands[-1].through, one.through))
            else:
                islands.append(one)
        kept = tuple(islands[:MOST_ISLANDS])
        return self._replace(tip=tip, islands=kept, announced=max(self.announced, position))

    def announce(self, position: int) -> Self:
        """Return the chain after its machine said how far it has published."""
        return self._replace(announced=max(self.announced, position))

    @property
    def gap(self) -> Span | None:
        """The first positions that are missing; None if there are none."""
        end = self.islands[0].after if self.islands else self.announced
        return Span(self.tip, end) if end > self.tip else None
