"""What a browser asks a page for, and what every page needs to answer."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from msgspec import Struct, field

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import BadUsage
from iai.recall import timeline
from iai.store.record_view import RecordView
from iai.store.records import view_of

LONGEST = 1_000  # characters of one field of an address
DEEPEST = 5_000  # entries into a list that pages may go

Document: TypeAlias = dict[str, Any]


class Choice(Struct, frozen=True):
    """A project that a page can be limited to."""

    id: str
    name: str  # for people; with the root where two have the same name
    root: str


class PageRequest(Struct, frozen=True):
    """One request. The fields of its address are the user's, or an attacker's."""

    settings: Settings
    fields: Mapping[str, str]
    wall: int  # UTC nanoseconds
    memo: timeline.Memo = field(default_factory=dict)  # sessions that earlier pages have read

    @property
    def layout(self) -> Layout:
        """The paths of the store."""
        return Layout(self.settings.store)

    def text(self, name: str) -> str:
        """Return a field as one bounded text; "" if it was not given."""
        return self.fields.get(name, "").strip()[:LONGEST]

    def exact(self, name: str) -> str:
        """Return a field as it is, but bounded: a host's id of a session may be anything."""
        return self.fields.get(name, "")[:LONGEST]

    def number(self, name: str) -> int:
        """Return a field as a number from 0 on; 0 if it was not given. Raises BadUsage."""
        given = self.text(name).removeprefix("#")
        if not given:
            return 0
        if not (given.isascii() and given.isdecimal()) or len(given) > len(str(1 << 63)):
            raise BadUsage(f"{name} is a number, not {given[:40]!r}")
        return int(given)

    def offset(self) -> int:
        """Return where in a list its page begins. Raises BadUsage beyond `DEEPEST`."""
        offset = self.number("from")
        if offset > DEEPEST:
            raise BadUsage(f"a list ends at entry {DEEPEST:,}; filter it to see older entries")
        return offset

    def records(self) -> AbstractContextManager[RecordView]:
        """Open the records as of now. Raises StoreAbsent before the first, and StoreError."""
        return view_of(self.layout.records)


def choices(view: RecordView) -> list[Choice]:
    """Return the projects to choose from, that of the latest record first."""
    projects = view.active()
    names = [project.name for project in projects]
    return [
        Choice(p.id, f"{p.name} ({p.root})" if names.count(p.name) > 1 else p.name, p.root)
        for p in projects
    ]


def chosen(request: PageRequest, projects: list[Choice]) -> Choice | None:
    """Return the project that the page is limited to; None for all. Raises BadUsage."""
    given = request.text("project")
    if not given:
        return None
    found = next((one for one in projects if one.id == given), None)
    if found is None:
        raise BadUsage("there is no such project; choose one from the list")
    return found
