"""The page of deliveries: what was given to which session, and what it cost."""

import re
from collections import Counter
from collections.abc import Iterable

from iai.errors import StoreError
from iai.model import units
from iai.model.record import session_key
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
REASONS = {  # for which the hook has a text composed
    "cache-absent": "no text was ready",
    "cache-damaged": "the text on disk was damaged",
    "cache-too-large": "the text on disk was too large",
    "cache-stale": "the text on disk was too old",
    "change-waiting": "a session had just ended, or something was pinned, edited or forgotten",
    "compacted": "the session was compacted",
    "given-before": "only what is new to the session",
    "group-down": "iai was not running",
    "own-words": "the text on disk had the session's own words",
    "payload-live": "texts are not kept on disk",
    "repository-changed": "the checkout had changed since",
    "resumed": "only what is new to the session",
    "spool-waiting": "something said was still to be read",
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
        "deliveries": (listed := found[start : start + SHOWN]),
        "stored": _stored(request, listed),
        "totals": deliveries.totals(found),
        "outcomes": Counter(OUTCOMES.get(one.outcome, one.outcome) for one in found),
        "outcome": outcome,
        "start": start,
        "shown": SHOWN,
        "more": len(found) > start + SHOWN,
    }


def _stored(request: PageRequest, found: Iterable[Delivery]) -> set[tuple[str, str]]:
    """Return the host and id of the sessions that have a page: in the others, nothing was said."""
    sessions = {(one.host, one.session) for one in found}
    try:
        with request.records() as view:
            return {one for one in sessions if any(view.session(session_key(*one)))}
    except StoreError:
        return set()


def outcome(one: Delivery) -> tuple[str, str]:
    """Return what a session was given, in words, and why."""
    age = _AGE.fullmatch(one.reason)
    why = f"{units.span(int(age[1]))} old" if age else reason(one.reason)
    return OUTCOMES.get(one.outcome, one.outcome), why


def reason(said: str) -> str:
    """Return in words why the hook had a text composed; its own where there are none for it."""
    why, _, fault = said.partition(": ")
    words = REASONS.get(why.partition(" ")[0], why)
    return f"{words}: {fault}" if fault else words
