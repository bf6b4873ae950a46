"""Claude Code's transcripts: `~/.claude/projects/<cwd>/<session>.jsonl`, one JSON object a line.

The format is internal to the host and grows; a line of an unknown type is no turn, never an error.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import structs

from iai.hosts import calls, claude_calls, claude_texts, queued, shell
from iai.hosts.host_texts import Own, markup
from iai.hosts.json_fields import flag, mapping, moment, text, texts, whole
from iai.hosts.turn import Item, Parsed, Rewound, Role, Skip, Turn, TurnKind
from iai.model import framing
from iai.model.action import COMMAND, Action
from iai.model.context import REQUESTS, Context

NAME = "claude"
# A rewind restores the files, the conversation, or both (the first choice in the menu), and the
# transcript doesn't say which. It restores what these tools changed, and nothing that commands did
# (code.claude.com/docs/en/checkpointing). So in what was taken back, changes by these tools don't
# count as work: one that is undone must not pass for a fact.
RESTORED = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})

_SHELL = "!"  # at the prompt: a command for the shell, not a prompt
_USUAL_ENTRIES = (None, "cli")
_PROGRAMS = ("sdk", "mcp", "claude-code-github-action", "scheduled")  # of entries and sources
_USUAL_SOURCES = (None, "typed")
_OF_A_SUB_AGENT = re.compile(  # older versions keep it beside the file of its session
    r"(?:(?:^|/)([^/]+)/subagents/(?:[^/]+/)*agent-[^/]+|/agent-[0-9a-f]{6,40})\.jsonl$"
)
_PEOPLE = frozenset({"", "human", "user"})  # kinds of origins
_CALLS = ("tool_use", "server_tool_use")  # of the second, the result is in the same message
_FLAGS = {
    "isCompactSummary": Skip.SUMMARY,
    "isVisibleInTranscriptOnly": Skip.SUMMARY,
    "isMeta": Skip.META,
    "isSynthetic": Skip.META,
}
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
    return read(line, _situated(line, context))


def finish(context: Context) -> Parsed:
    """See `Host.finish`."""
    commands = queued.never_run(context)
    context, waited = queued.emptied(context)
    context, actions = calls.interrupted(context, sub_agents=True)
    return context, (*actions, *waited, *commands)


def _situated(line: dict[str, Any], context: Context) -> Context:
    """Update session, place and time, which every line repeats; often only the time changes."""
    at = moment(line.get("timestamp")) or context.last_at
    if (
        line.get("cwd") == context.cwd
        and (line.get("gitBranch") or context.branch) == context.branch
        and (context.sub_agent or line.get("sessionId") == context.session)
        and line.get("entrypoint") in _USUAL_ENTRIES
        and line.get("promptSource") in _USUAL_SOURCES
        and "forkedFrom" not in line
    ):
        return context if at == context.last_at else structs.replace(context, last_at=at)
    session = text(line, "sessionId") or context.session
    if context.sub_agent and context.session:
        session = context.session
    cwd = text(line, "cwd") or context.cwd
    branch = text(line, "gitBranch") or context.branch
    if context.session and session != context.session:  # files of several sessions, put together
        context = structs.replace(context, title="", title_rank=0, unattended=False, forked_from="")
    unattended = context.unattended or _by_a_program(line)
    forked_from = context.forked_from or text(line.get("forkedFrom"), "sessionId")
    return structs.replace(
        context, session=session, cwd=cwd, branch=branch, unattended=unattended,
        forked_from=forked_from, last_at=at,
    )  # fmt: skip


def _by_a_program(line: dict[str, Any]) -> bool:
    entry, source = text(line, "entrypoint").lower(), text(line, "promptSource").lower()
    return entry.startswith(_PROGRAMS) or (not entry and source.startswith(_PROGRAMS))


def _title(line: dict[str, Any], context: Context) -> Parsed:
    field, rank = _TITLES[line["type"]]
    title = text(line, field) or text(line, "title")
    better = rank > context.title_rank or (rank == context.title_rank and rank > 1)
    if title and better and not context.sub_agent:
        context = structs.replace(context, title=title[:200], title_rank=rank)
    return context, (Skip.NOT_A_TURN,)


def _message(line: dict[str, Any], context: Context) -> Parsed:
    message = line.get("message")
    if why := _flagged(line):
        return context, (why,)
    if isinstance(message, str):
        message = {"content": message}
    if not isinstance(message, dict):
        return context, (Skip.SIDECHAIN if flag(line, "isSidechain") else Skip.BAD_SHAPE,)
    if flag(line, "isApiErrorMessage") or message.get("model") == "<synthetic>":
        return context, (Skip.SYNTHETIC,)
    if flag(line, "isSidechain") or context.sub_agent:
        return _of_a_sub_agent(line, message, context)
    context, done = _tools(line, message, context)
    done += _commanded(line, message.get("content"), context)
    said = _said(line, message)
    if isinstance(said, Skip):
        if said is Skip.COMMAND and claude_texts.interrupts(message.get("content")):
            context, over = _interrupted(line, context)
            done += over
        return context, done if done and said is Skip.TOOL else (*done, said)
    if said.role == "assistant":
        return context, (*done, _dated(said, context))
    return _request(line, said, context, done)


def _flagged(line: dict[str, Any]) -> Skip | None:
    """Return why nobody said what is in a message, if a field beside it says so."""
    for name, why in _FLAGS.items():
        if name in line and flag(line, name):
            return why
    return None if _by_a_person(line) else Skip.NOTICE


def _by_a_person(fields: dict[str, Any]) -> bool:
    """Does what is said of the origin of a prompt, if anything, name a person?"""
    if "origin" not in fields:
        return True
    origin = fields["origin"]
    kind = origin if isinstance(origin, str) else text(origin, "kind") or text(origin, "type")
    return kind in _PEOPLE


def _is_typed(line: dict[str, Any]) -> bool:
    """Does the host say that a person typed it?"""
    return line.get("promptSource") == "typed" or text(line.get("origin"), "kind") == "human"


def _interrupted(line: dict[str, Any], context: Context) -> tuple[Context, tuple[Action, ...]]:
    """Give up the calls that wait; without any, and if something was asked, say so by itself."""
    context, over = calls.interrupted(context)
    if over or not context.requests:
        return context, over
    key = f"{NAME}:{context.session}:{_uuid(line)}"
    return context, (calls.cut_off(key, context.last_at),)


def _commanded(line: dict[str, Any], content: object, context: Context) -> tuple[Action, ...]:
    """Return the call of a skill that a slash command of the user's is."""
    name = claude_texts.command(content) if line["type"] != "assistant" else ""
    if not name:
        return ()
    key, at = f"{NAME}:{context.session}:{_uuid(line)}:command", context.last_at
    return (Action(key=key, kind="skill", at=at, status="ok", name=COMMAND, text=name),)


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
    return context, (*items, Skip.REPEATED if repeated else _dated(said, context))


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


