"""Claude Code's tools: from a call and its result to what was done, and what was said with it.

A call is in an assistant line, its result in a later user line, in most versions with the tool's
own account (`toolUseResult`) beside it. Pure.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from msgspec import structs

from iai.hosts import calls, claude_texts, history, patches, shell
from iai.hosts.json_fields import (
    arguments,
    array,
    flag,
    identifier,
    mapping,
    path,
    seconds,
    text,
    whole,
)
from iai.hosts.turn import Item, Turn, TurnKind
from iai.model.action import Action, Kind, Status, Step
from iai.model.context import Call, Context

KINDS: dict[str, Kind] = {
    "Edit": "edit", "MultiEdit": "edit", "NotebookEdit": "edit", "Write": "write",
    "Read": "read", "NotebookRead": "read", "LS": "search", "Grep": "search", "Glob": "search",
    "LSP": "search", "Bash": "command", "PowerShell": "command", "Task": "agent", "Agent": "agent",
    "WebFetch": "web", "WebSearch": "web", "web_fetch": "web",
    "web_search": "web", "Skill": "skill", "SlashCommand": "skill",
    "TodoWrite": "todo", "TaskCreate": "todo", "TaskUpdate": "todo", "ExitPlanMode": "plan",
    "AskUserQuestion": "question",
}  # fmt: skip
# Calls that look at another call, or at the tools themselves: what they say is said elsewhere.
NOTHING_DONE = frozenset({
    "TaskOutput", "BashOutput", "AgentOutputTool", "TaskList", "TaskGet", "TaskStop", "KillShell",
    "KillBash", "ToolSearch", "EnterPlanMode", "StructuredOutput", "Monitor",
})  # fmt: skip
_TELLING = (
    "command",
    "pattern",
    "query",
    "url",
    "skill",
    "description",
    "subject",
    "title",
    "name",
)
# The tool of Anthropic's API for editing (docs: text-editor-tool), which other clients give.
_EDITORS = frozenset({"str_replace_editor", "str_replace_based_edit_tool"})
_EDITOR: dict[str, Kind] = {
    "view": "read", "create": "write", "str_replace": "edit", "insert": "edit", "undo_edit": "edit",
}  # fmt: skip
_OLD, _NEW = ("old_string", "old_str"), ("new_string", "new_str", "insert_text")
_CONTENT = ("content", "file_text")
_PATHS = ("file_path", "notebook_path", "filePath", "path")
_DENIALS: dict[str, Status] = {  # `toolDenialKind`, seen 2.1.204 on
    "user-rejected": "refused", "permission-rule": "refused",
    "automode-blocked": "refused", "automode-unavailable": "refused",
    "interrupted": "interrupted", "cancelled": "interrupted",
}  # fmt: skip
_DENIED = ("Permission to use ", "Permission for this action was denied by ")
_EXIT = re.compile(r"(?:Error: )?Exit code (\d+)\n?")
# How a result words what was answered, and how questions that were put back.
_ANSWER = re.compile(
    r'(?:"(.*?)"|\(no option selected\))(?: selected preview:\n.*?)?(?:,? (?:user )?notes: (.*?))?'
    r"(?:, |\.\s+(?:You can now|Read the answers)\b.*)?",
    re.DOTALL,
)
_TOLD = ("User has answered your questions:", "Your questions have been answered:")
_QUESTION = re.compile(r'(?:: |", )"((?:[^"\n]|"(?!=))+)"=')
_PUT_BACK = re.compile(r'- "(.+)"\n\s+(?:Answer: (.+)|\(No answer.*)(?:\n\s+User notes: (.+))?')
_TASK = re.compile(r"\bTask #([\w-]+) created\b")
_PLAN_STEP = re.compile(
    r"^(?:\d+[.)]\s+|[-*]\s+\[([ xX])\]\s+|#{2,4}\s+(?:Step|Phase)\b[^\n\w]*)(.+)$"
)
_PLAN_STEPS = 20
_PLAN_TOLD = re.compile(r"^## Approved Plan( \(edited by user\))?:\n(.*)", re.DOTALL | re.MULTILINE)


def called(
    block: dict[str, Any], context: Context, key: str, uuid: str, at: int
) -> tuple[Context, tuple[Item, ...]]:
    """Take a `tool_use` block: note the call, and keep a plan as it was proposed.

    `key` is what the keys of actions begin with, `uuid` that of the line.
    """
    name, call_id, given = text(block, "name"), identifier(block, "id"), arguments(block, "input")
    if not name or not call_id or name in NOTHING_DONE or is_ours(name):
        return context, ()
    kind, prepare = KINDS.get(name, "tool"), _PREPARE.get(name, _unprepared)
    if name in _EDITORS:
        kind = _EDITOR.get(text(given, "command"), kind)
        prepare = _OF_EDITOR.get(kind, prepare)
    about = {
        "path": next((path(given, field) for field in _PATHS if field in given), ""),
        "text": _telling(kind, given),
    } | prepare(given)
    action = Action(
        key=f"{key}:{call_id}", kind=kind, at=at, name=name, sub_agent=context.sub_agent, **about
    )
    items: tuple[Item, ...] = ()
    noted = _noted(name, given)
    if kind == "plan" and (plan := text(given, "plan")).strip():
        items = (plan_turn(plan, uuid, at),)
        noted = plan[:1]  # so that the result need not be asked for it
    context, gone = calls.opened(context, Call(call_id, action, noted))
    return context, (*gone, *items)


def resulted(
    block: dict[str, Any], line: dict[str, Any], context: Context, uuid: str, at: int
) -> tuple[Context, tuple[Item, ...]]:
    """Take a `tool_result` block of a line, with the tool's own account beside it."""
    context, call = calls.taken(context, identifier(block, "tool_use_id"))
    beside, printed = line.get("toolUseResult"), result_text(block.get("content"))
    status = _status(block, beside, printed)
    items: list[Item] = []
    if status == "refused" and (said := _words_of_refusal(printed, beside)):
        items.append(_turn(said, uuid, at, "refusal"))
    if status in ("failed", "refused"):  # also where the text does not say that it never ran
        status = _DENIALS.get(text(line, "toolDenialKind"), status)
    if answer := _answer(call, beside, printed):
        items.append(_turn(answer, uuid, at, "answer"))
    if call is None:
        return context, tuple(items)
    outcome = _outcome(call.action, status, printed, beside)
    if call.action.kind == "plan" and (plan := _accepted(call, printed, beside)):
        items.append(plan_turn(plan, uuid, call.action.at))
        outcome |= _planned({"plan": plan})
    action = structs.replace(call.action, status=status, **outcome)
    if action.kind == "todo":
        context, action = _todos(context, call, action, beside, printed)
    items.append(action)
    if action.kind == "command":
        context, done = history.ran(context, action, call.input, _whole_output(beside, printed))
        items += done
    return context, tuple(items)


