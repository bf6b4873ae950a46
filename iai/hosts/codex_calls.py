"""Codex's tools: from a call and its output to what was done, and what was said with it.

Most versions write an outcome twice, as an event and as the output that the model saw: the first
of the two counts. Pure.
"""

import json
import posixpath
import re
import shlex
from functools import partial
from typing import Any

from msgspec import structs

from iai.hosts import calls, codex_outputs, codex_script, commands, history, patches
from iai.hosts.json_fields import arguments, array, identifier, mapping, path, text
from iai.hosts.turn import Item, Turn
from iai.model.action import Action, Kind, Step
from iai.model.context import Call, Context

_SHELLS = frozenset({"exec_command", "shell", "shell_command", "local_shell", "container.exec"})
_KINDS: dict[str, Kind] = {
    "update_plan": "todo", "request_user_input": "question",
    "request_user_input_async": "question", "view_image": "read",
    "spawn_agent": "agent", "read_file": "read", "list_dir": "search", "grep_files": "search",
    "web_search": "web", "web_fetch": "web",
}  # fmt: skip
_NOTHING_DONE = frozenset({
    "write_stdin", "wait", "wait_agent", "close_agent", "send_input", "list_agents",
})  # fmt: skip
_TELLING = ("command", "cmd", "pattern", "query", "url", "message", "prompt", "name")
_SCRIPTS = frozenset({"exec", "functions.exec"})  # run JavaScript that calls the tools
_RUNNING = re.compile(r"Script running with cell ID (\S+)")
_PATCHING = frozenset({"apply_patch", "applypatch"})
_BESIDE_A_PATCH = _PATCHING | {"cd", "pushd", "popd", "set", "true", "echo", "printf", ":"}
_BESIDE = "&"  # in the id of a line of a shell that runs something beside a patch
_SCRIPTED = "#"  # in the id of a call of a script's: behind that of the script
_SHELL_FLAGS = frozenset({"-c", "-lc", "-ic", "-lic", "-command", "/c"})
_UNKNOWN: dict[str, Any] = {"output": "Script completed"}  # says of no command how it ended
_DRIVE = re.compile(r"[A-Za-z]:/")  # of Windows, whose shells take backslashes for slashes


def called(payload: dict[str, Any], context: Context, at: int) -> tuple[Context, tuple[Item, ...]]:
    """Take a call of any of the kinds of items that are calls."""
    if payload.get("type") == "web_search_call":
        return context, _searched(payload, context, at)
    name, call_id, given = _name(payload), identifier(payload, "call_id"), _arguments(payload)
    if name == "wait":
        return _waited(_cell(identifier(given, "cell_id")), call_id, context), ()
    if not call_id or name in _NOTHING_DONE or _is_ours(payload, name):
        return context, ()
    if name in _SCRIPTS and not _is_line(given := given or arguments(payload, "input")):
        return _scripted(text(given, "source") or text(payload, "input"), call_id, context, at)
    command = _command(payload, given)
    typed = command.replace("\\", "/") if _DRIVE.match(context.cwd) else command
    typed = _in_directory(typed, path(given, "workdir"), context)
    patch = text(payload, "input") or text(given, "input") or text(given, "patch") or command
    told = mapping(payload, "changes")
    edits = patches.changes(told) if told else _patched(name, typed, patch)
    action = Action(
        key=f"codex:{context.session}:{call_id}",
        kind=_kind(name, command, edits),
        at=at,
        name=name,
        text="" if edits else command or _telling(name, given),
        path=path(given, "path") or path(given, "file_path"),
        steps=tuple(
            Step(text(step, "step"), text(step, "status")) for step in array(given, "plan")
        ),
        sub_agent=context.sub_agent,
    )
    noted = "\n".join(map(_packed, edits)) if edits else typed or _questions(given)
    context, gone = calls.opened(context, Call(call_id, action, noted))
    if edits and (rest := patches.left_out(typed)) and _runs_more(rest):
        said = patches.left_out(command)
        line = structs.replace(action, key=f"{action.key}:line", kind="command", text=said)
        context, more = calls.opened(context, Call(call_id + _BESIDE, line, rest))
        gone += more
    return context, gone


