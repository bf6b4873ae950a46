"""Claude Code's transcripts: `~/.claude/projects/<cwd>/<session>.jsonl`, one JSON object a line.

The format is internal to the host and grows; a line of an unknown type is no turn, never an error.
"""

import re
from collections.abc import Callable
from typing import Any

from msgspec import structs

from iai.hosts import (
    calls,
    claude_calls,
    claude_envelope,
    claude_queue,
    claude_shell,
    claude_texts,
    claude_turns,
    queued,
    shell,
)
from iai.hosts.json_fields import flag, identifier, mapping, text, whole
from iai.hosts.times import moment
from iai.hosts.turn import Item, Parsed, Rewound, Skip, Turn
from iai.model.action import COMMAND, Action
from iai.model.context import REQUESTS, Context

NAME = "claude"
# A rewind restores the files, the conversation, or both (the first choice in the menu), and the
# transcript doesn't say which. It restores what these tools changed, and nothing that commands did
# (code.claude.com/docs/en/checkpointing). So in what was taken back, changes by these tools don't
# count as work: one that is undone must not pass for a fact.
RESTORED = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})

_OF_A_SUB_AGENT = re.compile(  # older versions keep it beside the file of its session
    r"(?:(?:^|/)([^/]+)/subagents/(?:[^/]+/)*agent-[^/]+|/agent-[0-9a-f]{6,40})\.jsonl$"
)
_CALLS = ("tool_use", "server_tool_use")  # of the second, the result is in the same message
_TITLES = {  # type of line -> field, and how much it is worth
    "custom-title": ("customTitle", 4),
    "ai-title": ("aiTitle", 3),
    "agent-name": ("agentName", 2),
    "summary": ("summary", 1),
}


def recognises(path: str, first: object) -> bool:
    """Every line of the conversation names its session; the others have a `type` all the same."""
    return ".claude" in path.split("/") or (
        isinstance(first, dict) and ("sessionId" in first or first.get("type") == "summary")
    )


def begin(path: str) -> Context:
    """See `Host.begin`. A sub-agent's file is below the directory of its session."""
    found = _OF_A_SUB_AGENT.search(path)
    return Context(session=found[1] or "", sub_agent=True) if found else Context()


def parse(line: object, context: Context) -> Parsed:
    """See `Host.parse`."""
    if not isinstance(line, dict):
        return context, (Skip.BAD_SHAPE,)
    type_ = line.get("type")
    if not isinstance(type_, str):
        return context, (Skip.BAD_SHAPE,)
    read = _LINES.get(type_)
    if read is None:
        return context, (Skip.NOT_A_TURN,)
    return read(line, claude_envelope.situated(line, context))


def finish(context: Context) -> Parsed:
    """See `Host.finish`."""
    commands = queued.never_run(context)
    context, waited = queued.emptied(context)
    context, actions = calls.interrupted(context, sub_agents=True)
    return context, (*actions, *waited, *commands)


def _title(line: dict[str, Any], context: Context) -> Parsed:
    field, rank = _TITLES[line["type"]]
    title = text(line, field) or text(line, "title")
    better = rank > context.title_rank or (rank == context.title_rank and rank > 1)
    if title and better and not context.sub_agent:
        context = structs.replace(context, title=title[:200], title_rank=rank)
    return context, (Skip.NOT_A_TURN,)


def _message(line: dict[str, Any], context: Context) -> Parsed:
    message, unsaid = line.get("message"), claude_envelope.why_unsaid(line)
    if isinstance(message, str):
        message = {"content": message}
    if not isinstance(message, dict):
        why = Skip.SIDECHAIN if flag(line, "isSidechain") else Skip.BAD_SHAPE
        return context, (unsaid or why,)
    if flag(line, "isApiErrorMessage") or message.get("model") == "<synthetic>":
        return context, (Skip.SYNTHETIC,)
    if flag(line, "isSidechain") or context.sub_agent:
        return _of_a_sub_agent(line, message, context)
    context, done = _tools(line, message, context)
    if unsaid:  # but a call may have its result there
        return context, done or (unsaid,)
    done += _commanded(line, message.get("content"), context)
    context, ran = _ran(line, message.get("content"), context)
    done += ran
    said = claude_turns.said_in(line, message)
    if isinstance(said, Skip):
        if said is Skip.COMMAND and claude_texts.interrupts(message.get("content")):
            context, over = _interrupted(line, context)
            done += over
        elif said is Skip.NOTICE and not context.requests:
            scheduled = claude_texts.is_scheduled(message.get("content"))
            context = structs.replace(context, unattended=context.unattended or scheduled)
        told = (done and said is Skip.TOOL) or (ran and said is Skip.COMMAND)
        return context, done if told else (*done, said)
    if said.role == "assistant":
        return context, (*done, claude_turns.dated(said, context))
    return _request(line, said, context, done)


def _interrupted(line: dict[str, Any], context: Context) -> tuple[Context, tuple[Action, ...]]:
    """Give up the calls that wait; without any, and if something was asked, say so by itself."""
    context, over = calls.interrupted(context)
    if over or not context.requests:
        return context, over
    key = f"{NAME}:{context.session}:{claude_envelope.uuid_of(line)}"
    return context, (calls.cut_off(key, context.last_at),)


def _commanded(line: dict[str, Any], content: object, context: Context) -> tuple[Action, ...]:
    """Return the call of a skill that a slash command of the user's is."""
    name = claude_texts.command(content) if line["type"] != "assistant" else ""
    if not name:
        return ()
    key = f"{_first_session(line, context)}:{claude_envelope.uuid_of(line)}:command"
    at = context.last_at
    return (Action(key=key, kind="skill", at=at, status="ok", name=COMMAND, text=name),)