def _dated(turn: Turn, context: Context) -> Turn:
    """Give a turn without a readable time that of the line before."""
    if turn.created_at or not context.last_at:
        return turn
    return structs.replace(turn, created_at=context.last_at)


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
        uuid = _uuid(line) + (f":{number}" if number and items else "")
        if type_ in _CALLS and line.get("type") == "assistant":
            session = text(line.get("forkedFrom"), "sessionId") or context.session
            context, new = claude_calls.called(block, context, f"{NAME}:{session}", uuid, at)
        elif type_ not in _CALLS:
            beside = line.get("toolUseResult")
            context, new = claude_calls.resulted(block, beside, context, uuid, at)
        else:
            new = ()
        items += new
    return context, items


def _said(line: dict[str, Any], message: dict[str, Any]) -> Turn | Skip:
    """Return the turn in a message, or why it has no turn."""
    words = _words(message.get("content"))
    if isinstance(words, Skip):
        return words
    if line["type"] == "assistant":
        own = _own(words, claude_texts.answer)
        return own if isinstance(own, Skip) else _turn(line, "assistant", own, "")
    if arguments := claude_texts.arguments("\n".join(words)):
        return _turn(line, "user", arguments, "command")
    own = _own(words, partial(claude_texts.USER.own, typed=_is_typed(line)))
    if isinstance(own, Skip):
        return own
    plan = "planContent" in line or claude_texts.is_plan(own)
    return _turn(line, "user", own, "plan" if plan else "", markup(own))


