"""The file of a payload for Claude Code, with a line that the user sees. Text in, bytes out.

The file is beside the payload. Its first line is the payload's own, by which the hook tells how
current it is; the rest is what the hook prints: the JSON output of SessionStart, in which
`systemMessage` is shown to the person and `additionalContext` given to the model (hooks reference
of Claude Code 2.1). Codex gets the payload as it is: it refuses unknown fields, and some versions
also this one.
"""

import json
from pathlib import Path


def claude_path(payload: Path) -> Path:
    """`session-start/0a.md` -> `session-start/0a.claude`."""
    return payload.with_suffix(".claude")


def encode_claude_file(text: str, message: str) -> bytes:
    """Return the contents of the file for a payload with this text."""
    head, _, _ = text.partition("\n")
    context = {"hookEventName": "SessionStart", "additionalContext": text}
    output = {"systemMessage": message, "hookSpecificOutput": context}
    return f"{head}\n{json.dumps(output, ensure_ascii=False)}\n".encode()
