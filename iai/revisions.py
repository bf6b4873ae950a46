"""Which revisions of the record log a stage has applied, in whatever order it took them.

Newest first keeps the last turn findable while a backlog is worked off; then "applied" is no longer
one number but a few ranges. The unbroken range from the start is the stage's revision.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

Range = tuple[int, int]  # first and last revision, both included
_BEYOND = 1 << 64


class Revisions(Struct, frozen=True):
    """A set of revisions (from 1) as sorted ranges that neither overlap nor touch."""

    ranges: tuple[Range, ...] = ()

    @property
    def floor(self) -> int:
        """Highest revision up to which nothing is missing; 0 for none."""
        return self.ranges[0][1] if self.ranges and self.ranges[0][0] == 1 else 0

    @property
    def head(self) -> int:
        """Highest revision in the set; 0 for none."""
        return self.ranges[-1][1] if self.ranges else 0

    def count(self) -> int:
        """How many revisions are in the set."""
        return sum(last - first + 1 for first, last in self.ranges)

    def add(self, first: int, last: int) -> "Revisions":
        """Return the set with `first..last` in it."""
        apart = [r for r in self.ranges if r[1] < first - 1 or r[0] > last + 1]
        joined = [r for r in self.ranges if not (r[1] < first - 1 or r[0] > last + 1)]
        low = min([first, *(r[0] for r in joined)])
        high = max([last, *(r[1] for r in joined)])
        return Revisions(tuple(sorted([*apart, (low, high)])))

    def minus(self, other: "Revisions") -> "Revisions":
        """Return what is here and not in `other`."""
        left: list[Range] = []
        for first, last in self.ranges:
            start = first
            for low, high in other.ranges:
                if high < start or low > last:
                    continue
                if low > start:
                    left.append((start, low - 1))
                start = high + 1
            if start <= last:
                left.append((start, last))
        return Revisions(tuple(left))

    def both(self, other: "Revisions") -> "Revisions":
        """Return what is in both."""
        return self.minus(self.minus(other))

    def union(self, other: "Revisions") -> "Revisions":
        """Return what is in either."""
        joined = self
        for first, last in other.ranges:
            joined = joined.add(first, last)
        return joined

    def newest(self, limit: int) -> "Revisions":
        """Return the newest unbroken range of at most `limit` revisions."""
        if not self.ranges:
            return self
        first, last = self.ranges[-1]
        return Revisions(((max(first, last - limit + 1), last),))

    def __contains__(self, revision: int) -> bool:
        place = bisect_right(self.ranges, (revision, _BEYOND))
        return place > 0 and self.ranges[place - 1][1] >= revision

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)


def upto(revision: int) -> Revisions:
    """Return the set 1..revision."""
    return Revisions(((1, revision),)) if revision > 0 else Revisions()


def of(revisions: Iterable[int]) -> Revisions:
    """Return the set of these revisions."""
    found: list[Range] = []
    for revision in sorted(set(revisions)):
        if found and found[-1][1] == revision - 1:
            found[-1] = (found[-1][0], revision)
        else:
            found.append((revision, revision))
    return Revisions(tuple(found))
