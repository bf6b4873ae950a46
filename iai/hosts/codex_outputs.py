"""What an output of Codex's says: how a call ended, and what it printed. Pure."""

import json
import re
from typing import Any

from iai.hosts import shell
from iai.hosts.json_fields import arguments, mapping, seconds, text, whole
from iai.model.action import Status

_EXIT = re.compile(r"^(?:Exit code: |Process exited with code )(-?\d{1,9})\r?$", re.MULTILINE)
_WALL = re.compile(r"^Wall time: ([\d.]{1,12}) ?s", re.MULTILINE)
_OUTPUT = re.compile(r"^Output:\r?\n", re.MULTILINE)
# A refusal has no words of a person's that could be told: the reason of a hook, of the automatic
# reviewer and of a client's answer come as the same text without its source (`ReviewDecision::
# Denied`, codex-rs/core/src/tools/approvals.rs), and the terminal sends "rejected by user". What
# the user says instead ends the turn, and is the next prompt.
_REFUSED = (
    "rejected by user", "exec command rejected", "patch rejected", "declined by user",
    "rejected by configuration", "automatic approval review denied", "denied by network policy",
    "action was rejected due to unacceptable risk",
)  # fmt: skip
_FAILED = ("apply_patch verification failed", "command timed out after ", "failed in sandbox")
_ABORTED = ("aborted by user", "aborted by the user")
_HEAD = 600  # characters in which an output says how it ended


def printed(payload: dict[str, Any]) -> str:
    """What a call printed, without what the host says of it."""
    if "aggregated_output" in payload or "stdout" in payload:
        return text(payload, "aggregated_output") or text(payload, "stdout")
    output = whole_output(payload)
    inner = _inner(output)
    if inner is not None:
        return text(inner, "output")
    found = _OUTPUT.search(output[:_HEAD])
    return output[found.end() :] if found else output


def whole_output(payload: dict[str, Any]) -> str:
    """Return an output with all that the host says of it."""
    output = payload.get("output")
    if isinstance(output, dict):
        output = output.get("content", output.get("output"))
    if isinstance(output, list):
        return "\n".join(text(block, "text") for block in output)
    return output if isinstance(output, str) else ""


def _inner(output: str) -> dict[str, Any] | None:
    """Older versions put {"output", "metadata"} into the output as JSON."""
    if not output.startswith("{") or '"metadata"' not in output or '"output"' not in output:
        return None
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def outcome(payload: dict[str, Any]) -> dict[str, Any]:
    """The status of an action, its exit status, its duration and the end of a failure."""
    output, own = whole_output(payload), printed(payload)
    code, took = whole(payload, "exit_code"), _duration(mapping(payload, "duration"))
    if (inner := _inner(output)) is not None:
        metadata = mapping(inner, "metadata")
        code, took = whole(metadata, "exit_code"), seconds(metadata, "duration_seconds")
    elif code is None and (found := _EXIT.search(output[:_HEAD])):
        code = int(found[1])
        wall = _WALL.search(output[:_HEAD])
        took = float(wall[1]) if wall and wall[1].count(".") < 2 else took  # noqa: PLR2004
    good = payload.get("success", mapping(payload, "output").get("success"))
    status: Status = "ok" if code == 0 or (code is None and good is not False) else "failed"
    start = (own or output)[:_HEAD]
    never_ran = code is None or code < 0  # else the words are its output
    if status == "ok" and code is None and output.startswith("Script "):
        status = "failed" if output.startswith("Script failed") else ""
    if payload.get("status") == "declined" or (never_ran and _says(start, _REFUSED)):
        status = "refused"
    elif never_ran and _says(start, _ABORTED):
        status = "interrupted"
    elif code is None and start.startswith(_FAILED):
        status = "failed"
    elif "Process running with session ID" in output[:_HEAD]:
        status = ""
    tail = own or text(payload, "stderr")
    return {
        "status": status,
        "exit_code": code,
        "seconds": took,
        "output": shell.last_lines(tail) if status == "failed" else "",
    }


def _says(start: str, words: tuple[str, ...]) -> bool:
    return any(one in start for one in words)


def _duration(fields: dict[str, Any]) -> float:
    return seconds(fields, "secs") + seconds(fields, "nanos", 1e9)


def result(told: str) -> dict[str, Any]:
    """Return the result of a command that a script printed as it is; else nothing."""
    found = arguments({"result": told}, "result") if told.startswith("{") else {}
    if "output" not in found or "exit_code" not in found:
        return {}
    took = {"secs": seconds(found, "wall_time_seconds")}
    return {"exit_code": found["exit_code"], "stdout": text(found, "output"), "duration": took}