def resulted(
    payload: dict[str, Any], context: Context, key: str, at: int
) -> tuple[Context, tuple[Item, ...]]:
    """Take an output, or the event of an end. `key` is that of a turn it may hold."""
    script = identifier(payload, "call_id") + _SCRIPTED
    if any(call.id.startswith(script) for call in context.calls):
        return _script_ended(payload, script, context, at)
    context, call = calls.taken(context, identifier(payload, "call_id"))
    if call is None:
        return context, ()
    context, line = calls.taken(context, call.id + _BESIDE)
    outcome = codex_outputs.outcome(payload)
    said: tuple[Item, ...] = ()
    if call.action.kind == "question" and (answer := _answer(call, payload)):
        said = (Turn(key=f"{key}:answer", role="user", text=answer, created_at=at, kind="answer"),)
    action = structs.replace(call.action, **outcome)
    printed = codex_outputs.printed(payload)
    if action.kind in ("edit", "write", "delete", "move") and action.name != "command":
        if line and patches.APPLIED in printed:
            action = structs.replace(action, status="ok", output="")
        context, also = _ran(line, outcome, printed, context)
        return context, (*said, *_edits(action, call), *also)
    if action.kind != "command":
        return context, (*said, structs.replace(action, exit_code=None, seconds=0.0))
    context, also = _ran(call, outcome, printed, context)
    return context, (*said, *also)


def _ran(
    line: Call | None, outcome: dict[str, Any], printed: str, context: Context
) -> tuple[Context, tuple[Action, ...]]:
    """Return a command as it ended, with what it was beside a command."""
    if line is None:
        return context, ()
    action = structs.replace(line.action, **outcome)
    context, also = history.ran(context, action, line.input, printed)
    return context, (action, *also)


def is_scripted(call: Call) -> bool:
    """Was this call read in a script?"""
    return _SCRIPTED in call.id


def _is_line(given: dict[str, Any]) -> bool:
    """Is the tool that runs scripts given a command? Other programs of its name take one."""
    return "cmd" in given or "command" in given


def _scripted(
    script: str, call_id: str, context: Context, at: int
) -> tuple[Context, tuple[Item, ...]]:
    """Take the calls of a script, each as if the model had made it."""
    items: tuple[Item, ...] = ()
    for number, call in enumerate(codex_script.calls(script)):
        if call.name in _SHELLS and context.commands_told:
            continue
        payload = {"name": call.name, "call_id": f"{call_id}{_SCRIPTED}{number}",
                   "arguments": call.arguments}  # fmt: skip
        context, new = called(payload, context, at)
        items += new
    return context, items


def _script_ended(
    payload: dict[str, Any], script: str, context: Context, at: int
) -> tuple[Context, tuple[Item, ...]]:
    """Take the output of a script. Of its commands it says what the script printed of each."""
    if found := _RUNNING.match(codex_outputs.whole_output(payload)):
        return _waited(script.removesuffix(_SCRIPTED), _cell(found[1]), context), ()
    waiting = [
        call
        for call in context.calls
        if call.id.startswith(script) and not call.id.endswith(_BESIDE)
    ]
    ran = [call.id for call in waiting if call.action.name in _SHELLS]
    printed = [
        one
        for block in array(payload, "output")
        if (one := codex_outputs.result(text(block, "text")))
    ]
    results = dict(zip(ran, printed, strict=True)) if len(ran) == len(printed) else {}
    whole_output = {"output": payload.get("output")}
    failed = codex_outputs.whole_output(payload).startswith("Script failed")
    items: tuple[Item, ...] = ()
    for call in waiting:
        if call.id in ran:
            end = results.get(call.id) or (whole_output if len(ran) == 1 else _UNKNOWN)
        else:
            end = {"success": not failed}
        context, new = resulted({"call_id": call.id} | end, context, "", at)
        items += new
    return context, items


def _cell(id_: str) -> str:
    """Return what stands for a script that still runs, till somebody waits for it."""
    return f"cell {id_}"


def _waited(script: str, other: str, context: Context) -> Context:
    """Have the calls of a script wait for another output than that of its own call."""
    script, other = script + _SCRIPTED, other + _SCRIPTED
    if not any(call.id.startswith(script) for call in context.calls):
        return context
    waiting = tuple(
        structs.replace(call, id=call.id.replace(script, other, 1))
        if call.id.startswith(script)
        else call
        for call in context.calls
    )
    return structs.replace(context, calls=waiting)


def _runs_more(line: str) -> bool:
    """Does a line run something beside the program that applies patches?"""
    return any(one.program not in _BESIDE_A_PATCH for one in commands.commands(line))


