"""The page of deliveries: what was given to which session, and what it cost."""

from iai.model import units
from iai.session_start import deliveries
from iai.ui.asked import Asked, Document

SHOWN = 50
PERIODS = {"1d": "a day", "7d": "a week", "30d": "a month"}


def show(asked: Asked) -> Document:
    """Return the deliveries of a period, the latest first. Raises BadUsage."""
    since, start = asked.text("since") or "7d", asked.offset()
    session, project = asked.exact("session"), asked.exact("name")
    every = deliveries.read(asked.layout, units.moment("since", since, asked.wall))
    found = [one for one in every if session in ("", one.session) and project in ("", one.project)][
        ::-1
    ]
    return {
        "periods": PERIODS,
        "since": since,
        "session": session,
        "name": project,
        "names": sorted({one.project for one in every if one.project}),
        "deliveries": found[start : start + SHOWN],
        "totals": deliveries.totals(found),
        "start": start,
        "shown": SHOWN,
        "more": len(found) > start + SHOWN,
    }
