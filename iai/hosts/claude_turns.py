"""From a message of Claude Code's to its turn: the texts without what the host wrote. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import structs

from iai.hosts import claude_envelope, claude_texts
from iai.hosts.host_texts import Own, markup
from iai.hosts.json_fields import identifier, texts
from iai.hosts.times import moment
from iai.hosts.turn import Role, Skip, Turn, TurnKind
from iai.model import framing
from iai.model.context import Context


def said_in(line: dict[str, Any], message: dict[str, Any]) -> Turn | Skip:
    """Return the turn in a message, or why it has no turn."""
    words = words_of(message.get("content"))
    if isinstance(words, Skip):
        return words
    if line["type"] == "assistant":
        own = without_host(words, claude_texts.answer)
        return own if isinstance(own, Skip) else turn(line, "assistant", own, "")
    if arguments := claude_texts.arguments("\n".join(words)):
        return turn(line, "user", arguments, "command")
    own = without_host(words, partial(claude_texts.USER.own, typed=claude_envelope.is_typed(line)))
    if isinstance(own, Skip):
        name = claude_texts.command(message.get("content")) if own is Skip.COMMAND else ""
        return turn(line, "user", name, "command") if name else own
    plan = "planContent" in line or claude_texts.is_plan(own)
    return turn(line, "user", own, "plan" if plan else "", markup(own))


def without_host(words: list[str], own_of: Callable[[str], Own]) -> str | Skip:
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


def words_of(content: object) -> list[str] | Skip:
    """Return the texts of a message, without calls, results and thinking."""
    found = texts(content, ("text",))
    return Skip.BAD_SHAPE if found is None else found or Skip.TOOL


def joined(content: object) -> str:
    """Return the texts of a message as one; "" if it has none."""
    found = words_of(content)
    return "" if isinstance(found, Skip) else "\n".join(found)


def turn(line: dict[str, Any], role: Role, own: str, kind: TurnKind, tag: str = "") -> Turn:
    """Return what was said in a line as a turn; `tag` is the markup that it begins with."""
    uuid = claude_envelope.uuid_of(line)
    created_at = moment(line.get("timestamp"))
    # A resumed or forked session repeats earlier lines under their old uuid: still one turn.
    named = uuid or f"{identifier(line, 'sessionId')}:{created_at}:{role}:{own}"
    return Turn(
        key=f"claude:{named}",
        role=role,
        text=own,
        created_at=created_at,
        uuid=uuid,
        kind=kind,
        markup=tag,
    )


def dated(turn: Turn, context: Context) -> Turn:
    """Give a turn without a readable time that of the line before."""
    if turn.created_at or not context.last_at:
        return turn
    return structs.replace(turn, created_at=context.last_at)
