"""The page of deliveries: what was given to which session, and what it cost."""

import re
from collections import Counter

from iai.model import units
from iai.session_start import deliveries
from iai.session_start.deliveries import Delivery
from iai.ui.page_request import Document, PageRequest

SHOWN = 50
PERIODS = {"1d": "a day", "7d": "a week", "30d": "a month"}

OUTCOMES = {
    "cache-hit": "text kept ready",
    "live-cli": "text composed at the start",
    "recalled": "recalled for a prompt",
    "file-history": "history of a file",
    "nothing-new": "nothing new to it",
    "empty": "nothing to say",
}
_AGE = re.compile(r"age=(\d{1,12})s")


def show(request: PageRequest) -> Document:
    """Return the deliveries of a period, the latest first. Raises BadUsage."""
    since, start = request.text("since") or "7d", request.offset()
    session, project = request.exact("session"), request.exact("name")
    every = deliveries.read(request.layout, units.moment("since", since, request.wall))
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
        "outcomes": Counter(OUTCOMES.get(one.outcome, one.outcome) for one in found),
        "outcome": outcome,
        "start": start,
        "shown": SHOWN,
        "more": len(found) > start + SHOWN,
    }


def outcome(one: Delivery) -> tuple[str, str]:
    """Return what a session was given, in words, and why."""
    age = _AGE.fullmatch(one.reason)
    reason = f"{units.span(int(age[1]))} old" if age else one.reason
    return OUTCOMES.get(one.outcome, one.outcome), reason
