"""A session named on the command line, by its id or by one of its records."""

from iai.config.layout import Layout
from iai.errors import BadUsage, NoRecord
from iai.store.records import view_of


def session_id(named: str, layout: Layout) -> str:
    """Return the id of a session; "" for "" (all sessions).

    Raises NoRecord, BadUsage if it is not part of a session.
    """
    if not named.startswith("#"):
        return named
    with view_of(layout.records) as view:
        record = view.find(named)
    if record is None:
        raise NoRecord(named)
    if not record.session:
        raise BadUsage(f"{named} was not said in a session")
    return record.session
