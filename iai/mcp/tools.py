"""The tools that a model may call, declared once: what each is for, and what it changes.

Importing this opens nothing, so that tools can be listed at once, whatever state the store and the
group are in.
"""

from typing import Any

import msgspec
from msgspec import Struct

from iai.mcp import forms


class Tool(Struct, frozen=True, kw_only=True):
    """One tool. Calling any of them twice changes no more than calling it once."""

    name: str
    title: str
    description: str
    arguments: type[forms.Asked]
    result: type[forms.Result]
    changes: bool = False  # does it change what is kept?
    destroys: bool = False


TOOLS = (
    Tool(
        name="memory_recall",
        title="Recall",
        description="Find what was said in earlier sessions, of this and of other projects: one"
        " line for each, with its id. memory_show gives the whole text.",
        arguments=forms.Recall,
        result=forms.RecallResult,
    ),
    Tool(
        name="memory_show",
        title="Show records",
        description="Read records whole, by their ids, and what was said around them.",
        arguments=forms.Show,
        result=forms.ShowResult,
    ),
    Tool(
        name="memory_timeline",
        title="Timeline",
        description="List earlier sessions, the latest first: what each began with and ended with.",
        arguments=forms.Timeline,
        result=forms.TimelineResult,
    ),
    Tool(
        name="memory_capture",
        title="Remember",
        description="Keep one fact for later sessions. What is said in sessions is kept anyway.",
        arguments=forms.Capture,
        result=forms.CaptureResult,
        changes=True,
    ),
    Tool(
        name="memory_pin",
        title="Pin",
        description="Have every session of a record's project start with it, or no more.",
        arguments=forms.Pin,
        result=forms.PinResult,
        changes=True,
    ),
    Tool(
        name="memory_forget",
        title="Forget",
        description="Remove records for good, by their ids; if one is unknown, none is removed."
        " Only when the user asks for it: it cannot be undone.",
        arguments=forms.Forget,
        result=forms.ForgetResult,
        changes=True,
        destroys=True,
    ),
    Tool(
        name="memory_status",
        title="Status of the memory",
        description="How much is kept, whether the group of processes runs, and how far each stage"
        " of it lags behind.",
        arguments=forms.Status,
        result=forms.StatusResult,
    ),
)


def schema(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON schema of arguments or a result, itself an object as MCP demands it."""
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    whole: dict[str, Any] = parts.pop(kind.__name__)
    whole.pop("description", None)  # says what the type is to us
    return whole | ({"$defs": parts} if parts else {})
