"""Time as data: behaviours are given a `Now`, and never read a clock themselves."""

from datetime import UTC, datetime
from typing import NamedTuple

NS = 1_000_000_000
_EPOCH = datetime.fromtimestamp(0, UTC)


class Now(NamedTuple):
    """One moment on both clocks, in integer nanoseconds.

    `wall` is UTC since the epoch, for what people read; it may jump. `mono` never goes back, and is
    the same in all processes of a machine; every interval and deadline uses it.
    """

    wall: int
    mono: int

    def later(self, seconds: float) -> "Now":
        """Return the moment some seconds after this one, on both clocks."""
        ns = int(seconds * NS)
        return Now(self.wall + ns, self.mono + ns)


def iso(wall: int) -> str:
    """Return nanoseconds since the epoch as `2026-11-23T10:00:00Z`."""
    return datetime.fromtimestamp(wall // NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso(text: str) -> int:
    """Return an ISO 8601 time as nanoseconds since the epoch; without a zone it is UTC.

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS + since.microseconds * 1_000
