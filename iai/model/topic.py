"""Topics: what the records of a project are about."""

from msgspec import Struct


class Topic(Struct, frozen=True, kw_only=True):
    """What some records of a project are about.

    Records are named by their labels; one may have been forgotten since, so look before showing it.
    """

    id: str  # the same for as long as its most central record is the same
    label: str  # two to four words of its records that tell it from others: "redis, noeviction"
    request: int = 0  # the one of its records that says the most of what tells it from others
    size: int  # records
    members: tuple[int, ...]  # the most central first, at most 8
    said: int  # when the latest was said, nanoseconds UTC
    revision: int  # of the records, when it was found
