"""The payload with a line for the person."""

import json
from pathlib import Path

from iai.freshness.claude_file import claude_path, encode_claude_file
from iai.model import framing

TEXT = f'{framing.opening(3, "now", "quay", 12)}\nsaid "so"\n{framing.CLOSING}\n'


def test_its_first_line_is_the_payload_s_and_the_rest_is_what_claude_code_takes() -> None:
    head, rest = encode_claude_file(TEXT, "iai: 1 session").decode().split("\n", 1)
    assert head == TEXT.split("\n", maxsplit=1)[0]
    assert json.loads(rest) == {
        "systemMessage": "iai: 1 session",
        "hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": TEXT},
    }
    assert rest.endswith('"}}\n'), "by which the hook knows that it is whole"


def test_it_is_beside_its_payload() -> None:
    assert claude_path(Path("/s/session-start/0a.md")) == Path("/s/session-start/0a.claude")
