"""What a button on the page does: one request to ingest, as the command of the same name makes."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from iai.config.layout import Layout
from iai.errors import BadUsage
from iai.process.client import Client
from iai.protocol.ingest import Changed, Edit, Forget, Mark, Pin
from iai.protocol.message import Actor, Request

WAIT_S = 30.0  # for ingest, which may be reading a long transcript
# What the page says after it, by the name in the address: never words from the address itself.
SAID = {
    "pin": "Pinned: every session of its project starts with it.",
    "pin-mine": "Pinned for you: your own sessions start with it.",
    "unpin": "No longer pinned.",
    "dismiss": "Dismissed: no session starts with it again. Search still finds it.",
    "undismiss": "No longer dismissed.",
    "done": "Closed: nothing in its session is open.",
    "undone": "Open again.",
    "edit": "Changed.",
    "forget": "Forgotten for good.",
}
_BACK = re.compile(r"[a-z]{1,20}(?:\?[A-Za-z0-9=&%+._~*-]{0,4000})?")


def act(layout: Layout, form: Mapping[str, str]) -> str:
    """Do what a form asks for; return the address to go back to.

    Raises BadUsage, GroupNotRunning, NoAnswer, or Refused.
    """
    name, ref = form.get("action", ""), form.get("ref", "")
    if not (ref.isascii() and ref.isdecimal()):
        raise BadUsage("that form names no record")
    request = _request(name, f"#{ref}", form)
    with Client(layout) as client:
        client.call(Actor.INGEST, request, Changed, WAIT_S)
    page = back(form)
    return f"{page}{'&' if '?' in page else '?'}{urlencode({'did': name})}"


def back(form: Mapping[str, str]) -> str:
    """Return the address that a form is on: one of our own, whatever it says."""
    given = form.get("back", "")
    return given if _BACK.fullmatch(given) else "next"


def _request(name: str, ref: str, form: Mapping[str, str]) -> Request:
    match name:
        case "pin" | "pin-mine" | "unpin":
            return Pin(ref=ref, pinned=name != "unpin", mine=name == "pin-mine")
        case "dismiss" | "undismiss":
            return Mark(ref=ref, mark="dismissed", on=name == "dismiss")
        case "done" | "undone":
            return Mark(ref=ref, mark="done", on=name == "done")
        case "edit":
            text = form.get("text", "").replace("\r\n", "\n")
            if not text.strip():
                raise BadUsage("the text is empty; to delete the record, forget it")
            return Edit(ref=ref, text=text)
        case "forget":
            return Forget(refs=(ref,))
        case _:
            raise BadUsage("that form asks for an unknown action")