def _own(words: list[str], own_of: Callable[[str], Own]) -> str | Skip:
    """Return the texts of a message without what the host wrote; each is judged by itself."""
    owns = [own_of(one) for one in words]
    if len(owns) == 1:
        own, why = owns[0]
    else:
        own = "\n".join(one.text for one in owns if one.why is None or one.text.strip())
        why = next((one.why for one in owns if one.why), None)
    clean = framing.without(own)
    if clean and not clean.isspace():
        return clean
    return (why or Skip.EMPTY) if own == clean else Skip.INJECTED


def _words(content: object) -> list[str] | Skip:
    """Return the texts of a message, without calls, results and thinking."""
    found = texts(content, ("text",))
    return Skip.BAD_SHAPE if found is None else found or Skip.TOOL


def _turn(line: dict[str, Any], role: Role, own: str, kind: TurnKind, tag: str = "") -> Turn:
    uuid = _uuid(line)
    created_at = moment(line.get("timestamp"))
    # A resumed or forked session repeats earlier lines under their old uuid: still one turn.
    key = (
        f"{NAME}:{uuid}" if uuid else f"{NAME}:{text(line, 'sessionId')}:{created_at}:{role}:{own}"
    )
    return Turn(
        key=key, role=role, text=own, created_at=created_at, uuid=uuid, kind=kind, markup=tag
    )


def _uuid(line: dict[str, Any]) -> str:
    """Return the id of a line: where a fork copied it from elsewhere, the one that it had there."""
    first = text(line["forkedFrom"], "messageUuid") if "forkedFrom" in line else ""
    return first or text(line, "uuid")


def _attachment(line: dict[str, Any], context: Context) -> Parsed:
    """A prompt given to the agent while it worked."""
    attached = mapping(line, "attachment")
    if attached.get("type") != "queued_command" or flag(line, "isSidechain") or context.sub_agent:
        return context, (Skip.NOT_A_TURN,)
    if flag(line, "isMeta") or flag(attached, "isMeta") or not _by_a_person(attached):
        return context, (Skip.NOTICE,)
    if attached.get("commandMode") not in (None, "prompt"):
        return context, (Skip.NOTICE,)
    words = _words(attached.get("prompt"))
    own = words if isinstance(words, Skip) else _own(words, claude_texts.USER.own)
    if isinstance(words, Skip) or isinstance(own, Skip):
        return context, (own if isinstance(own, Skip) else Skip.EMPTY,)
    context, turn, repeated = queued.attached(context, own)
    if repeated:
        return context, (Skip.REPEATED,)
    if turn is None:
        at = moment(attached.get("timestamp")) or moment(line.get("timestamp"))
        turn = structs.replace(_turn(line, "user", own, "queued"), created_at=at)
    return context, (_dated(turn, context),)


def _queue_operation(line: dict[str, Any], context: Context) -> Parsed:
    content = line.get("content")
    words = "\n".join(_texts_of(content))
    own = claude_texts.USER.own(words).text
    said = bool(own.strip()) and not own.startswith(_SHELL)
    turn: Turn | None = None
    match line.get("operation"):
        case "enqueue" if words.strip():
            said = said and _by_a_person(line)
            at = moment(line.get("timestamp")) or context.last_at
            context, turn = queued.enqueued(context, own if said else words, at, said=said)
        case "remove":
            context, turn = queued.removed(context, own if said else words)
        case "popAll":
            context = queued.taken_back(context)
        case _:
            pass
    return context, (turn or Skip.NOT_A_TURN,)


def _texts_of(content: object) -> list[str]:
    found = _words(content)
    return [] if isinstance(found, Skip) else found


def _system(line: dict[str, Any], context: Context) -> Parsed:
    """Newer versions write slash commands in lines of their own."""
    if line.get("subtype") != "local_command" or flag(line, "isSidechain") or context.sub_agent:
        return context, (Skip.NOT_A_TURN,)
    arguments = claude_texts.arguments("\n".join(_texts_of(line.get("content"))))
    done = _commanded(line, line.get("content"), context)
    if not arguments:
        return context, (*done, Skip.COMMAND)
    return _request(line, _turn(line, "user", arguments, "command"), context, done)


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
    "attachment": _attachment,
    "queue-operation": _queue_operation,
    "system": _system,
    "progress": _progress,
    "pr-link": _pull_request,
    **dict.fromkeys(_TITLES, _title),
}
