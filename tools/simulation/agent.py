"""The lines that Claude Code writes while an agent works, one list for each thing that happens.

Every text and every action in them has a word of its own, such as `w000042`. A text is as long as
one that work is done for, so that no session passes for small talk.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from iai.model import clock

FILES = 5  # that one session edits
_AND_SO_ON = "and take the next step as soon as the one before it is done, " * 6


def text_of(word: str) -> str:
    """Return a text with this word, and no other like it."""
    return f"{word}, {_AND_SO_ON}".rstrip(", ")


class Line(NamedTuple):
    """One line before it is written: what it says and does, beside its time and place."""

    fields: dict[str, Any]
    said: str = ""  # word of its text
    called: str = ""  # word of the action that it begins
    done: str = ""  # word of the action that it completes


def prompt(word: str) -> Line:
    """Return a request of the user."""
    return Line(_message("user", _uuid(word), text_of(word)), said=word)


def answer(word: str) -> Line:
    """Return a text of the assistant: narration, if another one follows before the next request."""
    blocks = [{"type": "text", "text": text_of(word)}]
    return Line(_message("assistant", _uuid(word), blocks), said=word)


def edit(word: str, session: int, which: int) -> list[Line]:
    """Return the call and result of an edit to one of the few files of a session."""
    path = f"/p/s{session}f{which % FILES}.py"
    patch = [{"lines": ["+new"] * (1 + which % 7) + ["-old"] * (which % 3)}]
    beside = {"filePath": path, "structuredPatch": patch}
    given = {"file_path": path, "old_string": "", "new_string": ""}
    return _call(word, "Edit", given, "updated", beside)


def tests(word: str, which: int) -> list[Line]:
    """Return the call and result of a run of tests, some of which fail."""
    failed = which % 2
    printed = f"{failed} failed, {which % 9 + 1} passed in 0.1s"
    given = {"command": f"pytest {word}"}
    if failed:
        return _call(word, "Bash", given, f"Exit code 1\n{printed}", None, is_error=True)
    return _call(word, "Bash", given, printed, {"stdout": printed, "stderr": ""})


def commit(word: str) -> list[Line]:
    """Return the call and result of a commit."""
    printed = f"[main {word[1:].rjust(7, 'a')}] {word} is done"
    return _call(
        word, "Bash", {"command": f"git commit -m '{word} is done'"}, printed, {"stdout": printed}
    )


def todos(word: str, which: int) -> list[Line]:
    """Return the call and result of a to-do list."""
    states = ("completed", "in_progress", "pending")
    steps = [{"content": word, "status": states[which % 3]}]
    return _call(word, "TodoWrite", {"todos": steps}, "ok", {"newTodos": steps})


def refusal(word: str, said: str) -> list[Line]:
    """Return a call that the user refuses, with some words."""
    printed = (
        "The user doesn't want to proceed with this tool use. The tool use was rejected. "
        f"To tell you how to proceed, the user said:\n{said}"
    )
    call, result = _call(word, "Bash", {"command": f"rm {word}"}, printed, None, is_error=True)
    return [call, result._replace(said=said)]


def queued(word: str, how: int) -> list[Line]:
    """Return what is written of a prompt that is typed while the agent works.

    It is handed over at once, or comes again as a message, or waits (then nothing is said yet).
    """
    typed = {"type": "queue-operation", "content": word}
    enqueued = Line({**typed, "operation": "enqueue"})
    left = {**typed, "operation": "remove" if how == 0 else "dequeue"}
    match how:
        case 0:
            return [enqueued, Line(left, said=word)]
        case 1:
            return [enqueued, Line(left), Line(_message("user", _uuid(word), word), said=word)]
        case _:
            return [enqueued]


def written(line: Line, session: str, cwd: str, wall: int) -> str:
    """Return a line as it is in the file, its time in milliseconds."""
    seconds = clock.iso(wall).removesuffix("Z")
    stamp = f"{seconds}.{wall // 1_000_000 % 1_000:03}Z"
    return json.dumps({"sessionId": session, "cwd": cwd, "timestamp": stamp, **line.fields}) + "\n"


def job(words: Iterator[str], session: int, which: int) -> list[Line]:
    """Return all lines of a request that is worked on: texts between calls, an answer at the end.

    `which` decides how much is done, and in which order.
    """
    lines = [prompt(next(words))]
    for step in range(which % 5):
        bits = which >> (3 * step)
        if bits % 2:
            lines.append(answer(next(words)))
        match bits % 7:
            case 0 | 1 | 2:
                lines += edit(next(words), session, bits)
            case 3 | 4:
                lines += tests(next(words), bits)
            case 5:
                lines += commit(next(words))
            case _:
                lines += todos(next(words), bits)
    return [*lines, answer(next(words))]


def _call(
    word: str, name: str, given: dict[str, Any], printed: str, beside: object, **result: bool
) -> list[Line]:
    use = {"type": "tool_use", "id": word, "name": name, "input": given}
    back = {"type": "tool_result", "tool_use_id": word, "content": printed, **result}
    fields = _message("user", f"{word}r", [back])
    if beside is not None:
        fields["toolUseResult"] = beside
    return [Line(_message("assistant", f"{word}c", [use]), called=word), Line(fields, done=word)]


def _uuid(word: str) -> str:
    """Return the id of a text: it stays known when the text, and its word, is forgotten."""
    return f"u{word[1:]}"


def _message(role: str, uuid: str, content: object) -> dict[str, Any]:
    return {"type": role, "uuid": uuid, "message": {"role": role, "content": content}}
