"""Codex's rollouts: `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<uuid>.jsonl`.

Each line is {timestamp, type, payload}; before September 2025 it was the payload alone, with the
session in the first line. Most messages come twice, as a `response_item` and as an `event_msg`; the
first counts, because it is what the model saw: see `iai.hosts.codex_events`.
"""

import hashlib
from typing import Any

from msgspec import structs

from iai.hosts import calls, codex_calls, codex_events, codex_items, codex_texts
from iai.hosts.host_texts import markup
from iai.hosts.json_fields import array, identifier, mapping, path, text, texts, whole
from iai.hosts.times import moment
from iai.hosts.turn import Item, Parsed, Rewound, Role, Skip, Turn
from iai.model import framing
from iai.model.clock import NS
from iai.model.context import LINEAGE, REQUESTS, Context, Origin
from iai.model.remote import without_credentials

NAME = "codex"
RESTORED: frozenset[str] = frozenset()  # a rollback leaves all files as they are

_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "web_search_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
_TOOLS = _CALLS | _OUTPUTS | {"reasoning"}
_SAID: dict[str, Role] = {  # type of an event, or of an item that is told in one -> role
    "user_message": "user", "UserMessage": "user",
    "agent_message": "assistant", "AgentMessage": "assistant",
}  # fmt: skip
_TITLE_RANK = 4
_COPIED_AT_ONCE = NS // 2  # a fork writes the lines it copies with no longer pause than this
_UNATTENDED = ("exec", "mcp", "review", "automation", "heartbeat", "cron", "internal")


def recognises(path: str, first: object) -> bool:
    """Every line is an envelope with a payload, or the first one opens a session by itself."""
    return path.rsplit("/", 1)[-1].startswith("rollout-") or (
        isinstance(first, dict)
        and (("payload" in first and "type" in first) or _opens_a_bare_session(first))
    )


def begin(_path: str) -> Context:
    """See `Host.begin`."""
    return Context()


def parse(line: object, context: Context) -> Parsed:
    """See `Host.parse`."""
    if isinstance(line, dict) and _is_bare(line, context):
        return _bare(line, context)
    if not isinstance(line, dict) or not isinstance(line.get("type"), str):
        return context, (Skip.BAD_SHAPE,)
    payload = line.get("payload")
    if not isinstance(payload, dict):
        return context, (Skip.NOT_A_TURN,)
    at = moment(line.get("timestamp"))
    match line["type"]:
        case "session_meta":
            return _session(payload, at, context), (Skip.NOT_A_TURN,)
        case "turn_context":
            return _moved(payload, context), (Skip.NOT_A_TURN,)
        case "compacted":
            return context, (Skip.SUMMARY,)
        case "event_msg":
            return _event(payload, at, context)
        case "response_item":
            # Where a line has no time, two that are alike are two all the same.
            return _item(payload, at or (context.last_at and context.last_at + 1), context)
        case _:
            return context, (Skip.NOT_A_TURN,)


def finish(context: Context) -> Parsed:
    """See `Host.finish`."""
    context, waited = _without_items(context)
    context, over = calls.interrupted(context, sub_agents=True)
    return context, (*waited, *over)


def _opens_a_bare_session(line: dict[str, Any]) -> bool:
    """Is it unmistakably the first line of such a file, whatever the name of that is?"""
    return _heads_a_bare_session(line) and ("instructions" in line or "git" in line)


def _heads_a_bare_session(line: dict[str, Any]) -> bool:
    return "type" not in line and {"id", "timestamp"} <= line.keys()


def _is_bare(line: dict[str, Any], context: Context) -> bool:
    if "payload" in line:
        return False
    return (
        _heads_a_bare_session(line)
        or line.get("record_type") == "state"
        or (bool(context.session) and text(line, "type") in _TOOLS | {"message"})
    )


def _bare(line: dict[str, Any], context: Context) -> Parsed:
    """Items have no time of their own: each follows its neighbour, so that no two are alike."""
    if _heads_a_bare_session(line):
        return _session(line, moment(line.get("timestamp")), context), (Skip.NOT_A_TURN,)
    if "record_type" in line:
        return context, (Skip.NOT_A_TURN,)
    return _item(line, context.last_at + 1, context)


