"""Lines of Claude Code's about prompts typed while it works: see `iai.hosts.queued`. Pure."""

import re
from typing import Any

from msgspec import structs

from iai.hosts import claude_texts, claude_turns, queued
from iai.hosts.claude_envelope import by_a_person
from iai.hosts.json_fields import flag, mapping, text
from iai.hosts.times import moment
from iai.hosts.turn import Parsed, Skip, Turn
from iai.model.context import Context

_SHELL = "!"  # at the prompt: a command for the shell, not a prompt
# Why a prompt left the queue, where a line says so: "absorbed_mid_turn" is what the host writes
# when it hands one over (seen 2.1.246 on); these words say that the person took it back, or that a
# hook did not let it pass ("dropped_by_hook").
_WITHDRAWN = re.compile(
    r"cancel|withdr|discard|delet|edit|clear|user_remov|by_user|drop", re.IGNORECASE
)


def attachment(line: dict[str, Any], context: Context) -> Parsed:
    """A prompt given to the agent while it worked."""
    attached = mapping(line, "attachment")
    if attached.get("type") != "queued_command" or flag(line, "isSidechain") or context.sub_agent:
        return context, (Skip.NOT_A_TURN,)
    if flag(line, "isMeta") or flag(attached, "isMeta") or not by_a_person(attached):
        return context, (Skip.NOTICE,)
    if attached.get("commandMode") not in (None, "prompt"):
        return context, (Skip.NOTICE,)
    words = claude_turns.words_of(attached.get("prompt"))
    if isinstance(words, Skip):
        return context, (Skip.EMPTY,)
    own = claude_turns.without_host(words, claude_texts.USER.own)
    if isinstance(own, Skip):
        return context, (own,)
    context, turn, repeated = queued.attached(context, own)
    if repeated:
        return context, (Skip.REPEATED,)
    if turn is None:
        at = moment(attached.get("timestamp")) or moment(line.get("timestamp"))
        turn = structs.replace(claude_turns.turn(line, "user", own, "queued"), created_at=at)
    return context, (claude_turns.dated(turn, context),)


def queue_operation(line: dict[str, Any], context: Context) -> Parsed:
    """A prompt that was put into the queue, or taken out of it."""
    words = claude_turns.joined(line.get("content"))
    own = claude_texts.USER.own(words).text
    said = bool(own.strip()) and not own.startswith(_SHELL)
    turn: Turn | None = None
    match line.get("operation"):
        case "enqueue" if words.strip():
            said = said and by_a_person(line)
            at = moment(line.get("timestamp")) or context.last_at
            context, turn = queued.enqueued(context, own if said else words, at, said=said)
        case "remove":
            given = not _WITHDRAWN.search(text(line, "reason"))
            context, turn = queued.removed(context, own if said else words, given=given)
        case "popAll":
            context = queued.taken_back(context)
        case _:
            pass
    return context, (turn or Skip.NOT_A_TURN,)