def _patched(name: str, command: str, patch: str) -> list[patches.FilePatch]:
    """What a patch does, given to the tool, or to the program of its name in a directory."""
    if name == "apply_patch":
        return patches.envelope(patch)
    if "*** Begin Patch" not in command:
        return []
    found = []
    for one in commands.commands(command):
        if one.program in _PATCHING:
            join = partial(posixpath.join, one.directory)
            found += [
                edit._replace(path=join(edit.path), to=edit.to and join(edit.to))
                for edit in patches.envelope(one.given or one.words[-1])
            ]
    return found


def _name(payload: dict[str, Any]) -> str:
    return "local_shell" if payload.get("type") == "local_shell_call" else text(payload, "name")


def _arguments(payload: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call: JSON inside a string."""
    if payload.get("type") == "local_shell_call":
        return mapping(payload, "action")
    return arguments(payload, "arguments")


def _command(payload: dict[str, Any], given: dict[str, Any]) -> str:
    """The line of a shell; of one called with a line, that line."""
    if _name(payload) not in _SHELLS | _SCRIPTS:
        return ""
    words = given.get("command", given.get("cmd"))
    if isinstance(words, str):
        return words
    argv = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
    flags = [word.lower() in _SHELL_FLAGS for word in argv[1:-1]]  # bash -lc LINE
    return argv[-1] if flags and flags[-1] else shlex.join(argv)


def _in_directory(command: str, directory: str, context: Context) -> str:
    """Return a line with the directory that it runs in, if that is not the session's."""
    if not command or directory in ("", ".", context.cwd):
        return command
    return f"cd {shlex.quote(directory)}\n{command}"


def _kind(name: str, command: str, edits: list[patches.FilePatch]) -> Kind:
    if edits:
        return edits[0].kind
    return "command" if command or name in _SHELLS else _KINDS.get(name, "tool")


def _telling(name: str, given: dict[str, Any]) -> str:
    if name.startswith("request_user_input"):
        return "\n".join(text(question, "question") for question in array(given, "questions"))
    return next((text(given, field) for field in _TELLING if text(given, field)), "")


def _is_ours(payload: dict[str, Any], name: str) -> bool:
    """Is it one of our own tools? Memory does not feed on itself."""
    parts = f"{text(payload, 'namespace')}__{name}".split("__")
    return "iai" in parts


def _searched(payload: dict[str, Any], context: Context, at: int) -> tuple[Item, ...]:
    """A search has no output of its own."""
    action = mapping(payload, "action")
    about = text(action, "query") or text(action, "url") or text(action, "pattern")
    if not about:
        return ()
    one = identifier(payload, "id") or identifier(payload, "call_id") or str(at)
    return (
        Action(
            key=f"codex:{context.session}:{one}:web", kind="web", at=at, status="ok",
            name="web_search", text=about, sub_agent=context.sub_agent,
        ),
    )  # fmt: skip


def _packed(edit: patches.FilePatch) -> str:
    return json.dumps(edit)


def _edits(action: Action, call: Call) -> list[Action]:
    """One action for each file of a patch."""
    found = []
    for number, line in enumerate(call.input.splitlines()):
        try:
            edit = patches.FilePatch(*json.loads(line))
        except (ValueError, TypeError):
            continue  # the last one of a patch of very many files, cut
        key = action.key if number == 0 else f"{action.key}:{number}"
        found.append(
            structs.replace(
                action, key=key, kind=edit.kind, path=edit.path, to=edit.to, added=edit.added,
                removed=edit.removed, exit_code=None,
            )
        )  # fmt: skip
    return found


def _questions(given: dict[str, Any]) -> str:
    asked = {text(q, "id"): text(q, "question") for q in array(given, "questions")}
    return json.dumps(asked) if asked else ""


def _answer(call: Call, payload: dict[str, Any]) -> str:
    """Return the questions with the answers, one on a line."""
    try:
        asked, answers = json.loads(call.input or "{}"), json.loads(codex_outputs.printed(payload))
    except (ValueError, RecursionError):
        return ""
    lines = []
    listed = {text(one, "id"): one.get("answer") for one in array(answers, "answers")
              if isinstance(one, dict)}  # fmt: skip
    for name, answer in (mapping(answers, "answers") or listed).items():
        chosen = array(answer, "answers") if isinstance(answer, dict) else [answer]
        said = ", ".join(
            word.removeprefix("user_note: ") for word in chosen if isinstance(word, str)
        )
        if said.strip():
            lines.append(f"{text(asked, name) or name} \u2192 {said}")
    return "\n".join(lines)
