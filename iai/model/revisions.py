"""The revisions of the record log that a stage has applied, in any order.

Stages take the newest first, so that the last turn can be found while a backlog shrinks. So what is
applied is not one number but a few ranges; the unbroken one from 1 gives the stage's revision.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter

from msgspec import Struct

Range = tuple[int, int]  # first and last revision, both included
_BEYOND = 1 << 64


class Revisions(Struct, frozen=True):
    """A set of revisions (from 1) as sorted ranges that neither overlap nor touch."""

    ranges: tuple[Range, ...] = ()

    @property
    def floor(self) -> int:
        """The highest revision up to which none is missing; 0 for none."""
        return self.ranges[0][1] if self.ranges and self.ranges[0][0] == 1 else 0

    @property
    def head(self) -> int:
        """The highest revision in the set; 0 for none."""
        return self.ranges[-1][1] if self.ranges else 0

    def count(self) -> int:
        """Return the number of revisions in the set."""
        return sum(last - first + 1 for first, last in self.ranges)

    def minus(self, other: "Revisions") -> "Revisions":
        """Return those that are not in `other`."""
        left: list[Range] = []
        theirs, at = other.ranges, 0
        for first, last in self.ranges:
            start = first
            at = bisect_left(theirs, first, lo=at, key=itemgetter(1))
            while at < len(theirs) and theirs[at][0] <= last:
                low, high = theirs[at]
                if low > start:
                    left.append((start, low - 1))
                start = high + 1
                if high > last:  # it overlaps our next range
                    break
                at += 1
            if start <= last:
                left.append((start, last))
        return Revisions(tuple(left))

    def both(self, other: "Revisions") -> "Revisions":
        """Return those that are in both."""
        return self.minus(self.minus(other))

    def union(self, other: "Revisions") -> "Revisions":
        """Return those that are in either."""
        return _joined(sorted((*self.ranges, *other.ranges)))

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


def through(revision: int) -> Revisions:
    """Return the set 1..revision."""
    return Revisions(((1, revision),)) if revision > 0 else Revisions()


def of(revisions: Iterable[int]) -> Revisions:
    """Return the set of these revisions."""
    return _joined((revision, revision) for revision in sorted(revisions))


def _joined(ranges: Iterable[Range]) -> Revisions:
    """Return the set of all in these ranges, which are sorted by their first revision."""
    found: list[Range] = []
    for first, last in ranges:
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return Revisions(tuple(found))