def result_text(content: object) -> str:
    """Return the words of a result."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else ()
    return "\n".join(text(block, "text") for block in blocks if text(block, "text"))


def plan_turn(plan: str, uuid: str, at: int) -> Turn:
    """Return a plan as the agent proposed it."""
    return Turn(key=f"claude:{uuid}:plan", role="assistant", text=plan, created_at=at, uuid=uuid,
                kind="plan")  # fmt: skip


def is_ours(name: str) -> bool:
    """Is it one of our own tools? Memory does not feed on itself."""
    return name.startswith("mcp__") and "iai" in name.split("__")[1].split("_")


def _turn(said: str, uuid: str, at: int, kind: TurnKind) -> Turn:
    return Turn(key=f"claude:{uuid}:{kind}", role="user", text=said, created_at=at, uuid=uuid,
                kind=kind)  # fmt: skip


def _telling(kind: Kind, given: dict[str, Any]) -> str:
    if kind in ("edit", "write", "read", "plan", "question", "todo"):
        return ""
    return next((text(given, field) for field in _TELLING if field in given), "")


def _noted(name: str, given: dict[str, Any]) -> str:
    """What is needed of a call when its result comes."""
    if name == "AskUserQuestion":
        return "\0".join(text(question, "question") for question in array(given, "questions"))
    if name == "TaskUpdate":
        state, subject = text(given, "status"), text(given, "subject")
        return f"{_id(given, 'taskId')}\n{state}\n{subject}"
    command = text(given, "command")
    if name == "PowerShell":
        command = command.replace("\\", "/")  # of paths; a shell would take it as a quotation
    return command or text(given, "subject")


def _unprepared(_given: dict[str, Any]) -> dict[str, Any]:
    return {}


def _edited(given: dict[str, Any]) -> dict[str, Any]:
    edits = array(given, "edits") or [given]
    pairs = [patches.replaced(_first(e, _OLD), _first(e, _NEW)) for e in edits]
    return {"added": sum(a for a, _ in pairs), "removed": sum(r for _, r in pairs)}


def _written(given: dict[str, Any]) -> dict[str, Any]:
    return {"added": len(_first(given, _CONTENT).splitlines())}


def _notebook(given: dict[str, Any]) -> dict[str, Any]:
    """Of a cell that replaces another, the lines of that are not known."""
    inserted = text(given, "edit_mode") == "insert"
    return {"added": len(text(given, "new_source").splitlines()) if inserted else 0}


def _first(given: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((text(given, name) for name in names if name in given), "")


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    return {"text": "\n".join(text(q, "question") for q in array(given, "questions"))}


def _planned(given: dict[str, Any]) -> dict[str, Any]:
    plan = text(given, "plan")
    title = next((line.lstrip("# ").strip() for line in plan.splitlines() if line.strip()), "")
    return {"text": title, "steps": tuple(_plan_steps(plan))}


def _listed(given: dict[str, Any]) -> dict[str, Any]:
    return {"steps": _steps(array(given, "todos"))}


_PREPARE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "Edit": _edited, "MultiEdit": _edited, "Write": _written, "AskUserQuestion": _asked,
    "ExitPlanMode": _planned, "TodoWrite": _listed, "NotebookEdit": _notebook,
}  # fmt: skip
_OF_EDITOR = {"edit": _edited, "write": _written}


def _plan_steps(plan: str) -> Iterator[Step]:
    found = (_PLAN_STEP.match(line) for line in plan.splitlines())
    for match in [match for match in found if match][:_PLAN_STEPS]:
        yield Step(match[2].strip(), "completed" if match[1] in ("x", "X") else "")


def _steps(todos: list[Any]) -> tuple[Step, ...]:
    return tuple(
        Step(text(todo, "content"), text(todo, "status")) for todo in todos if text(todo, "content")
    )


def _status(block: dict[str, Any], beside: object, printed: str) -> Status:
    extra = beside if isinstance(beside, dict) else {}
    if flag(extra, "interrupted"):
        return "interrupted"
    if claude_texts.refused(printed) and not extra:
        return "refused"
    if not flag(block, "is_error"):
        return "" if extra.get("backgroundTaskId") or flag(extra, "isAsync") else "ok"
    if printed.startswith("[Request interrupted"):
        return "interrupted"
    if claude_texts.refused(printed) or printed.startswith(_DENIED):
        return "refused"
    return "failed"


def _words_of_refusal(printed: str, beside: object) -> str:
    """Return what the person said when refusing, told in the result or only beside it."""
    told = beside if isinstance(beside, str) and claude_texts.refused(beside) else ""
    return claude_texts.words_of_refusal(printed) or claude_texts.words_of_refusal(told)


def _failure(status: Status, printed: str, beside: object) -> dict[str, Any]:
    if status != "failed":
        return {}
    if isinstance(beside, str) and _EXIT.match(beside):
        printed = beside
    found = _EXIT.match(printed)
    rest = printed[found.end() :] if found else printed
    rest = rest.removeprefix("<tool_use_error>").removesuffix("</tool_use_error>")
    return {"exit_code": int(found[1][:9]) if found else None, "output": shell.last_lines(rest)}


def _outcome(action: Action, status: Status, printed: str, beside: object) -> dict[str, Any]:
    """What the tool itself says was done, which is nearer than what was asked of it."""
    found: dict[str, Any] = _failure(status, printed, beside)
    if action.kind == "command" and status == "ok":
        found["exit_code"] = 0
    elif status in ("failed", "refused"):
        found["added"] = found["removed"] = 0
    if not isinstance(beside, dict):
        return found
    if took := _seconds(beside):
        found["seconds"] = took
    if action.kind in ("edit", "write", "read"):
        told = path(beside, "filePath") or path(beside.get("file"), "filePath")
        found["path"] = told or action.path
    if structured := array(beside, "structuredPatch"):
        found["added"], found["removed"] = patches.hunks(structured)
    elif action.kind == "write" and (before := text(beside, "originalFile")):
        counts = patches.replaced(before, text(beside, "content"))
        found["added"], found["removed"] = counts
    return found


def _seconds(beside: object) -> float:
    return (
        seconds(beside, "durationSeconds")
        or seconds(beside, "totalDurationMs", 1_000)
        or seconds(beside, "durationMs", 1_000)
    )


def _whole_output(beside: object, printed: str) -> str:
    out = text(beside, "stdout")
    return f"{out}\n{text(beside, 'stderr')}" if out else printed


def _todos(
    context: Context, call: Call, action: Action, beside: object, printed: str
) -> tuple[Context, Action]:
    """Give a to-do action the whole list; newer versions send one item at a time."""
    if action.name == "TodoWrite":
        steps = _steps(array(beside, "newTodos")) or action.steps
        return context, structs.replace(action, steps=steps)
    ids, steps_now = list(context.todo_ids), list(context.todos)
    if action.name == "TaskCreate" and action.status == "ok":
        task = mapping(beside, "task")
        named = _TASK.search(printed)
        ids.append(_id(task, "id") or (named[1] if named else str(len(ids) + 1)))
        steps_now.append(Step(text(task, "subject") or call.input, "pending"))
    elif action.name == "TaskUpdate" and action.status == "ok":
        task_id, state, subject = (*call.input.split("\n", 2), "", "", "")[:3]
        if task_id in ids:
            place = ids.index(task_id)
            old = steps_now[place]
            if state == "deleted":
                del ids[place], steps_now[place]
            else:
                steps_now[place] = Step(subject or old.text, state or old.state)
    ids, steps_now = ids[-_PLAN_STEPS * 2 :], steps_now[-_PLAN_STEPS * 2 :]
    context = structs.replace(context, todo_ids=tuple(ids), todos=tuple(steps_now))
    return context, structs.replace(action, steps=tuple(steps_now))


def _id(fields: object, name: str) -> str:
    number = whole(fields, name)
    return text(fields, name) if number is None else str(number)


def _answer(call: Call | None, beside: object, printed: str) -> str:
    """Return the agent's questions with a person's answers, one on a line."""
    asked = call is not None and call.action.kind == "question"
    pairs = []
    if asked or (isinstance(beside, dict) and "questions" in beside):
        notes = mapping(beside, "annotations")
        pairs = [
            (question, _chosen(answer), text(notes.get(question), "notes"))
            for question, answer in _answered(beside)
        ]
        answered = {question for question, _, _ in pairs}
        pairs += [(asked_, "", text(note, "notes")) for asked_, note in notes.items()
                  if asked_ not in answered]  # fmt: skip
    if call is not None and asked and not pairs:
        pairs = [*_told(call.input.split("\0"), printed), *_PUT_BACK.findall(printed)]
    if call is None and not pairs and printed.startswith(_TOLD):  # asked before this file began
        pairs = list(_told(_QUESTION.findall(printed), printed))
    return "\n".join(
        f"{question} \u2192 {answer or '-'}" + (f" ({note})" if note else "")
        for question, answer, note in pairs
        if answer or note
    )


def _answered(beside: object) -> Iterator[tuple[str, object]]:
    """Yield the questions with what stands for their answers, by question or in their order."""
    answers = beside.get("answers") if isinstance(beside, dict) else None
    if isinstance(answers, dict):
        yield from answers.items()
    elif isinstance(answers, list):
        asked = [text(question, "question") for question in array(beside, "questions")]
        for place, answer in enumerate(answers):
            own = text(answer, "question")
            yield own or (asked[place] if place < len(asked) else ""), answer


def _told(questions: Iterable[str], printed: str) -> Iterator[tuple[str, str, str]]:
    """Yield what was asked with the answer and a note, as a result words them.

    Both may hold quotation marks and line ends: each answer reaches to the next question.
    """
    places = [(printed.find(f'"{question}"='), question) for question in questions if question]
    found = sorted((place, question) for place, question in places if place >= 0)
    for (place, question), (end, _) in pairwise([*found, (len(printed), "")]):
        told = _ANSWER.fullmatch(printed[place + len(question) + 3 : end])
        if told:
            yield question, (told[1] or "").strip(), (told[2] or "").strip()


def _accepted(call: Call, printed: str, beside: object) -> str:
    """Return the plan that a result tells, where it is not the one that was proposed; else ""."""
    told = _PLAN_TOLD.search(printed)
    if call.input and not flag(beside, "planWasEdited") and not (told and told[1]):
        return ""
    plan = text(beside, "plan") or (told[2] if told else "")
    return plan if plan.strip() else ""


def _chosen(answer: object) -> str:
    match answer:
        case str():
            return answer.strip()
        case bool():
            return "yes" if answer else "no"
        case int() | float():
            return str(answer)
        case list():
            return ", ".join(filter(None, map(_chosen, answer)))
        case dict():
            said = [_chosen(answer.get(name)) for name in ("answer", "label", "value", "notes")]
            return ", ".join(filter(None, said))
        case _:
            return ""
