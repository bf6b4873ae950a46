"""Which records a question may be answered with: one filter, for the indexes and for the hits.

Each index translates it for itself (`lexical_filter`, `vector_filter`) from what is here.
"""

from operator import attrgetter

from msgspec import Struct, structs

from iai.model.record import Record
from iai.protocol.graph_cache import Recall

TEXT_FIELDS = ("project", "session", "role", "tier")  # of a filter and of a record
texts_of = attrgetter(*TEXT_FIELDS)
_LAST_TIME = (1 << 63) - 1  # both indexes keep times in 64 signed bits


class Filter(Struct, frozen=True, kw_only=True):
    """What a record must match. A field that is empty, or 0, matches any."""

    project: str = ""  # a project's id
    session: str = ""
    role: str = ""
    tier: str = ""
    since: int = 0  # said at this time or later, in nanoseconds UTC
    until: int = 0  # said before this time
    machines: tuple[str, ...] = ()  # said on one of these; "" is this machine

    @property
    def open(self) -> bool:
        """Does every record match?"""
        return self == Filter()

    @property
    def texts(self) -> dict[str, str]:
        """The text fields that it asks for, by name, and their values."""
        return {name: value for name in TEXT_FIELDS if (value := getattr(self, name))}

    def fits(self, record: Record) -> bool:
        """Does this record match?"""
        return (
            all(getattr(record, name) == value for name, value in self.texts.items())
            and (not self.since or self.since <= record.created_at)
            and (not self.until or record.created_at < self.until)
            and (not self.machines or record.machine in self.machines)
        )


def requested(request: Recall) -> Filter:
    """Return the filter of a request, whose fields have the same names."""
    return Filter(**{name: getattr(request, name) for name in Filter.__struct_fields__})


def candidate_filters(only: Filter) -> tuple[Filter, ...]:
    """Return the filters that candidates are taken by: `only`, and what may add to its scores.

    A user's turn gains from the answer next to it, even when only the user's turns are wanted. In
    all else that a filter asks, turns next to each other are the same.
    """
    return (only, structs.replace(only, role="")) if only.role else (only,)


def stored_time(ns: int) -> int:
    """Return a time as the indexes keep it: within 64 signed bits."""
    return ns if -_LAST_TIME < ns < _LAST_TIME else max(-_LAST_TIME, min(ns, _LAST_TIME))
