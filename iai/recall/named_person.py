"""A person named on the command line: by name, or by the name or id of one of the machines."""

from iai.config.layout import Layout
from iai.errors import BadUsage
from iai.model.member import Member
from iai.model.people import People
from iai.store.record_view import RecordView
from iai.store.records import view_of

ME = "me"


def machines_of(named: str, layout: Layout) -> tuple[str, ...]:
    """Return the machines whose records are meant, "" being this one; none for "" (everybody).

    `me` is the user of this machine, with all of their machines. Raises BadUsage if nobody is
    called so.
    """
    if not named:
        return ()
    with view_of(layout.records) as view:
        return machines(named, view)


def machines(named: str, view: RecordView) -> tuple[str, ...]:
    """See `machines_of`."""
    members, this = list(view.members()), view.member("")
    people = People(view.member)
    wanted = named.casefold()
    mine = ["", *(one.machine for one in members if people.own(one.machine))]
    if wanted == ME:
        return tuple(mine)
    found = [one.machine for one in members if wanted in _names(one)]
    if this is not None and wanted == this.author.casefold():  # others may have that name, too
        found = list(dict.fromkeys([*mine, *found]))
    elif this is not None and wanted in _names(this):
        found = ["", *found]
    if not found:
        known = [ME, *sorted({one.author or one.machine for one in members})]
        raise BadUsage(f"there is nobody called {named}; known: {', '.join(known)}")
    return tuple(found)


def _names(member: Member) -> set[str]:
    return {name.casefold() for name in (member.author, member.name, member.machine) if name}