def _session(payload: dict[str, Any], at: int, context: Context) -> Context:
    """What a session says of itself. One that forks another repeats the other's after its own."""
    name, began = identifier(payload, "id"), moment(payload.get("timestamp"))
    if context.session:
        if not name:
            return context
        context = _descended(Origin(name, began), at, context)
        before = identifier(payload, "forked_from_id")
        return _descended(Origin(before, 0), at, context) if before else context
    git, source = mapping(payload, "git"), payload.get("source")
    parent, forked_from = _works_for(payload), identifier(payload, "forked_from_id")
    lineage = (Origin(name, began or at), *([Origin(forked_from, 0)] if forked_from else []))
    return structs.replace(
        context,
        session=parent or name,
        cwd=path(payload, "cwd") or context.cwd,
        remote=without_credentials(identifier(git, "repository_url")),
        branch=identifier(git, "branch"),
        skip=Skip.SIDECHAIN if isinstance(source, dict) and "subagent" in source else "",
        sub_agent=isinstance(source, dict) and "subagent" in source,
        unattended=_is_unattended(payload),
        forked_from=forked_from,
        lineage=lineage,
        copied_until=at if forked_from else 0,
        last_at=at or began,
    )


def _descended(origin: Origin, at: int, context: Context) -> Context:
    """Note a session whose lines a fork repeats, and when it had begun."""
    # One whose first line was broken, or read by an earlier version, has no lineage yet.
    own, *others = context.lineage or (Origin(context.session, 0),)
    known = next((other for other in others if other.session == origin.session), None)
    if origin.session == own.session or (known is not None and not origin.began):
        return context
    others = [other for other in others if other is not known]
    lineage = (own, *others, origin)[:LINEAGE]
    return structs.replace(context, lineage=lineage, copied_until=max(context.copied_until, at))


def _works_for(payload: dict[str, Any]) -> str:
    """Return the session that sent a sub-agent, where the agent says so."""
    source = payload.get("source")
    if not isinstance(source, dict) or "subagent" not in source:
        return ""
    spawned = mapping(mapping(source, "subagent"), "thread_spawn")
    return identifier(spawned, "parent_thread_id") or identifier(payload, "parent_thread_id")


def _is_unattended(payload: dict[str, Any]) -> bool:
    source = payload.get("source")
    names = source if isinstance(source, str) else ""
    if isinstance(source, dict):
        names = " ".join([*source, text(source, "custom")])
    by = f"{names} {text(payload, 'originator')} {text(payload, 'thread_source')}".lower()
    return any(word in by.replace("_", " ").split() for word in _UNATTENDED)


def _moved(payload: dict[str, Any], context: Context) -> Context:
    return structs.replace(context, cwd=path(payload, "cwd") or context.cwd)


def _event(payload: dict[str, Any], at: int, context: Context) -> Parsed:
    kind, item = text(payload, "type"), payload
    if kind == "item_completed":
        item = mapping(payload, "item")
        kind = text(item, "type")
    if kind in _SAID:
        return _heard(item, _SAID[kind], at, context)
    if kind in codex_items.KINDS:
        return _completed(kind, item, at, context)
    items: tuple[Item, ...] = ()
    match kind:
        case "task_complete" | "turn_complete":
            context, items = _without_items(context)
        case "turn_aborted":
            stamp = at or context.last_at
            context, waited = _without_items(context)
            context, over = calls.interrupted(context)
            if not over and context.requests:
                over = (calls.cut_off(f"{NAME}:{context.session}:{stamp}", stamp),)
            items = (*waited, *over)
        case "thread_rolled_back":
            context, waited = _without_items(context)
            context, back = _rolled_back(whole(payload, "num_turns") or 0, context)
            items = (*waited, *back)
        case "thread_name_updated" if text(payload, "thread_name"):
            title = text(payload, "thread_name")[:200]
            context = structs.replace(context, title=title, title_rank=_TITLE_RANK)
        case _:
            pass
    return context, items or (Skip.NOT_A_TURN,)


