"""Which records a question may be answered with: one filter, for the indexes and for the hits."""

from msgspec import Struct, structs

from iai.model.record import Record
from iai.protocol.graph_cache import Recall


class Filter(Struct, frozen=True, kw_only=True):
    """What a record must be. A field that is empty, or 0, asks for nothing."""

    project: str = ""  # a project's id
    session: str = ""
    role: str = ""
    tier: str = ""
    since: int = 0  # said at this time or later, in nanoseconds UTC
    until: int = 0  # said before this time

    @property
    def open(self) -> bool:
        """Does it let every record through?"""
        return self == Filter()

    def fits(self, record: Record) -> bool:
        """Is this one of the records that are asked for?"""
        return (
            self.project in ("", record.project)
            and self.session in ("", record.session)
            and self.role in ("", record.role)
            and self.tier in ("", record.tier)
            and (not self.since or self.since <= record.created_at)
            and (not self.until or record.created_at < self.until)
        )


def wanted(request: Recall) -> Filter:
    """Return the filter of a request, whose fields have the same names."""
    return Filter(**{name: getattr(request, name) for name in Filter.__struct_fields__})


def sought(only: Filter) -> tuple[Filter, ...]:
    """Return where candidates are taken from: what fits, and what may lend its score to that.

    A question gains from the answer beside it, also where questions alone are asked for. Turns
    beside each other are alike in all else that a filter asks.
    """
    return (only, structs.replace(only, role="")) if only.role else (only,)
