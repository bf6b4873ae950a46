"""The tools that a model may call: what each is for, and what it changes.

Importing this opens nothing, so the tools can be listed whatever state the store and group are in.
"""

from typing import Any

import msgspec
from msgspec import Struct

from iai.mcp import schemas


class Tool(Struct, frozen=True, kw_only=True):
    """One tool. All of them are idempotent."""

    name: str
    title: str
    description: str
    arguments: type[schemas.ToolCall]
    result: type[schemas.Result]
    changes: bool = False  # does it change the store?
    destroys: bool = False


TOOLS = (
    Tool(
        name="memory_recall",
        title="Recall",
        description="Search what was said and done in earlier sessions, this project's first: by"
        " words, files, commands or commits. Each hit is a request with its answer and what was"
        " done, with its id; memory_show returns the whole text.",
        arguments=schemas.Recall,
        result=schemas.RecallResult,
    ),
    Tool(
        name="memory_show",
        title="Show records",
        description="Read whole records by their ids, with what was done in their exchanges and"
        " the turns around them.",
        arguments=schemas.Show,
        result=schemas.ShowResult,
    ),
    Tool(
        name="memory_timeline",
        title="Timeline",
        description="List earlier sessions, latest first: what was asked first and said last in"
        " each, how it ended, and its files and commits.",
        arguments=schemas.Timeline,
        result=schemas.TimelineResult,
    ),
    Tool(
        name="memory_file_history",
        title="History of a file",
        description="List the sessions that changed or read a file, latest first: what was asked,"
        " the lines changed, the commit. Useful before changing a file.",
        arguments=schemas.FileHistory,
        result=schemas.FileHistoryResult,
    ),
    Tool(
        name="memory_capture",
        title="Remember",
        description="Store one fact for later sessions. What is said in sessions is stored anyway.",
        arguments=schemas.Capture,
        result=schemas.CaptureResult,
        changes=True,
    ),
    Tool(
        name="memory_pin",
        title="Pin",
        description="Show a record at the start of every session of its project, or stop doing so.",
        arguments=schemas.Pin,
        result=schemas.PinResult,
        changes=True,
    ),
    Tool(
        name="memory_forget",
        title="Forget",
        description="Delete records by their ids, permanently; if one is unknown, none is deleted."
        " Only when the user asks for it: it cannot be undone.",
        arguments=schemas.Forget,
        result=schemas.ForgetResult,
        changes=True,
        destroys=True,
    ),
    Tool(
        name="memory_status",
        title="Status of the memory",
        description="How much is stored, whether the background processes are running, and how far"
        " each stage lags behind.",
        arguments=schemas.Status,
        result=schemas.StatusResult,
    ),
)


def schema(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON schema of arguments or a result: an object, as MCP requires."""
    _, parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    whole: dict[str, Any] = parts.pop(kind.__name__)
    whole.pop("description", None)  # written for us, not for a model
    return whole | ({"$defs": parts} if parts else {})