def _completed(kind: str, item: dict[str, Any], at: int, context: Context) -> Parsed:
    session, copied = _belongs(at, context)
    if copied or session != context.session:
        return context, (Skip.REPEATED,)
    context, done = codex_items.completed(kind, item, context, at or context.last_at)
    return context, done or (Skip.NOT_A_TURN,)


def _heard(payload: dict[str, Any], role: Role, at: int, context: Context) -> Parsed:
    """Note a message that came as an event; what waited longer for its item has none."""
    session, copied = _belongs(at, context)
    said = _said(payload.get("content", payload.get("message")), role)
    if copied:
        return structs.replace(context, copied_until=at), (Skip.REPEATED,)
    if context.skip or session != context.session or isinstance(said, Skip):
        return context, (Skip.NOT_A_TURN,)
    items: tuple[Item, ...] = ()
    own = framing.without(said)
    if own.strip():
        before, speaker = context, "commentary" if _is_commentary(payload) else role
        context = codex_events.note_event(context, speaker, own, at or context.last_at)
        if before.queue and context.queue != before.queue:
            before, items = _without_items(before)
            context = codex_events.note_event(before, speaker, own, at or context.last_at)
    return context, items or (Skip.NOT_A_TURN,)


def _is_commentary(payload: dict[str, Any]) -> bool:
    return text(payload, "phase").lower() == "commentary"


def _without_items(context: Context) -> tuple[Context, tuple[Item, ...]]:
    """Return the turns of which no item has come."""
    context, waited = codex_events.drain(context)
    items: tuple[Item, ...] = ()
    for one in waited:
        role: Role = "user" if one.role == "user" else "assistant"
        commented = one.role == "commentary"
        context, new = _turn(role, one.text, context.session, one.at, context, commented=commented)
        items += new
    return context, items


def _rolled_back(turns: int, context: Context) -> Parsed:
    """The last turns of the user's were taken back, with all that followed."""
    if turns <= 0 or not context.requests:
        return context, ()
    kept, gone = context.requests[:-turns], context.requests[-turns:]
    rewound = Rewound(gone)
    return structs.replace(context, requests=kept), (rewound,)


def _item(payload: dict[str, Any], stamp: int, context: Context) -> Parsed:
    """Take an item of the conversation; `stamp` is its own time, 0 if it has none."""
    session, copied = _belongs(stamp, context)
    if copied:
        return structs.replace(context, copied_until=stamp), (Skip.REPEATED,)
    if stamp:
        context = structs.replace(context, last_at=stamp)
    at = context.last_at
    if text(payload, "type") in _CALLS | _OUTPUTS and session != context.session:
        return context, (Skip.REPEATED,)
    if text(payload, "type") in _CALLS:
        context, done = codex_calls.called(payload, context, at)
        return context, done or (Skip.TOOL,)
    if text(payload, "type") in _OUTPUTS:
        key = _key(session, stamp, "user", identifier(payload, "call_id"))
        context, done = codex_calls.resulted(payload, context, key, at)
        return context, done or (Skip.TOOL,)
    if context.skip:
        return context, (Skip(context.skip),)
    return _message(payload, session, stamp, context)


def _belongs(at: int, context: Context) -> tuple[str, bool]:
    """Return the session of an item in this file, and whether it is a copy without its own time.

    A fork begins with the lines of the session that it forks. Some versions leave them their times:
    then each is of the session that had begun last. Others stamp them all when they copy them.
    """
    if len(context.lineage) < 2 or not at:  # noqa: PLR2004  not a fork
        return context.session, False
    own = context.lineage[0]
    if at < own.began:
        older = [origin for origin in context.lineage[1:] if origin.began <= at]
        latest = max(older, key=lambda origin: origin.began, default=context.lineage[-1])
        return latest.session, False
    return context.session, at - context.copied_until <= _COPIED_AT_ONCE


