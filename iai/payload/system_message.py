"""The line that the person sees when a session starts. Pure."""

from datetime import UTC, datetime

from iai.model import framing
from iai.model.clock import NS
from iai.payload.material import Material

_BRANCH = 60  # characters of its name
_THOUSAND = 1_000


def system_message(material: Material, sessions: int, text: str, stalled: str = "") -> str:
    """Return what the session is given, in a line; "" if that is nothing of its project.

    `sessions` is how many the project has, `text` the payload; `stalled` says what is wrong with
    capture. It names dates: the words are kept in a file, and "yesterday" would not stay true.
    """
    if not material.project_name or material.last is None:
        return ""
    count = "1 session" if sessions == 1 else f"{sessions} sessions"
    last = material.last
    day = f"{datetime.fromtimestamp(last.ended_at // NS, UTC):%Y-%m-%d}"
    branch = framing.inline(last.info.branch, _BRANCH)
    on = f" on {branch}" if branch else ""
    tokens = framing.tokens(text)
    given = f"{tokens / _THOUSAND:.1f} k tokens" if tokens >= _THOUSAND else f"{tokens} tokens"
    warning = f"; warning: {stalled}" if stalled else ""
    return f"iai: {count} of this project, the last {day}{on}; {given}{warning}"
