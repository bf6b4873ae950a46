"""How long the payload lacked a change, over a period, from when it was written. Pure.

The words are those of incremental view maintenance (https://materialize.com/docs/concepts/
reaction-time): at any time, the *lag* of the payload is the age of the oldest change that it lacks;
it grows with the clock until a write brings the payload up to date, and then falls to 0.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise, zip_longest
from operator import itemgetter

from msgspec import Struct


class Gap(Struct, frozen=True):
    """From `start` to `end` the payload lacked a change that was made at `since`.

    Times are UTC nanoseconds; `start` is at `since` or later.
    """

    since: int
    start: int
    end: int
    closed: bool = True  # by a write; False: the payload lacks the change still

    @property
    def longest(self) -> int:
        """The lag at its end."""
        return self.end - self.since


def gaps(
    writes: Sequence[tuple[int, int]],
    first_after: Callable[[int], int | None],
    start: int,
    end: int,
) -> Iterator[Gap]:
    """Yield the gaps between `start` and `end`, in order.

    `writes` has when the payload was written, and up to which revision, in order; the first one may
    be earlier than `start`. `first_after` returns when the first change after a revision was made;
    None if there is none.
    """
    for (at, revision), following in zip_longest(writes, writes[1:]):
        until = following[0] if following else end
        if until <= start or until <= at:
            continue
        since = first_after(revision)
        if since is not None and since < until:
            yield Gap(since, max(since, at, start), until, closed=following is not None)


class Distribution:
    """How much of a period the lag was longer than any time."""

    def __init__(self, found: Iterable[Gap], period: int) -> None:
        """`period` is the length of the period in nanoseconds, all gaps included."""
        self._period = max(1, period)
        changes: list[tuple[int, int]] = []
        for gap in found:
            changes += ((gap.start - gap.since, 1), (gap.longest, -1))
        changes.sort(key=itemgetter(0))
        # A gap has each lag between its first and its last once: a density of 1.
        open_gaps, spent, density = 0, 0, []
        for (lag, change), (following, _) in pairwise([*changes, (0, 0)]):
            open_gaps += change
            density.append(max(0, following - lag) * open_gaps)
            spent += density[-1]
        self._lags = [lag for lag, _ in changes]
        self._longer: list[int] = []  # time with a lag longer than each of these
        for own in density:
            self._longer.append(spent)
            spent -= own
        self.behind = self._longer[0] if self._longer else 0  # nanoseconds, with any lag

    def share_longer(self, lag: int) -> float:
        """Return the share of the period, 0 to 1, in which the lag was longer than this."""
        if not self._lags or lag >= self._lags[-1]:
            return 0.0
        place = bisect_right(self._lags, lag) - 1
        if place < 0:
            return self.behind / self._period
        low, high = self._lags[place], self._lags[place + 1]
        longer, then = self._longer[place], self._longer[place + 1]
        part = (lag - low) / (high - low) if high > low else 0.0
        return (longer + (then - longer) * part) / self._period

    def quantile(self, share: float) -> int:
        """Return the lag that was not exceeded in this share of the period, in nanoseconds."""
        rest = (1.0 - share) * self._period
        if not self._longer or self.behind <= rest:
            return 0
        for place, (longer, then) in enumerate(pairwise(self._longer)):
            if then <= rest < longer:
                low, high = self._lags[place], self._lags[place + 1]
                return round(low + (high - low) * (longer - rest) / (longer - then))
        return self._lags[-1]

    @property
    def longest(self) -> int:
        """The longest lag; 0 for none."""
        return self._lags[-1] if self._lags else 0


def longest_by_bin(found: Iterable[Gap], start: int, end: int, bins: int) -> list[int]:
    """Return the longest lag in each of so many equal parts of a period, in nanoseconds."""
    width = max(1, -(-(end - start) // bins))
    longest = [0] * bins
    for gap in found:
        for number in range((gap.start - start) // width, (gap.end - 1 - start) // width + 1):
            if 0 <= number < bins:
                then = min(gap.end, start + (number + 1) * width)
                longest[number] = max(longest[number], then - gap.since)
    return longest