def _message(payload: dict[str, Any], session: str, stamp: int, context: Context) -> Parsed:
    role = payload.get("role")
    if text(payload, "type") in _TOOLS:
        return context, (Skip.TOOL,)
    if payload.get("type") != "message" or role not in ("user", "assistant"):
        return context, (Skip.META if role in ("developer", "system") else Skip.NOT_A_TURN,)
    if _of_a_heartbeat(payload):
        return structs.replace(context, unattended=True), (Skip.META,)
    content = _not_contextual(payload)
    said = Skip.META if content is None else _said(content, role)
    if isinstance(said, Skip):
        return _placed(payload, context), (said,)
    own = framing.without(said)
    if not own.strip():
        return context, (Skip.EMPTY if own == said else Skip.INJECTED,)
    context, repeated = codex_events.take_item(context, role, own, context.last_at)
    context, waited = _without_items(context)
    if repeated:
        return context, (*waited, Skip.REPEATED)
    commented = role == "assistant" and _is_commentary(payload)
    context, items = _turn(
        role, own, session, stamp, context, uuid=identifier(payload, "id"), commented=commented
    )
    return context, (*waited, *items)


def _turn(
    role: Role,
    own: str,
    session: str,
    stamp: int,
    context: Context,
    *,
    uuid: str = "",
    commented: bool = False,
) -> tuple[Context, tuple[Item, ...]]:
    """Return what was said as a turn; a prompt ends what the agent was still waiting for."""
    replies = codex_texts.replies(own) if role == "user" else ""
    turn = Turn(
        key=_key(session, stamp, role, own),
        role=role,
        text=replies or own,
        created_at=stamp or context.last_at,
        session=session if session != context.session else "",
        uuid=uuid,
        kind="answer" if replies else "commentary" if commented else "",
        markup=markup(own) if role == "user" and not replies else "",
    )
    if role == "assistant":
        return context, (turn,)
    context, over = calls.interrupted(context)
    requests = (*context.requests[1 - REQUESTS :], turn.key)
    return structs.replace(context, requests=requests), (*over, turn)


def _placed(payload: dict[str, Any], context: Context) -> Context:
    """Take the directory from what the host says of it, where the session's line has none."""
    if context.cwd:
        return context
    texts = [text(block, "text") for block in array(payload, "content")]
    found = next(filter(None, map(codex_texts.directory, texts)), "")
    return structs.replace(context, cwd=found) if found else context


def _key(session: str, at: int, role: str, own: str) -> str:
    # Rollouts number nothing. The session, the moment and the words together do not repeat, unless
    # the same file is read again from another place, which must find the same turn.
    digest = hashlib.blake2b(own.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return f"{NAME}:{session}:{at}:{role}:{digest}"


def _kinds(payload: dict[str, Any]) -> list[str]:
    """Return of what kind each block of a message is ("user.text"), where the host says so."""
    passed = mapping(payload, "internal_chat_message_metadata_passthrough")
    return [kind for kind in array(passed, "content_item_kinds") if isinstance(kind, str)]


def _not_contextual(payload: dict[str, Any]) -> object:
    """Return the content of a message without blocks of the host's own; None if all of it is.

    Where it says of what kind each is, what is no person's is named "goal.internal_context" or so.
    """
    content, kinds = payload.get("content"), _kinds(payload)
    if not isinstance(content, list) or len(kinds) != len(content):
        return content
    pairs = zip(content, kinds, strict=True)
    left = [block for block, kind in pairs if "." not in kind or kind.startswith("user.")]
    return left if left or not content else None


def _of_a_heartbeat(payload: dict[str, Any]) -> bool:
    kinds = _kinds(payload)
    return bool(kinds) and all("heartbeat" in kind for kind in kinds)


def _said(content: object, role: str) -> str | Skip:
    """What a message says, without the blocks that the host wrote in the user's name."""
    found = texts(content, ("input_text", "output_text", "text", "Text"))
    if found is None:
        return Skip.BAD_SHAPE
    if role == "user" and len(found) > 1:
        found = codex_texts.with_their_requests(found)
    owns = list(map(codex_texts.request if role == "user" else codex_texts.answer, found))
    own = [one.text for one in owns if one.why is None or one.text.strip()]
    if own:
        return "\n".join(own)
    return next((one.why for one in owns if one.why), Skip.EMPTY)
