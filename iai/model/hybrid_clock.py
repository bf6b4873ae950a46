"""Stamps that order what several machines write to one value, whatever their clocks say. Pure.

A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks and Consistent Snapshots in
Globally Distributed Databases", 2014), kept for each value rather than for each machine: who writes
a value has seen the one before, so the new stamp comes after that. A machine whose clock is a year
ahead wins against those who have not seen its value yet, and against nobody after that; and values
that it never wrote are left alone.
"""

from msgspec import Struct

LATEST = (1 << 62) - 1  # nanoseconds: the highest wall time; 2116
MOST = (1 << 31) - 1  # the highest counter


class Stamp(Struct, frozen=True, order=True, array_like=True):
    """When a machine wrote a value. Of two values, the one with the later stamp holds."""

    wall: int = 0  # UTC nanoseconds by the machine's clock, or later
    counter: int = 0  # tells stamps of one wall time apart
    machine: str = ""  # tells those of two machines apart


NEVER = Stamp()


def next(own: str, now: int, seen: Stamp) -> Stamp:  # noqa: A001  read as `hybrid_clock.next`
    """Return a stamp of the machine `own` that comes after one it has seen.

    `now` is its clock, in UTC nanoseconds. Where `seen` is the last stamp there can be, a stamp no
    later than that is returned.
    """
    wall = max(0, min(now, LATEST))
    if wall > seen.wall:
        return Stamp(wall, 0, own)
    if seen.counter < MOST:
        return Stamp(seen.wall, seen.counter + 1, own)
    return Stamp(min(seen.wall + 1, LATEST), 0 if seen.wall < LATEST else MOST, own)