def _ran(
    line: dict[str, Any], content: object, context: Context
) -> tuple[Context, tuple[Action, ...]]:
    """Return what the user ran at the prompt."""
    if line["type"] == "assistant":
        return context, ()
    key = f"{_first_session(line, context)}:{claude_envelope.uuid_of(line)}"
    at = moment(line.get("timestamp")) or context.last_at
    return claude_shell.ran(content, context, key, at)


def _first_session(line: dict[str, Any], context: Context) -> str:
    """Return what keys of actions begin with: a fork repeats lines of the session it is from."""
    return f"{NAME}:{identifier(line.get('forkedFrom'), 'sessionId') or context.session}"


def _request(line: dict[str, Any], said: Turn, context: Context, done: tuple[Item, ...]) -> Parsed:
    """Take a prompt. It ends whatever the agent was still waiting for."""
    waited: tuple[Turn, ...]
    if said.kind == "command":
        context, waited, repeated = queued.command_came(context), (), False
    else:
        context, waited, repeated = queued.came_again(context, said.text)
    context, over = calls.interrupted(context)
    context, rewound = _rewound(line, said, context)
    items: tuple[Item, ...] = (*done, *over, *waited, *rewound)
    return context, (*items, Skip.REPEATED if repeated else claude_turns.dated(said, context))


def _rewound(
    line: dict[str, Any], said: Turn, context: Context
) -> tuple[Context, tuple[Rewound, ...]]:
    """A prompt with the same parent as an earlier one replaces it: the user went back."""
    parent = text(line, "parentUuid")
    keys, parents = context.requests, context.parents
    if said.key in keys:
        return context, ()
    proved = parent in parents and any(parents)  # else lines of this file name no parents
    place = parents.index(parent) if proved else len(keys)
    context = structs.replace(
        context,
        requests=(*keys[:place], said.key)[-REQUESTS:],
        parents=(*parents[:place], parent)[-REQUESTS:],
    )
    return context, (Rewound(keys[place:]),) if keys[place:] else ()


def _of_a_sub_agent(line: dict[str, Any], message: dict[str, Any], context: Context) -> Parsed:
    """Return the actions of a sub-agent, and what the user said to it, but not its texts."""
    mine = context.sub_agent
    context = structs.replace(context, sub_agent=True)
    context, items = _tools(line, message, context)
    done = tuple(i for i in items if not (isinstance(i, Turn) and i.role == "assistant"))
    return structs.replace(context, sub_agent=mine), done or (Skip.SIDECHAIN,)


def _progress(line: dict[str, Any], context: Context) -> Parsed:
    """Unwrap the line of a sub-agent: some versions put those inside lines of progress."""
    data = mapping(line, "data")
    inner = mapping(data, "message")
    message = mapping(inner, "message")
    if data.get("type") != "agent_progress" or not message:
        return context, (Skip.NOT_A_TURN,)
    return _of_a_sub_agent({**inner, "forkedFrom": line.get("forkedFrom")}, message, context)


def _tools(line: dict[str, Any], message: dict[str, Any], context: Context) -> Parsed:
    """Return what the calls and results in a message give."""
    content = message.get("content")
    items: tuple[Item, ...] = ()
    if not isinstance(content, list):
        return context, ()
    at = moment(line.get("timestamp")) or context.last_at
    for number, block in enumerate(content):
        type_ = block.get("type") if isinstance(block, dict) else None
        if type_ not in _CALLS and not str(type_).endswith("tool_result"):
            continue
        uuid = claude_envelope.uuid_of(line) + (f":{number}" if number and items else "")
        if type_ in _CALLS and line.get("type") == "assistant":
            session = _first_session(line, context)
            context, new = claude_calls.called(block, context, session, uuid, at)
        elif type_ not in _CALLS:
            context, new = claude_calls.resulted(block, line, context, uuid, at)
        else:
            new = ()
        items += new
    return context, items


def _system(line: dict[str, Any], context: Context) -> Parsed:
    """Newer versions write slash commands in lines of their own."""
    if line.get("subtype") != "local_command" or flag(line, "isSidechain") or context.sub_agent:
        return context, (Skip.NOT_A_TURN,)
    told = claude_turns.joined(line.get("content"))
    if not (said := claude_texts.arguments(told) or claude_texts.command(told)):
        return context, (Skip.COMMAND,)
    done = _commanded(line, told, context)
    return _request(line, claude_turns.turn(line, "user", said, "command"), context, done)


def _pull_request(line: dict[str, Any], context: Context) -> Parsed:
    number, url = whole(line, "prNumber"), text(line, "prUrl")
    if number is None and not url:
        return context, (Skip.NOT_A_TURN,)
    base = Action(key=f"{NAME}:{context.session}", kind="pull-request", at=context.last_at)
    base = structs.replace(base, sub_agent=context.sub_agent)
    return context, (shell.pull_request(base, number or 0, url, ""),)


_LINES: dict[str, Callable[[dict[str, Any], Context], Parsed]] = {
    "user": _message,
    "assistant": _message,
    "attachment": claude_queue.attachment,
    "queue-operation": claude_queue.queue_operation,
    "system": _system,
    "progress": _progress,
    "pr-link": _pull_request,
    **dict.fromkeys(_TITLES, _title),
}
