"""What a person runs at Claude Code's prompt with `!`: the command, and then what it printed.

Each is a message in the user's name, `<bash-input>` and `<bash-stdout>` with `<bash-stderr>`; some
clients put both into one (seen 2.0.76 to 2.1.277). Pure.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from msgspec import structs

from iai.hosts import calls, history, shell
from iai.hosts.json_fields import texts
from iai.model.action import Action, Status
from iai.model.context import Call, Context

NAME = "!"  # stands for the tool: it is no call of the agent's
_INPUT, _STDOUT, _STDERR = "bash-input", "bash-stdout", "bash-stderr"
_EXIT = re.compile(r"^(?:Error: )?Exit code (\d{1,9})[ \t\r]*$", re.MULTILINE)
_NEVER_RAN = "Command failed: "
# Some versions leave the exit status out, and newer ones write all that a failed command printed to
# where its errors go. Others write there what a good one says beside its output, as git does.
_FAILURE = re.compile(
    r"^(?:fatal: |error: |ERROR: |npm (?:ERR!|error) |Traceback \(most recent"
    r"|[^\n]{1,200}: (?:command not found|[Nn]o such file or directory|[Pp]ermission denied)\b"
    r"|(?:\(eval\)|zsh)[^\n]{0,40}: command not found|make(?:\[\d+\])?: \*\*\* )",
    re.MULTILINE,
)


def ran(content: object, context: Context, key: str, at: int) -> tuple[Context, tuple[Action, ...]]:
    """Take a message: note the command in it, and return the one whose output it holds.

    `key` is what the key of the action begins with.
    """
    done: tuple[Action, ...] = ()
    for told in _told(content):
        command = html.unescape(_inside(told, _INPUT)).strip()
        if command:
            action = Action(key=f"{key}:shell", kind="command", at=at, name=NAME, text=command)
            context, given_up = calls.opened(context, Call(NAME, action, command))
            done += given_up
        if f"<{_STDOUT}>" in told or f"<{_STDERR}>" in told:
            context, ended = _ended(told, context)
            done += ended
    return context, done


def _told(content: object) -> Iterator[str]:
    """Yield the texts of a message that begin as these do; elsewhere in one they are quoted."""
    found = [content] if isinstance(content, str) else texts(content, ("text",)) or ()
    for text in found:
        if text.lstrip().startswith("<bash-"):
            yield text


def _inside(told: str, tag: str) -> str:
    """Return what is in an element, up to the last end of one: not all versions quote outputs."""
    start = told.find(f"<{tag}>")
    if start < 0:
        return ""
    start += len(tag) + 2
    end = told.rfind(f"</{tag}>", start)
    return told[start:] if end < 0 else told[start:end]


def _ended(told: str, context: Context) -> tuple[Context, tuple[Action, ...]]:
    context, call = calls.taken(context, NAME)
    if call is None:  # copied from a session whose command is not here
        return context, ()
    printed, errors = (html.unescape(_inside(told, tag)) for tag in (_STDOUT, _STDERR))
    output = "\n".join(part for part in (printed.strip("\n"), errors.strip("\n")) if part)
    action = structs.replace(call.action, **_outcome(printed, errors, output))
    context, also = history.ran(context, action, call.input, output)
    if any(one.kind == "test" and one.status == "failed" for one in also):
        tail = shell.last_lines(output)
        action = structs.replace(action, status="failed", exit_code=None, output=tail)
    return context, (action, *also)


def _outcome(printed: str, errors: str, output: str) -> dict[str, Any]:
    """Return how a command ended, as far as its output says."""
    status: Status = ""
    code = next((int(found[1]) for found in _EXIT.finditer(errors)), None)
    if code is not None:
        status = "ok" if code == 0 else "failed"
    elif not errors.strip():
        status, code = "ok", 0
    elif errors.startswith(_NEVER_RAN) or (not printed.strip() and _FAILURE.search(errors)):
        status = "failed"
    failed = status == "failed"
    return {"status": status, "exit_code": code,
            "output": shell.last_lines(output) if failed else ""}  # fmt: skip
