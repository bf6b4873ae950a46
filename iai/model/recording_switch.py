"""The words in a prompt by which its user says whether the session is recorded."""

import re

_SWITCH = re.compile(r"/?iai:(on|off)", re.IGNORECASE)


def recording(prompt: str) -> bool | None:
    """Return what a prompt says of its session: record it, or not; None if it says nothing.

    It says so by its first or its last line, which then is `iai:off` or `iai:on` and nothing else:
    a text that is pasted between others switches nothing.
    """
    lines = prompt.strip().splitlines()
    found = [_SWITCH.fullmatch(line.strip()) for line in (*lines[:1], *lines[-1:])]
    said = [one[1].lower() == "on" for one in found if one]
    return said[-1] if said else None
